"""A program as data: statements in the order in which they were made, and what is held.

It never changes; a model that grows has one program after the other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, final

import numpy as np
import sympy as sp

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.programs.coefficients import coefficients, require_positive
from thermolinalg.programs.energy import Energy, total_energy
from thermolinalg.programs.statements import (
    Number,
    Oscillators,
    Statement,
    Values,
    given,
    numbers,
)
from thermolinalg.programs.system import System
from thermolinalg.symbolic.sde import SDE
from thermolinalg.symbolic.symbols import expression

ROWS = 20
"""Statements, and coordinates that are held, that are printed."""


@final
@dataclass(frozen=True, eq=False)
class Program:
    """Statements over declared symbols, the values of those that are held, and a temperature."""

    temperature: Number
    parameters: tuple[sp.Symbol, ...] = ()
    statements: tuple[Statement, ...] = ()
    held: Mapping[sp.Symbol, float] = field(default_factory=dict)

    @cached_property
    def plates(self) -> dict[str, Oscillators]:
        """The declared plates, by name."""
        return {s.name: s for s in self.statements if isinstance(s, Oscillators)}

    @cached_property
    def state(self) -> tuple[sp.Symbol, ...]:
        """All coordinates, in the order of their declaration."""
        return tuple(x for plate in self.plates.values() for x in plate.symbols)

    @cached_property
    def by_name(self) -> dict[str, sp.Symbol]:
        """Coordinates and parameters."""
        return {symbol.name: symbol for symbol in (*self.state, *self.parameters)}

    @cached_property
    def parameter_of(self) -> dict[str, sp.Symbol]:
        """The parameter of each name."""
        return {symbol.name: symbol for symbol in self.parameters}

    def say(self, statement: Statement) -> "Program":
        """With one statement more."""
        return replace(self, statements=(*self.statements, statement))

    def hold(self, pairs: Iterable[tuple[Any, Any]], *, argument: str = "what") -> "Program":
        """With coordinates held by hand: pairs of coordinates and values.

        Raises:
            InvalidInput: one is held already, or is none of this model.
        """
        held = dict(self.held)
        for what, values in pairs:
            symbols = self.coordinates(argument, what)
            where = coefficients("values", np.ravel(values), (len(symbols),), {}).tolist()
            for symbol, value in zip(symbols, where, strict=True):
                if symbol in held:
                    raise InvalidInput(
                        f"{symbol} is held at {held[symbol]:g} already. Let it go first: "
                        f"model.release({str(symbol)!r})."
                    )
                held[symbol] = value
        return self._holding(held)

    def let_go(self, what: Any) -> "Program":
        """With held coordinates free again.

        Raises:
            InvalidInput: one is not held.
        """
        symbols, held = self.coordinates("what", what), dict(self.held)
        for symbol in symbols:
            if held.pop(symbol, None) is None:
                known = ", ".join(map(str, self.held)) or "none"
                raise InvalidInput(f"{symbol} is not held. Of this model are: {known}.")
        return self._holding(held)

    def substitute(self, values: Mapping[Any, float]) -> "Program":
        """With numbers in place of parameters: {parameter or its name: number}.

        Raises:
            InvalidInput: a key is no parameter, or its value no number, or a friction, a mass, a
                temperature or a noise would not be positive.
        """
        known = self.parameter_of
        strange = sorted(str(key) for key in values if str(key) not in known)
        if strange:
            raise InvalidInput(
                f"{strange[0]} is no parameter of this model. It has {', '.join(known) or 'none'}."
            )
        found = {known[str(key)]: _valued(known[str(key)], v) for key, v in values.items()}
        temperature = given(self.temperature, found)
        statements = tuple(s.substitute(found) for s in self.statements)
        require_positive("temperature", [temperature])
        for statement in statements:
            for name, numbers_ in statement.positive.items():
                require_positive(name, numbers_)
        return replace(
            self,
            temperature=temperature,
            parameters=tuple(p for p in self.parameters if p not in found),
            statements=statements,
        )

    def temperature_of(self, symbols: Iterable[sp.Symbol]) -> Number:
        """The temperature that these coordinates share; that of the model if there is none.

        Raises:
            InvalidInput: they have more than one.
        """
        column = self._column("temperature", self.temperature).tolist()
        heat = dict(zip(self.state, column, strict=True))
        first, *others = {heat[x] for x in symbols if x in heat} or {self.temperature}
        if others:
            raise InvalidInput(
                f"{', '.join(sorted(map(str, symbols)))} have more than one temperature, so that "
                "no energy makes their law at rest the posterior. Give them the same."
            )
        return first

    @cached_property
    def system(self) -> System:
        """Everything in numbers.

        Raises:
            InvalidInput: there is no coordinate, none is free, or a parameter has no number.
        """
        self._require_free()
        self._require_numbers()
        heat = self._column("temperature", self.temperature).astype(float)
        mass = self._column("mass", 1.0).astype(float) if self._massive else None
        friction = self._column("friction", 1.0).astype(float)
        return System(self.total, dict(self.held), friction, heat, mass)

    @cached_property
    def total(self) -> Energy:
        """The energy of all coordinates, held ones too."""
        return total_energy(self.state, self.statements)

    def sde(self) -> SDE:
        """The motion of the free coordinates; parameters stay symbols.

        Raises:
            InvalidInput: there is no coordinate, or none is free.
        """
        self._require_free()
        rows = [x for x in self.state if x not in self.held]
        knobs = {
            name: self._symbolic(name, default)
            for name, default in (("friction", 1.0), ("temperature", self.temperature))
        }
        if self._massive:
            knobs["mass"] = self._symbolic("mass", 0.0)
        return SDE.from_potential(self.potential, rows, **knobs)

    @property
    def potential(self) -> sp.Expr:
        """U of the free coordinates as an expression, with its parameters."""
        springs = (
            k * (x - y) ** 2 / 2 for statement in self.statements for x, y, k in statement.springs()
        )
        total = sp.Add(*(statement.energy() for statement in self.statements), *springs)
        return total.subs(dict(self.held))

    def energy_at(self, place: Values) -> float:
        """U where the free coordinates are here, each statement by itself; no parameter is left."""
        x = {**self.held, **place}
        total = sum(
            float(k) * (x[a] - x[b]) ** 2 / 2 for s in self.statements for a, b, k in s.springs()
        )
        terms = (term for s in self.statements for term in sp.Add.make_args(s.energy()))
        return total + sum(
            float(term.xreplace({s: sp.Float(x[s]) for s in term.free_symbols})) for term in terms
        )

    def coordinates(self, argument: str, what: Any) -> list[sp.Symbol]:
        """The symbols that a user means by a symbol, a name, or an array of either.

        Raises:
            InvalidInput: one is no coordinate of this model.
        """
        if isinstance(what, str) and what in self.plates:
            return list(self.plates[what].symbols)
        found = [self._coordinate(argument, entry) for entry in entries(what)]
        if not found:
            raise InvalidInput(f"{argument} is empty; name at least one coordinate.")
        return found

    def energy(self, argument: str, value: Any) -> sp.Expr:
        """An expression in coordinates and parameters, with the symbols of this model.

        Raises:
            InvalidInput: it is complex or infinite, holds an undeclared symbol, or no coordinate.
        """
        found = expression(argument, value)
        known = set(self.by_name.values())
        for symbol in sorted(found.free_symbols - known, key=str):
            self._refuse_symbol(argument, found, symbol)
        if found != 0 and not found.free_symbols & set(self.state):
            raise InvalidInput(
                f"{argument} = {found} holds no coordinate of this model, so that it acts on "
                "nothing. Write it in the symbols that model.oscillators returned."
            )
        return found

    def require_new(self, name: Any, symbols: Iterable[sp.Symbol] = ()) -> None:
        """Go on only with a name that can be printed and is not taken.

        Raises:
            InvalidInput: it is taken or no name.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[^\W\d]\w*", name):
            raise InvalidInput(f"name = {name!r} is no name; use letters and digits, such as 'x'.")
        taken = {name, *(s.name for s in symbols)} & {*self.plates, *self.by_name}
        if taken:
            raise InvalidInput(
                f"name = {name!r}: {min(taken)} is declared already. Take another name, or use the "
                "symbols that the first declaration returned."
            )

    def _holding(self, held: Values) -> "Program":
        """Other coordinates held. The energy stays, which takes longest to work out."""
        program = replace(self, held=held)
        if "total" in vars(self):
            vars(program)["total"] = self.total
        return program

    def _coordinate(self, argument: str, what: Any) -> sp.Symbol:
        name = what.name if isinstance(what, sp.Symbol) else what
        symbol = self.by_name.get(name) if isinstance(name, str) else None
        if symbol is not None and symbol not in self.parameters:
            return symbol
        known = ", ".join(self.plates) or "none yet"
        raise InvalidInput(
            f"{argument} holds {what!r}, which is no coordinate of this model. Declared are: "
            f"{known}. Pass symbols such as x[0], or their names such as 'x_0'."
        )

    def _refuse_symbol(self, argument: str, found: sp.Expr, symbol: sp.Symbol) -> None:
        if symbol.name in self.by_name:
            raise InvalidInput(
                f"{argument} = {found} holds a symbol {symbol} that is not the one declared, though"
                " it has its name. Use the symbols that model.oscillators returned."
            )
        raise InvalidInput(
            f"{argument} = {found} holds {symbol}, which was not declared. Declare a coordinate by "
            f"model.oscillators({symbol.name!r}) or a parameter by model.parameter("
            f"{symbol.name!r})."
        )

    def _require_numbers(self) -> None:
        if self.parameters:
            free = self.parameters[0]
            raise InvalidInput(
                f"the parameter {free} has no number yet. Give it one: "
                f"model.substitute({{{str(free)!r}: 1.0}})."
            )

    def _require_free(self) -> None:
        if not self.state:
            raise InvalidInput(
                'the model has no coordinates. Declare some: x = model.oscillators("x", 3).'
            )
        if len(self.held) == len(self.state):
            raise InvalidInput("every coordinate is held, so that none is left to move. Free one.")

    @property
    def _massive(self) -> bool:
        return all(plate.mass is not None for plate in self.plates.values())

    def _column(self, name: str, default: Number) -> NumpyArray:
        """One coefficient for each coordinate, and the default where a plate does not say."""
        found: list[Number] = []
        for plate in self.plates.values():
            values = getattr(plate, name)
            found += [default] * len(plate.symbols) if values is None else values.tolist()
        return numbers(found)

    def _symbolic(self, name: str, default: Number) -> Any:
        """Of the free coordinates: one coefficient if all have the same, else a list."""
        column = self._column(name, default).tolist()
        kept = [v for x, v in zip(self.state, column, strict=True) if x not in self.held]
        return kept[0] if all(value == kept[0] for value in kept) else kept

    def __str__(self) -> str:
        count = "1 oscillator" if len(self.state) == 1 else f"{len(self.state)} oscillators"
        head = f"at temperature {self.temperature}: {count}"
        lines = [f"  {statement}" for statement in self.statements[:ROWS]]
        lines += _count(len(self.statements) - ROWS)
        held = [f"  {x} held at {value:g}" for x, value in islice(self.held.items(), ROWS)]
        held += _count(len(self.held) - ROWS)
        return "\n".join([head, *lines, *held])


def _count(more: int) -> list[str]:
    return [f"  and {more} more"] if more > 0 else []


def _valued(parameter: sp.Symbol, value: Any) -> float:
    check = checks.positive if parameter.is_positive else checks.real_number
    return check(parameter.name, value)


def entries(what: Any) -> list[Any]:
    """The entries of an array, or the one thing that it is."""
    if isinstance(what, str | sp.Basic):
        return [what]
    return np.ravel(np.asarray(what, dtype=object)).tolist()
