"""A flat vector of parameters as matrices, one for each tensor, and what multiplies their sides.

A tensor of more than two axes is a matrix (m, n) whose rows are all axes but the last, so that the
weights of a convolution have a row for each input it sees. A tensor of one axis stays a vector.
"""

from collections.abc import Sequence
from typing import TypeAlias

from models.network import Network
from thermolinalg.backend import Array, namespace

Sides: TypeAlias = tuple[Array | None, Array | None]
"""What multiplies the rows (m, m) and the columns (n, n) of a matrix; None for the identity."""


def matrices(v: Array, network: Network) -> list[Array]:
    """The tensors of v (p,), in order: (m, n), or (n,) for one axis or none."""
    parts = network.layout.views(v).values()
    return [namespace(v).reshape(part, (-1, *part.shape[1:][-1:])) for part in parts]


def joined(parts: Sequence[Array]) -> Array:
    """The flat vector (p,) of its tensors."""
    xp = namespace(*parts)
    return xp.concat([xp.reshape(part, (-1,)) for part in parts])


def second_moments(G: Array, largest: int) -> Sides:
    """G G' and G'G; None for a side of more than `largest`, and for both of a vector."""
    if G.ndim < 2:
        return None, None
    m, n = G.shape
    return (G @ G.T if m <= largest else None), (G.T @ G if n <= largest else None)


def decayed(total: Sides, factor: float, new: Sides) -> Sides:
    """factor total + new, for each side."""
    rows, columns = (None if a is None else factor * a + b for a, b in zip(total, new, strict=True))
    return rows, columns


def between(sides: Sides, G: Array) -> Array:
    """L G R, for sides L and R."""
    L, R = sides
    G = G if L is None else L @ G
    return G if R is None else G @ R


def eigen(A: Array) -> tuple[Array, Array]:
    """Eigenvalues and vectors of a symmetric A, the smallest first; NaN where A is not finite."""
    xp = namespace(A)
    if not bool(xp.all(xp.isfinite(A))):  # the parameters ran away; eigh would raise, not say so
        lost = xp.full_like(A, float("nan"))
        return lost[0, :], lost
    values, V = xp.linalg.eigh(A)
    return values, V
