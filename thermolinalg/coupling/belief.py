"""Gaussian belief propagation: nodes find their laws by telling each neighbour what they know.

With the neighbours' messages (precision α, force β) a node i knows, of itself and without j,

    P = S_ii + Σ_{k≠j} α_ki,  h = f_i + Σ_{k≠j} β_ki,  tells j:  α_ij = -S_ij²/P,  β_ij = -S_ij h/P

(Weiss and Freeman 2001). On a forest this is elimination from the leaves, exact once every message
has crossed it. With loops the means are exact if it settles, and the variances are not: each counts
only part of the walks that make it up. It settles wherever the graph is walk-summable (Malioutov,
Johnson and Willsky 2006).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.given import free_springs
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.spectrum import spectrum
from thermolinalg.coupling.stability import require_rest
from thermolinalg.errors import Unstable

ROWS = 10


class BeliefOutcome(Enum):
    """How it ended. Not an error: every outcome comes with Beliefs."""

    EXACT = "the graph has no loop: means and variances are exact"
    CONVERGED = "messages settled: means are exact, variances are not, for the graph has loops"
    NOT_CONVERGED = "sweeps ran out before messages settled: give more, or use graph.law()"
    DIVERGED = "messages grew without bound, for loops amplify them: use graph.law()"
    BROKE_DOWN = "a message lost all precision, as no law has: use graph.law()"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Beliefs:
    """What `propagate_beliefs` returns, for each free node.

    `residual` is the largest change of a message in the last sweep, relative to the stiffness of
    the node it goes to, or to the largest force. After a breakdown, or where means have no bound,
    mean and variance are those before it.
    """

    names: tuple[Hashable, ...]
    mean: NumpyArray  # (n,)
    variance: NumpyArray  # (n,)
    outcome: BeliefOutcome
    sweeps: int
    residual: float

    def __repr__(self) -> str:
        return (
            f"Beliefs(n={len(self.names)}, {self.outcome.name} after {self.sweeps} sweeps, "
            f"residual {self.residual:.2g})"
        )

    def __str__(self) -> str:
        title = f"{self.outcome.name} after {self.sweeps} sweeps: {self.outcome.value}"
        columns = zip(self.names, self.mean, self.variance, strict=True)
        rows = [f"{name!s:>12}{m:>12.5g}{v:>12.5g}" for name, m, v in list(columns)[:ROWS]]
        rest = [f"  and {len(self.names) - ROWS} more"] if len(self.names) > ROWS else []
        return "\n".join([title, f"{'node':>12}{'mean':>12}{'variance':>12}", *rows, *rest])


def propagate_beliefs(
    graph: CouplingGraph,
    *,
    temperature: float = 1.0,
    max_sweeps: int = 10_000,
    tolerance: float | None = None,
) -> Beliefs:
    """Mean and variance of each free node at rest, by messages along springs.

    Every sweep renews all messages at once. A forest needs as many sweeps as its longest path has
    springs; with loops the number depends on the spectral radius, see `is_walk_summable`.

    Args:
        graph: of springs; held nodes are conditioned on.
        temperature: in units of energy.
        max_sweeps: after which to stop.
        tolerance: change of messages at which they have settled, where there are loops; None is
            what rounding leaves of a sum over the neighbours of a node.

    Raises:
        Unstable: a node has no stiffness, or a forest leaves a direction free, or messages settled
            though loops leave one free: no law at rest.
        InvalidInput: something beyond springs ties nodes, or an argument cannot be used.
    """
    part = free_springs(graph, "propagate_beliefs")
    temperature = checks.positive("temperature", temperature)
    max_sweeps = checks.count("max_sweeps", max_sweeps)
    net = _Net.of(part)
    settled = net.rounding if tolerance is None else checks.positive("tolerance", tolerance)
    run = _settle(net, max_sweeps, settled)
    if run.outcome is BeliefOutcome.BROKE_DOWN and net.longest is not None:
        raise Unstable(
            f"the springs leave a direction free that {part.free[run.culprit]!r} shares in, so "
            "there is no law at rest. `spectrum(graph)` names it: tie it to the ground by a "
            "stiffness > 0, hold a node of it, or check the signs of the couplings."
        )
    if run.outcome is BeliefOutcome.CONVERGED:
        require_rest(
            part.matrix
        )  # trees that unroll the loops may have a law where the graph has none
    mean, variance = run.force / run.precision, temperature / run.precision
    return Beliefs(part.free, mean, variance, run.outcome, run.sweeps, run.residual)


def is_walk_summable(graph: CouplingGraph) -> bool:
    """Is the spectral radius of |R| below 1, where I - R is S scaled to a unit diagonal?

    That is, would the network rest even if all its springs pulled, I - |R| being definite? Then the
    law exists and beliefs converge, whatever the loops. It holds for every forest that has a law,
    and for every S that is diagonally dominant (Malioutov et al. 2006, proposition 1).

    Raises:
        InvalidInput: something beyond springs ties nodes.
    """
    part = free_springs(graph, "is_walk_summable")
    d = part.matrix.diagonal()
    if (d <= 0).any():
        return False
    unit = sp.diags_array(1 / np.sqrt(d))
    R = unit @ abs(part.weights) @ unit
    return spectrum(CouplingGraph(sp.eye_array(part.n) - R)).rests


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Net:
    """The springs as messages, two for each: from `start` to `end`, its twin the other way."""

    start: NumpyArray  # (m,)
    end: NumpyArray  # (m,)
    twin: NumpyArray  # (m,)
    coupling: NumpyArray  # (m,) = S_ij
    diagonal: NumpyArray  # (n,)
    force: NumpyArray  # (n,)
    longest: int | None  # springs on the longest path of a forest; None if there are loops

    @classmethod
    def of(cls, part: CouplingGraph) -> "_Net":
        links, d = part.weights.tocoo(), part.matrix.diagonal()
        low = int(d.argmin())
        if d[low] <= 0:
            raise Unstable(
                f"node {part.free[low]!r} has the stiffness {d[low]:.3g} with all others held "
                "still, so there is no law at rest. Tie it to the ground by a stiffness > 0."
            )
        start, end = links.row.astype(np.intp), links.col.astype(np.intp)
        twin = np.lexsort((start, end))  # messages stand in order of (start, end)
        return cls(start, end, twin, -links.data, d, part.force, _longest_path(part.weights))

    @property
    def rounding(self) -> float:
        """Relative error that rounding leaves in a sum over the neighbours of a node."""
        degree = np.bincount(self.end, minlength=1).max()
        return float(8 * (1 + degree) * np.finfo(float).eps)

    def gathered(self, own: NumpyArray, messages: NumpyArray) -> NumpyArray:
        """What each node (n,) knows with all its messages."""
        return own + np.bincount(self.end, weights=messages, minlength=len(own))


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    precision: NumpyArray  # (n,)
    force: NumpyArray  # (n,)
    outcome: BeliefOutcome
    sweeps: int
    residual: float
    culprit: int = -1


def _settle(net: _Net, max_sweeps: int, tolerance: float) -> _Run:
    """Renew messages until they no longer change."""
    alpha = beta = np.zeros(len(net.start))
    precision, force, residual = net.diagonal, net.force, np.inf
    nothing = net.diagonal * 8 * len(net.diagonal) * np.finfo(float).eps
    for sweep in range(1, max_sweeps + 1):
        known = precision[net.start] - alpha[net.twin]
        lost = net.start[known <= nothing[net.start]]
        if not len(lost):
            told = -net.coupling / known
            before, alpha = alpha, told * net.coupling
            with np.errstate(over="ignore", invalid="ignore"):
                sent, beta = beta, told * (force[net.start] - beta[net.twin])
                total = net.gathered(net.force, beta)
                unbounded = not np.isfinite(total / precision).all()
            if unbounded:
                return _Run(precision, force, BeliefOutcome.DIVERGED, sweep, residual)
            residual = _change(net, alpha - before, beta - sent, beta)
            found = net.gathered(net.diagonal, alpha)
            lost = np.flatnonzero(found <= nothing)
        if len(lost):
            culprit = int(lost[0])
            return _Run(precision, force, BeliefOutcome.BROKE_DOWN, sweep, residual, culprit)
        precision, force = found, total
        if sweep == net.longest:
            return _Run(precision, force, BeliefOutcome.EXACT, sweep, residual)
        if net.longest is None and residual <= tolerance:
            return _Run(precision, force, BeliefOutcome.CONVERGED, sweep, residual)
    return _Run(precision, force, BeliefOutcome.NOT_CONVERGED, max_sweeps, residual)


def _longest_path(links: Any) -> int | None:
    """Springs on the longest path of a forest, at least 1; None if there are loops.

    The node farthest from any node of a tree is an end of its longest path.
    """
    parts, part = connected_components(links, directed=False)
    if links.nnz // 2 != links.shape[0] - parts:
        return None
    nodes, springs = np.unique(part, return_index=True)[1], abs(links)
    for _ in range(2):
        away = dijkstra(springs, directed=False, unweighted=True, indices=nodes, min_only=True)
        order = np.lexsort((away, part))
        nodes = order[np.append(np.flatnonzero(np.diff(part[order])), len(order) - 1)]
    return max(1, int(away.max()))


def _change(net: _Net, alpha: NumpyArray, beta: NumpyArray, messages: NumpyArray) -> float:
    """The largest change of a message, relative to what it is added to."""
    unit = max(np.abs(net.force).max(), np.abs(messages).max(initial=0.0)) or 1.0
    precise = np.abs(alpha / net.diagonal[net.end]).max(initial=0.0)
    return float(max(precise, np.abs(beta).max(initial=0.0) / unit))
