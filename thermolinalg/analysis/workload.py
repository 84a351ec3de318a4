"""What a task asks of a device and of a digital machine, in closed form from its size.

Of a device: numbers to move, and times in RC (`Workload`). Of a digital machine: steps of known
cost (`Method`). Matrices are symmetric positive definite of norm 1, dense, their eigenvalues evenly
spread on a logarithmic scale from 1/condition to 1.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple, final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.device.charging import read_out, timed, uploaded
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device

GROUPS = 64
"""Eigenvalues told apart: more of them are gathered, neighbours by their mean."""

CG_SIZE = 512
"""Unknowns for which iterations are counted: more of them tell CG nothing of the same spectrum."""

MOST = 100
"""Iterations of CG for each unknown, after which it is not going to end."""


class Step(NamedTuple):
    """A kernel of a digital library, so many times: one takes `flops`, and moves `numbers`."""

    kernel: str
    size: int
    flops: float
    numbers: float
    times: float = 1.0


class Method(NamedTuple):
    """One digital way to do a task, and the relative rounding error that it may have."""

    name: str
    steps: tuple[Step, ...]
    rounding: float


@final
@dataclass(frozen=True, slots=True)
class Workload:
    """What one task asks of a device. Times are in RC.

    Args:
        nodes: of the network.
        coefficients: couplings to upload.
        drives: and the drives.
        settle: burn-in.
        measure: what it runs on while it is read.
        readings: numbers that go back.
        digital: what is left to the digital machine beside it.
    """

    nodes: int
    coefficients: int
    drives: int
    settle: float
    measure: float
    readings: int
    digital: tuple[Step, ...] = ()

    def ledger(self, device: Device) -> Ledger:
        """What that costs on one device, without the digital work."""
        ledger = uploaded(device, Ledger(), self.coefficients + self.drives)
        ledger = timed(device, ledger, "settle", self.settle, self.nodes)
        if self.measure:
            ledger = timed(device, ledger, "measure", self.measure, self.nodes)
        return read_out(device, ledger, self.readings)


class Task(ABC):
    """A kind of problem, of which there is one of each size and condition number."""

    title: ClassVar[str]
    error: float  # relative, on both sides

    @abstractmethod
    def workload(self, n: int, condition: float) -> Workload:
        """What a device is asked."""

    @abstractmethod
    def methods(self, n: int, condition: float) -> tuple[Method, ...]:
        """What a digital machine may do instead, for the same error."""


@lru_cache(maxsize=256)
def spectrum(n: int, condition: float) -> tuple[NumpyArray, NumpyArray]:
    """Eigenvalues (m,) from 1/condition to 1, at most `GROUPS`, and how often each stands there.

    Eigenvalue j of n is condition^{j/(n-1) - 1}; a group's is the geometric mean of its own.
    """
    places = np.linspace(0, 1, n) if n > 1 else np.zeros(1)
    groups = np.array_split(places, min(n, GROUPS))
    logs = np.array([group.mean() for group in groups]) - 1
    return condition**logs, np.array([float(len(group)) for group in groups])


@lru_cache(maxsize=4096)
def cg_iterations(n: int, condition: float, error: float) -> float:
    """Iterations of conjugate gradients until |x - A⁻¹b| <= error |A⁻¹b|: counted, not bounded.

    They depend on A by its eigenvalues alone, so that A is diagonal here, and b the same of each.
    Infinite, where rounding keeps them from it.
    """
    a = np.geomspace(1 / condition, 1, n) if n > 1 else np.ones(1)
    truth, x, r = 1 / a, np.zeros(n), np.ones(n)
    p, size, count = r, float(n), 0
    wanted = error * float(np.linalg.norm(truth))
    while np.linalg.norm(x - truth) > wanted:
        if count == MOST * n or not size:
            return math.inf
        Ap = a * p
        step = size / float(p @ Ap)
        x, r = x + step * p, r - step * Ap
        size, last = float(r @ r), size
        p, count = r + size / last * p, count + 1
    return count
