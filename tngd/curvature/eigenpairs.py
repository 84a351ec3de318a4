"""The largest eigenvalues of a symmetric matrix that is only multiplied, by block Lanczos."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, like, namespace, normals, to_numpy
from thermolinalg.errors import NotFinite


@final
@dataclass(frozen=True, eq=False, slots=True)
class Eigenpairs:
    """Largest first."""

    values: NumpyArray
    """(k,)"""
    vectors: Array
    """(p, k), orthonormal columns."""
    residuals: NumpyArray
    """|C v - value v| (k,): an eigenvalue of C lies within that of each value."""


def top_eigenpairs(
    matvec: Callable[[Array], Array],
    reference: Array,
    size: int,
    k: int,
    rtol: float,
    iterations: int,
    rng: np.random.Generator,
) -> Eigenpairs:
    """The k largest, from the Krylov space of a random block of k vectors.

    All vectors are kept and kept orthogonal, and C is projected onto their span with every product
    (Rayleigh-Ritz), so that nothing is lost to rounding. A block of k finds an eigenvalue as often
    as it occurs, up to k times; a single vector would find it once.

    Raises:
        NotFinite: a product is not finite.
    """
    xp = namespace(reference)
    Q = _orthonormal(normals(rng, (k, size), reference))
    T: NumpyArray = np.zeros((0, 0))
    new = Q
    while True:
        images = xp.stack([matvec(new[i, :]) for i in range(new.shape[0])])
        images, H = _outside(images, Q)
        T = _grown(T, to_numpy(H))
        values, S = np.linalg.eigh(T)
        largest_first = np.argsort(-values, kind="stable")[:k]
        values, S = values[largest_first], S[:, largest_first]
        left = like(S[-new.shape[0] :, :].T, images) @ images
        largest = float(np.max(np.abs(values)))
        done = float(xp.max(_norms(left))) <= rtol * largest
        if done or Q.shape[0] == size or Q.shape[0] >= iterations * k:
            break
        # A little noise gives directions where the images have none: the space is exhausted.
        eps = float(xp.finfo(images.dtype).eps)
        noise = normals(rng, (min(k, size - Q.shape[0]), size), images)
        scale = eps * max(largest, float(xp.max(_norms(images)))) or 1.0
        new = _new_block(images[: noise.shape[0], :] + scale * size**-0.5 * noise, Q)
        Q = xp.concat([Q, new])
    return _checked(matvec, values, like(S.T, Q) @ Q)


def _new_block(W: Array, Q: Array) -> Array:
    """Rows that span those of W outside the span of Q; three times is enough for noise too."""
    for _ in range(3):
        W = _orthonormal(_outside(W, Q)[0])
    return W


def _outside(W: Array, Q: Array) -> tuple[Array, Array]:
    """The part of the rows of W outside the span of those of Q, and their coordinates inside.

    Twice is enough (Parlett 1998).
    """
    H = Q @ W.T
    W = W - H.T @ Q
    G = Q @ W.T
    return W - G.T @ Q, H + G


def _orthonormal(W: Array) -> Array:
    return namespace(W).linalg.qr(W.T)[0].T


def _norms(W: Array) -> Array:
    xp = namespace(W)
    return xp.sqrt(xp.sum(W * W, axis=1))


def _grown(T: NumpyArray, H: NumpyArray) -> NumpyArray:
    """The projection of C with the columns of its newest block, H = Q C new'."""
    n, m = T.shape[0], H.shape[0]
    if not np.isfinite(H).all():
        raise NotFinite("a product with the curvature holds NaN or infinity. Look at params and x.")
    grown = np.zeros((m, m))
    grown[:n, :n], grown[:, n:], grown[n:, :n] = T, H, H[:n].T
    return grown


def _checked(matvec: Callable[[Array], Array], values: NumpyArray, V: Array) -> Eigenpairs:
    xp = namespace(V)
    residuals = [
        float(_norms((matvec(V[i, :]) - float(value) * V[i, :])[None, :])[0])
        for i, value in enumerate(values)
    ]
    return Eigenpairs(values, xp.matrix_transpose(V), np.array(residuals))
