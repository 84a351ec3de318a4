"""measure: run a process and keep only what is asked for, in memory that does not grow."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.observable import Observable
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.simulate import initial_states
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
    integrator: str = "auto",
) -> Measured:
    """Read the state every dt, `samples` times, and stream it through observables.

    Args:
        process: what to run.
        dt: time between samples, taken in one step: for an integrator with step-size error (of
            `Nonlinear` and `Langevin` all are) it must be as short as its steps need to be.
        samples: how many of each chain.
        observables: what to keep, such as `Mean(), Covariance()`.
        x0: initial state, as in `simulate`.
        chains: how many independent runs, pooled in each observable.
        burn_in: time to run before the first sample, in one step too. For an integrator with
            step-size error burn in by `simulate(..., step=)`, and pass its last states as x0.
        rng: int, Generator, SeedSequence, or None for fresh entropy.
        integrator: as in `simulate`.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why; `UnstableStep` if
            the integrator diverges in steps of dt.
    """
    if not observables:
        raise InvalidInput("name at least one observable to keep, such as Mean().")
    dt, samples = checks.positive("dt", dt), checks.count("samples", samples)
    burn_in = checks.positive("burn_in", burn_in, zero=True)
    method = find_integrator(integrator, process)
    streams = open_streams(rng)
    x = initial_states(process, x0, checks.count("chains", chains), streams)
    if burn_in:
        for block in walk(process, x, np.array([burn_in]), method, streams.stream("burn-in")):
            x = block.last
    records: list[Any] = []
    progress = tqdm(total=samples, desc="measuring", delay=1, disable=None, leave=False)
    for block in walk(process, x, np.broadcast_to(dt, samples), method, streams.stream("thermal")):
        records = records or [observable.init(block.y) for observable in observables]
        for k, observable in enumerate(observables):
            records[k] = observable.update(records[k], block.y)
        last = block
        progress.update(block.y.shape[0])
    progress.close()
    # The samples were read in the step's coordinates, where stepping and reading are cheapest.
    kept = [o.leave(r, last.step.leave) for o, r in zip(observables, records, strict=True)]
    values = tuple(o.value(r) for o, r in zip(observables, kept, strict=True))
    name = choose_integrator(process) if integrator == "auto" else integrator
    return Measured(values, tuple(kept), last.last, streams.seed, name)
