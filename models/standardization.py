"""Numbers brought to mean 0 and variance 1 along some axes, and how that moves.

    x̂ = (x - mean(x)) r,    r = (mean((x - mean(x))²) + epsilon)^(-1/2)
    T v = r (v - mean(v) - x̂ mean(x̂ v))          how x̂ moves as x moves along v

T is symmetric: cotangents go back by it as well. Without centring, both mean(x) and mean(v) drop
out. Over no axes, mean and r are taken for constants, and T v = r v is left.
"""

from typing import TypeAlias

from thermolinalg.backend import Array, namespace, zeros

Axes: TypeAlias = tuple[int, ...]
"""What means are taken over, counted from the last axis."""


def standardised(x: Array, over: Axes, epsilon: float, *, centred: bool) -> tuple[Array, Array]:
    """x̂ and r."""
    if centred:
        x = x - mean(x, over)
    r = 1.0 / namespace(x).sqrt(mean(x * x, over) + float(epsilon))
    return x * r, r


def pulled(X: Array, r: Array, over: Axes, v: Array, *, centred: bool) -> tuple[Array, Array]:
    """T v and mean(x̂ v), for X = x̂; v may carry more axes in front."""
    if not over:
        return v * r, zeros((), v)
    along = mean(X * v, over)
    moved = v * r
    moved -= X * (along * r)
    if centred:
        moved -= mean(v, over) * r
    return moved, along


def pulled_jvp(
    X: Array, r: Array, over: Axes, v: Array, dX: Array, dr: Array, *, centred: bool
) -> Array:
    """Tangent of T v as x̂ and r move, for v at rest."""
    Tv, along = pulled(X, r, over, v, centred=centred)
    return Tv * (dr / r) - r * (dX * along + X * mean(dX * v, over))


def mean(x: Array, over: Axes) -> Array:
    """The mean over these axes, which stay with length 1."""
    return namespace(x).mean(x, axis=over, keepdims=True)
