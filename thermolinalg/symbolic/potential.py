"""A mechanical system in a bath: its potential, and the motion that it makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import sympy as sp

from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.symbolic.quadratic import Quadratic, split_quadratic
from thermolinalg.symbolic.symbols import exact, expression, require_no_namesake, state_symbols


@final
@dataclass(frozen=True, eq=False)
class Potential:
    """A potential U, and what drives the motion in it. Without a mass it is overdamped.

    friction_i dx_i = -dU/dx_i dt + N(0, 2 friction_i T_i dt), or with inertia
    dx_i = v_i dt, m_i dv_i = -dU/dx_i dt - friction_i v_i dt + N(0, 2 friction_i T_i dt).
    """

    U: sp.Expr
    positions: tuple[sp.Symbol, ...]
    temperature: tuple[sp.Expr, ...]
    friction: tuple[sp.Expr, ...]
    mass: tuple[sp.Expr, ...] | None

    @cached_property
    def quadratic(self) -> Quadratic:
        """U, split into its quadratic form and the rest."""
        return split_quadratic(self.U, self.positions)

    @cached_property
    def velocities(self) -> tuple[sp.Symbol, ...]:
        """v_x for the position x; none without inertia."""
        if self.mass is None:
            return ()
        return tuple(sp.Symbol(f"v_{x.name}", real=x.is_real) for x in self.positions)

    @property
    def state(self) -> tuple[sp.Symbol, ...]:
        """Positions, then velocities."""
        return self.positions + self.velocities

    def drift(self) -> tuple[sp.Expr, ...]:
        """The drift, through the quadratic form."""
        inertia = self.friction if self.mass is None else self.mass
        pull = self.quadratic.gradient([-1 / m for m in inertia])
        if self.mass is None:
            return pull
        bath = zip(pull, self.friction, self.velocities, self.mass, strict=True)
        return self.velocities + tuple(sp.Add(f, -g / m * v) for f, g, v, m in bath)

    def diffusion(self) -> tuple[sp.Expr, ...]:
        """The diagonal of D."""
        pairs = zip(self.friction, self.temperature, strict=True)
        if self.mass is None:
            return tuple(2 * T / g for g, T in pairs)
        noise = tuple(2 * g * T / m**2 for (g, T), m in zip(pairs, self.mass, strict=True))
        return (sp.S.Zero,) * len(noise) + noise

    @property
    def common_temperature(self) -> sp.Expr | None:
        """The temperature, if it is the same everywhere."""
        return self.temperature[0] if len(set(self.temperature)) == 1 else None

    def energy(self) -> sp.Expr:
        """U, plus the kinetic energy."""
        if self.mass is None:
            return self.U
        moving = zip(self.mass, self.velocities, strict=True)
        return sp.Add(self.U, *(m * v**2 / 2 for m, v in moving))

    def gibbs(self) -> sp.Expr | None:
        """-energy/T, the logarithm of the Gibbs law, if there is one temperature above zero."""
        T = self.common_temperature
        return None if T is None or T == 0 else sp.Mul(-1 / T, self.energy(), evaluate=True)

    def substitute(self, values: dict[sp.Symbol, sp.Expr]) -> "Potential":
        """The same with values for parameters."""

        def put(entries: tuple[sp.Expr, ...]) -> tuple[sp.Expr, ...]:
            return tuple(e.xreplace(values) for e in entries)

        return potential(
            self.U.xreplace(values),
            self.positions,
            put(self.temperature),
            put(self.friction),
            None if self.mass is None else put(self.mass),
        )


def potential(U: Any, state: Any, temperature: Any, friction: Any, mass: Any) -> Potential:
    """A potential and its bath, checked.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    positions = state_symbols(state)
    bath = {"temperature": temperature, "friction": friction, "mass": mass}
    given = {
        name: None if value is None else _per_coordinate(name, value, positions)
        for name, value in bath.items()
    }
    found = Potential(
        exact(expression("U", U)),
        positions,
        given["temperature"] or (),
        given["friction"] or (),
        given["mass"],
    )
    require_no_namesake("U", found.U, positions)
    _require_no_velocity(found)
    return found


def _require_no_velocity(found: Potential) -> None:
    """Go on only if no parameter bears the name that a velocity gets."""
    names = {v.name for v in found.velocities}
    given = {"U": (found.U,), "temperature": found.temperature, "friction": found.friction}
    for name, entries in (given | {"mass": found.mass or ()}).items():
        taken = sorted(s.name for e in entries for s in e.free_symbols if s.name in names)
        if taken:
            raise InvalidInput(
                f"{name} holds the symbol {taken[0]}, which is the name of a velocity. Name a "
                "parameter otherwise; a force that depends on velocities has no potential: write "
                "SDE(state, drift, ...) yourself."
            )


def _per_coordinate(name: str, value: Any, positions: tuple[sp.Symbol, ...]) -> tuple[sp.Expr, ...]:
    """One value for all coordinates, or one for each."""
    n = len(positions)
    several = isinstance(value, Sequence | sp.MatrixBase) or getattr(value, "ndim", 0) == 1
    values = list(value) if several and not isinstance(value, str) else [value] * n
    if len(values) != n:
        raise ShapeMismatch(f"{name} has {len(values)} entries; one, or {n} of them, are needed.")
    found = tuple(exact(expression(name, v)) for v in values)
    for entry in found:
        _require_positive(name, entry, positions)
    return found


def _require_positive(name: str, value: sp.Expr, positions: tuple[sp.Symbol, ...]) -> None:
    held = value.free_symbols & set(positions)
    if held:
        raise InvalidInput(
            f"{name} = {value} depends on the coordinate {min(map(str, held))}. What that means is "
            "a matter of calculus: write SDE(state, drift, noise=..., calculus=...) yourself."
        )
    if value.is_real is False:
        raise InvalidInput(f"{name} = {value} is declared not to be real.")
    refused = value.is_negative if name == "temperature" else value.is_nonpositive
    if refused:
        limit = ">= 0" if name == "temperature" else "> 0"
        raise InvalidInput(f"{name} = {value} must be {limit}.")
