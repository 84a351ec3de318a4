"""Poisson loss: -log likelihood of counts."""

from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses.separable import Separable
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput

LARGEST = 43.0
"""Log-rate up to which counts are drawn: e^43 is near the largest integer of 64 bits."""


@final
@dataclass(frozen=True)
class Poisson(Separable):
    """L = Σ_k e^{z_k} - y_k z_k, for log-rates z and counts y >= 0.

    Left out is log y!, which does not depend on z. Gradient e^z - y, Hessian and Fisher diag(e^z).
    """

    def term(self, z: Array, y: Array, /) -> Array:
        return namespace(z).exp(z) - y * z

    def slope(self, z: Array, y: Array, /) -> Array:
        return namespace(z).exp(z) - y

    def curvature(self, z: Array, _y: Array | None, /) -> Array:
        return namespace(z).exp(z)

    def information(self, z: Array, /) -> Array:
        return namespace(z).exp(z)

    def score(self, z: Array, rng: np.random.Generator, /) -> Array:
        """e^z - y for counts drawn with rate e^z.

        Raises:
            InvalidInput: a rate is beyond what a count can hold.
        """
        xp = namespace(z)
        if not bool(xp.all(z <= LARGEST)):
            raise InvalidInput(
                f"z has log-rates up to {float(xp.max(z)):.3g}, and counts are drawn up to "
                f"{LARGEST:g}. Take a smaller step, or scale the counts."
            )
        rates = np.exp(to_numpy(z).astype(np.float64))
        return like(rates - rng.poisson(rates), z)

    def wrong(self, y: Array, /) -> str:
        if bool(namespace(y).all(y >= 0)):
            return ""
        return "has entries below 0 or NaN, but targets are counts. Leave such rows out."
