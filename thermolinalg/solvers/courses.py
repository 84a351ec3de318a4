"""From outlooks to a forecast: how long to average, and what the device's clock says to that."""

import math
from dataclasses import replace
from typing import NamedTuple

from thermolinalg.device.charging import read_out, timed
from thermolinalg.device.circuit import RC
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.measurement.moment import MomentEntries
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.solvers.budget import (
    BIAS,
    KNOWN_TO,
    KNOWN_WITH,
    RELAXATIONS,
    WINDOWS,
    Target,
    burn_in,
)
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.forecast import Course, Forecast
from thermolinalg.solvers.outlook import Known, Outlook, outlooks
from thermolinalg.solvers.program import Program
from thermolinalg.theory.inertial import Inertial


class Setting(NamedTuple):
    """What all courses of a program share; times of one copy, in RC."""

    program: Program
    goal: Target  # in the program's units
    control: Control
    device: Device
    copies: int
    settle: float
    shortest: float  # window

    @property
    def windows(self) -> int:
        """Windows of each copy."""
        return WINDOWS // self.copies


def forecast(
    program: Program, target: Target, device: Device, control: Control, known: Known, rates: str
) -> Forecast:
    """What `run` would take for this program, from rates alone.

    Raises:
        InvalidInput: the device cannot hold it, or moves in another way than by these rates.
    """
    if not isinstance(device.circuit, RC):
        raise InvalidInput(
            f"plans are made from the rates of RC circuits, and this device has one of kind "
            f"{device.circuit.kind!r}. Run it with max_time= instead."
        )
    process, readout = program.process, program.readout
    copies = max(control.chains, program.replicas)
    slowest, fastest = known.bounds or (process.slowest, process.fastest)
    slower = slowest / process.slowest
    rate = readout.correlation_rate(process) * slower
    goal = replace(target, atol=target.atol / program.scale)
    setting = Setting(
        program=program,
        goal=goal,
        control=control,
        device=device,
        copies=copies,
        settle=(
            program.burn_in(goal) if program.soft else burn_in(goal, rate, program.most / slower)
        ),
        shortest=(RELAXATIONS if copies < WINDOWS else 1.0) / rate,
    )
    return Forecast(
        problem=program.name,
        target=target,
        temperature=program.temperature,
        dynamics=_dynamics(program),
        chains=control.chains,
        slowest=slowest,
        fastest=fastest,
        rates=rates,
        courses=tuple(_course(setting, outlook) for outlook in outlooks(program, known)),
    )


def _dynamics(program: Program) -> str:
    """How the network moves, and from where it starts."""
    process = program.process
    if isinstance(process, Inertial):
        return f"underdamped, friction {process.friction:.3g}"
    balance = getattr(process, "modes", True) is not None
    drift = "detailed balance" if balance else "a drift of its own"
    return f"overdamped, {drift}{at_rest(program.soft.count if program.soft else 0)}"


def at_rest(count: int) -> str:
    """Which modes start so, in words."""
    return f", softest modes at rest from the start: {count}" if count else ""


def _course(setting: Setting, outlook: Outlook) -> Course:
    """How long the mean of a program's readout takes to be known well enough."""
    program, goal, noise = setting.program, setting.goal, outlook.noise
    wanted = goal.wanted(outlook.norm) * (1 - BIAS)
    if wanted == 0:
        return _hopeless(setting, outlook)
    reach = noise.quantile(goal.confidence)
    window = _whole(program.readout, max(reach / wanted**2 / WINDOWS, setting.shortest), setting)
    doubt = max(max(KNOWN_TO, 2 * goal.rtol) * outlook.norm, goal.atol)
    first = max(noise.quantile(KNOWN_WITH) / doubt**2 / WINDOWS, setting.shortest)
    return Course(
        certain=outlook.certain,
        assumes=outlook.assumes,
        source=noise.source,
        norm=program.scale * outlook.norm,
        burn_in=setting.copies * setting.settle,
        by_chi_square=reach / wanted**2,
        by_markov=noise.markov(goal.confidence) / wanted**2,
        averaging=WINDOWS * window,
        pilot=WINDOWS * first,
        samples=WINDOWS * _samples(program, window),
        expected_error=program.scale * math.sqrt(reach / (WINDOWS * window)),
        ledger=_price(setting, [first, window]),
    )


def _hopeless(setting: Setting, outlook: Outlook) -> Course:
    """Only a relative error is wanted, of an answer that may be zero."""
    return Course(
        certain=outlook.certain,
        assumes=outlook.assumes,
        source=outlook.noise.source,
        norm=0.0,
        burn_in=setting.copies * setting.settle,
        by_chi_square=math.inf,
        by_markov=math.inf,
        averaging=math.inf,
        pilot=math.inf,
        samples=0,
        expected_error=math.inf,
        ledger=Ledger(),
    )


def _whole(readout: Readout, window: float, setting: Setting) -> float:
    """A window of whole lags, the first of which in a copy has no partner."""
    if not isinstance(readout, LaggedMoment):
        return window
    return readout.lag * math.ceil(window / readout.lag + setting.copies / WINDOWS)


def _samples(program: Program, window: float) -> int:
    """Readings of the state in a window: one of the analog integrator, for means."""
    readout, n = program.readout, coordinates_read(program.process)
    if isinstance(readout, MomentEntries):
        n = len(set(readout.pairs.ravel().tolist()))
    return 1 if isinstance(readout, TimeAverage) else readout.numbers(program.process, window) // n


def _price(setting: Setting, windows: list[float]) -> Ledger:
    """What the ledger of a run will say, when it has read these windows after its burn-in."""
    program, device = setting.program, setting.device
    chains = setting.control.chains
    rows = program.start.shape[0] // min(chains, program.replicas)
    copies, nodes = chains * rows, coordinates_read(program.process)
    start, unit = program.start[:rows, :], program.unit
    ledger = device.program(program.process, start, unit=unit, drives=program.drives).ledger
    ledger = timed(device, ledger, "settle", copies * setting.settle, nodes)
    K = setting.windows
    ledger = timed(device, ledger, "measure", copies * K * sum(windows), nodes)
    numbers = sum(program.readout.numbers(program.process, window) for window in windows)
    return read_out(device, ledger, copies * K * numbers)
