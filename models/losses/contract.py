"""What a loss says of itself.

The value is the mean over the batch. Gradient, Hessian and Fisher information are those of each
sample's own loss L_i, without the 1/b: the gradient of the mean loss in the parameters is
`lin.vjp(gradient) / b`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, namespace, normals


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """Sums, and how many terms each has: the tallies of parts of a batch add up to its own."""

    sums: tuple[float, ...]
    counts: tuple[int, ...]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
        )

    @property
    def mean(self) -> float:
        """Mean of the means; that of no terms counts as 0."""
        means = [s / n if n else 0.0 for s, n in zip(self.sums, self.counts, strict=True)]
        return sum(means) / len(means)


class Loss(ABC):
    """L_i(z_i, y_i) for outputs z (b, ...) and targets y.

    Verbs with `y=None` need y only where the Hessian depends on it, or where it says what does not
    count. A root has one more axis than z, its columns: R_i R_i' is that of all outputs of sample
    i, written one after another.

    The loss is read as -log of a density of targets. Its Fisher information F_i = E[s s'] is that
    of the score s = dL_i/dz_i over targets drawn from this density at z_i, not from the data. A
    loss that is a mean of several terms has the mean of their informations.
    """

    @abstractmethod
    def value(self, z: Array, y: Array, /) -> float:
        """Mean of L_i over the batch."""

    @abstractmethod
    def gradient(self, z: Array, y: Array, /) -> Array:
        """dL_i/dz_i, in the shape of z."""

    @abstractmethod
    def hessian(self, z: Array, v: Array, y: Array | None = None, /) -> Array:
        """H_i v_i with H_i = d²L_i/dz_i², in the shape of z."""

    @abstractmethod
    def hessian_root(self, z: Array, y: Array | None = None, /) -> Array:
        """R (b, ..., r) with R_i R_i' = H_i."""

    def root_coordinates(self, z: Array, y: Array, /) -> Array | None:
        """s (b, r) with R_i s_i = dL_i/dz_i for the `hessian_root` R; None where none is known.

        Where rounding left R without the columns that a gradient needs, s is no solution.
        """
        del z, y
        return None

    def fisher_root(self, z: Array, y: Array | None = None, /) -> Array:
        """R (b, ..., r) with R_i R_i' = F_i. By default F = H."""
        return self.hessian_root(z, y)

    def sampled_gradient(
        self, z: Array, rng: np.random.Generator, y: Array | None = None, /
    ) -> Array:
        """Random g in the shape of z, with E[g_i] = 0 and E[g_i g_i'] = F_i: a sampled score.

        NumPy draws, so that one seed gives the same numbers on every library. By default the score
        is Gaussian.
        """
        R = self.fisher_root(z, y)
        noise = normals(rng, (R.shape[0], *(1,) * (R.ndim - 2), R.shape[-1]), R)
        return namespace(R).sum(R * noise, axis=-1)

    def tally(self, z: Array, y: Array, /) -> Tally:
        """What `value` is the mean of. By default each sample is one term."""
        b = int(z.shape[0])
        return Tally((self.value(z, y) * b,), (b,))
