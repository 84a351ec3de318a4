"""Samples of a linear program: the device settles, and its state is read now and then."""

import math
from collections.abc import Sequence

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
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
    run = device.program(process, np.zeros((chains, process.n)))
    run = device.settle(run, BURN_IN / process.slowest, streams.stream("burn-in"))
    spacing, thermal = APART / process.slowest, streams.stream("thermal")
    values, run = device.measure(run, Snapshot(), spacing, each, thermal)
    return np.moveaxis(np.asarray(values), 0, 1)[..., list(read)], run.ledger
