"""A problem as a device is told it, with the answer that is expected of it."""

from dataclasses import dataclass
from typing import Literal, final

from thermolinalg.backend import NumpyArray
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.program import Program
from thermolinalg.theory.process import OU

Quantity = Literal["mean", "covariance"]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Statement:
    """What is programmed, what of it is the answer, how well it is wanted, and what it should be.

    The device's units are those of `program`: the answer is so many times what is read.
    """

    program: Program
    quantity: Quantity
    target: Target
    truth: NumpyArray
    limit: float  # most time of a run, in RC

    @property
    def network(self) -> OU:
        """The network asked for, in the device's units; its drives are (k, n)."""
        process = self.program.process
        assert isinstance(process, OU)
        return process
