"""A device: a noisy physical system that can be programmed with a process, run and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.device.ledger import Ledger
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.dwell import Stop, dwell
from thermolinalg.simulation.ramp import Protocol, ramp
from thermolinalg.simulation.walk import walk
from thermolinalg.theory.operator import Runnable


@final
@dataclass(frozen=True, eq=False, slots=True)
class Running:
    """A programmed device in mid-run: process, states (chains, n), and the ledger so far.

    Chains run one after the other on the one device, so the ledger charges for each of them.
    """

    process: Runnable
    states: Array
    ledger: Ledger


@final
@dataclass(frozen=True, slots=True)
class Device:
    """A machine that realises a process exactly, and what its clock and its digital link cost.

    Defaults are those of the TNGD paper (Donatella et al. 2024, appendix C). Times of processes are
    in units of `time_constant`.

    Args:
        name: for reports.
        time_constant: RC in seconds.
        bits: of each number that crosses the digital link.
        link: its bandwidth, bits per second.
    """

    name: str = "ideal"
    time_constant: float = 1e-6
    bits: int = 16
    link: float = 50e9

    def __post_init__(self) -> None:
        checks.positive("time_constant", self.time_constant)
        checks.count("bits", self.bits)
        checks.positive("link", self.link)

    @staticmethod
    def ideal() -> "Device":
        """A device without imperfections, with the TNGD paper's clock and link."""
        return Device()

    @staticmethod
    def given(device: "Device | None") -> "Device":
        """The device that a caller names; an ideal one for None.

        Raises:
            InvalidInput: it is something else.
        """
        if device is None:
            return Device.ideal()
        if not isinstance(device, Device):
            raise InvalidInput(
                f"device = {device!r} is no Device. Pass Device.ideal() or Device(link=...), say, "
                "or leave it out."
            )
        return device

    def transfer(self, numbers: float) -> float:
        """Seconds that this many numbers take over the digital link."""
        return numbers * self.bits / self.link

    def program(self, process: Runnable, x0: Array) -> Running:
        """Upload the coefficients and drives of a process, and set the states (chains, n)."""
        numbers = _coefficients(process) + process.n * x0.shape[0]
        return Running(process, x0, Ledger().add("upload", self.transfer(numbers)))

    def settle(self, run: Running, time: float, rng: np.random.Generator) -> Running:
        """Let the system relax for a time, unread."""
        integrator = find_integrator(choose_integrator(run.process), run.process)
        (block,) = walk(run.process, run.states, np.array([time]), integrator, rng)
        ledger = run.ledger.add("settle", self._clock(run, time))
        return Running(run.process, block.last, ledger)

    def measure(
        self, run: Running, readout: Readout, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Running]:
        """Read `count` windows in a row: their values (count, ...), and the run to go on with."""
        values, states = readout.windows(run.process, run.states, window, count, rng)
        numbers = run.states.shape[0] * count * readout.numbers(run.process, window)
        ledger = run.ledger.add("measure", self._clock(run, readout.time(window, count)))
        ledger = ledger.add("read", self.transfer(numbers))
        return values, Running(run.process, states, ledger)

    def prepare(self, protocol: Protocol, numbers: int) -> Ledger:
        """Upload the end of a straight way, and the numbers that time it.

        The start is a multiple of the identity, one number more; between the two ends the device
        mixes currents, so that no potential on the way is uploaded.
        """
        return Ledger().add("upload", self.transfer(protocol.n**2 + 1 + numbers))

    def drive(
        self,
        ledger: Ledger,
        protocol: Protocol,
        duration: float,
        *,
        steps: int,
        chains: int,
        rest: float,
        rng: np.random.Generator,
        reverse: bool = False,
        x0: Array | None = None,
    ) -> tuple[Array, Ledger]:
        """Works (chains,) of runs that rest for a time and are driven then.

        They start at zero, or at states x0 (chains, n) that have to be uploaded. A meter of the
        power drawn reads one number a run.
        """
        run = ramp(
            protocol,
            duration,
            steps=steps,
            chains=chains,
            x0=x0,
            rest=rest,
            reverse=reverse,
            rng=rng,
        )
        if x0 is not None:
            ledger = ledger.add("upload", self.transfer(chains * protocol.n))
        ledger = ledger.add("settle", chains * rest * self.time_constant)
        ledger = ledger.add("drive", chains * duration * self.time_constant)
        return run.work, ledger.add("read", self.transfer(chains))

    def dwell(
        self,
        ledger: Ledger,
        protocol: Protocol,
        stops: Sequence[Stop],
        *,
        chains: int,
        rng: np.random.Generator,
    ) -> tuple[Array, Ledger]:
        """Mean of dU/ds (chains, stops) of runs that start at zero and halt at each stop."""
        slopes = dwell(protocol, stops, chains=chains, rng=rng)
        for activity, time in (
            ("settle", sum(stop.settle for stop in stops)),
            ("measure", sum(stop.time - stop.settle for stop in stops)),
        ):
            ledger = ledger.add(activity, chains * time * self.time_constant)
        readings = sum(stop.readings for stop in stops)
        return slopes, ledger.add("read", self.transfer(chains * readings))

    def _clock(self, run: Running, time: float) -> float:
        return run.states.shape[0] * time * self.time_constant


def _coefficients(process: Runnable) -> int:
    """The couplings to upload: the entries of a sparse matrix, else as many as a dense one has."""
    known = getattr(getattr(process, "A", None), "nnz", None)
    return coordinates_read(process) ** 2 if known is None else int(known)
