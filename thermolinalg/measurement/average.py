"""An average over correlated samples, with what it is worth."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.special import stdtrit

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy


@final
@dataclass(frozen=True, eq=False, slots=True)
class Average:
    """What `BatchMeans` says of each coordinate; `np.asarray(average)` is the mean.

    `stderr` accounts for correlation shorter than a batch, and `ess` is the number of independent
    samples that have that error. A coordinate in which a chain is stuck has effective size 0 and
    no error bar (NaN); fewer than two batches leave both unknown (NaN).
    """

    mean: Array  # (n,)
    stderr: Array  # (n,)
    ess: Array  # (n,); NaN where it was not asked for
    samples: int
    batches: int
    length: int  # samples in a batch

    @property
    def dof(self) -> int:
        """Degrees of freedom of the error bar."""
        return max(self.batches - 1, 0)

    def interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper ends of the interval that covers each entry with this probability."""
        share = 0.5 + checks.probability("confidence", confidence) / 2
        reach = float(stdtrit(self.dof, share)) if self.dof else float("nan")
        return self.mean - reach * self.stderr, self.mean + reach * self.stderr

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NumpyArray:
        return np.array(to_numpy(self.mean), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        least = float(namespace(self.ess).min(self.ess))
        return (
            f"Average(n={self.mean.shape[0]}, {self.samples} samples, {self.batches} batches of "
            f"{self.length}, least ess {least:.3g})"
        )
