"""A symmetric operator whose coordinates move at speeds of their own: diag(scale) S."""

from dataclasses import dataclass
from typing import Any, final

from thermolinalg.backend import Array


@final
@dataclass(frozen=True, eq=False, slots=True)
class Scaled:
    """diag(scale) S for a symmetric S that is only multiplied and a positive scale (n,).

    It is similar to diag(scale)^{1/2} S diag(scale)^{1/2}, so its eigenvalues are real.
    """

    scale: Array
    S: Any

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        n = int(self.scale.shape[0])
        return n, n

    def __matmul__(self, x: Array) -> Array:
        """The product with a vector (n,), or with each column of (n, m)."""
        product = self.S @ x
        return self.scale * product if x.ndim == 1 else self.scale[:, None] * product
