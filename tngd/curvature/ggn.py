"""The generalised Gauss-Newton matrix G = J'HJ/b; for softmax cross-entropy it is the Fisher."""

from dataclasses import dataclass
from typing import final

from thermolinalg.backend import Array
from thermolinalg.streams import RNG
from tngd.curvature.contract import Curvature
from tngd.curvature.pullback import Pullback
from tngd.objective import Objective


@final
@dataclass(frozen=True, slots=True)
class GGN(Curvature):
    """Generalised Gauss-Newton (Donatella et al. 2024, equation 9).

    H is the Hessian of each sample's loss in its outputs.
    """

    def at(self, objective: Objective, rng: RNG = None) -> Pullback:
        del rng
        loss, z, y = objective.loss, objective.output, objective.y

        def product(v: Array) -> Array:
            return loss.hessian(z, v, y)

        return Pullback(
            objective,
            lambda: loss.hessian_root(z, y),
            product,
            lambda: loss.root_coordinates(z, y),
        )
