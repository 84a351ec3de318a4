"""Carry a program out until the mean of its readout is known to the wanted error.

Every solver is: encode its problem as a `Program`, call `run`, and return the Estimate. This file
is the one path from a process to an answer.
"""

from thermolinalg.device.machine import Device
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.program import Program
from thermolinalg.solvers.run import Run
from thermolinalg.streams import Streams


def run(
    program: Program,
    target: Target,
    device: Device,
    streams: Streams,
    control: Control,
    callback: Callback | None = None,
) -> Estimate:
    """Burn in, run pilots to learn the noise, then average for as long as the target needs."""
    return Run.begin(program, target, device, streams, control).carry_on(callback)
