"""A device: a noisy physical system that can be programmed with a process, run and read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from time import perf_counter
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.circuit import RC, Circuit
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.floor import systematic
from thermolinalg.device.imperfection import Imperfection
from thermolinalg.device.knobs import turned
from thermolinalg.device.ledger import Ledger, Prices, joined
from thermolinalg.device.limits import Limits
from thermolinalg.device.noise import Dressing
from thermolinalg.device.realising import coefficients_of, heated, observed, started
from thermolinalg.device.running import DeviceRun, Running
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.measurement.converter import Converter
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.moment import SecondMoment
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
    """

    name: str = "ideal"
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

    def __post_init__(self) -> None:
        checks.positive("time_constant", self.time_constant)
        checks.count("bits", self.bits)
        checks.positive("link", self.link)
        checks.count("chip", self.chip, least=0)
        checks.positive("floor", self.floor, zero=True)
        object.__setattr__(self, "dressings", tuple(self.dressings))
        for f in fields(self):
            part, kind = getattr(self, f.name), PARTS.get(f.name)
            if kind is not None and part is not None and not isinstance(part, kind):
                raise InvalidInput(f"{f.name} = {part!r} must be a {kind.__name__}.")

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

    @property
    def imperfections(self) -> tuple[Imperfection, ...]:
        """What distorts the network that is programmed, in the order in which it does."""
        parts = (self.quantisation, self.mismatch, self.parasitics, self.dead, self.temperatures)
        return tuple(part for part in parts if part is not None)

    def vary(self, name: str, value: float) -> "Device":
        """One number changed: `device.vary("bits", 8)`, say; `KNOBS` has the names.

        Raises:
            InvalidInput: there is no such knob, or it does not go there.
        """
        device: Device = turned(self, name, value)
        return device

    def transfer(self, numbers: float) -> float:
        """Seconds that this many numbers take over the digital link."""
        return numbers * self.bits / self.link

    def specimen(self, part: Imperfection) -> Streams:
        """What this chip draws its errors of one kind from."""
        return Streams(self.chip).child("chip", type(part).__name__)

    def nominal(self, process: Runnable) -> Runnable | Observed:
        """The process as it would move on a device as it was designed: by it runs are planned."""
        if isinstance(self.circuit, RC):
            return process
        if not isinstance(process, OU):
            raise DoesNotFit(
                f"a circuit of kind {self.circuit.kind!r} has dynamics of its own, for a problem "
                "whose A is an array. Leave dynamics and operators to an RC circuit."
            )
        return observed(self.circuit.nominal(process), process.n, None)

    def realised(self, process: Runnable) -> Runnable | Observed:
        """The process that this chip really moves, as its instruments see it.

        Raises:
            DoesNotFit: the device cannot hold it.
        """
        self._require_held(process)
        positions = coordinates_read(process)
        moving: Any = self._distorted(process)
        if not isinstance(self.circuit, RC):
            self.nominal(process)
            moving = self.circuit.realise(moving)
        for dressing in sorted(self.dressings, key=lambda part: part.place):
            moving = dressing.dress(moving)
        return observed(moving, positions, self.converter)

    def program(self, process: Runnable, x0: Array) -> Running:
        """Upload the coefficients and drives of a process, and set the states (chains, n).

        Raises:
            DoesNotFit: the device cannot hold it.
        """
        numbers = coefficients_of(process) + process.n * x0.shape[0]
        ledger = self._uploaded(Ledger(), numbers)
        moving = self.realised(process)
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
            values, states = self._drifting(run, readout, window, count, rng)
        if self.floor:
            values = self._off(values)
        numbers = run.states.shape[0] * count * readout.numbers(run.process, window)
        time = readout.time(window, count)
        ledger = self._read(self._ran(run, "measure", time), numbers)
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
        driven = bool(namespace(process.b).any(process.b != 0))
        readout = readout or (TimeAverage() if driven else SecondMoment())
        nominal, windows = self.nominal(process), checks.count("windows", windows, least=2)
        memory = 20.0 / readout.correlation_rate(nominal)
        settle = memory if settle is None else checks.positive("settle", settle, zero=True)
        window = memory if window is None else checks.positive("window", window)
        streams = open_streams(rng)
        thermal = streams.stream("thermal")
        start = namespace(process.b).reshape(0 * process.b, (-1, process.n))
        running = self.settle(self.program(process, start), settle, thermal)
        values, running = self.measure(running, readout, window, windows, thermal)
        begun, xp = perf_counter(), namespace(values)
        mean, spread = xp.mean(values, axis=0), xp.std(values, axis=0, correction=1.0)
        ledger = running.ledger.add("digital", perf_counter() - begun, "measured")
        stderr = spread / windows**0.5
        return DeviceRun(values, mean, stderr, ledger, running.process, streams.seed)

    def error_budget(self, problem: Any) -> Any:
        """What makes this device's answer wrong, cause by cause, and what to buy first.

        Args:
            problem: a `Problem`.
        """
        return problem.error_budget(self)

    def prepare(self, protocol: Protocol, numbers: int) -> Ledger:
        """Upload the end of a straight way, and the numbers that time it.

        The start is a multiple of the identity, one number more; between the two ends the device
        mixes currents, so that no potential on the way is uploaded.
        """
        return self._uploaded(Ledger(), protocol.n**2 + 1 + numbers)

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
            ledger = self._uploaded(ledger, chains * protocol.n)
        ledger = self._timed(ledger, "settle", chains * rest, protocol.n)
        ledger = self._timed(ledger, "drive", chains * duration, protocol.n)
        return run.work, self._read(ledger, chains)

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
            ledger = self._timed(ledger, activity, chains * time, protocol.n)
        readings = sum(stop.readings for stop in stops)
        return slopes, self._read(ledger, chains * readings)

    def _require_held(self, process: Runnable) -> None:
        if self.limits == NO_LIMITS:
            return
        A = getattr(process, "A", None)
        dense = A if isinstance(process, OU | Inertial) else None
        nodes = coordinates_read(process)
        self.limits.require(nodes, coefficients_of(process), dense, getattr(process, "b", None))

    def _distorted(self, process: Any) -> Any:
        if not self.imperfections:
            return process
        if isinstance(process, Inertial):
            return replace(process, network=self._distorted(process.network))
        if not isinstance(process, OU):
            raise DoesNotFit(
                f"{self.imperfections[0].title} change the entries of A, which of this problem are "
                "only multiplied. Pass an array, such as A.toarray(), or an ideal device."
            )
        for part in self.imperfections:
            process = part.distort(process, self.specimen(part))
        return process

    def _drifting(
        self, run: Running, readout: Readout, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Windows one by one, each at its mean temperature: they are long against relaxation."""
        assert self.drift is not None
        states, values, clock = run.states, [], run.clock
        for _ in range(count):
            end = clock + readout.time(window, 1)
            process = heated(run.process, self.drift.factor(clock, end))
            value, states = readout.windows(process, states, window, 1, rng)
            values.append(value)
            clock = end
        return namespace(states).concat(values, axis=0), states

    def _off(self, values: Array) -> Array:
        """Each window's values moved the same way, by `floor` times their size."""
        xp = namespace(values)
        way = systematic(self.chip, tuple(values.shape[1:]), values)
        size = float(xp.sum(xp.mean(values, axis=0) ** 2)) ** 0.5
        return values + self.floor * size * way

    def _ran(self, run: Running, activity: str, time: float) -> Ledger:
        chains, n = run.states.shape[0], coordinates_read(run.process)
        return self._timed(run.ledger, activity, chains * time, n)

    def _timed(self, ledger: Ledger, activity: str, time: float, nodes: int) -> Ledger:
        """With a line for a time in RC."""
        seconds, power = time * self.time_constant, self.prices.power
        return ledger.add(
            activity, seconds, joules=None if power is None else power * nodes * seconds
        )

    def _uploaded(self, ledger: Ledger, numbers: int) -> Ledger:
        joules = self._moved(numbers, self.prices.coefficient)
        return ledger.add("upload", self.transfer(numbers), joules=joules)

    def _read(self, ledger: Ledger, numbers: int) -> Ledger:
        joules = self._moved(numbers, self.prices.reading)
        return ledger.add("read", self.transfer(numbers), joules=joules)

    def _moved(self, numbers: int, each: float | None) -> float | None:
        bit = self.prices.bit
        energy = joined(each, None if bit is None else self.bits * bit)
        return None if energy is None else numbers * energy


NO_LIMITS = Limits()

PARTS: dict[str, type] = {
    "circuit": Circuit,
    "quantisation": Quantisation,
    "mismatch": Mismatch,
    "parasitics": Parasitics,
    "dead": DeadNodes,
    "temperatures": Temperatures,
    "drift": TemperatureDrift,
    "converter": Converter,
    "limits": Limits,
    "prices": Prices,
}
"""What each part of a device is."""
