"""Normal modes that positions, velocities and the memory of noise share: small blocks, one each.

A circuit of coils or masses, or with coloured noise, has k numbers for each node. Where all k x k
parts of its drift and diffusion have the same orthogonal eigenvectors, each of these moves on its
own, with k numbers. Of a network under detailed balance k is 1.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, to_numpy
from thermolinalg.products import applied
from thermolinalg.theory.process import OU

PARTS = (2, 4)
"""Numbers of each node that are tried."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class SharedModes:
    """The change of coordinates x = basis y, y = dual x, of each of some parts of a state."""

    parts: int
    basis: Array  # (n, n)
    dual: Array  # (n, n)

    def enter(self, x: Array) -> Array:
        """Mode coordinates of states (..., parts * n)."""
        return self._each(x, self.dual)

    def leave(self, y: Array) -> Array:
        """States (..., parts * n) of mode coordinates."""
        return self._each(y, self.basis)

    def blocks(self, M: NumpyArray, left: NumpyArray, right: NumpyArray) -> NumpyArray:
        """What is left of a matrix in each mode (n, parts, parts), by left M right of each part."""
        return np.einsum("in,pnqm,mi->ipq", left, _cut(M, self.parts), right, optimize=True)

    def drift(self, A: NumpyArray) -> NumpyArray:
        """The drift of each mode (n, parts, parts)."""
        return self.blocks(A, to_numpy(self.dual), to_numpy(self.basis))

    def diffusion(self, D: NumpyArray) -> NumpyArray:
        """The diffusion of each mode (n, parts, parts)."""
        return self.blocks(D, to_numpy(self.dual), to_numpy(self.dual).T)

    def _each(self, x: Array, M: Array) -> Array:
        xp, n = namespace(x), M.shape[0]
        if self.parts == 1:
            return applied(x, M)
        cut = xp.reshape(x, (*x.shape[:-1], self.parts, n))
        return xp.reshape(applied(cut, M), x.shape)


def shared_modes(network: OU) -> SharedModes | None:
    """Modes in which the process falls apart into small blocks; None if there are none."""
    if network.modes is not None:
        return SharedModes(1, network.modes.basis, network.modes.dual)
    A, D = to_numpy(network.A), to_numpy(network.D)
    for parts in PARTS:
        if network.n % parts == 0:
            U = _eigenvectors([*_pieces(A, parts), *_pieces(D, parts)])
            if U is not None:
                return SharedModes(parts, like(U, network.A), like(U.T, network.A))
    return None


def _cut(M: NumpyArray, parts: int) -> NumpyArray:
    n = M.shape[0] // parts
    return M.reshape(parts, n, parts, n)


def _pieces(M: NumpyArray, parts: int) -> list[NumpyArray]:
    """The parts of a matrix that are not zero, each of norm 1."""
    cut = _cut(M, parts)
    found = [cut[i, :, j, :] for i in range(parts) for j in range(parts)]
    return [piece / np.linalg.norm(piece) for piece in found if piece.any()]


def _eigenvectors(pieces: list[NumpyArray]) -> NumpyArray | None:
    """Those of all symmetric matrices at once, by those of a sum of them with uneven weights."""
    if any(not checks.is_symmetric(piece) for piece in pieces):
        return None
    _, U = np.linalg.eigh(sum(piece / (k + 1.0) ** 0.5 for k, piece in enumerate(pieces)))
    for piece in pieces:
        turned = U.T @ piece @ U
        if np.abs(turned - np.diag(np.diag(turned))).max() > checks.rounding(piece):
            return None
    return U
