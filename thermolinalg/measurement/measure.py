"""measure: run a process and keep only what is asked for, in memory that does not grow."""

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.observable import Observable
from thermolinalg.simulation.choice import find_integrator
from thermolinalg.simulation.integrator import EXACT, Integrator
from thermolinalg.simulation.simulate import initial_states, require_feasible, steps_within
from thermolinalg.simulation.walk import walk
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.operator import Runnable


@final
@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """What `measure` returns: a value for each observable, in the order in which they were named.

    `records` can be merged with those of other runs by each observable's `merge`; `last` are the
    states (chains, n) to go on from, and the same call with `rng=seed` repeats the run.
    """

    values: tuple[Array, ...]
    records: tuple[Any, ...]
    last: Array
    seed: int
    integrator: str

    def __repr__(self) -> str:
        shapes = ", ".join(str(tuple(np.shape(value))) for value in self.values)
        chains, n = self.last.shape
        return (
            f"Measured(values of shape {shapes}; chains={chains}, n={n}, "
            f"integrator={self.integrator!r}, seed={self.seed})"
        )


def measure(
    process: Runnable,
    dt: float,
    samples: int,
    /,
    *observables: Observable[Any],
    x0: Array | Gaussian | None = None,
    chains: int = 1,
    burn_in: float = 0.0,
    rng: RNG = None,
    integrator: str | Integrator = "auto",
    step: float | None = None,
) -> Measured:
    """Read the state every dt, `samples` times, and stream it through observables.

    Args:
        process: what to run.
        dt: time between samples.
        samples: how many of each chain.
        observables: what to keep, such as `Mean(), Covariance()`.
        x0: initial state, as in `simulate`.
        chains: how many independent runs, pooled in each observable.
        burn_in: time to run before the first sample.
        rng: int, Generator, SeedSequence, or None for fresh entropy.
        integrator: as in `simulate`.
        step: longest step, for integrators with a step-size error; None takes steps of dt.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why; `UnstableStep` if
            the integrator diverges in so long a step.
    """
    _require_observables(observables)
    dt, samples = checks.positive("dt", dt), checks.count("samples", samples)
    burn_in = checks.positive("burn_in", burn_in, zero=True)
    method = find_integrator(integrator, process)
    streams = open_streams(rng)
    x = initial_states(process, x0, checks.count("chains", chains), streams)
    parts = 1
    if step is not None:
        share = float(steps_within(np.asarray(dt), step))
        require_feasible(step, share * samples)
        parts = int(share)
    if burn_in:
        count = 1 if method.error == EXACT else math.ceil(burn_in * parts / dt)
        settling = np.broadcast_to(burn_in / count, count)
        for block in walk(process, x, settling, method, streams.stream("burn-in")):
            x = block.last
    records: list[Any] = []
    progress = tqdm(total=samples, desc="measuring", delay=1, disable=None, leave=False)
    steps, done = np.broadcast_to(dt / parts, samples * parts), 0
    for block in walk(process, x, steps, method, streams.stream("thermal")):
        read = _every(block.y, parts, done)
        done += block.y.shape[0]
        records = records or [observable.init(read) for observable in observables]
        for k, observable in enumerate(observables):
            records[k] = observable.update(records[k], read)
        last = block
        progress.update(read.shape[0])
    progress.close()
    # The samples were read in the step's coordinates, where stepping and reading are cheapest.
    kept = [o.leave(r, last.step.leave) for o, r in zip(observables, records, strict=True)]
    values = tuple(o.value(r) for o, r in zip(observables, kept, strict=True))
    return Measured(values, tuple(kept), last.last, streams.seed, method.name)


def _require_observables(observables: tuple[Any, ...]) -> None:
    if not observables:
        raise InvalidInput("name at least one observable to keep, such as Mean().")
    for observable in observables:
        if not isinstance(observable, Observable):
            raise InvalidInput(
                f"observables holds {observable!r}, which is none. Pass instances, such as Mean()."
            )


def _every(y: Array, parts: int, done: int) -> Array:
    """Of the states after `done` others, those at the end of an interval of so many parts."""
    first = (-done - 1) % parts
    return y[first::parts, ...] if first < y.shape[0] else y[:0, ...]
