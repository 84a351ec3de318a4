"""The contract of what is asked of a device again and again: the same problem, other devices."""

from typing import Any, Protocol

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
    if not isinstance(answer, Estimate):
        raise InvalidInput(
            f"answer is of type {type(answer).__name__}, and must be the Estimate of a solver: it "
            "alone knows what was read, and how well."
        )
    program = answer.run.program if isinstance(answer.run, Run) else None
    if program is None or program.decode is not same or not isinstance(program.readout, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        known = " or ".join(WHERE[k] for k in kinds)
        raise InvalidInput(
            f"{method} is not for {answer.problem}: it is known for answers that are themselves "
            f"{known}, without `only` or `precondition`."
        )
    return program


MEAN, COVARIANCE = TimeAverage, SecondMoment
"""What is read of a network whose mean, or whose covariance, is the answer."""

WHERE: dict[type, str] = {
    MEAN: "the mean of a network, as of `solve(A, b)`",
    COVARIANCE: "the covariance of a network, as of `inv(A)`",
}
"""Which answers are read so."""


def require_asked(question: Any, device: Any) -> None:
    """A question and a device, in this order.

    Raises:
        InvalidInput: one of them is something else.
    """
    if not callable(getattr(question, "run", None)) or isinstance(question, Device):
        raise InvalidInput(
            f"question is of type {type(question).__name__}, and comes first. Pass a Problem, such "
            'as Problem("solve", (A, b)), and then the device.'
        )
    if not isinstance(device, Device):
        raise InvalidInput(
            f"device is of type {type(device).__name__}, and must be a Device with something to "
            'mitigate, such as Device.from_toml("board.toml").'
        )


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
