"""Fisher matrices: E[s s'] of the score s = ∇ log p(y|x), over labels of the model or of the data.

exact       F = J'FJ/b         labels of the model, all of them
sampled     mean of s s'       labels of the model, some drawn
empirical   mean of g g'       labels of the data: another matrix, no approximation of F
"""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.streams import RNG, open_streams
from tngd.curvature.contract import Curvature
from tngd.curvature.pullback import Pullback
from tngd.objective import Objective


@final
@dataclass(frozen=True, slots=True)
class ExactFisher(Curvature):
    """The expectation over the model's own labels, in closed form.

    It is the Gauss-Newton matrix wherever the loss is -log of an exponential family in its natural
    parameters: softmax cross-entropy, squared error, binary cross-entropy, Poisson.
    """

    def at(self, objective: Objective, rng: RNG = None) -> Pullback:
        del rng
        loss, z, y = objective.loss, objective.output, objective.y
        return Pullback(objective, lambda: loss.fisher_root(z, y))


@final
@dataclass(frozen=True, slots=True)
class SampledFisher(Curvature):
    """The mean over some labels drawn from the model: unbiased, with `samples` rows a sample.

    Args:
        samples: labels drawn for each sample of the batch.
    """

    samples: int = 1

    def __post_init__(self) -> None:
        checks.count("samples", self.samples)

    def at(self, objective: Objective, rng: RNG = None) -> Pullback:
        stream = open_streams(rng).stream("labels")
        loss, z, y = objective.loss, objective.output, objective.y

        def columns() -> Array:
            drawn = [loss.sampled_gradient(z, stream, y) for _ in range(self.samples)]
            return namespace(z).stack(drawn, axis=-1) / math.sqrt(self.samples)

        return Pullback(objective, columns)


@final
@dataclass(frozen=True, slots=True)
class EmpiricalFisher(Curvature):
    """The mean of g_i g_i', g_i the gradient of sample i's loss: one row a sample, Gram (b, b).

    It is not the Fisher matrix, nor near it away from a perfect fit (Kunstner et al. 2019): it
    vanishes as the residuals do, where curvature does not.
    """

    def at(self, objective: Objective, rng: RNG = None) -> Pullback:
        del rng
        loss, z, y = objective.loss, objective.output, objective.y
        return Pullback(objective, lambda: loss.gradient(z, y)[..., None])
