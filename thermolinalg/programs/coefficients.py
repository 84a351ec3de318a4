"""Coefficients as users write them: numbers, parameters, and arrays of either."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.programs.statements import Number, numbers


def coefficients(
    name: str, value: Any, shape: tuple[int, ...], parameters: Mapping[str, sp.Symbol]
) -> NumpyArray:
    """One coefficient for each place (size,): a number, or an array that broadcasts to the shape.

    Raises:
        ShapeMismatch: it has another shape.
        InvalidInput: an entry is no finite real number, nor an expression in parameters.
    """
    checks.unmasked(name, value)
    if not isinstance(value, sp.Expr) and np.asarray(value).dtype.kind in "iuf":
        found = checks.real_array(name, np.asarray(value, dtype=float))
    else:
        given = np.asarray(value, dtype=object)
        flat = [coefficient(name, entry, parameters) for entry in given.ravel().tolist()]
        found = numbers(flat).reshape(given.shape)
    try:
        return np.broadcast_to(found, shape).ravel()
    except ValueError:
        raise ShapeMismatch(
            f"{name} has shape {found.shape}, and {shape} is needed: one number for all, or one "
            "for each."
        ) from None


def coefficient(name: str, value: Any, parameters: Mapping[str, sp.Symbol]) -> Number:
    """A finite number, or an expression in parameters.

    Raises:
        InvalidInput: it is neither.
    """
    if not isinstance(value, sp.Expr):
        return checks.real_number(name, value)
    if value.is_number:
        if value.is_real is False:
            raise InvalidInput(f"{name} = {value} is not real.")
        return checks.real_number(name, value)
    strange = value.free_symbols - set(parameters.values())
    if strange:
        symbol = min(map(str, strange))
        raise InvalidInput(
            f"{name} = {value} holds {symbol}, which is no parameter of this model. Declare it: "
            f"{symbol} = model.parameter({symbol!r}), or pass a number."
        )
    return value


def require_positive(name: str, values: Iterable[Any]) -> None:
    """Every coefficient that is a number is > 0.

    Raises:
        InvalidInput: one is not.
    """
    for value in values:
        if not isinstance(value, sp.Expr):
            checks.positive(name, value)
