"""Statements as users make them, checked against the program that they are to join."""

import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from thermolinalg import checks
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.programs.coefficients import coefficients, require_positive
from thermolinalg.programs.program import Program, entries
from thermolinalg.programs.statements import (
    Observation,
    Oscillators,
    QuadraticForm,
    Springs,
)
from thermolinalg.theory.balance import is_sparse


def declared_plate(
    program: Program, name: Any, shape: Any, knobs: Mapping[str, Any]
) -> Oscillators:
    """A plate of new coordinates.

    Raises:
        InvalidInput: the name is taken or no name, a shape does not fit, or a friction, a mass or a
            temperature is not positive.
    """
    program.require_new(name)
    sizes = _shape(shape)
    symbols = tuple(_symbol(name, index) for index in np.ndindex(*sizes))
    program.require_new(name, symbols)
    _require_alike(program, knobs["mass"])
    known = program.parameter_of
    optional = {"mass", "temperature"}
    given = {k: v for k, v in knobs.items() if not (k in optional and v is None)}
    arrays = {key: coefficients(key, value, sizes, known) for key, value in given.items()}
    for key in {"friction", "mass", "temperature"} & set(arrays):
        require_positive(key, arrays[key].tolist())
    return Oscillators(name, sizes, symbols, **arrays)


def declared_springs(program: Program, a: Any, b: Any, stiffness: Any) -> Springs:
    """Springs between coordinates, paired entry by entry.

    Raises:
        InvalidInput: a or b is no coordinate, or both are the same one, or shapes do not fit.
    """
    left, right = program.coordinates("a", a), program.coordinates("b", b)
    count = max(len(left), len(right))
    if {len(left), len(right)} - {1, count}:
        raise ShapeMismatch(
            f"a has {len(left)} coordinates and b {len(right)}; pairs need as many of each, or one "
            "on one side."
        )
    left, right = left * (count // len(left)), right * (count // len(right))
    same = [x for x, y in zip(left, right, strict=True) if x == y]
    if same:
        raise InvalidInput(
            f"{same[0]} cannot be coupled to itself. For a spring to a point use "
            "oscillators(..., stiffness=, center=)."
        )
    k = _row(program, "stiffness", stiffness, count)
    return Springs(tuple(zip(left, right, k, strict=True)))


def declared_form(program: Program, what: Any, matrix: Any, force: Any) -> QuadraticForm:
    """A quadratic form of some coordinates.

    Half of all digits of the largest entry are let pass as asymmetry: what is not symmetric adds
    nothing to x'Mx, and an inverse that was computed has no more.

    Raises:
        InvalidInput: the matrix is not symmetric, or does not fit the coordinates.
    """
    symbols = tuple(program.coordinates("what", what))
    M = matrix.toarray() if is_sparse(matrix) else matrix
    M = to_numpy(checks.square("matrix", M)).astype(float)
    if np.abs(M - M.T).max() <= math.sqrt(np.finfo(float).eps) * np.abs(M).max():
        M = (M + M.T) / 2
    M = checks.symmetric("matrix", M, "Energies are symmetric forms: (M + M.T)/2.")
    h = np.zeros(len(symbols)) if force is None else np.ravel(np.asarray(force))
    if len(M) != len(symbols):
        raise ShapeMismatch(
            f"matrix has shape {M.shape} for {len(symbols)} coordinates; ({len(symbols)}, "
            f"{len(symbols)}) is needed."
        )
    h = to_numpy(checks.vector("force", h, len(symbols)))
    return QuadraticForm(symbols, M, h.astype(float))


def declared_data(program: Program, what: Any, value: Any, noise: Any) -> Iterator[Observation]:
    """An observation of each expression.

    Raises:
        InvalidInput: shapes differ, the noise is not positive, or an expression cannot be used, as
            one of coordinates of two temperatures.
    """
    checks.unmasked("value", value)
    expressions = [program.energy("what", entry) for entry in entries(what)]
    data = [checks.real_number("value", entry) for entry in entries(value)]
    if not expressions:
        raise InvalidInput("what is empty; name at least one expression that was read.")
    if len(data) != len(expressions):
        raise ShapeMismatch(
            f"value holds {len(data)} numbers for {len(expressions)} expressions; one for each is "
            "needed."
        )
    widths = _row(program, "noise", noise, len(data))
    require_positive("noise", widths)
    _require_finite_springs(program, widths)
    for e, read, sigma in zip(expressions, data, widths, strict=True):
        yield Observation(e, read, sigma, program.temperature_of(e.free_symbols))


def _require_finite_springs(program: Program, widths: list[Any]) -> None:
    T = program.temperature
    for sigma in () if isinstance(T, sp.Expr) else widths:
        if not isinstance(sigma, sp.Expr) and sigma < math.sqrt(T / sys.float_info.max):
            raise InvalidInput(
                f"noise = {sigma:g} is so small that the spring of a reading, T/noise², overflows. "
                "Clamp what is known exactly."
            )


def _row(program: Program, name: str, value: Any, count: int) -> list[Any]:
    checks.unmasked(name, value)
    flat = value if np.ndim(value) == 0 else np.ravel(np.asarray(value, dtype=object))
    return coefficients(name, flat, (count,), program.parameter_of).tolist()


def _require_alike(program: Program, mass: Any) -> None:
    first = next(iter(program.plates.values()), None)
    if first is not None and (first.mass is None) != (mass is None):
        raise InvalidInput(
            "mass must be given for every plate or for none, and "
            f"{first.name} has {'none' if first.mass is None else 'one'}."
        )


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(checks.count("shape", size) for size in sizes)


def _symbol(name: str, index: tuple[int, ...]) -> sp.Symbol:
    return sp.Symbol("_".join(map(str, (name, *index))), real=True)
