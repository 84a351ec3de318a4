"""Gibbs sampling by colours: nodes that no spring joins are drawn all at once.

Given its neighbours a node is normal, with the variance T/S_ii and the mean

    (f_i - Σ_{j≠i} S_ij x_j)/S_ii,

and nodes of one colour are independent given all others. A sweep draws colour after colour from
these laws, so that e^{-U/T} is left as it is (Gonzalez et al. 2011). On the way there a sweep moves
the mean as Gauss-Seidel does (Roberts and Sahu 1997): S is only multiplied, not factored.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.coupling.coloring import color_nodes
from thermolinalg.coupling.given import free_springs
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.stability import require_rest
from thermolinalg.errors import ShapeMismatch
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, eq=False, slots=True)
class ChromaticSample:
    """What `sample_chromatic` returns. The same call with `rng=seed` repeats it."""

    states: NumpyArray  # (chains, samples, n) of the free nodes
    names: tuple[Hashable, ...]
    colors: NumpyArray  # (n,)
    seed: int

    def __repr__(self) -> str:
        chains, samples, n = self.states.shape
        return (
            f"ChromaticSample(chains={chains}, samples={samples}, n={n}, "
            f"colors={1 + self.colors.max()}, seed={self.seed})"
        )


def sample_chromatic(
    graph: CouplingGraph,
    samples: int,
    *,
    temperature: float = 1.0,
    chains: int = 1,
    burn_in: int | None = None,
    x0: NumpyArray | None = None,
    rng: RNG = None,
) -> ChromaticSample:
    """Draw states of the free nodes by sweeps over the colours of the graph, one state a sweep.

    Each node is drawn from its exact conditional law, so that the law at rest has no step size in
    it. States in a row are alike all the same: `diagnose(states)` says what they are worth.

    Args:
        graph: of springs; held nodes stay where they are.
        samples: states to record, of each chain.
        temperature: in units of energy.
        chains: independent runs, all of which a sweep moves together.
        burn_in: sweeps before the first state is recorded; None is as many as are recorded after.
        x0: where to start: (n,) of the free nodes, or (chains, n); zero if left out.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        Unstable: the springs leave some direction free, so that there is no law at rest.
        InvalidInput: something beyond springs ties nodes, or an argument cannot be used.
    """
    part = free_springs(graph, "sample_chromatic")
    temperature = checks.positive("temperature", temperature)
    samples, chains = checks.count("samples", samples), checks.count("chains", chains)
    before = samples if burn_in is None else checks.count("burn_in", burn_in, least=0)
    require_rest(
        part.matrix
    )  # sweeps settle if, and only if, S is positive definite (Ostrowski 1954)
    colors = color_nodes(part.weights)
    order = np.argsort(colors, kind="stable")
    x = np.ascontiguousarray(_start(x0, part.n, chains)[:, order].T)
    streams = open_streams(rng)
    width = np.sqrt(temperature / part.matrix.diagonal()[order, None])
    sweeps = _sweeps(_moves(part, colors, order), width, x, streams.stream("chromatic"))
    for _ in range(before):
        next(sweeps)
    states = np.empty((chains, samples, part.n))
    for k in range(samples):
        states[:, k, order] = next(sweeps).T
    return ChromaticSample(states, part.free, colors, streams.seed)


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Move:
    """Draws one colour given the others: x_rows = pull x + rest + noise."""

    rows: slice
    pull: Any  # (m, n), sparse
    rest: NumpyArray  # (m, 1)


def _moves(part: CouplingGraph, colors: NumpyArray, order: NumpyArray) -> list[_Move]:
    """A move for each colour; nodes stand in `order`, so that those of a colour are a slice."""
    d = part.matrix.diagonal()[order]
    rest = part.force[order] / d
    pulls = part.weights[order][:, order].multiply(1 / d[:, None]).tocsr()
    ends = [0, *np.cumsum(np.bincount(colors)).tolist()]
    slices = [slice(*ends[k : k + 2]) for k in range(len(ends) - 1)]
    return [_Move(rows, pulls[rows], rest[rows, None]) for rows in slices]


def _sweeps(
    moves: list[_Move], width: NumpyArray, x: NumpyArray, rng: np.random.Generator
) -> Iterator[NumpyArray]:
    """States x (n, chains) after one sweep, two sweeps, ...: one array, which goes on moving."""
    z = np.empty_like(x)
    while True:
        rng.standard_normal(out=z)
        z *= width
        for move in moves:
            x[move.rows] = move.pull @ x
            x[move.rows] += move.rest
            x[move.rows] += z[move.rows]
        yield x


def _start(x0: Any, n: int, chains: int) -> NumpyArray:
    """States (chains, n)."""
    if x0 is None:
        return np.zeros((chains, n))
    x = to_numpy(checks.real_array("x0", x0)).astype(float)
    if x.shape not in {(n,), (chains, n)}:
        raise ShapeMismatch(f"x0 has shape {x.shape}; ({n},) or ({chains}, {n}) is needed.")
    return np.broadcast_to(x, (chains, n))
