"""Expressions as functions of many states at once, on the arrays of any library.

What is linear or quadratic in plain sight becomes a product of matrices; the rest becomes code, in
which a subexpression that occurs twice is computed once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, TypeAlias, final

import numpy as np
import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, apply_rows, like, namespace
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.symbolic.symbols import exact, expression, state_symbols

FUNCTIONS = {
    "Abs": "abs", "sign": "sign", "floor": "floor", "ceiling": "ceil",
    "exp": "exp", "log": "log",
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan",
    "atan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "asinh": "asinh", "acosh": "acosh", "atanh": "atanh",
}  # fmt: skip
"""Functions of sympy, and what the Array API calls them."""

NUMPY = namespace(np.empty(0))

LARGEST = 2**31
"""Below it an integer stays one, as an exponent must; beyond, arrays may have none so large."""

Kernel: TypeAlias = Callable[..., Sequence[Any]]


@final
@dataclass(frozen=True, eq=False)
class Numeric:
    """A function (..., n) -> (..., *shape) of states. It can be pickled: code is made when run."""

    expressions: tuple[sp.Expr, ...]  # in row-major order of the shape
    shape: tuple[int, ...]
    state: tuple[sp.Symbol, ...]

    def __call__(self, x: Array) -> Array:
        """Values at states (..., n), in their library and dtype."""
        x = checks.real_array("x", x)
        if x.ndim == 0 or x.shape[-1] != len(self.state):
            raise ShapeMismatch(
                f"x has shape {tuple(x.shape)}; (..., {len(self.state)}) is needed."
            )
        rows = namespace(x).reshape(x, (-1, len(self.state)))
        total = self._split.products(rows) + self._curved(rows)
        return namespace(x).reshape(total, (*x.shape[:-1], *self.shape))

    def at(self, x: NumpyArray) -> NumpyArray:
        """The same at states of NumPy and float64, unchecked: where there are many calls."""
        rows, split = x.reshape(-1, len(self.state)), self._split
        total = split.flat(rows)
        if split.rest:
            one = np.ones(len(rows))
            for k, column in zip(split.curved, self._kernel(NUMPY, one, *rows.T), strict=True):
                total[:, k] += column
        return total.reshape(*x.shape[:-1], *self.shape)

    def _curved(self, rows: Array) -> Array:
        """What code computes (rows, entries); one zero if nothing is left to it."""
        xp, curved = namespace(rows), self._split.curved
        if not curved:
            return like(0.0, rows)
        columns = self._kernel(
            xp, xp.ones_like(rows[:, 0]), *(rows[:, i] for i in range(rows.shape[1]))
        )
        zero = xp.zeros_like(rows[:, 0])
        table = xp.stack([*(zero + like(c, rows) for c in columns), zero], axis=-1)
        where = [curved.get(k, len(curved)) for k in range(len(self.expressions))]
        return xp.take(table, xp.asarray(where), axis=1)

    @cached_property
    def _split(self) -> "_Split":
        return _split(self.expressions, self.state)

    @cached_property
    def _kernel(self) -> Kernel:
        names = [sp.Symbol(f"state_{i}") for i in range(len(self.state))]
        rename = dict(zip(self.state, names, strict=True))
        code = [e.xreplace(rename) for e in self._split.rest]
        arguments = [sp.Symbol("xp"), sp.Symbol("one"), *names]
        return sp.lambdify(arguments, code, modules=[{}], printer=_Printer, cse=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("expressions", "shape", "state")}

    def __repr__(self) -> str:
        return f"Numeric(({', '.join(map(str, self.state))}) -> shape {self.shape})"


def numeric(expressions: Any, state: Sequence[sp.Symbol] | sp.Symbol) -> Numeric:
    """A function (..., n) -> (..., *shape) of one expression, a (nested) list or a Matrix of them.

    Raises:
        InvalidInput: a symbol stands in them that is not in the state, or a function that arrays
            do not have.
    """
    symbols = state_symbols(state)
    table = np.array(
        expressions.tolist() if isinstance(expressions, sp.MatrixBase) else expressions
    )
    entries = tuple(exact(expression("expressions", e)) for e in table.flat)
    unknown = sorted({str(s) for e in entries for s in e.free_symbols - set(symbols)})
    if unknown:
        raise InvalidInput(
            f"{', '.join(unknown)} have no numbers yet, and are not in the state. Substitute them "
            "first: .substitute({symbol: number}) of a system, .subs of an expression."
        )
    for entry in entries:
        _Printer().doprint(entry)
    return Numeric(entries, table.shape, symbols)


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Split:
    """constant + linear x + bilinear (x_i x_j) + rest, for each entry."""

    constant: NumpyArray  # (entries,)
    linear: NumpyArray  # (entries, n)
    bilinear: NumpyArray  # (entries, pairs)
    pairs: NumpyArray  # (2, pairs)
    curved: dict[int, int]  # entry -> place in the rest
    rest: tuple[sp.Expr, ...]

    def flat(self, rows: NumpyArray) -> NumpyArray:
        """All but the rest (rows, entries), without products with zero."""
        total = np.empty((len(rows), len(self.constant)))
        total[:] = self.constant
        if self.linear.any():
            total += rows @ self.linear.T
        if self.pairs.size:
            total += (rows[:, self.pairs[0]] * rows[:, self.pairs[1]]) @ self.bilinear.T
        return total

    def products(self, rows: Array) -> Array:
        """All but the rest (rows, entries)."""
        xp = namespace(rows)
        total = apply_rows(rows, like(self.linear, rows)) + like(self.constant, rows)
        if not self.pairs.size:
            return total
        left, right = (xp.take(rows, xp.asarray(index), axis=1) for index in self.pairs)
        return total + apply_rows(left * right, like(self.bilinear, rows))


def _split(entries: tuple[sp.Expr, ...], state: tuple[sp.Symbol, ...]) -> _Split:
    index = {symbol: i for i, symbol in enumerate(state)}
    flat: dict[tuple[int, tuple[int, ...]], float] = {}
    rest: dict[int, sp.Expr] = {}
    for k, entry in enumerate(entries):
        curved = []
        for term in sp.Add.make_args(entry):
            number, factors = _plain(term, index)
            if factors is None:
                curved.append(term)
            else:
                flat[k, factors] = flat.get((k, factors), 0.0) + number
        if curved:
            rest[k] = sp.Add(*curved)
    pairs = sorted({m for _, m in flat if len(m) == 2})
    place: dict[tuple[int, ...], int] = {(): 0} | {(i,): 1 + i for i in range(len(state))}
    place |= {m: 1 + len(state) + p for p, m in enumerate(pairs)}
    table = np.zeros((len(entries), len(place)))
    for (k, m), number in flat.items():
        table[k, place[m]] = number
    return _Split(
        table[:, 0],
        table[:, 1 : 1 + len(state)],
        table[:, 1 + len(state) :],
        np.array(pairs, dtype=int).reshape(-1, 2).T,
        {k: place for place, k in enumerate(rest)},
        tuple(rest.values()),
    )


def _plain(term: sp.Expr, index: dict[sp.Symbol, int]) -> tuple[float, tuple[int, ...] | None]:
    """A number and up to two factors of the state; no factors if the term is anything else."""
    number, factors = [], []
    for factor in sp.Mul.make_args(term):
        if factor.is_number:
            number.append(factor)
        elif factor in index:
            factors.append(index[factor])
        elif factor.is_Pow and factor.exp == 2 and factor.base in index:
            factors += [index[factor.base]] * 2
        else:
            return 1.0, None
    return _double(sp.Mul(*number)), tuple(sorted(factors)) if len(factors) <= 2 else None


def _double(number: sp.Expr) -> float:
    """A constant in double precision, which the whole product of its factors must fit.

    Raises:
        NotFinite: it does not.
    """
    try:
        found = float(number)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise NotFinite(f"{number.evalf(3)} does not fit a float. Take other units.")
    return found


class _Printer(PythonCodePrinter):  # type: ignore[misc]  # sympy is untyped
    """Python code in which every function is one of the namespace `xp`."""

    def _print(self, expr: Any, **kwargs: Any) -> str:
        short = isinstance(expr, sp.Integer) and abs(expr) < LARGEST
        if isinstance(expr, sp.Expr) and expr.is_number and not short:
            return f"({_double(expr)!r})"
        if isinstance(expr, sp.Function) and not isinstance(expr, sp.Piecewise):
            return self._print_Function(expr)  # before the names of Python's own `math`
        return str(super()._print(expr, **kwargs))

    def _array(self, expr: sp.Expr) -> str:
        """An argument that must be an array, even if it is a number."""
        return f"({self._print(expr)})" + ("*one" if expr.is_number else "")

    def _print_Function(self, expr: sp.Expr) -> str:
        name = FUNCTIONS.get(type(expr).__name__)
        if name is None:
            raise InvalidInput(
                f"{expr} has no counterpart among the functions of arrays. Rewrite it with "
                f"{', '.join(FUNCTIONS)}, Min, Max or Piecewise."
            )
        return f"xp.{name}({', '.join(self._array(a) for a in expr.args)})"

    def _print_Derivative(self, expr: sp.Expr, **_: Any) -> str:
        raise InvalidInput(
            f"{expr.expr} has no derivative that code could compute. Write it with functions that "
            "have one, or as a Piecewise of them."
        )

    def _print_Pow(self, expr: sp.Expr, **_: Any) -> str:
        base = self._print(expr.base)
        if expr.exp == sp.S.Half:
            return f"xp.sqrt({base})"
        if expr.exp == -sp.S.Half:
            return f"(1/xp.sqrt({base}))"
        return f"(({base})**({self._print(expr.exp)}))"

    def _print_Mul(self, expr: sp.Expr) -> str:
        number, rest = expr.as_independent(*expr.free_symbols, as_Add=False)
        if number.is_Rational:
            return str(super()._print_Mul(expr))
        return f"({_double(number)!r})*({self._print(rest)})"

    def _print_Min(self, expr: sp.Expr) -> str:
        return self._nested("xp.minimum", [self._array(a) for a in expr.args])

    def _print_Max(self, expr: sp.Expr) -> str:
        return self._nested("xp.maximum", [self._array(a) for a in expr.args])

    def _nested(self, name: str, parts: list[str]) -> str:
        return reduce(lambda found, part: f"{name}({found}, {part})", parts)

    def _print_Piecewise(self, expr: sp.Expr) -> str:
        *cases, (last, condition) = expr.args
        if condition != sp.true:
            raise InvalidInput(f"{expr} has no value where none of its conditions holds; add one.")
        found = self._array(last)
        for value, condition in reversed(cases):
            found = f"xp.where({self._print(condition)}, {self._array(value)}, {found})"
        return found

    def _print_And(self, expr: sp.Expr) -> str:
        return "(" + " & ".join(self._print(a) for a in expr.args) + ")"

    def _print_Or(self, expr: sp.Expr) -> str:
        return "(" + " | ".join(self._print(a) for a in expr.args) + ")"

    def _print_Not(self, expr: sp.Expr) -> str:
        return f"~{self._print(expr.args[0])}"
