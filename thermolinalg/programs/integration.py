"""The log partition function of a landscape, by a path to it from a normal law.

Along U_s = (1 - s) U_0 + s U the normal law at s = 0, whose ln Z is known, turns into that of U:

    ln Z - ln Z_0 = -1/T ∫_0^1 <U - U_0>_s ds

(Kirkwood 1935). By Hölder's inequality every exp(-U_s/T) can be normalised if both ends can.
Chains are carried along a few nodes s_k. From node to node the difference is read off by Bennett's
acceptance ratio (1976), which has no error of quadrature; the integral, by the trapezoidal rule
with the slopes -Var_s(U - U_0)/T at the nodes, stands beside it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, final

import numpy as np
from scipy.special import expit, ndtri
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.bennett import bennett
from thermolinalg.measurement.chains import Chains
from thermolinalg.measurement.mixing import split_rhat
from thermolinalg.programs.landscape import Landscape
from thermolinalg.programs.metropolis import (
    Kernel,
    metropolis,
    sample_landscape,
    shaped,
    state_at,
    tune,
)
from thermolinalg.solvers.estimate import Outcome
from thermolinalg.streams import RNG, Streams, open_streams
from thermolinalg.theory.gaussian import Gaussian

CHAINS = 128
"""Independent chains, whose scatter is the error bar: as many as make its own error small."""

LENGTH = 0.5
"""Thermodynamic length from node to node: standard deviations of (s' - s)(U - U_0)/T."""

OVERLAP = math.exp(-(LENGTH**2))
"""Share of draws that a node is worth at the next one (Kish), if the difference is normal."""

SHORTEST = 128
LONGEST = 4096
MOST_NODES = 200

PILOT = 1000
"""Draws to which a reference is fitted if none is given."""

AGREEMENT = 1.1
"""R̂ up to which chains of a node have settled (Gelman et al. 2013, section 11.5).

Half a record is then five correlation times or more, and the burn-in at each node, 3/4 of a record,
more than that. The error bar needs no longer ones: it is the scatter between many chains.
"""


@final
@dataclass(frozen=True, eq=False, slots=True)
class LogPartition:
    """ln Z, its standard error, and how it was found. `float` gives the value.

    The error is the scatter between independent chains, each followed along the whole path.
    `integral` is thermodynamic integration over the same nodes: of the same samples, with an error
    of quadrature that is about `quadrature`.
    """

    value: float
    stderr: float
    outcome: Outcome
    method: str
    integral: float = math.nan
    quadrature: float = math.nan
    nodes: tuple[float, ...] = ()
    samples: int = 0
    chains: int = 0
    seed: int | None = None

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Lower and upper ends of what covers ln Z with this probability."""
        reach = float(ndtri(0.5 + checks.probability("confidence", confidence) / 2)) * self.stderr
        return self.value - reach, self.value + reach

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        if not self.nodes:
            return f"ln Z = {self.value:.10g}, {self.method}"
        return (
            f"ln Z = {self.value:.6g} ± {self.stderr:.2g}: {self.outcome.name}, "
            f"{self.outcome.value}\n  by {self.method}, {self.samples} samples at "
            f"{len(self.nodes)} nodes\n  thermodynamic integration over the same nodes: "
            f"{self.integral:.6g}, within {self.quadrature:.2g} of quadrature"
        )


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Reference:
    """The potential U_0 = T/2 (x - m)'P(x - m), by the eigenvalues and eigenvectors of P."""

    mean: NumpyArray
    values: NumpyArray
    vectors: NumpyArray
    temperature: float

    @property
    def log_partition(self) -> float:
        return 0.5 * float(np.log(2 * math.pi / self.values).sum())

    def energy(self, x: NumpyArray) -> NumpyArray:
        y = (x - self.mean) @ self.vectors
        return 0.5 * self.temperature * (y * y * self.values).sum(axis=-1)

    def gradient(self, x: NumpyArray) -> NumpyArray:
        y = (x - self.mean) @ self.vectors
        return self.temperature * (y * self.values) @ self.vectors.T

    def draw(self, count: int, stream: np.random.Generator) -> NumpyArray:
        z = stream.standard_normal((count, self.values.size))
        return self.mean + (z / np.sqrt(self.values)) @ self.vectors.T


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Between:
    """The potential U_s."""

    landscape: Landscape
    reference: _Reference
    s: float

    @property
    def temperature(self) -> float:
        return self.landscape.temperature

    def energy(self, x: NumpyArray) -> NumpyArray:
        return (1 - self.s) * self.reference.energy(x) + self.s * self.landscape.energy(x)

    def gradient(self, x: NumpyArray) -> NumpyArray:
        return (1 - self.s) * self.reference.gradient(x) + self.s * self.landscape.gradient(x)

    def gap(self, x: NumpyArray) -> NumpyArray:
        """(U - U_0)/T."""
        return (self.landscape.energy(x) - self.reference.energy(x)) / self.temperature


class _Node(NamedTuple):
    """What the chains met at s: (U - U_0)/T (chains, steps), and whether they agree."""

    s: float
    gap: NumpyArray
    settled: bool


def integrate_log_partition(
    landscape: Landscape,
    reference: Gaussian | None = None,
    /,
    *,
    atol: float = 0.005,
    rtol: float = 0.0,
    confidence: float = 0.95,
    chains: int = CHAINS,
    longest: int = LONGEST,
    rng: RNG = None,
) -> LogPartition:
    """ln Z = ln ∫ exp(-U/T) dx, with an error bar, by samples of laws between it and a normal one.

    A first run along the path places the nodes; further ones measure, each from fresh draws of the
    normal law, with longer records until the error is small enough. Where chains of a node disagree
    at the greatest length the outcome is NOT_SETTLED.

    Args:
        landscape: which must confine, as `require_confining` asks.
        reference: the normal law to start from: as near as possible to the law at rest, and rather
            too wide than too narrow. None fits one to samples of the landscape.
        atol: with `rtol`, the aim is P(|value - ln Z| <= atol + rtol |ln Z|) >= confidence.
        rtol: as `atol`.
        confidence: see `atol`.
        chains: that run side by side.
        longest: most steps of each chain at each node.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    atol, rtol = checks.positive("atol", atol, zero=True), checks.positive("rtol", rtol, zero=True)
    if atol == rtol == 0:
        raise InvalidInput(
            "atol and rtol are both 0, and no sampling reaches that: allow an error."
        )
    reach = float(ndtri(0.5 + checks.probability("confidence", confidence) / 2))
    chains = checks.count("chains", chains, least=4)
    longest = checks.count("longest", longest, least=SHORTEST)
    streams = open_streams(rng)
    start = _reference(landscape, reference, longest, streams)
    with tqdm(desc="integrating", unit="node", delay=1, disable=None, leave=False) as progress:
        stream = streams.stream("nodes")
        path = []
        for node in _walk(landscape, start, None, chains, SHORTEST, stream):
            path.append(node.s)
            progress.update()
        steps = SHORTEST
        while True:
            stream = streams.stream("path", steps)
            nodes = []
            for node in _walk(landscape, start, path, chains, steps, stream):
                nodes.append(node)
                progress.update()
            value, stderr = _bennett(nodes)
            value += start.log_partition
            excess = reach * stderr / (atol + rtol * abs(value))
            settled = all(node.settled for node in nodes)
            if (excess <= 1 and settled) or steps == longest:
                break
            wanted = 4.0 if not settled else max(2.0, excess**2)
            steps = int(min(longest, 2 ** math.ceil(math.log2(wanted)) * steps))
    integral, quadrature = _integral(nodes)
    outcome = Outcome.CONVERGED if excess <= 1 else Outcome.BUDGET_SPENT
    return LogPartition(
        value,
        stderr,
        outcome if settled else Outcome.NOT_SETTLED,
        "Bennett's acceptance ratio from node to node",
        start.log_partition + integral,
        quadrature,
        tuple(path),
        len(path) * steps * chains,
        chains,
        streams.seed,
    )


def _reference(
    landscape: Landscape, law: Gaussian | None, longest: int, streams: Streams
) -> _Reference:
    """U_0 of the law that is given, or of one as wide as samples of the landscape."""
    T = landscape.temperature
    if law is None:
        pilot = streams.stream("pilot")
        drawn = sample_landscape(landscape, PILOT, longest=max(PILOT, longest), rng=pilot).values
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(drawn.T)))
        if values[0] <= 0:
            raise InvalidInput(
                "samples of the landscape do not spread in all directions. Pass a reference: a "
                "Gaussian about as wide as the law at rest."
            )
        return _Reference(drawn.mean(axis=0), 1 / values, vectors, T)
    if not isinstance(law, Gaussian):
        raise InvalidInput(f"reference is a {type(law).__name__}; a Gaussian, or None, is needed.")
    if law.n != landscape.n:
        raise ShapeMismatch(f"reference has {law.n} coordinates; the landscape has {landscape.n}.")
    values, vectors = np.linalg.eigh(np.asarray(law.precision, float))
    return _Reference(np.asarray(law.mean, float), values, vectors, T)


def _walk(
    landscape: Landscape,
    reference: _Reference,
    path: list[float] | None,
    chains: int,
    steps: int,
    stream: np.random.Generator,
) -> Iterator[_Node]:
    """Carry chains from s = 0 to s = 1 by way of these nodes, or of nodes that are placed.

    At each node half of the steps come first, that let chains settle and fit the kernel.
    """
    target = _Between(landscape, reference, 0.0)
    points = reference.draw(chains * steps, stream).reshape(chains, steps, -1)
    node = _Node(0.0, target.gap(points), settled=True)
    x, kernel = points[:, -1], shaped(Kernel(1.0, np.eye(landscape.n)), points)
    yield node
    for k in range(1, MOST_NODES):
        placed = _next(node) if k < MOST_NODES - 1 else 1.0
        s = placed if path is None else path[k]
        target = _Between(landscape, reference, s)
        for _ in range(2):
            record, kernel = tune(target, state_at(target, x), kernel, steps // 4, stream)
            kernel, x = shaped(kernel, record.points), record.state.x
        record, kernel = tune(target, record.state, kernel, steps // 4, stream)
        record = metropolis(target, record.state, kernel, steps, stream)
        x, gap = record.state.x, target.gap(record.points)
        node = _Node(s, gap, _settled(np.concatenate([record.points, gap[:, :, None]], axis=2)))
        yield node
        if s == 1:
            return


def _settled(record: NumpyArray) -> bool:
    """Do all chains agree, in every coordinate of (chains, steps, k)?"""
    return bool((split_rhat(Chains(record, record)) <= AGREEMENT).all())


def _next(node: _Node) -> float:
    """The farthest s at which draws of this node are worth their share, within LENGTH."""
    gap = node.gap - node.gap.min()
    farthest = min(1.0, node.s + LENGTH / max(float(gap.std()), LENGTH))

    def worth(s: float) -> float:
        w = np.exp(-(s - node.s) * gap)
        return float(w.sum() ** 2 / (w * w).sum() / w.size)

    if worth(farthest) >= OVERLAP:
        return farthest
    low, high = node.s, farthest
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if worth(middle) >= OVERLAP else (low, middle)
    return low


def _bennett(nodes: list[_Node]) -> tuple[float, float]:
    """ln Z - ln Z_0 and its error, from what each chain adds to every ratio (delta method).

    Chains are independent of each other, and all that a chain repeats of itself, at a node and from
    one to the next, is in its own sum.
    """
    total, shares = 0.0, np.zeros(len(nodes[0].gap))
    for one, other in pairwise(nodes):
        width = other.s - one.s
        W, B = width * one.gap, -width * other.gap
        F = bennett(W.ravel(), B.ravel()).difference
        there, back = expit(F - W), expit(-F - B)
        slope = (there * (1 - there)).sum() + (back * (1 - back)).sum()
        shares += (there.sum(axis=1) - back.sum(axis=1)) / slope
        total -= F
    m = len(shares)
    return total, math.sqrt(m / (m - 1) * float((shares**2).sum()))


def _integral(nodes: list[_Node]) -> tuple[float, float]:
    """-∫ <gap> ds by the trapezoidal rule, corrected by the slopes at its ends; and how much by."""
    s = np.array([node.s for node in nodes])
    f = np.array([node.gap.mean() for node in nodes])
    slope = -np.array([node.gap.var() for node in nodes])
    width = np.diff(s)
    correction = float((width**2 * np.diff(slope)).sum()) / 12
    return -float((width * (f[1:] + f[:-1])).sum()) / 2 + correction, abs(correction)
