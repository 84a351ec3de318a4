"""What a program says, statement by statement: each adds an energy, and can be read aloud."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
import sympy as sp

from thermolinalg.backend import NumpyArray

Number: TypeAlias = float | sp.Expr
"""A coefficient: a number, or an expression in parameters that have no number yet."""

Values: TypeAlias = Mapping[sp.Symbol, float]

SHOWN = 6
"""More numbers than this are counted, not printed."""

WIDEST = 80
"""Characters of an expression that are printed."""


class Line(NamedTuple):
    """The energy ½ stiffness (Σ weights x + offset)²."""

    weights: dict[sp.Symbol, float]
    offset: float
    stiffness: float


class Statement(ABC):
    """One line of a program."""

    @abstractmethod
    def springs(self) -> Iterable[tuple[sp.Symbol, sp.Symbol, Number]]:
        """(x, y, k) for each energy ½k(x - y)², the fast way to state one."""

    @abstractmethod
    def energy(self) -> sp.Expr:
        """The potential energy that it adds beyond its springs."""

    def line(self) -> "Line | None":
        """Its energy as that of one linear combination, if that is all of it: the fast way."""
        return None

    @abstractmethod
    def substitute(self, values: Values) -> "Statement":
        """The same statement with numbers in place of parameters."""

    @property
    def positive(self) -> Mapping[str, Iterable[Number]]:
        """Coefficients that must be > 0, by name."""
        return {}


@final
@dataclass(frozen=True, eq=False)
class Oscillators(Statement):
    """A plate of coordinates, each with a spring to a point, a friction and perhaps a mass."""

    name: str
    shape: tuple[int, ...]
    symbols: tuple[sp.Symbol, ...]
    stiffness: NumpyArray  # (size,), as all of these: floats, or objects if there are parameters
    center: NumpyArray
    friction: NumpyArray
    mass: NumpyArray | None = None
    temperature: NumpyArray | None = None

    @property
    def array(self) -> Any:
        """The symbols in their shape; one symbol if it has none."""
        if self.shape == ():
            return self.symbols[0]
        return np.array(self.symbols, dtype=object).reshape(self.shape)

    def springs(self) -> Iterable[tuple[sp.Symbol, sp.Symbol, Number]]:
        return ()

    def energy(self) -> sp.Expr:
        triples = zip(self.symbols, self.stiffness.tolist(), self.center.tolist(), strict=True)
        return sp.Add(*(k * (x - c) ** 2 / 2 for x, k, c in triples if k != 0))

    @property
    def positive(self) -> Mapping[str, Iterable[Number]]:
        arrays = {"friction": self.friction, "mass": self.mass, "temperature": self.temperature}
        return {name: a.tolist() for name, a in arrays.items() if a is not None}

    def substitute(self, values: Values) -> "Oscillators":
        return replace(
            self,
            stiffness=_given(self.stiffness, values),
            center=_given(self.center, values),
            friction=_given(self.friction, values),
            mass=None if self.mass is None else _given(self.mass, values),
            temperature=None if self.temperature is None else _given(self.temperature, values),
        )

    def __str__(self) -> str:
        parts = [f"stiffness {_row(self.stiffness)}", f"friction {_row(self.friction)}"]
        parts += [f"centre {_row(self.center)}"] if np.any(self.center != 0) else []
        parts += [f"mass {_row(self.mass)}"] if self.mass is not None else []
        heat = self.temperature
        parts += [f"temperature {_row(heat)}"] if heat is not None else []
        sizes = f"[{', '.join(map(str, self.shape))}]" if self.shape else ""
        return f"{self.name}{sizes}: {', '.join(parts)}"


@final
@dataclass(frozen=True, eq=False)
class Springs(Statement):
    """Springs between pairs of coordinates."""

    pairs: tuple[tuple[sp.Symbol, sp.Symbol, Number], ...]

    def springs(self) -> Iterable[tuple[sp.Symbol, sp.Symbol, Number]]:
        return self.pairs

    def energy(self) -> sp.Expr:
        return sp.S.Zero

    def substitute(self, values: Values) -> "Springs":
        return Springs(tuple((x, y, given(k, values)) for x, y, k in self.pairs))

    def __str__(self) -> str:
        shown = ", ".join(f"{x} - {y}: {_text(k)}" for x, y, k in self.pairs[:SHOWN])
        rest = len(self.pairs) - SHOWN
        return f"springs {shown}" + (f" and {rest} more" if rest > 0 else "")


@final
@dataclass(frozen=True, eq=False)
class QuadraticForm(Statement):
    """The energy ½ x'Mx - h'x of some coordinates x.

    It is stated as springs of -M_ij, and to the ground of the sums of rows.
    """

    symbols: tuple[sp.Symbol, ...]
    matrix: NumpyArray  # (k, k)
    force: NumpyArray  # (k,)

    def springs(self) -> Iterable[tuple[sp.Symbol, sp.Symbol, Number]]:
        x = self.symbols
        for i, j in np.argwhere(np.triu(self.matrix, 1)).tolist():
            yield x[i], x[j], -float(self.matrix[i, j])

    def energy(self) -> sp.Expr:
        ground = self.matrix.sum(axis=1).tolist()
        rows = zip(self.symbols, ground, self.force.tolist(), strict=True)
        return sp.Add(*(k * x**2 / 2 - h * x for x, k, h in rows))

    def substitute(self, values: Values) -> "QuadraticForm":  # noqa: ARG002 (numbers alone)
        return self

    def __str__(self) -> str:
        x = self.symbols
        names = f"{x[0]}, ..., {x[-1]}" if len(x) > 3 else ", ".join(map(str, x))
        return f"quadratic form of {names}"


@final
@dataclass(frozen=True, eq=False)
class Potential(Statement):
    """Any energy."""

    expression: sp.Expr

    def springs(self) -> Iterable[tuple[sp.Symbol, sp.Symbol, Number]]:
        return ()

    def energy(self) -> sp.Expr:
        return self.expression

    def substitute(self, values: Values) -> "Potential":
        return Potential(self.expression.subs(dict(values)))

    def __str__(self) -> str:
        return f"potential {_shortened(self.expression)}"


@final
@dataclass(frozen=True, eq=False)
class Observation(Statement):
    """expression + N(0, noise²) was read as value: the energy T (value - expression)²/2 noise²."""

    expression: sp.Expr
    value: float
    noise: Number
    temperature: Number

    def springs(self) -> Iterable[tuple[sp.Symbol, sp.Symbol, Number]]:
        return ()

    def energy(self) -> sp.Expr:
        gap = self.expression - self.value
        return self.temperature / (2 * self.noise**2) * gap**2

    def line(self) -> Line | None:
        if isinstance(self.noise, sp.Expr) or isinstance(self.temperature, sp.Expr):
            return None
        weights = dict(self.expression.as_coefficients_dict())
        offset = float(weights.pop(sp.S.One, 0.0)) - self.value
        if not all(isinstance(x, sp.Symbol) for x in weights):
            return None
        found = {x: float(weight) for x, weight in weights.items()}
        return Line(found, offset, self.temperature / self.noise**2)

    @property
    def positive(self) -> Mapping[str, Iterable[Number]]:
        return {"noise": [self.noise]}

    def substitute(self, values: Values) -> "Observation":
        return Observation(
            self.expression.subs(dict(values)),
            self.value,
            given(self.noise, values),
            given(self.temperature, values),
        )

    def __str__(self) -> str:
        read = f"{self.value:g} ± {_text(self.noise)}"
        return f"observed {_shortened(self.expression)} = {read}"


def given(value: Number, values: Values) -> Number:
    """A coefficient with numbers in place of parameters; a float once none is left."""
    if not isinstance(value, sp.Expr):
        return value
    found = value.subs(dict(values))
    return float(found) if found.is_number else found


def _given(array: NumpyArray, values: Values) -> NumpyArray:
    if array.dtype != object:
        return array
    return numbers([given(value, values) for value in array.tolist()])


def rounded(expression: sp.Expr) -> sp.Expr:
    """With six digits of each number, to be read by people."""
    return expression.xreplace({x: _rounded(x) for x in expression.atoms(sp.Float)})


def numbers(values: list[Number]) -> NumpyArray:
    """An array of floats, or of objects where any is an expression."""
    plain = not any(isinstance(value, sp.Expr) for value in values)
    return np.array(values, dtype=float if plain else object)


def _row(array: NumpyArray) -> str:
    values = array.tolist()
    if all(value == values[0] for value in values):
        return _text(values[0])
    shown = ", ".join(map(_text, values[:SHOWN]))
    return shown + (", ..." if len(values) > SHOWN else "")


def _rounded(number: sp.Float) -> sp.Number:
    return sp.Integer(number) if float(number).is_integer() else sp.Float(number, 6)


def _text(value: Number) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shortened(expression: sp.Expr) -> str:
    terms = sp.Add.make_args(expression)
    text = sp.sstr(rounded(sp.Add(*terms[:WIDEST])), full_prec=False)
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."
