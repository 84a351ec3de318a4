"""The motion that `logistic_posterior` reads: a mass in the potential of labels and a prior."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.device.charging import read_out, timed, uploaded
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.device.moving import moved
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.simulation.simulate import simulate
from thermolinalg.streams import Streams
from thermolinalg.theory.langevin import Langevin


class Motion(NamedTuple):
    """The process over (φ, v), and the way back to the weights θ = mean + φ/unit."""

    process: Langevin
    unit: Array
    mean: Array
    rate: float  # root of the smallest bound on the curvature: the largest is 1
    numbers: int  # that shape the potential


def design_rows(X: Array) -> Array:
    """The rows (m, n), checked."""
    X = checks.real_array("X", X)
    if X.ndim != 2 or 0 in X.shape:
        raise ShapeMismatch(f"X has shape {tuple(X.shape)}; (m, n) with m, n >= 1 is needed.")
    return X


def read_problem(
    X: Array, y: Array, precision: Array, mean: Array | None
) -> tuple[Array, Array, Array, Array]:
    """X, y, prior precision (n, n) and prior mean, checked."""
    X = design_rows(X)
    xp, (m, n) = namespace(X), X.shape
    if str(getattr(y, "dtype", "")).endswith("bool"):
        y = like(y, X)
    y = like(checks.vector("y", y, m), X)
    if not bool(xp.all((y == 0) | (y == 1))):
        raise InvalidInput("y holds labels other than 0 and 1. Code two classes as 0 and 1.")
    mean = xp.zeros_like(X[0, :]) if mean is None else checks.vector("prior_mean", mean, n)
    P = like(checks.real_array("prior_precision", precision), X)
    if P.ndim < 2:
        if tuple(P.shape) not in {(), (n,)}:
            raise ShapeMismatch(
                f"prior_precision has shape {tuple(P.shape)}; a number, ({n},) or ({n}, {n}) is "
                "needed."
            )
        checks.positive("the smallest prior_precision", xp.min(P))
        P = (P + xp.zeros_like(X[0, :]))[:, None] * like(xp.eye(n), X)
    P = checks.semidefinite("prior_precision", P)
    if tuple(P.shape) != (n, n):
        raise ShapeMismatch(f"prior_precision has shape {tuple(P.shape)}; ({n}, {n}) is needed.")
    values = xp.linalg.eigvalsh(P)
    if float(values[0]) <= checks.rounding(P) * float(values[-1]):
        raise NotPositiveDefinite(
            "prior_precision is singular, and labels that a plane divides would then leave weights "
            "without bound. Add a small multiple of the identity."
        )
    return X, y, P, like(mean, X)


@final
@dataclass(slots=True)
class Clock:
    """What the device has cost so far."""

    device: Device
    motion: Motion
    chains: int
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        numbers = self.motion.numbers + self.motion.process.n * self.chains
        self.ledger = uploaded(self.device, Ledger(), numbers)

    def ran(self, name: str, time: float, samples: int) -> None:
        """With a stretch of all chains, one after the other, and what was read of it."""
        n, chains = self.motion.process.positions, self.chains
        activity = "settle" if name == "settle" else "measure"
        self.ledger = timed(self.device, self.ledger, activity, chains * time, n)
        if activity == "measure":
            self.ledger = read_out(self.device, self.ledger, chains * samples * n)


def motion_of(X: Array, y: Array, P: Array, mean: Array, device: Device) -> Motion:
    """The motion of a device in the potential."""
    xp = namespace(X)
    bound = X.T @ X / 4 + P
    d = xp.sqrt(xp.linalg.diagonal(bound))
    curvatures = xp.linalg.eigvalsh(bound / d[:, None] / d)
    low, high = float(curvatures[0]), float(curvatures[-1])
    unit = d * math.sqrt(high)
    W, Q, offset = X / unit, P / unit[:, None] / unit, X @ mean

    def force(u: Array) -> Array:
        return (y - sigmoid(u @ W.T + offset)) @ W - u @ Q

    rate = math.sqrt(low / high)
    process = Langevin(force, xp.ones_like(unit), friction=rate)
    m, n = X.shape
    couplings = m * n + n**2
    return Motion(moved(device, process, couplings), unit, mean, rate, couplings + m + n)


def sigmoid(t: Array) -> Array:
    """1/(1 + e^{-t})."""
    return (1 + namespace(t).tanh(t / 2)) / 2


def far_apart(motion: Motion, chains: int, streams: Streams) -> Array:
    """Positions twice as far apart as the softest mode of the bound would have them."""
    xp, n = namespace(motion.unit), motion.process.positions
    z = normals(streams.stream("start"), (2, chains, n), motion.unit)
    return xp.concat([2 * z[0, ...] / motion.rate, z[1, ...]], axis=-1)


def run_motion(
    motion: Motion,
    clock: Clock,
    streams: Streams,
    state: Array,
    samples: int,
    interval: float,
    step: float,
    name: str,
) -> tuple[Array, Array]:
    """Weights (chains, samples, n), an interval apart, and the last states (chains, 2n)."""
    seed = streams.child(name).seed
    times, chains = interval * np.arange(samples + 1), state.shape[0]
    run = simulate(motion.process, times, x0=state, chains=chains, step=step, rng=seed)
    position, _ = motion.process.split(run.states[:, 1:, :])
    clock.ran(name, samples * interval, samples)
    if clock.device.converter is not None:
        position = clock.device.converter.read(position, streams.child(name).stream("reading"))
    return motion.mean + position / motion.unit, run.states[:, -1, :]
