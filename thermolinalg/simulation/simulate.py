"""Trajectories of a process at the times one asks for."""

from dataclasses import dataclass
from typing import final

import numpy as np
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, normals
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.simulation.choice import find_integrator
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.simulation.walk import walk
from thermolinalg.streams import RNG, Streams, open_streams
from thermolinalg.theory.gaussian import Gaussian, square_root
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU

ROUNDING = 1e-9
"""A step may be longer than asked for by this share."""

MOST = 2.0**28
"""Steps of a run; asking for more is a slip, as a rule."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Trajectory:
    """What `simulate` returns. The same call with `rng=seed` repeats it."""

    times: Array  # (m,)
    states: Array  # (chains, m, n)
    seed: int
    integrator: str

    def __repr__(self) -> str:
        chains, m, n = self.states.shape
        start, end = float(self.times[0]), float(self.times[-1])
        return (
            f"Trajectory(chains={chains}, times={m} from {start:.4g} to {end:.4g}, n={n}, "
            f"integrator={self.integrator!r}, seed={self.seed})"
        )


def simulate(
    process: Runnable,
    times: Array,
    /,
    *,
    x0: Array | Gaussian | None = None,
    chains: int = 1,
    rng: RNG = None,
    integrator: str | Integrator = "auto",
    step: float | None = None,
) -> Trajectory:
    """Run a process and record its state at the given times.

    Args:
        process: what to run.
        times: (m,), strictly increasing; the run starts at times[0].
        x0: state at times[0]: a point (n,), one point per chain (chains, n), or a Gaussian to draw
            from, such as `stationary(process)`. None starts every chain at zero.
        chains: how many independent runs; as many as drives if the process has a drive per chain.
        rng: int, Generator, SeedSequence, or None for fresh entropy.
        integrator: "auto" (the cheapest exact one that takes the process) or a name; `explain` says
            which there are for this process, what each costs and what error its steps make. Or an
            `Integrator`, such as `Lattice(spacing=0.1)`.
        step: longest step between the given times, for integrators with a step-size error; None
            takes one step from each time to the next.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why; `UnstableStep` if
            the integrator diverges in so long a step.
    """
    method = find_integrator(integrator, process)
    t = checks.increasing_times("times", times)
    chains = checks.count("chains", chains)
    streams = open_streams(rng)
    start = initial_states(process, x0, chains, streams)
    states = namespace(start).empty((chains, t.size, process.n), dtype=start.dtype)
    states[:, 0, :] = start
    intervals, ends = _subdivided(np.diff(t), step)
    first, kept = 0, 1
    progress = tqdm(total=intervals.size, desc="simulating", delay=1, disable=None, leave=False)
    for block in walk(process, start, intervals, method, streams.stream("thermal")):
        last = first + block.y.shape[0]
        progress.update(block.y.shape[0])
        wanted = ends[(ends >= first) & (ends < last)] - first
        if wanted.size:
            every = wanted.size == block.y.shape[0]
            found = block.states if every else block.states[:, wanted.tolist(), :]
            states[:, kept : kept + wanted.size, :] = found
        first, kept = last, kept + wanted.size
    progress.close()
    return Trajectory(like(t, process.reference), states, streams.seed, method.name)


def _subdivided(intervals: NumpyArray, step: float | None) -> tuple[NumpyArray, NumpyArray]:
    """Intervals of at most `step`, and which of them end where a given one does."""
    if step is None:
        return intervals, np.arange(intervals.size)
    parts = steps_within(intervals, step)
    require_feasible(step, float(parts.sum()))
    parts = parts.astype(int)
    return np.repeat(intervals / parts, parts), np.cumsum(parts) - 1


def steps_within(intervals: NumpyArray, step: float) -> NumpyArray:
    """How many steps of at most `step` each interval takes; rounding does not make one more.

    Times such as k/10 are apart by 1/10 and a rounding error, which is not another step.
    """
    return np.ceil(intervals / checks.positive("step", step) * (1 - ROUNDING))


def require_feasible(step: float, steps: float) -> None:
    """Refuse a number of steps that no machine takes.

    Raises:
        InvalidInput: there are more than MOST.
    """
    if steps > MOST:
        raise InvalidInput(
            f"step = {step:.3g} asks for {steps:.3g} steps, more than {MOST:.0g}. Take longer ones."
        )


def initial_states(
    process: Runnable, x0: Array | Gaussian | None, chains: int, streams: Streams
) -> Array:
    """States (chains, n) to start from: zero, a point, one point per chain, or draws from a law."""
    if isinstance(process, OU | Inertial) and process.b.ndim == 2 and process.b.shape[0] != chains:
        raise ShapeMismatch(
            f"the process has {process.b.shape[0]} drives, one per chain, but chains = {chains}."
        )
    xp = namespace(process.reference)
    if x0 is None:
        return like(xp.zeros((chains, process.n)), process.reference)
    if isinstance(x0, Gaussian):
        if x0.n != process.n:
            raise ShapeMismatch(f"x0 has {x0.n} coordinates; the process has {process.n}.")
        z = normals(streams.stream("start"), (chains, process.n), process.reference)
        return like(x0.mean, process.reference) + z @ like(square_root(x0.cov), process.reference).T
    x = like(checks.real_array("x0", x0), process.reference)
    if tuple(x.shape) not in {(process.n,), (chains, process.n)}:
        raise ShapeMismatch(
            f"x0 has shape {tuple(x.shape)}; ({process.n},) or ({chains}, {process.n}) is needed."
        )
    return xp.asarray(xp.broadcast_to(x, (chains, process.n)), copy=True)
