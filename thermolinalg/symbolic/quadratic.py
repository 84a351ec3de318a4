"""A potential split into its quadratic form and the rest, monomial by monomial.

Products of sums are multiplied out by hand: what sympy does for any expression takes minutes for a
dense form of fifty symbols.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias, final

import sympy as sp

from thermolinalg.symbolic.symbols import expression, state_symbols

Monomial: TypeAlias = tuple[int, ...]
"""Indices of its factors, sorted and with repetition: (0, 0, 2) is x_0² x_2."""

Terms: TypeAlias = dict[Monomial, sp.Expr]
"""The coefficient of each monomial."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Quadratic:
    """U = zeroth + sum_i first_i x_i + 1/2 sum_ij second_ij x_i x_j + rest.

    Coefficients that are zero are left out; the others may hold parameters.
    """

    state: tuple[sp.Symbol, ...]
    second: dict[tuple[int, int], sp.Expr]  # d²U/dx_i dx_j of the quadratic part, for i <= j
    first: dict[int, sp.Expr]
    zeroth: sp.Expr
    rest: sp.Expr  # degrees from three on, and what is no polynomial

    @property
    def is_quadratic(self) -> bool:
        """Is there no rest?"""
        return bool(self.rest == 0)

    def expression(self) -> sp.Expr:
        """U again."""
        x = self.state
        linear = (c * x[i] for i, c in self.first.items())
        form = (c * x[i] * x[j] / (2 if i == j else 1) for (i, j), c in self.second.items())
        return sp.Add(self.zeroth, *linear, *form, self.rest)

    def gradient(self, scale: Sequence[sp.Expr] | None = None) -> tuple[sp.Expr, ...]:
        """dU/dx_i in the order of the state, each times its scale, which costs less here."""
        x, zero = self.state, sp.S.Zero
        by = scale or (sp.S.One,) * len(x)
        parts = [[by[i] * self.first.get(i, zero)] for i in range(len(x))]
        for (i, j), c in self.second.items():
            parts[i].append(by[i] * c * x[j])
            if i != j:
                parts[j].append(by[j] * c * x[i])
        for i in (i for i, symbol in enumerate(x) if symbol in self.rest.free_symbols):
            parts[i] += (by[i] * term for term in sp.Add.make_args(self.rest.diff(x[i])))
        return tuple(sp.Add(*terms) for terms in parts)


def split_quadratic(U: sp.Expr, state: Sequence[sp.Symbol]) -> Quadratic:
    """The quadratic form of U in the symbols of the state, and the rest. Their sum is U, exactly.

    Args:
        U: any expression. Products and integer powers are multiplied out; what is no polynomial in
            the state, such as cos(x), goes to the rest.
        state: the symbols that are coordinates; all others are parameters.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    symbols = state_symbols(state)
    terms = monomials(expression("U", U), symbols)
    low, rest = _by_degree(terms)
    return Quadratic(
        symbols,
        {(m[0], m[1]): 2 * c if m[0] == m[1] else c for m, c in low.items() if len(m) == 2},
        {m[0]: c for m, c in low.items() if len(m) == 1},
        low.get((), sp.S.Zero),
        rest,
    )


@final
@dataclass(frozen=True, eq=False, slots=True)
class Monomials:
    """The monomials of an expression. Factors beyond the state are functions of it."""

    factors: tuple[sp.Expr, ...]  # the state first
    n: int
    terms: Terms

    def is_polynomial(self, m: Monomial) -> bool:
        """Has it factors of the state alone?"""
        return not m or m[-1] < self.n

    def product(self, m: Monomial) -> sp.Expr:
        """The monomial with its coefficient, as an expression."""
        return sp.Mul(self.terms[m], *(self.factors[i] for i in m))


def monomials(expr: sp.Expr, state: tuple[sp.Symbol, ...]) -> Monomials:
    """An expression multiplied out in the symbols of the state, and in functions of them."""
    index: dict[sp.Expr, int] = {symbol: i for i, symbol in enumerate(state)}
    terms = _expanded(expr, frozenset(state), index)
    return Monomials(tuple(index), len(state), {m: c for m, c in terms.items() if c != 0})


def _expanded(expr: sp.Expr, state: frozenset[sp.Symbol], index: dict[sp.Expr, int]) -> Terms:
    if expr.is_Atom:
        return {(index[expr],): sp.S.One} if expr in state else {(): expr}
    if expr.is_Add:
        return _sum(_expanded(term, state, index).items() for term in expr.args)
    if expr.is_Mul:
        return _product(_expanded(factor, state, index) for factor in expr.args)
    if state.isdisjoint(expr.free_symbols):
        return {(): expr}
    if expr.is_Pow and expr.exp.is_Integer and expr.exp > 0:
        return _power(_expanded(expr.base, state, index), int(expr.exp))
    return {(index.setdefault(expr, len(index)),): sp.S.One}


def _sum(parts: Iterable[Iterable[tuple[Monomial, sp.Expr]]]) -> Terms:
    found: dict[Monomial, list[sp.Expr]] = defaultdict(list)
    for monomial, coefficient in chain.from_iterable(parts):
        found[monomial].append(coefficient)
    return {m: c[0] if len(c) == 1 else sp.Add(*c) for m, c in found.items()}


def _product(factors: Iterable[Terms]) -> Terms:
    total: Terms = {(): sp.S.One}
    for factor in factors:
        total = _sum([_pairs(total, factor)])
    return total


def _power(base: Terms, exponent: int) -> Terms:
    """By squares, which take half the products."""
    if exponent == 1:
        return base
    half = _power(base, exponent // 2)
    square = _sum([_squared(list(half.items()))])
    return _product([square, base]) if exponent % 2 else square


def _squared(terms: list[tuple[Monomial, sp.Expr]]) -> Iterable[tuple[Monomial, sp.Expr]]:
    for i, (m, c) in enumerate(terms):
        yield tuple(sorted(m + m)), c**2
        twice = 2 * c
        for k, d in terms[i + 1 :]:
            yield tuple(sorted(m + k)), twice * d


def _pairs(left: Terms, right: Terms) -> Iterable[tuple[Monomial, sp.Expr]]:
    for m, c in left.items():
        for k, d in right.items():
            yield tuple(sorted(m + k)), c * d


def _by_degree(found: Monomials) -> tuple[Terms, sp.Expr]:
    """The coefficients up to degree two, and the sum of the others."""
    low = {m: c for m, c in found.terms.items() if len(m) <= 2 and found.is_polynomial(m)}
    others = sp.Add(*(found.product(m) for m in found.terms if m not in low))
    if all(found.is_polynomial(m) for m in found.terms):
        return low, sp.expand(others) if others.has(sp.Add) else others
    again = monomials(others, found.factors[: found.n])  # x (1/x) has become 1
    if not any(len(m) <= 2 and again.is_polynomial(m) for m in again.terms):
        return low, others
    more, rest = _by_degree(again)
    return _sum([low.items(), more.items()]), rest
