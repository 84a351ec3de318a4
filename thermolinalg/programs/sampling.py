"""Samples of a linear program: the device settles, and its state is read now and then."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.device.driving import is_exact
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.measurement.snapshot import Snapshot
from thermolinalg.streams import Streams
from thermolinalg.theory.operator import Network
from thermolinalg.theory.process import OU

BURN_IN = 40.0
"""Relaxation times of the slowest mode after which e^{-t} is below the rounding of a double."""

APART = 8.0
"""Relaxation times between readings, after which e^{-8} is left: they are independent, nearly."""


def sample_linear(
    process: OU | Network,
    samples: int,
    read: Sequence[int],
    /,
    *,
    chains: int,
    device: Device,
    streams: Streams,
) -> tuple[NumpyArray, Ledger]:
    """States (chains, m, len(read)) of chains that began at zero, `samples` in all or a few more.

    Steps have no error, however long, so that time on the device costs nothing to simulate.

    Args:
        process: what to run.
        samples: how many readings are wanted, of all chains together.
        read: which coordinates an instrument reads.
        chains: how many independent runs.
        device: what runs them.
        streams: where the noise comes from.
    """
    samples, chains = checks.count("samples", samples), checks.count("chains", chains)
    each = math.ceil(samples / chains)
    unit = 1.0 if is_exact(device) else _unit(process)
    if unit != 1 and isinstance(process, OU):
        rate = process.fastest
        process = OU(process.A / rate, process.b / rate / unit, process.D / rate / unit**2)
        unit, back = 1.0, unit
    else:
        unit, back = 1 / unit, 1.0
    nominal: Any = device.nominal(process)
    slowest = nominal.slowest
    run = device.program(process, np.zeros((chains, process.n)), unit=unit)
    run = device.settle(run, BURN_IN / slowest, streams.stream("burn-in"))
    spacing, thermal = APART / slowest, streams.stream("thermal")
    values, run = device.measure(run, Snapshot(), spacing, each, thermal)
    return np.moveaxis(np.asarray(values), 0, 1)[..., list(read)] * back, run.ledger


def _unit(process: OU | Network) -> float:
    """What a state of 1 on the device stands for, where the fastest rate is 1 and noise is 2.

    In which units an ideal device moves makes no difference; errors are relative to them.
    """
    noise = process.diffusion if isinstance(process, Network) else np.diagonal(process.D)
    return math.sqrt(float(np.max(noise)) / process.fastest / 2)
