"""Is it what can stand in an equation? Symbols, expressions and matrices, asked once."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp

from thermolinalg.errors import InvalidInput, NotFinite, NotReal, ShapeMismatch

TIME = "t"
"""The name of time in equations of motion."""

ASSUMED = {"real": "real", "nonnegative": ">= 0", "nonpositive": "<= 0", "integer": "an integer"}
"""What sympy assumes of symbols and numbers can break. Zero, as a limit, is let through."""


def state_symbols(state: Any) -> tuple[sp.Symbol, ...]:
    """The coordinates: one symbol or several, no two the same.

    Raises:
        InvalidInput: they are no symbols, or one stands twice.
    """
    symbols = (state,) if isinstance(state, sp.Symbol | str) else _entries("state", state)
    if not symbols:
        raise InvalidInput("state is empty; pass a symbol for each coordinate: sp.symbols('x y').")
    for symbol in symbols:
        _require_symbol(symbol)
    names = [symbol.name for symbol in symbols]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInput(
            f"state holds {twice[0]} twice. Every coordinate needs a name of its own."
        )
    return symbols


def _require_symbol(symbol: Any) -> None:
    if isinstance(symbol, str):
        raise InvalidInput(
            f"state holds the string {symbol!r}, where a symbol is needed: sp.Symbol({symbol!r}), "
            "or sp.symbols('x y') for several."
        )
    if not isinstance(symbol, sp.Symbol):
        raise InvalidInput(
            f"state holds {symbol!r} of type {type(symbol).__name__}, where a symbol is needed: "
            "sp.Symbol('x')."
        )
    if symbol.is_real is False:
        raise NotReal(f"the symbol {symbol} is declared not to be real; coordinates are numbers.")
    if symbol.is_rational is not None or symbol.is_nonpositive:
        raise InvalidInput(
            f"the symbol {symbol} is declared to be an integer, rational, irrational or not "
            "positive; a coordinate moves over all real numbers, or with positive=True over x > 0."
        )


def expression(name: str, value: Any) -> sp.Expr:
    """A real scalar expression.

    Raises:
        NotReal: it is complex, or no expression at all.
        NotFinite: it holds NaN or infinity.
    """
    if isinstance(value, sp.Rational):
        return value
    if isinstance(value, str | bytes):
        raise NotReal(f"{name} is the string {value!r}; pass an expression, such as sp.sin(x).")
    try:
        found = sp.sympify(value, strict=True)
    except (sp.SympifyError, TypeError, ValueError) as error:
        raise NotReal(
            f"{name} is of type {type(value).__name__}, which is no expression of sympy."
        ) from error
    if not isinstance(found, sp.Expr) or getattr(found, "shape", ()) != ():
        raise NotReal(f"{name} is of type {type(value).__name__}; a scalar expression is needed.")
    if found.has(sp.I) or any(p.is_real is False for p in found.atoms(sp.Pow)):
        raise NotReal(f"{name} = {found} is complex. Split it into a real and an imaginary part.")
    if found.has(sp.nan, sp.oo, -sp.oo, sp.zoo):
        raise NotFinite(f"{name} = {found} holds NaN or infinity.")
    return found


def exact(expr: sp.Expr) -> sp.Expr:
    """The same expression with every float as the fraction that its shortest decimals name.

    So 0.1 is 1/10, equations cancel exactly, and turned back into a float it is the same number.
    """
    floats = expr.atoms(sp.Float)
    return expr.xreplace({f: fraction(f) for f in floats}) if floats else expr


def fraction(number: sp.Float) -> sp.Rational:
    """The fraction with the fewest decimals that rounds to this float."""
    if number._prec > 53:
        return sp.Rational(number)
    return sp.Rational(repr(float(number)))


def expressions(name: str, values: Any) -> tuple[sp.Expr, ...]:
    """Scalar expressions; one alone counts as a list of one."""
    alone = isinstance(values, sp.Expr | int | float | str)
    if alone and not isinstance(values, sp.MatrixBase):
        values = [values]
    return tuple(exact(expression(f"{name}[{i}]", v)) for i, v in enumerate(_entries(name, values)))


def _entries(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, sp.MatrixBase):
        if 1 not in values.shape:
            raise ShapeMismatch(f"{name} has shape {values.shape}; a vector is needed.")
        return tuple(values)
    if isinstance(values, sp.NDimArray):
        return tuple(values)
    if not isinstance(values, Iterable) or isinstance(values, dict | set | frozenset):
        raise InvalidInput(
            f"{name} is of type {type(values).__name__}; a list with an entry for each coordinate "
            "is needed."
        )
    return tuple(values)


def matrix(name: str, values: Any, rows: int) -> sp.ImmutableMatrix:
    """A matrix of scalar expressions with so many rows.

    Raises:
        ShapeMismatch: it has another number of rows, or is no matrix.
    """
    if getattr(values, "ndim", 2) != 2:
        raise ShapeMismatch(f"{name} has {values.ndim} axes; a matrix has two.")
    try:
        found = sp.Matrix(np.asarray(values).tolist() if hasattr(values, "dtype") else values)
    except (TypeError, ValueError) as error:
        raise ShapeMismatch(f"{name} is no matrix: pass a list of rows, or sp.Matrix.") from error
    if found.rows != rows or found.cols == 0:
        raise ShapeMismatch(
            f"{name} has shape {found.shape}; a matrix with {rows} rows is needed, one for each "
            "coordinate."
        )
    entries = [exact(expression(f"an entry of {name}", v)) for v in found.flat()]
    return sp.ImmutableMatrix(rows, found.cols, entries)


def require_known(name: str, expr: sp.Expr, state: tuple[sp.Symbol, ...]) -> None:
    """Go on only if an expression holds the state and parameters, and nothing that looks like them.

    Raises:
        InvalidInput: it depends on time, on an unknown function, or on a namesake of a coordinate.
    """
    require_no_namesake(name, expr, state)
    for symbol in expr.free_symbols - set(state):
        if symbol.name == TIME:
            raise InvalidInput(
                f"{name} = {expr} depends on time, t. A system here has the same law at all times; "
                "name a parameter otherwise, or use `ramp` for a potential that is moved."
            )
    functions = expr.atoms(sp.core.function.AppliedUndef)
    if functions:
        raise InvalidInput(
            f"{name} holds {min(map(str, functions))}, a function of which nothing is known. "
            "Write a symbol, or the expression it stands for."
        )


def require_no_namesake(name: str, expr: sp.Expr, state: tuple[sp.Symbol, ...]) -> None:
    """Go on only if no symbol merely looks like a coordinate: to derivatives it is a constant.

    Raises:
        InvalidInput: one does.
    """
    names = {x.name for x in state}
    for symbol in expr.free_symbols - set(state):
        if symbol.name in names:
            raise InvalidInput(
                f"{name} holds a symbol {symbol} that is not the coordinate {symbol}: their "
                "assumptions differ (real=True, positive=True). Use one and the same symbol."
            )


def symbol_values(
    values: Any, parameters: tuple[sp.Symbol, ...], state: tuple[sp.Symbol, ...]
) -> dict[sp.Symbol, sp.Expr]:
    """What parameters, named by their symbols or names, are to be replaced by.

    Raises:
        InvalidInput: a key is no parameter, or a value depends on the state.
    """
    if not isinstance(values, dict):
        raise InvalidInput(f"values = {values!r} must be a dict {{symbol: number}}.")
    known = ", ".join(map(str, parameters)) or "none"
    by_name = {symbol.name: symbol for symbol in parameters}
    values = {by_name.get(k, k) if isinstance(k, str) else k: v for k, v in values.items()}
    for key, value in values.items():
        if key in state:
            raise InvalidInput(
                f"{key} is a coordinate, which moves. To hold it at a value, take "
                "linearize(at=...), or put the value into the potential and leave it out of state."
            )
        if key not in parameters:
            raise InvalidInput(
                f"{key!r} is no parameter of the system; they are: {known}. Keys are symbols, with "
                "the assumptions they were made with."
            )
        held = expression(str(key), value).free_symbols & set(state)
        if held:
            raise InvalidInput(
                f"the value of {key} depends on the coordinate {min(map(str, held))}."
            )
    put = {key: exact(expression(str(key), value)) for key, value in values.items()}
    for key, value in put.items():
        _require_assumed(key, value)
    return put


def _require_assumed(symbol: sp.Symbol, value: sp.Expr) -> None:
    """Go on only if a value is not known to break what formulas assumed of its symbol."""
    for assumed, named in ASSUMED.items():
        if getattr(symbol, f"is_{assumed}") and getattr(value, f"is_{assumed}") is False:
            raise InvalidInput(
                f"{symbol} = {value} is not {named}, as the symbol {symbol} was declared to be. "
                "Formulas rely on that: take another value, or declare it without."
            )
