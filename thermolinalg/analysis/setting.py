"""What all causes are asked about: a problem on one chip, its network, and the law it should have.

Nodes that are dead change the network itself; every other cause is a small change of what is left.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from thermolinalg.analysis.schedule import Schedule
from thermolinalg.analysis.statement import Statement
from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import whole
from thermolinalg.theory.equilibrium import stationary_covariance
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False)
class Setting:
    """A problem, a device and a schedule; all arrays in the device's units, of NumPy."""

    problem: Statement
    device: Device
    schedule: Schedule

    @property
    def mean(self) -> bool:
        """Is the answer a mean? Else it is a covariance."""
        return self.problem.quantity == "mean"

    @cached_property
    def asked(self) -> OU:
        """The network that the problem asks for."""
        network = self.problem.network
        return OU(*(to_numpy(x).astype(float) for x in (network.A, network.b, network.D)))

    @cached_property
    def left(self) -> OU:
        """What is left of it with the dead nodes grounded."""
        dead = self.device.dead
        return dead.distort(self.asked, self.device.specimen(dead)) if dead else self.asked

    @cached_property
    def alive(self) -> NumpyArray:
        """Which nodes (n,) are not dead."""
        return np.diag(np.asarray(self.left.D)) > 0

    @cached_property
    def rates(self) -> NumpyArray:
        """Relaxation rates of the modes of what is left."""
        return self._modes[0]

    @cached_property
    def U(self) -> NumpyArray:
        """Those modes (n, m), orthonormal; dead nodes have no share in them."""
        return self._modes[1]

    @cached_property
    def _modes(self) -> tuple[NumpyArray, NumpyArray]:
        alive = self.alive
        rates, V = np.linalg.eigh(self.left.A[np.ix_(alive, alive)])
        U = np.zeros((len(alive), len(rates)))
        U[alive] = V
        return rates, U

    @property
    def temperature(self) -> float:
        """T, in units in which the noise is N(0, 2T dt)."""
        return self.problem.program.temperature

    def function(self, weights: NumpyArray) -> NumpyArray:
        """The matrix (n, n) with these eigenvalues."""
        return np.asarray((self.U * weights) @ self.U.T)

    @cached_property
    def law(self) -> NumpyArray:
        """The mean (k, n), or the covariance (n, n), that what is left has at rest."""
        if self.mean:
            b = np.atleast_2d(self.left.b)
            return np.asarray(b @ self.function(1 / self.rates))
        return self.covariance

    @cached_property
    def covariance(self) -> NumpyArray:
        """The covariance (n, n) of what is left, at rest."""
        return self.function(self.temperature / self.rates)

    def at_rest(self, network: OU) -> NumpyArray:
        """The covariance (n, n) of a network that this chip's circuit moves, at rest."""
        moving = self.device.circuit.realise(network)
        if isinstance(moving, Inertial):
            moving = whole(moving)
        return stationary_covariance(moving)[: network.n, : network.n]

    @cached_property
    def window_covariance(self) -> NumpyArray:
        """Covariance (n, n) of the average of one window w: 2T/(a² w) (1 - (1 - e^{-aw})/(aw))."""
        u = self.rates * self.schedule.window
        shorter = 1 + np.expm1(-u) / u
        return self.function(2 * self.temperature / self.rates**2 / self.schedule.window * shorter)

    @cached_property
    def step(self) -> float:
        """Time between two readings of a second moment, in RC."""
        process: Any = self.device.nominal(self.problem.network)
        return self.schedule.step(float(process.slowest))

    @property
    def samples(self) -> float:
        """How many readings of the state a second moment averages."""
        return self.schedule.time / self.step

    # ---- from the device's units to the answer's ----

    def answer(self, x: NumpyArray) -> NumpyArray:
        """The answer that these numbers would be read as."""
        program = self.problem.program
        return to_numpy(program.arrange(program.scale * program.decode(x)))

    def answer_variance(self, v: NumpyArray) -> NumpyArray:
        """The same of variances, which may be negative."""
        width = self.answer(np.sqrt(np.abs(v)))
        sign = to_numpy(self.problem.program.arrange(np.sign(v)))
        return np.asarray(sign * width**2)

    @cached_property
    def units(self) -> NumpyArray:
        """By how much each coordinate (n,) grows from the device's units to the answer's."""
        program = self.problem.program
        return np.abs(to_numpy(program.scale * program.decode(np.ones_like(self.law)))[0])

    @cached_property
    def gain(self) -> float:
        """The most by which lengths grow from the device's units to the answer's."""
        return float(np.max(np.abs(self.answer(np.ones_like(self.law)))))
