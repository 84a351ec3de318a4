"""Coordinates in which a process with drift αI + low rank falls apart: n + k of them, not n.

With the thin SVD B = Q Σ V' the drift αI + BB' is αI + Q diag(μ) Q', μ = Σ². Let r in R^n relax at
the rate α in every direction, let c in R^k relax at the rates α + μ, each with noise of its own.
Then x = Pr + Qc, P = I - QQ', obeys the process: along Q it is c, across it r, and what r does
along Q is nobody's business. So every step is diagonal, and Q is needed only on the way in and out.

Along Q the noise of r is wider than that of x by (α + μ)/α, which may be 1e16, and must leave no
trace. P is applied twice, on leaving alone: what rounding lets pass the first time, eps|r|, is
stopped the second time but for eps²|r|. Kicks without such noise would do no better, as x itself
holds digits of its widest direction only; and they would cost O(nk) a step, as much as drawing
them.
"""

from dataclasses import dataclass
from typing import final

from thermolinalg.backend import Array, apply_rows, like, namespace


@final
@dataclass(frozen=True, eq=False, slots=True)
class SplitModes:
    """The change of coordinates y = (r, c), and the relaxation rate of each.

    dy_j = -(rates_j y_j - drive_j) dt + N(0, D/scale dt): unlike those of `Modes`, the coordinates
    keep the diffusion of the process, which may be zero.
    """

    rates: Array  # (n + k,)
    Q: Array  # (n, k), orthonormal
    width: Array  # (n,), scale^{1/2}: the whitened state is x / width

    def enter(self, x: Array) -> Array:
        """Coordinates (..., n + k) of states (..., n): a drive, too, is across Q or along it."""
        x = x / self.width
        return namespace(x).concat([self._across(x), apply_rows(x, self.Q.T)], axis=-1)

    def leave(self, y: Array) -> Array:
        """States (..., n) of coordinates (..., n + k)."""
        n = self.Q.shape[0]
        return (self._across(y[..., :n]) + apply_rows(y[..., n:], self.Q)) * self.width

    def _across(self, r: Array) -> Array:
        """Pr, down to eps² along Q."""
        for _ in range(2):
            r = r - apply_rows(apply_rows(r, self.Q.T), self.Q)
        return r


def split_modes(level: float, B: Array, width: Array) -> SplitModes:
    """Those of the drift diag(width) (level I + BB') diag(1/width), for B (n, k): O(nk²).

    The thin SVD, unlike the eigenvectors of B'B, has orthonormal Q whatever the rank of B.
    """
    xp, n = namespace(B), B.shape[0]
    Q, sizes, _ = xp.linalg.svd(B, full_matrices=False)
    uneven = like(xp.sqrt(xp.arange(1.0, n + 1)), Q)
    Q = xp.where(uneven @ Q < 0, -Q, Q)  # the same way on every library: one seed, one run
    across = like(xp.zeros(n), Q)
    return SplitModes(level + xp.concat([across, sizes**2]), Q, width)
