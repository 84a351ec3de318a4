"""A device in mid-run, and what a whole run has read."""

from dataclasses import dataclass
from typing import final

from thermolinalg.backend import Array
from thermolinalg.device.ledger import Ledger
from thermolinalg.measurement.observed import Observed
from thermolinalg.theory.operator import Runnable


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
