"""Chains: one coordinate carried by several nodes that springs tie to each other.

The nodes q of a chain share the coordinate's couplings, its ground spring and its force, so that
½ q'Aq - f'q is the logical potential wherever all nodes of a chain agree; ties of stiffness K add
½ K q'Lq, which is zero there. With q = Bx + Vz, x the mean of each chain and z the rest, the law
of x has the stiffness

    S - E,   E = B'AV (V'(A + KL)V)⁻¹ V'AB >= 0,   E = O(1/K),

so that it is softer than S in every direction: what is read spreads too much, never too little.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.dominance import slacks, with_slack
from thermolinalg.errors import DoesNotFit


class ChainError(NamedTuple):
    """How far what is read from chains is from the law that was asked for, at any temperature.

    Args:
        covariance: the largest share by which the variance along any direction is too large.
        mean: the energy norm |m|² = m'Sm of the mean's error, as a share of that of the mean.
    """

    covariance: float
    mean: float

    def __str__(self) -> str:
        return f"variances up to {self.covariance:.2g} too large, mean {self.mean:.2g} off"


@final
@dataclass(frozen=True, eq=False)
class Chained:
    """A stiffness matrix S spread over chains.

    Args:
        S: (m, m).
        chains: of each coordinate, the hardware nodes that carry it.
        hardware: a networkx graph: which of them can be coupled.
    """

    S: NumpyArray
    chains: Sequence[tuple[Hashable, ...]]
    hardware: Any

    @cached_property
    def names(self) -> tuple[Hashable, ...]:
        """The hardware nodes in use, chain by chain."""
        return tuple(name for chain in self.chains for name in chain)

    @property
    def single(self) -> bool:
        """Does one node carry each coordinate? Then A = S, and nothing errs."""
        return len(self.names) == len(self.chains)

    @cached_property
    def owner(self) -> NumpyArray:
        """The coordinate that each node carries."""
        return np.repeat(np.arange(len(self.chains)), [len(chain) for chain in self.chains])

    @cached_property
    def averages(self) -> NumpyArray:
        """Maps nodes to the mean of each chain (m, N)."""
        member = self.owner == np.arange(len(self.chains))[:, None]
        return member / member.sum(axis=1, keepdims=True)

    @cached_property
    def carried(self) -> NumpyArray:
        """A (N, N): a coupling is shared evenly by the pairs that can make it, the rest by all."""
        if self.single:
            return self.S
        i, own = self.owner, self._own_pairs
        pairs = self._pairs & ~own
        member = (self.averages > 0).astype(float)
        shared = np.maximum(member @ pairs @ member.T, 1.0)
        couplings = np.where(pairs, self.S[np.ix_(i, i)] / shared[np.ix_(i, i)], 0.0)
        return with_slack(couplings, self.averages.max(axis=0) * slacks(self.S)[i])

    @cached_property
    def ties(self) -> NumpyArray:
        """L (N, N): every pair in a chain that can be coupled, as stiff as its coordinate, S_ii."""
        stiffness = np.where(self._own_pairs, self.S.diagonal()[self.owner], 0.0)
        return np.diag(stiffness.sum(axis=1)) - stiffness

    def matrix(self, strength: float) -> NumpyArray:
        """A + KL, for ties of this strength K."""
        return self.carried + strength * self.ties

    def excess(self, strength: float) -> NumpyArray | None:
        """(S - E)⁻¹ - S⁻¹ (m, m): how much too wide the means of chains are; None if unbounded."""
        if self.single:
            return np.zeros_like(self.S)
        B, V = (self.averages > 0).T.astype(float), scipy.linalg.null_space(self.averages)
        inner, cross = V.T @ self.matrix(strength) @ V, V.T @ self.carried @ B
        if not _definite(inner):
            return None
        E = cross.T @ scipy.linalg.solve(inner, cross, assume_a="pos")
        if not _definite(self.S - E):
            return None
        return scipy.linalg.solve(self.S - E, E, assume_a="pos") @ np.linalg.inv(self.S)

    @property
    def stiffest(self) -> float:
        """The strength beyond which rounding hides the softest direction of the potential."""
        ties = np.linalg.eigvalsh(self.ties)[-1]
        softest = np.linalg.eigvalsh(self.S)[0] / max(map(len, self.chains))
        return float(softest / (checks.rounding(self.carried) * ties)) if ties > 0 else np.inf

    @cached_property
    def _pairs(self) -> NumpyArray:
        """Which nodes in use can be coupled."""
        place = {name: a for a, name in enumerate(self.names)}
        pairs = np.zeros((len(place), len(place)), bool)
        for name, a in place.items():
            near = [place[other] for other in self.hardware[name] if other in place]
            pairs[a, near] = True
        return pairs

    @property
    def _own_pairs(self) -> NumpyArray:
        return self._pairs & (self.owner == self.owner[:, None])


def chain_error(
    chained: Chained, strength: float, S: NumpyArray, f: NumpyArray, R: NumpyArray
) -> ChainError:
    """The error of x = R (mean of chains) where N(S⁻¹f, T S⁻¹) was asked for."""
    excess = chained.excess(strength)
    if excess is None:
        return ChainError(np.inf, np.inf)
    wide = R @ excess @ R.T
    L = np.linalg.cholesky(S)
    covariance = np.linalg.eigvalsh(L.T @ (wide + wide.T) @ L / 2)[-1]
    length = np.linalg.norm(scipy.linalg.solve_triangular(L, f, lower=True))
    mean = np.linalg.norm(L.T @ (wide @ f)) / length if length > 0 else 0.0
    return ChainError(max(0.0, float(covariance)), float(mean))


def strength_for(
    chained: Chained, tolerance: float, S: NumpyArray, f: NumpyArray, R: NumpyArray
) -> float:
    """The first of 1, 2, 4, ... at which variances and mean are within the tolerance.

    Raises:
        DoesNotFit: rounding would hide the problem before.
    """
    strength = 1.0
    while (error := chain_error(chained, strength, S, f, R)).covariance > tolerance:
        strength *= 2
        if strength > chained.stiffest:
            raise DoesNotFit(
                f"chains err by {error.covariance:.3g}, above tolerance = {tolerance:g}: this is "
                "at the stiffest ties beside which double precision knows the softest spring. "
                "Ask for a larger tolerance, or for hardware that needs shorter chains."
            )
    return strength


def _definite(M: NumpyArray) -> bool:
    values = np.linalg.eigvalsh(M)
    return bool(values[0] > checks.rounding(M) * values[-1])
