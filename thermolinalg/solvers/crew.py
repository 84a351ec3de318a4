"""Chains of one device that run side by side, each with a noise of its own.

What each does depends on the seed and on its place alone, so the answer is the same however many
workers share the chains.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import NamedTuple, final

import numpy as np

from thermolinalg.backend import Array
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.device.realising import started
from thermolinalg.device.running import Running
from thermolinalg.measurement.readout import Readout
from thermolinalg.parallel import parallel, workers
from thermolinalg.streams import Streams
from thermolinalg.theory.operator import Runnable


class Chain(NamedTuple):
    """A programmed device in mid-run, and where its noise comes from."""

    running: Running
    rng: np.random.Generator


@final
@dataclass(frozen=True, eq=False, slots=True)
class Crew:
    """Chains, the device that runs them one after the other, and how many workers simulate it."""

    device: Device
    chains: tuple[Chain, ...]
    n_jobs: int
    digital: float = 0.0  # seconds that it took to work out answers from what was read

    @staticmethod
    def program(
        device: Device,
        process: Runnable,
        starts: Sequence[Array],
        n_jobs: int,
        streams: Streams,
        *,
        unit: float = 1.0,
        drives: Array = None,
    ) -> "Crew":
        """A chain from each start; the device is programmed once, as `Device.program` says."""
        first, count = device.program(process, starts[0], unit=unit, drives=drives), len(starts)
        begun = [started(x, first.process) for x in starts[1:]]
        runs = [first, *(replace(first, states=x, ledger=Ledger()) for x in begun)]
        # The only chain draws from the same stream as ever: one seed, one answer.
        names = [("thermal",)] if count == 1 else [("thermal", k) for k in range(count)]
        chains = [Chain(run, streams.stream(*n)) for run, n in zip(runs, names, strict=True)]
        return Crew(device, tuple(chains), n_jobs)

    @property
    def ledger(self) -> Ledger:
        """What all chains cost, and the digital machine beside them."""
        total = sum((chain.running.ledger for chain in self.chains), start=Ledger())
        return total.add("digital", self.digital, "measured") if self.digital else total

    def worked(self, begun: float) -> "Crew":
        """The same after digital work since a reading of `perf_counter`."""
        return replace(self, digital=self.digital + perf_counter() - begun)

    def with_jobs(self, n_jobs: int) -> "Crew":
        """The same, simulated by another number of workers."""
        return replace(self, n_jobs=workers(n_jobs))

    def settle(self, time: float) -> "Crew":
        """Let all relax for a time, unread."""
        tasks = [partial(_settle, self.device, chain, time) for chain in self.chains]
        return replace(self, chains=tuple(parallel(tasks, self.n_jobs)))

    def measure(self, readout: Readout, window: float, count: int) -> tuple[list[Array], "Crew"]:
        """Read so many windows of each: their values, and the crew to go on with."""
        tasks = [
            partial(_measure, self.device, chain, readout, window, count) for chain in self.chains
        ]
        values, chains = zip(*parallel(tasks, self.n_jobs), strict=True)
        return list(values), replace(self, chains=chains)


def _settle(device: Device, chain: Chain, time: float) -> Chain:
    rng = deepcopy(chain.rng)  # who keeps the chain as it was can go on from there
    return Chain(device.settle(chain.running, time, rng), rng)


def _measure(
    device: Device, chain: Chain, readout: Readout, window: float, count: int
) -> tuple[Array, Chain]:
    rng = deepcopy(chain.rng)
    values, running = device.measure(chain.running, readout, window, count, rng)
    return values, Chain(running, rng)
