"""Single states: what a sample-and-hold circuit reads at the end of each window."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.walk import walk
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Snapshot(Readout):
    """The state at the end of each window: values (count, chains, n)."""

    def correlation_rate(self, process: OU | Clocked | Observed) -> float:
        return process.slowest

    def numbers(self, process: OU | Clocked | Observed, window: float) -> int:  # noqa: ARG002 (one state a window)
        return coordinates_read(process)

    def windows(
        self,
        process: OU | Clocked | Observed,
        x: Array,
        window: float,
        count: int,
        rng: np.random.Generator,
    ) -> tuple[Array, Array]:
        if isinstance(process, Observed):
            values, x = self.windows(process.process, x, window, count, rng)
            return process.seen(values, rng), x
        xp = namespace(x)
        integrator = find_integrator(choose_integrator(process), process)
        states = []
        for block in walk(process, x, np.full(count, window), integrator, rng):
            seen = xp.permute_dims(block.states, (1, 0, 2))
            states.append(seen[..., : process.network.n] if isinstance(process, Clocked) else seen)
            x = block.last
        return xp.concat(states, axis=0), x
