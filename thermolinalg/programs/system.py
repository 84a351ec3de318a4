"""What a program amounts to: an energy, frictions, temperatures, masses, and what is held.

Friction γ_i dx_i = -∂U/∂x_i dt + N(0, 2 γ_i T_i dt), or with masses the motion of (x, v). Where all
temperatures are one, the law at rest is exp(-U/T), whatever the frictions and masses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
import sympy as sp

from thermolinalg.backend import Array, NumpyArray
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput
from thermolinalg.programs.energy import Energy
from thermolinalg.programs.landscape import Landscape
from thermolinalg.theory.langevin import Langevin, Nonlinear
from thermolinalg.theory.process import OU

EPS = float(np.finfo(float).eps)

BLUR = 1e-3
"""Rounding of an energy, in units of the temperature, that no sampler notices."""


@final
@dataclass(frozen=True, eq=False)
class System:
    """Coordinates in numbers: an energy of all of them, and the values of those that are held."""

    energy: Energy
    held: dict[sp.Symbol, float]
    friction: NumpyArray  # (n,)
    temperature: NumpyArray  # (n,)
    mass: NumpyArray | None  # (n,)

    @cached_property
    def free(self) -> "System":
        """The coordinates that are not held, and the energy that they feel."""
        if not self.held:
            return self
        state = self.energy.state
        rows = [i for i, symbol in enumerate(state) if symbol not in self.held]
        mass = None if self.mass is None else self.mass[rows]
        energy = self.energy.hold(self.held)
        return System(energy, {}, self.friction[rows], self.temperature[rows], mass)

    def around(self, symbols: Iterable[sp.Symbol]) -> "System":
        """Free coordinates and all that they are tied to; the others are independent of them."""
        free = self.free
        energy = free.energy.around(symbols)
        kept = set(energy.state)
        rows = [i for i, symbol in enumerate(free.energy.state) if symbol in kept]
        mass = None if free.mass is None else free.mass[rows]
        return System(energy, {}, free.friction[rows], free.temperature[rows], mass)

    @property
    def is_gaussian(self) -> bool:
        """Is the energy of the free coordinates quadratic?"""
        return self.free.energy.is_quadratic

    @property
    def bath(self) -> float | None:
        """The temperature of the free coordinates, if it is one and the same."""
        heat = self.free.temperature
        return float(heat[0]) if (heat == heat[0]).all() else None

    @cached_property
    def graph(self) -> CouplingGraph:
        """The couplings, held coordinates included."""
        return self.energy.graph(self.held)

    @cached_property
    def landscape(self) -> Landscape:
        """The energy of the free coordinates at their temperature.

        Raises:
            InvalidInput: they have more than one temperature, or lie too far from zero.
        """
        if self.bath is None:
            raise InvalidInput(
                "the coordinates have more than one temperature, so that their law at rest is no "
                "exp(-U/T), and no energy says it. Simulate it: tla.simulate(model.process(), ...)."
            )
        energy = self.free.energy
        if EPS * abs(energy.constant) > BLUR * self.bath:
            raise InvalidInput(
                f"where all coordinates are zero the energy is {energy.constant:.3g}, so large at "
                f"the temperature {self.bath:g} that differences drown in rounding. Measure "
                "coordinates from near where they rest: x - c in place of x, in every statement."
            )
        return Landscape(
            energy.value, energy.gradient, energy.hessian, energy.n, self.bath, energy.names
        )

    @cached_property
    def process(self) -> Any:
        """The motion of the free coordinates: OU, Network, Nonlinear or Langevin.

        Raises:
            Unstable: a direction has no spring that holds it.
            InvalidInput: no process of the library has these masses and frictions.
        """
        free = self.free
        if free.energy.is_quadratic:
            return free._linear if free.mass is None else free._swinging
        return free._nonlinear if free.mass is None else free._with_mass

    @property
    def _linear(self) -> Any:
        graph = self.energy.graph({})
        if self.bath is not None:
            friction = _one(self.friction)
            return graph.process(temperature=self.bath, friction=friction)
        S = self.energy.S.toarray()
        graph.require_held()
        return OU(
            S / self.friction[:, None],
            self.energy.f / self.friction,
            np.diag(2 * self.temperature / self.friction),
        )

    @property
    def _swinging(self) -> OU:
        """Over (x, v): dx = v dt, m dv = (f - Sx - γ v) dt + N(0, 2 γ T dt)."""
        assert self.mass is not None
        self.energy.graph({}).require_held()
        n, zero = self.energy.n, np.zeros((self.energy.n, self.energy.n))
        rate = self.friction / self.mass
        A = np.block(
            [[zero, -np.eye(n)], [self.energy.S.toarray() / self.mass[:, None], np.diag(rate)]]
        )
        heat = np.diag(2 * rate * self.temperature / self.mass)
        b = np.concatenate([np.zeros(n), self.energy.f / self.mass])
        return OU(A, b, np.block([[zero, zero], [zero, heat]]))

    @property
    def _nonlinear(self) -> Nonlinear:
        noise = np.diag(2 * self.temperature / self.friction)
        return Nonlinear(Pull(self.energy, self.friction), noise)

    @property
    def _with_mass(self) -> Langevin:
        assert self.mass is not None
        if self.bath is None or np.ptp(self.friction) > 0:
            raise InvalidInput(
                "masses under a potential that is not quadratic need one friction and one "
                "temperature for all. Give every plate the same, or leave the masses out."
            )
        force = Pull(self.energy, np.ones(self.energy.n))
        return Langevin(force, self.mass, temperature=self.bath, friction=float(self.friction[0]))


@final
@dataclass(frozen=True, eq=False, slots=True)
class Pull:
    """The drift -∇U/γ of states (chains, n)."""

    energy: Energy
    friction: NumpyArray

    def __call__(self, x: Array) -> NumpyArray:
        return -self.energy.gradient(x) / self.friction


def _one(values: NumpyArray) -> float | NumpyArray:
    """One number where all are the same, which is simpler to run."""
    return float(values[0]) if (values == values[0]).all() else values
