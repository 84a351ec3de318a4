"""Binary cross-entropy: -log likelihood of coins, one for each output."""

from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses.separable import Separable
from thermolinalg.backend import Array, like, namespace


@final
@dataclass(frozen=True)
class BinaryCrossEntropy(Separable):
    """L = Σ_k log(1 + e^{z_k}) - y_k z_k, for logits z and targets y in [0, 1].

    With p = 1/(1 + e^{-z}): gradient p - y, Hessian and Fisher diag(p (1 - p)). Written with
    e = e^{-|z|}, so that nothing overflows.
    """

    def term(self, z: Array, y: Array, /) -> Array:
        xp = namespace(z)
        positive = xp.where(z > 0, z, xp.zeros_like(z))
        return positive - y * z + xp.log1p(xp.exp(-xp.abs(z)))

    def slope(self, z: Array, y: Array, /) -> Array:
        return sigmoid(z) - y

    def curvature(self, z: Array, _y: Array | None, /) -> Array:
        return self.information(z)

    def information(self, z: Array, /) -> Array:
        xp = namespace(z)
        e = xp.exp(-xp.abs(z))
        return e / ((1.0 + e) * (1.0 + e))

    def score(self, z: Array, rng: np.random.Generator, /) -> Array:
        p = sigmoid(z)
        heads = like(rng.random(tuple(z.shape)), z) < p
        return p - namespace(z).astype(heads, z.dtype)

    def wrong(self, y: Array, /) -> str:
        xp = namespace(y)
        if bool(xp.all((y >= 0) & (y <= 1))):
            return ""
        return "has entries outside [0, 1], but targets are probabilities. Divide by the largest."


def sigmoid(z: Array, /) -> Array:
    """1/(1 + e^{-z}), to full relative precision at both ends."""
    xp = namespace(z)
    e = xp.exp(-xp.abs(z))
    return xp.where(z > 0, xp.ones_like(e), e) / (1.0 + e)
