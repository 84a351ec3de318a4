"""Where a device would win: its ledger, upload included, against a digital machine, for one error.

Both sides do the same task to the same relative error. Of the device all times follow from its
clock and its link; of the digital machine from what is stated of it, or was measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.analysis.digital import MACHINES, DigitalMachine
from thermolinalg.analysis.tasks import task_of
from thermolinalg.analysis.workload import Task
from thermolinalg.backend import NumpyArray
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.device.naming import title_of
from thermolinalg.errors import InvalidInput

SIZES = tuple(round(n) for n in np.geomspace(30, 100_000, 18))
CONDITIONS = (3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4)


@final
@dataclass(frozen=True, slots=True)
class Boundary:
    """Where the device wins at one condition number, among the sizes asked about.

    Args:
        condition: of A.
        size: the smallest size from which on it wins; None if it nowhere does.
        until: the last size of that stretch; None if it wins up to the largest asked about.
        judged: the size at which the lines below are taken: `size`, or where it comes nearest.
        dominant: the line of the ledger that takes longest there.
        share: of the device's time.
        gain: digital over device time there.
    """

    condition: float
    size: int | None
    until: int | None
    judged: int
    dominant: str
    share: float
    gain: float

    def __str__(self) -> str:
        where = "never in range" if self.size is None else f"d >= {self.size}"
        if self.until is not None:
            where += f" to {self.until}"
        why = f"{self.dominant} is {100 * self.share:.0f} % of its time"
        if self.size is None:
            why = f"{1 / self.gain:.2g} times the digital time at d = {self.judged}; {why}"
        return f"{self.condition:>9g}  {where:<20}  {why}"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Crossover:
    """Times of one task on a device and on a digital machine, over sizes and condition numbers.

    Arrays and tuples are (condition, size). Printing gives the table; `plot_crossover` the map.

    Args:
        ledgers: of the device, the digital work beside it included.
        device_seconds: their totals.
        digital_seconds: of the fastest digital method,
        methods: which is this one.
        boundaries: one for each condition number.
    """

    task: Task
    device: Device
    digital: DigitalMachine
    sizes: tuple[int, ...]
    conditions: tuple[float, ...]
    ledgers: tuple[tuple[Ledger, ...], ...]
    device_seconds: NumpyArray
    digital_seconds: NumpyArray
    methods: tuple[tuple[str, ...], ...]
    boundaries: tuple[Boundary, ...]

    @property
    def wins(self) -> NumpyArray:
        """Where the device is faster."""
        return self.device_seconds < self.digital_seconds

    @property
    def label(self) -> str:
        """How far the digital side can be trusted."""
        return "measured" if self.digital.kind == "measured" else "stated rates"

    @property
    def held(self) -> float:
        """The condition number up to which a device's bits hold the error, to first order.

        A relative error 2^-bits of A's norm moves the answer by condition times that.
        """
        return self.task.error * 2.0**self.device.bits

    def __repr__(self) -> str:
        won = sum(b.size is not None for b in self.boundaries)
        return (
            f"Crossover({self.task.title}, {title_of(self.device)} against {self.digital.name}, "
            f"wins at {won} of {len(self.conditions)} condition numbers)"
        )

    def _beyond(self) -> list[str]:
        nodes = self.device.limits.nodes
        if nodes is None or nodes >= self.sizes[-1]:
            return []
        return [f"the device has {nodes} nodes: of larger d it is one of its kind that has as many"]

    def __str__(self) -> str:
        bits, error = self.device.bits, self.task.error
        sizes = f"d = {self.sizes[0]} to {self.sizes[-1]}"
        clock = f"RC {self.device.time_constant:.3g} s, link {self.device.link:.3g} bit/s"
        rows = [
            f"{self.task.title}, error {error:g} on both sides, {sizes}",
            f"device: {title_of(self.device)}, modelled; {clock}, {bits} bits a number",
            f"digital: {self.digital.name}, {self.label}: {self.digital.source}",
            "condition  device wins           because",
            *map(str, self.boundaries),
            *self._beyond(),
            f"to first order {bits} bits hold that error up to a condition of {self.held:.3g}",
        ]
        return "\n".join(rows)


def crossover(
    device: Device | None = None,
    digital: DigitalMachine | str = "RTX A6000",
    /,
    *,
    task: str | Task = "solve",
    error: float | None = None,
    sizes: Sequence[int] = SIZES,
    conditions: Sequence[float] = CONDITIONS,
) -> Crossover:
    """Predict the sizes and condition numbers at which a device would beat a digital machine.

    Args:
        device: `Device.ideal()` by default: the clock and the link of the TNGD paper.
        digital: a name in `MACHINES`, or what `measure_digital` returns.
        task: "solve", "inv", "sample", "tngd step", or a `Task` with options of its own.
        error: relative, on both sides; None is the task's own.
        sizes: increasing.
        conditions: condition numbers, increasing.

    Raises:
        InvalidInput: an argument cannot be used.
    """
    device, asked = Device.given(device), task_of(task, error)
    machine = _machine(digital)
    sizes = tuple(checks.count("sizes", n) for n in _several("sizes", sizes))
    kappas = tuple(checks.positive("conditions", k) for k in _several("conditions", conditions))
    _require_increasing("sizes", sizes)
    _require_increasing("conditions", kappas)
    if kappas[0] < 1:
        raise InvalidInput(f"conditions has {kappas[0]:g}, and no matrix a condition below 1.")
    contest = _Contest(asked, device, machine)
    ledgers = tuple(tuple(contest.ledger(n, k) for n in sizes) for k in kappas)
    digital_best = [[contest.digital_best(n, k) for n in sizes] for k in kappas]
    return Crossover(
        task=asked,
        device=device,
        digital=machine,
        sizes=sizes,
        conditions=kappas,
        ledgers=ledgers,
        device_seconds=np.array([[x.total for x in row] for row in ledgers]),
        digital_seconds=np.array([[seconds for _, seconds in row] for row in digital_best]),
        methods=tuple(tuple(name for name, _ in row) for row in digital_best),
        boundaries=tuple(contest.boundary(sizes, k) for k in kappas),
    )


@final
@dataclass(frozen=True, slots=True)
class _Contest:
    """A task and the two that do it."""

    task: Task
    device: Device
    machine: DigitalMachine

    def ledger(self, n: int, condition: float) -> Ledger:
        work = self.task.workload(n, condition)
        ledger = work.ledger(self.device)
        rounding = self.task.error / condition
        for step in work.digital:
            seconds = self.machine.seconds(step, rounding)
            ledger = ledger.add("digital", seconds, self.machine.kind)
        return ledger

    def digital_best(self, n: int, condition: float) -> tuple[str, float]:
        return self.machine.best(self.task.methods(n, condition))

    def gain(self, n: int, condition: float) -> float:
        """Digital over device time."""
        return self.digital_best(n, condition)[1] / self.ledger(n, condition).total

    def boundary(self, sizes: tuple[int, ...], condition: float) -> Boundary:
        gains = [self.gain(n, condition) for n in sizes]
        first = next((i for i, gain in enumerate(gains) if gain > 1), None)
        size = until = None
        judged = sizes[int(np.argmax(gains))]
        if first is not None:
            lost = next((i for i in range(first, len(sizes)) if gains[i] <= 1), None)
            judged = size = (
                sizes[0] if first == 0 else self._turn(sizes[first - 1 : first + 1], condition) + 1
            )
            until = None if lost is None else self._turn(sizes[lost - 1 : lost + 1], condition)
        longest = (ledger := self.ledger(judged, condition)).longest
        return Boundary(
            condition,
            size,
            until,
            judged,
            longest.activity,
            longest.seconds / ledger.total,
            self.gain(judged, condition),
        )

    def _turn(self, ends: Sequence[int], condition: float) -> int:
        """The last size that is judged as the first of two ends is, by halving what is between."""
        low, high = ends
        return bisected(lambda n: self.gain(n, condition) > 1, low, high)


def bisected(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The last integer that is as `low` is, where `high` is not."""
    as_low = holds(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) == as_low else (low, middle)
    return low


def _machine(digital: DigitalMachine | str) -> DigitalMachine:
    known = MACHINES.get(digital) if isinstance(digital, str) else digital
    if not isinstance(known, DigitalMachine):
        raise InvalidInput(
            f"digital = {digital!r} must be one of {', '.join(MACHINES)}, a StatedMachine, or what "
            "measure_digital returns."
        )
    return known


def _require_increasing(name: str, values: Sequence[float]) -> None:
    if not values or sorted(set(values)) != list(values):
        raise InvalidInput(f"{name} = {values} must increase, and be one at least.")


def _several(name: str, values: Any) -> Any:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise InvalidInput(f"{name} = {values!r} must be a list of numbers, such as ({values!r},).")
    return values
