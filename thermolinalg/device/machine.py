"""A device: a noisy physical system that can be programmed with a process, run and read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.device import presets
from thermolinalg.device.charging import read_out, timed, uploaded
from thermolinalg.device.circuit import RC, Circuit, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.description import described
from thermolinalg.device.disturbance import drifting_windows, offset
from thermolinalg.device.driving import driven, read_works
from thermolinalg.device.imperfection import Imperfection
from thermolinalg.device.knobs import KNOBS, turned
from thermolinalg.device.ledger import Ledger, Prices
from thermolinalg.device.limits import Limits, held_of
from thermolinalg.device.naming import IDEAL, no_device, no_problem
from thermolinalg.device.noise import Dressing
from thermolinalg.device.parts import brief, checked_parts
from thermolinalg.device.realising import coefficients_of, designed, heated, observed, started
from thermolinalg.device.running import DeviceRun, Running, run_windows
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.device.toml import read, written
from thermolinalg.errors import DoesNotFit
from thermolinalg.files import atomic_write
from thermolinalg.measurement.converter import Converter
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.dwell import Stop, dwell
from thermolinalg.simulation.ramp import Protocol, ramp
from thermolinalg.simulation.walk import walk
from thermolinalg.streams import RNG, Streams, open_streams
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Device:
    """A machine that realises processes: what it is made of, how well, and what that costs.

    Without any part it is ideal, with the clock and the link of the TNGD paper (Donatella et al.
    2024, appendix C). Each part is a record of its own; together they are one specimen, a *chip*:
    the same seed has the same errors. Times of processes are in units of `time_constant`.

    Args:
        name: for reports.
        time_constant: RC in seconds.
        bits: of each number that crosses the digital link.
        link: its bandwidth, bits per second.
        chip: seed of what differs from specimen to specimen.
        circuit: `RC()`, `RLC()` or `MassSpring()`.
        quantisation: how coefficients and drives are rounded.
        mismatch: of components.
        parasitics: stray couplings.
        dead: nodes that are shorted.
        temperatures: of the noise of each node.
        drift: of the temperature, in time.
        dressings: what has a memory: `ColouredNoise`, `HeldNoise`, `TransportDelay`, in any order.
        converter: what reads it.
        floor: error of unknown cause that no averaging removes, relative to the answer's norm.
        limits: what it can hold at all.
        prices: energies of its operations, where they are stated.
        source: where its numbers are from.
        assumed: numbers that no source states, such as "link" or "mismatch.couplings".
    """

    name: str = IDEAL
    time_constant: float = 1e-6
    bits: int = 16
    link: float = 50e9
    chip: int = 0
    circuit: Circuit = RC()
    quantisation: Quantisation | None = None
    mismatch: Mismatch | None = None
    parasitics: Parasitics | None = None
    dead: DeadNodes | None = None
    temperatures: Temperatures | None = None
    drift: TemperatureDrift | None = None
    dressings: tuple[Dressing, ...] = ()
    converter: Converter | None = None
    floor: float = 0.0
    limits: Limits = field(default_factory=Limits)
    prices: Prices = field(default_factory=Prices)
    source: str = ""
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.positive("time_constant", self.time_constant)
        checks.count("bits", self.bits)
        checks.positive("link", self.link)
        checks.count("chip", self.chip, least=0)
        checks.positive("floor", self.floor, zero=True)
        for name, value in checked_parts(self).items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return brief(self)

    @staticmethod
    def ideal() -> "Device":
        """A device without imperfections, with the TNGD paper's clock and link."""
        return Device()

    @staticmethod
    def tngd_paper() -> "Device":
        """The TNGD paper's model: RC = 1 us, 16 bits at 50 Gb/s, and no imperfections."""
        return Device(**presets.TNGD_PAPER)

    @staticmethod
    def spu(board: int = 1) -> "Device":
        """The 8-cell stochastic processing unit of Melanson et al. 2025, of which there are 3."""
        return Device(**presets.spu(board))

    @staticmethod
    def breadboard() -> "Device":
        """Two RC nodes on a breadboard, in their own Johnson noise."""
        return Device(**presets.BREADBOARD)

    def describe(self) -> str:
        """What it is made of, what each imperfection does, what it costs, and what is assumed."""
        return described(self)

    @staticmethod
    def given(device: "Device | None") -> "Device":
        """The device that a caller names; an ideal one for None.

        Raises:
            InvalidInput: it is something else.
        """
        if device is None:
            return Device.ideal()
        if not isinstance(device, Device):
            raise no_device(device)
        return device

    @staticmethod
    def from_toml(source: str | PathLike[str]) -> "Device":
        """The device that a TOML file describes, or a string of TOML, with a line or more.

        Raises:
            InvalidInput: it cannot be read, or says what no device can have; the message names the
                file, the section and the key.
        """
        device: Device = read(Device, source)
        return device

    def to_toml(self, path: str | PathLike[str] | None = None) -> str:
        """The device as TOML, of which `from_toml` makes an equal one; written to a path, if given.

        Raises:
            OutputError: the file cannot be written.
        """
        text = written(self)
        if path is not None:
            atomic_write(path, text)
        return text

    @property
    def imperfections(self) -> tuple[Imperfection, ...]:
        """What distorts the network that is programmed, in the order in which it does."""
        parts = (self.quantisation, self.mismatch, self.parasitics, self.dead, self.temperatures)
        return tuple(part for part in parts if part is not None)

    def vary(self, name: str, value: float) -> "Device":
        """One number changed: `device.vary("bits", 8)`, say; `Device.knobs()` has the names.

        What is no knob is changed by `dataclasses.replace(device, time_constant=1e-5)`.

        Raises:
            InvalidInput: there is no such knob, or it does not go there.
        """
        return turned(self, name, value)

    @staticmethod
    def knobs() -> dict[str, str]:
        """The knobs of `vary` and of sensitivity studies by name, and what each of them is."""
        return {name: knob.says for name, knob in KNOBS.items()}

    def transfer(self, numbers: float) -> float:
        """Seconds that this many numbers take over the digital link."""
        return numbers * self.bits / self.link

    def specimen(self, part: Imperfection) -> Streams:
        """What this chip draws its errors of one kind from."""
        return Streams(self.chip).child("chip", type(part).__name__)

    def nominal(self, process: Runnable) -> Runnable | Observed:
        """The process as it would move on a device as it was designed: by it runs are planned."""
        return designed(self.circuit, process)

    def realised(
        self, process: Runnable, *, unit: float = 1.0, drives: Array = None
    ) -> Runnable | Observed:
        """The process that this chip really moves, as its instruments see it.

        Args:
            process: the network asked for.
            unit: a state or a drive of it in the device's units.
            drives: (k, n), those that are switched on later.

        Raises:
            DoesNotFit: the device cannot hold it.
        """
        if self.limits != NO_LIMITS:
            self.limits.require(held_of(process, unit, drives))
        positions = coordinates_read(process)
        moving: Any = self.distorted(process)
        if not isinstance(self.circuit, RC):
            self.nominal(process)
            moving = self.circuit.realise(moving)
        for dressing in sorted(self.dressings, key=lambda part: part.place):
            moving = dressing.dress(moving)
        converter = self.converter and self.converter.in_units(unit)
        return observed(moving, positions, converter)

    def program(
        self, process: Runnable, x0: Array, *, unit: float = 1.0, drives: Array = None
    ) -> Running:
        """Upload the coefficients and drives of a process, and set the states (chains, n).

        Other arguments are as of `realised`.

        Raises:
            DoesNotFit: the device cannot hold it.
        """
        numbers = coefficients_of(process) + process.n * x0.shape[0]
        ledger = uploaded(self, Ledger(), numbers)
        moving = self.realised(process, unit=unit, drives=drives)
        return Running(moving, started(x0, moving), ledger)

    def settle(self, run: Running, time: float, rng: np.random.Generator) -> Running:
        """Let the system relax for a time, unread."""
        moving = run.process.process if isinstance(run.process, Observed) else run.process
        end = run.clock + time
        if self.drift is not None:
            moving = heated(moving, self.drift.factor(end, end))
        integrator = find_integrator(choose_integrator(moving), moving)
        (block,) = walk(moving, run.states, np.array([time]), integrator, rng)
        return Running(run.process, block.last, self._ran(run, "settle", time), end)

    def measure(
        self, run: Running, readout: Readout, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Running]:
        """Read `count` windows in a row: their values (count, ...), and the run to go on with."""
        if self.drift is None:
            values, states = readout.windows(run.process, run.states, window, count, rng)
        else:
            values, states = drifting_windows(self.drift, run, readout, window, count, rng)
        if self.floor:
            values = offset(values, readout, self.floor, self.chip)
        numbers = run.states.shape[0] * count * readout.numbers(run.process, window)
        time = readout.time(window, count)
        ledger = read_out(self, self._ran(run, "measure", time), numbers)
        return values, Running(run.process, states, ledger, run.clock + time)

    def run(
        self,
        process: OU,
        readout: Readout | None = None,
        /,
        *,
        settle: float | None = None,
        window: float | None = None,
        windows: int = 32,
        rng: RNG = None,
    ) -> DeviceRun:
        """Program a process, let it settle, read windows in a row, and average them.

        Args:
            process: the network asked for; of several drives (k, n) each is read.
            readout: what is read; by default the time average of a driven process, and the second
                moment of one that is not.
            settle: time before the first window, in RC; by default 20 relaxations.
            window: length of each, in RC; by default 20 relaxations.
            windows: how many, at least 2.
            rng: int, Generator, SeedSequence, or None for fresh entropy.

        Raises:
            DoesNotFit: the device cannot hold the process.
            InvalidInput: an argument cannot be used.
        """
        return run_windows(self, process, readout, settle, window, windows, open_streams(rng))

    def error_budget(self, problem: Any) -> Any:
        """What makes this device's answer wrong, cause by cause, and what to buy first.

        Args:
            problem: a `Problem`.

        Raises:
            InvalidInput: it is no `Problem`, or one that the device cannot hold.
        """
        if not hasattr(problem, "error_budget"):
            raise no_problem(problem)
        return problem.error_budget(self)

    def prepare(self, protocol: Protocol, numbers: int) -> Ledger:
        """Upload the end of a straight way, and the numbers that time it.

        The start is a multiple of the identity, one number more; between the two ends the device
        mixes currents, so that no potential on the way is uploaded.

        Raises:
            DoesNotFit: the device cannot hold it, or moves in a way of its own.
        """
        driven(self, protocol)
        return uploaded(self, Ledger(), protocol.n**2 + 1 + numbers)

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
        power drawn reads one number a run, through the converter.
        """
        run = ramp(
            driven(self, protocol),
            duration,
            steps=steps,
            chains=chains,
            x0=x0,
            rest=rest,
            reverse=reverse,
            rng=rng,
        )
        if x0 is not None:
            ledger = uploaded(self, ledger, chains * protocol.n)
        ledger = timed(self, ledger, "settle", chains * rest, protocol.n)
        ledger = timed(self, ledger, "drive", chains * duration, protocol.n)
        return read_works(self, run.work, rng, reverse=reverse), read_out(self, ledger, chains)

    def dwell(
        self,
        ledger: Ledger,
        protocol: Protocol,
        stops: Sequence[Stop],
        *,
        chains: int,
        rng: np.random.Generator,
    ) -> tuple[Array, Ledger]:
        """Mean of dU/ds (chains, stops) of runs that start at zero and halt at each stop.

        The mean of a stop's readings is what the converter sees.
        """
        slopes = dwell(driven(self, protocol), stops, chains=chains, rng=rng)
        for activity, time in (
            ("settle", sum(stop.settle for stop in stops)),
            ("measure", sum(stop.time - stop.settle for stop in stops)),
        ):
            ledger = timed(self, ledger, activity, chains * time, protocol.n)
        readings = sum(stop.readings for stop in stops)
        return read_works(self, slopes, rng), read_out(self, ledger, chains * readings)

    def distorted(self, process: Any) -> Any:
        """What of a network this chip programs, before its circuit makes it move.

        Raises:
            DoesNotFit: the device cannot hold it.
        """
        if not self.imperfections:
            return process
        if isinstance(process, Inertial):
            return MassSpring(process.friction).nominal(self.distorted(process.network))
        if not isinstance(process, OU):
            raise DoesNotFit(
                f"{self.imperfections[0].title} change the entries of A, which of this problem are "
                "only multiplied. Pass an array, A.toarray() or graph.matrix.toarray(), or leave "
                "them out."
            )
        for part in self.imperfections:
            process = part.distort(process, self.specimen(part))
        return process

    def _ran(self, run: Running, activity: str, time: float) -> Ledger:
        chains, n = run.states.shape[0], coordinates_read(run.process)
        return timed(self, run.ledger, activity, chains * time, n)


NO_LIMITS = Limits()
