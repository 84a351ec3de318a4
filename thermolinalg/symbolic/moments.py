"""The equations of motion of the moments <x^a>, from the generator: d<g>/dt = <L g>."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import final

import numpy as np
import sympy as sp

from thermolinalg import checks
from thermolinalg.errors import Degenerate, InvalidInput
from thermolinalg.symbolic.coefficients import Coefficients
from thermolinalg.symbolic.linear import numbers
from thermolinalg.symbolic.quadratic import monomials
from thermolinalg.symbolic.text import shown


@final
@dataclass(frozen=True, eq=False)
class MomentEquations:
    """d<x^a>/dt for every moment up to an order. Each moment is a symbol named after it, <x*y>."""

    order: int
    rates: dict[sp.Symbol, sp.Expr]  # of a moment, in terms of moments
    of: dict[sp.Symbol, sp.Expr]  # what each symbol is the average of, those that enter included

    @cached_property
    def higher(self) -> tuple[sp.Symbol, ...]:
        """The averages that enter and have no equation here: of higher order, or no moments."""
        return tuple(symbol for symbol in self.of if symbol not in self.rates)

    @property
    def is_closed(self) -> bool:
        """Does every average that enters have its equation?"""
        return not self.higher

    @property
    def moments(self) -> tuple[sp.Symbol, ...]:
        """The moments with an equation, lowest order first."""
        return tuple(self.rates)

    def solve_stationary(self) -> dict[sp.Expr, sp.Expr]:
        """The moments at rest, by what they are the average of: {x**2: T/k}.

        Where parameters have no numbers, it is for values at which moments do not grow.

        Raises:
            InvalidInput: the equations are not closed, or they have no single solution, or a moment
                grows, as those of heavy tails do.
        """
        if not self.is_closed:
            names = ", ".join(map(str, self.higher))
            raise InvalidInput(
                f"the equations are not closed: {names} enter and have no equation. They are "
                "closed for a linear drift with even noise; else measure, or linearize(at=...)."
            )
        unknown = list(self.rates)
        A, b = sp.linear_eq_to_matrix(list(self.rates.values()), unknown)
        solutions = list(sp.linsolve((A, b), *unknown))
        held = {s for found in solutions for e in found for s in e.free_symbols & set(unknown)}
        if not solutions or held or not _settles(A):
            raise Degenerate(
                "the equations have no single stationary solution: some moment grows, or keeps its "
                "first value for ever."
            )
        return {self.of[m]: sp.factor(v) for m, v in zip(unknown, solutions[0], strict=True)}

    def equations(self) -> tuple[sp.Eq, ...]:
        """The equations with moments as functions of time."""
        t = sp.Symbol("t")
        timed = {symbol: sp.Function(symbol.name)(t) for symbol in self.of}
        return tuple(
            sp.Eq(sp.Derivative(timed[m], t), rate.xreplace(timed))
            for m, rate in self.rates.items()
        )

    def __str__(self) -> str:
        lines = [f"d{m}/dt = {shown(rate)}" for m, rate in self.rates.items()]
        if not self.is_closed:
            names = ", ".join(map(str, self.higher))
            lines.append(f"not closed: {names} enter{'s' if len(self.higher) == 1 else ''}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else f"{len(self.higher)} higher averages enter"
        return f"MomentEquations(order={self.order}, {len(self.rates)} moments, {state})"

    def latex(self) -> str:
        """The equations in LaTeX, aligned."""
        names = {s: rf"\langle {sp.latex(e)} \rangle" for s, e in self.of.items()}
        lines = (
            rf"\frac{{d}}{{dt}}{names[m]} &= {sp.latex(shown(rate), symbol_names=names)}"
            for m, rate in self.rates.items()
        )
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _settles(A: sp.Matrix) -> bool:
    """Do all modes of dm/dt = A m + c decay? With parameters that is left open."""
    return bool(A.free_symbols) or np.linalg.eigvals(numbers(A)).real.max() < 0


def moment_equations(c: Coefficients, order: int) -> MomentEquations:
    """The equations of all moments of order 1 to `order`."""
    order = checks.count("order", order)
    of: dict[sp.Symbol, sp.Expr] = {}
    left = [_average(sp.Mul(*m), of) for m in _all_monomials(c.state, order)]
    rates = {symbol: _averaged(c.generator(of[symbol]), c.state, of) for symbol in left}
    return MomentEquations(order, rates, of)


def _all_monomials(state: tuple[sp.Symbol, ...], order: int) -> Iterator[tuple[sp.Symbol, ...]]:
    for degree in range(1, order + 1):
        yield from combinations_with_replacement(state, degree)


def _averaged(expr: sp.Expr, state: tuple[sp.Symbol, ...], of: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """<expr>, with a symbol for the average of each monomial; x (1/x) has become 1."""
    found = monomials(expr, state)
    terms = []
    for m, coefficient in found.terms.items():
        factors = Counter(found.factors[i] for i in m)
        kind = sp.Mul(*(f**power for f, power in factors.items()))
        terms.append(coefficient * (kind if kind.is_number else _average(kind, of)))
    return sp.Add(*terms)


def _average(expr: sp.Expr, of: dict[sp.Symbol, sp.Expr]) -> sp.Symbol:
    symbol = sp.Symbol(f"<{expr}>", real=True)
    of[symbol] = expr
    return symbol
