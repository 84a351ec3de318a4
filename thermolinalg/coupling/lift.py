"""A stiffness matrix in coordinates that hardware can couple: x = R y, with the same law of x.

If y rests in the potential ½ y'S'y - (R'f)'y and R S'⁻¹R' = S⁻¹, then Ry ~ N(S⁻¹f, T S⁻¹). Three
steps of this kind, each only where the hardware asks for it, make springs that do not push:

* units: y = x / d, if dominance asks (`dominance.py`). No node is added.
* signs: in a group of nodes whose pushing springs are in no frustrated loop, half of them turn
  round, x_i = -y_i. No node is added.
* copies: a group with frustrated loops becomes two mirrored ones, y and z. With S = M + P, P the
  entries > 0 off the diagonal, the pair [[M, -P], [-P, M]] acts as S on y = -z, and as M - P, the
  comparison matrix, on y = z. What is read is x = (y - z)/√2.

Signs and copies are one construction, the double cover of a signed graph (Zaslavsky 1982): nodes
(i, +) and (i, -), where a spring that pulls ties equal signs and one that pushes ties unequal ones.
The cover of a group without frustration is two groups, of which one is enough.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.dominance import dominant_units, slacks, with_slack


@final
@dataclass(frozen=True, eq=False, slots=True)
class Lift:
    """S' (m, m) and R (n, m), m between n and 2n.

    Args:
        matrix: S'.
        reading: R; a row has one entry, or two for a node that has a copy.
        units: d (n,).
    """

    matrix: NumpyArray
    reading: NumpyArray
    units: NumpyArray

    @property
    def owners(self) -> NumpyArray:
        """The row of S (m,) that each coordinate y belongs to."""
        return np.abs(self.reading).argmax(axis=0)

    @property
    def signs(self) -> NumpyArray:
        """Of each coordinate y (m,), 1, or -1 where it is read turned round."""
        return np.sign(self.reading.sum(axis=0)).astype(int)


def lift(S: NumpyArray, *, attractive: bool, dominant: bool) -> Lift:
    """Take those steps that S needs.

    Args:
        S: (n, n) positive definite; an H-matrix, if it is to be dominant or has frustrated loops.
        attractive: S' may have no entry > 0 off its diagonal.
        dominant: the rows of S' must be diagonally dominant.
    """
    d = dominant_units(S) if dominant else np.ones(len(S))
    S = S * d * d[:, None]
    R = double_cover(S) if attractive else np.eye(len(S))
    return Lift(_covering(S, R) if attractive else S, d[:, None] * R, d)


def frustrated(S: NumpyArray) -> bool:
    """Does some loop have an odd number of springs that push?"""
    return double_cover(S).shape[1] > len(S)


def double_cover(S: NumpyArray) -> NumpyArray:
    """R (n, m), entries ±1 of nodes that are kept once, ±1/√2 of those that are kept twice.

    The first n columns are those of the n nodes, in order; the others are of copies.
    """
    n = len(S)
    pull, push = S < 0, S > 0
    np.fill_diagonal(push, False)
    cover = sp.csr_array(np.block([[pull, push], [push, pull]]))
    group = connected_components(cover, directed=False)[1]
    twice = group[:n] == group[n:]
    sign = np.where(group[:n] <= group[n:], 1.0, -1.0)
    size = np.diag(np.where(twice, np.sqrt(0.5), 1.0))
    return np.hstack([size * sign, -size[:, twice]])


def _covering(S: NumpyArray, R: NumpyArray) -> NumpyArray:
    """S' of the coordinates that R reads: what pulls ties equal signs, what pushes unequal ones."""
    owner, sign = np.abs(R).argmax(axis=0), np.sign(R.sum(axis=0))
    turned = S[np.ix_(owner, owner)] * sign * sign[:, None]
    apart = owner != owner[:, None]
    return with_slack(np.minimum(turned, 0.0) * apart, slacks(S)[owner])
