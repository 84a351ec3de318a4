"""The contract of what is asked of a device again and again: the same problem, other devices."""

from typing import Protocol

from thermolinalg.backend import namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.program import Program, same
from thermolinalg.solvers.run import Run
from thermolinalg.streams import RNG
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


class Question(Protocol):
    """A problem that any device can be asked."""

    def run(self, device: Device | None = None, /, *, rng: RNG = None) -> Estimate:
        """The answer of one device."""
        ...


def stated(answer: Estimate, kind: type | tuple[type, ...], method: str) -> Program:
    """What the digital side has stated to get this answer: the mean of a readout, times a scale.

    Raises:
        InvalidInput: the answer is not read so, and the method knows nothing of it.
    """
    program = answer.run.program if isinstance(answer.run, Run) else None
    if program is None or program.decode is not same or not isinstance(program.readout, kind):
        raise InvalidInput(
            f"{method} is not for {answer.problem}: it is known for answers that are themselves "
            "the mean or the covariance of a network. Ask `solve(A, b)` or `inv(A)` without "
            "`only` or `precondition`."
        )
    return program


MEAN, COVARIANCE = TimeAverage, SecondMoment
"""What is read of a network whose mean, or whose covariance, is the answer."""


def network_asked(question: Question, program: Program, method: str) -> OU:
    """The network that a question asks for: A as an array, without what a circuit makes of it.

    A question may know its own, as a `Problem` does; else it is that of the program, on circuits
    that move as it says.

    Raises:
        InvalidInput: its matrix is only multiplied, or nobody knows it.
    """
    process = getattr(question, "network", program.process)
    process = process.network if isinstance(process, Inertial) else process
    if not isinstance(process, OU):
        raise InvalidInput(
            f"{method} needs A as an array. Pass A.toarray(); on circuits with dynamics of their "
            "own, ask a `Problem`."
        )
    return process


def least_gain(network: OU) -> float:
    """The smallest singular value of A: of a symmetric one, its slowest rate."""
    xp, A = namespace(network.A), network.A
    if network.modes is not None:
        return network.slowest
    return float(xp.linalg.eigvalsh(A.T @ A)[0]) ** 0.5
