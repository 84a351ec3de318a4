"""A device in mid-run, and what a whole run has read."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace, to_numpy
from thermolinalg.device.ledger import Ledger
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.streams import Streams
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU

RELAXATIONS = 20.0
"""Of what is read: how long to settle, and each window, where nothing else is asked for."""

SHOWN = 36
"""Numbers of an array that are printed; of a larger one its corners."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Running:
    """A programmed device in mid-run: process, states (chains, n), and the ledger so far.

    Chains run one after the other on the one device, so the ledger charges for each of them;
    `clock` is how long each has run.
    """

    process: Runnable | Observed
    states: Array
    ledger: Ledger
    clock: float = 0.0


@final
@dataclass(frozen=True, eq=False, slots=True)
class DeviceRun:
    """What `Device.run` returns: windows (K, ...) of what was read, their mean and its error.

    `process` is what the chip really moved, as instruments see it. The error bar is the spread of
    the windows; it knows nothing of what the device is wrong about.
    """

    windows: Array
    mean: Array
    stderr: Array
    ledger: Ledger
    process: Runnable | Observed
    seed: int

    def __repr__(self) -> str:
        return (
            f"DeviceRun({self.windows.shape[0]} windows, mean of shape {tuple(self.mean.shape)}, "
            f"{self.ledger.seconds('modelled'):.3g} s modelled, seed {self.seed})"
        )

    def __str__(self) -> str:
        said = np.array2string(to_numpy(self.mean), precision=4, threshold=SHOWN, prefix=" " * 8)
        error = np.array2string(to_numpy(self.stderr), precision=2, threshold=SHOWN, prefix=" " * 8)
        ledger = str(self.ledger).replace("\n", "\n        ")
        return (
            f"mean of {self.windows.shape[0]} windows\n  mean  {said}\n  error {error}\n"
            f"  cost  {ledger}\n  repeat rng={self.seed}"
        )


def run_windows(
    device: Any,
    process: OU,
    readout: Readout | None,
    settle: float | None,
    window: float | None,
    windows: int,
    streams: Streams,
) -> DeviceRun:
    """What `Device.run` says of itself."""
    _require_usable(process, readout)
    driven = bool(namespace(process.b).any(process.b != 0))
    readout = readout or (TimeAverage() if driven else SecondMoment())
    nominal, windows = device.nominal(process), checks.count("windows", windows, least=2)
    memory = RELAXATIONS / readout.correlation_rate(nominal)
    settle = memory if settle is None else checks.positive("settle", settle, zero=True)
    window = memory if window is None else checks.positive("window", window)
    thermal = streams.stream("thermal")
    start = namespace(process.b).reshape(0 * process.b, (-1, process.n))
    running = device.settle(device.program(process, start), settle, thermal)
    values, running = device.measure(running, readout, window, windows, thermal)
    begun, xp = perf_counter(), namespace(values)
    mean, spread = xp.mean(values, axis=0), xp.std(values, axis=0, correction=1.0)
    ledger = running.ledger.add("digital", perf_counter() - begun, "measured")
    stderr = spread / windows**0.5
    return DeviceRun(values, mean, stderr, ledger, running.process, streams.seed)


def _require_usable(process: Any, readout: Any) -> None:
    if not isinstance(process, OU | Inertial):
        raise InvalidInput(
            f"process is of type {type(process).__name__}, and an OU or an Inertial is needed: "
            "OU(A, b, D), overdamped(S, f) or underdamped(S, f), say."
        )
    if readout is not None and not isinstance(readout, Readout):
        raise InvalidInput(
            f"readout = {readout!r} must be a readout, such as TimeAverage() or SecondMoment()."
        )
