"""How fast a network of springs comes to rest, which motion is the last, and what would hasten it.

Overdamped, the mode v with Sv = λv relaxes at the rate λ/friction and is T/λ wide at rest. A spring
added to the ground at node i raises λ by v_i² per unit, one between i and j by (v_i - v_j)².
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.given import free_springs
from thermolinalg.coupling.graph import DENSE, SMALL, CouplingGraph
from thermolinalg.theory.directions import named_axis
from thermolinalg.theory.gershgorin import gershgorin

FEW = 4
"""Modes at the soft end of a large graph that are found; of a small one all are."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Spectrum:
    """What `spectrum` returns: stiffnesses λ in increasing order, and the modes of the first ones.

    A graph that never rests has a `softest` stiffness <= 0, the gap 0 and infinite times: which
    motion is to blame is `softest_mode`, and what would hold it is `where_to_stiffen`.
    """

    names: tuple[Hashable, ...]
    stiffness: NumpyArray  # (k,): all n, or a few at the soft end
    modes: NumpyArray  # (n, k)
    stiffest: float
    temperature: float
    friction: float
    rounding: float  # stiffness below which it may as well be zero

    @property
    def softest(self) -> float:
        """The least stiffness λ_1."""
        return float(self.stiffness[0])

    @property
    def rests(self) -> bool:
        """Is every direction held, beyond rounding?"""
        return self.softest > self.rounding

    @property
    def gap(self) -> float:
        """The rate λ_1/friction at which the last motion dies out."""
        return self.softest / self.friction if self.rests else 0.0

    @property
    def fastest(self) -> float:
        """The largest rate: an explicit time step must stay below 2 over it."""
        return self.stiffest / self.friction

    @property
    def relaxation_time(self) -> float:
        """1/gap: after it a distance from rest has shrunk to 1/e, at worst."""
        return 1 / self.gap if self.gap else math.inf

    @property
    def condition(self) -> float:
        """Fastest over slowest rate."""
        return self.stiffest / self.softest if self.rests else math.inf

    @property
    def width(self) -> float:
        """Standard deviation of the softest mode at rest, (T/λ_1)^{1/2}."""
        return math.sqrt(self.temperature / self.softest) if self.rests else math.inf

    @property
    def softest_mode(self) -> str:
        """The last motion to come to rest, in words."""
        return named_axis(self._softest, self.names)

    @property
    def gains(self) -> NumpyArray:
        """dλ_1/dk_i (n,), where λ_1 is simple: what a spring to the ground at each node adds."""
        return self.modes[:, 0] ** 2

    @property
    def where_to_stiffen(self) -> Hashable:
        """The node at which a spring to the ground does most."""
        return self.names[int(np.abs(self._softest).argmax())]

    @property
    def _softest(self) -> NumpyArray:
        """Its largest entry ±1, and what differs by rounding alike: so that words do not depend."""
        v = self.modes[:, 0]
        return np.round(v / np.abs(v).max(), 6)

    def settling_time(self, share: float = 1e-3) -> float:
        """How long until no more than a share of a distance from rest is left, at worst."""
        return math.log(1 / checks.probability("share", share)) * self.relaxation_time

    def __repr__(self) -> str:
        return (
            f"Spectrum(n={len(self.names)}, gap={self.gap:.4g}, fastest={self.fastest:.4g}, "
            f"condition={self.condition:.3g})"
        )

    def __str__(self) -> str:
        n, least = len(self.names), self.softest if abs(self.softest) > self.rounding else 0.0
        softest = f"{self.softest_mode}, stiffness {least:.4g}"
        at, gain = self.where_to_stiffen, float(self.gains.max())
        rows = {"nodes": f"{n}", "softest mode": softest, **self._times()}
        rows["stiffens it most"] = f"a spring to the ground at {at!s}: {gain:.2g} per unit"
        return "\n".join(f"{name:<18}{value}" for name, value in rows.items())

    def _times(self) -> dict[str, str]:
        if not self.rests:
            return {"relaxation time": "infinite: nothing holds the softest mode"}
        last, first = self.relaxation_time, 1 / self.fastest
        return {
            "stiffest": f"{self.stiffest:.4g}, condition {self.condition:.3g}",
            "relaxation time": f"{last:.4g} of the softest mode, {first:.4g} of the stiffest",
            "at rest within": f"{self.settling_time():.4g}, to 1 part in 1000",
            "width at rest": f"{self.width:.4g} along the softest mode",
        }


def spectrum(graph: CouplingGraph, *, temperature: float = 1.0, friction: float = 1.0) -> Spectrum:
    """Stiffnesses and modes of the free nodes: how long until rest, and which motion is the last.

    A small graph, or a dense one, is decomposed; of a large sparse one the ends are found, by
    Lanczos on (S - s I)⁻¹ with s beyond Gershgorin's discs, where no eigenvalue is.

    Args:
        graph: of springs; held nodes stand still.
        temperature: in units of energy.
        friction: of every node.

    Raises:
        InvalidInput: something beyond springs ties nodes, or an argument cannot be used.
    """
    part = free_springs(graph, "spectrum")
    temperature = checks.positive("temperature", temperature)
    friction = checks.positive("friction", friction)
    dense = part.n < SMALL or part.matrix.nnz > DENSE * part.n**2
    values, modes, stiffest = _all(part.matrix.toarray()) if dense else _ends(part.matrix)
    rounding = 8 * part.n * np.finfo(float).eps * max(abs(stiffest), abs(float(values[0])))
    return Spectrum(part.free, values, modes, stiffest, temperature, friction, rounding)


def _all(S: NumpyArray) -> tuple[NumpyArray, NumpyArray, float]:
    values, modes = np.linalg.eigh(S)
    return values, modes, float(values[-1])


def _ends(S: Any) -> tuple[NumpyArray, NumpyArray, float]:
    """The soft end with its modes, and the stiffest: nearest to a shift beyond them."""
    low, high = gershgorin(S, 1.0)
    room = 1e-6 * (high - low) or abs(high) or 1.0  # S - s I keeps ten digits, and few steps do
    start = np.random.default_rng(0).standard_normal(S.shape[0])
    S = sp.csc_array(S)
    values, modes = eigsh(S, FEW, sigma=low - room, which="LM", v0=start)
    stiffest = eigsh(S, 1, sigma=high + room, v0=start, return_eigenvectors=False)
    order = np.argsort(values)
    return values[order], modes[:, order], float(stiffest[0])
