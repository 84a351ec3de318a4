"""Curves (c_1 s^w_1, ..., c_n s^w_n) on which a polynomial grows without bound as s does.

On such a curve the terms of the largest weight w . powers decide, as a form in c. A potential may
rise along every axis and diagonal, and fall between them, or along a parabola (w = 1, 2).
"""

from itertools import islice, product

import numpy as np
import sympy as sp
from scipy.special import ndtri

from thermolinalg.backend import NumpyArray

STARTS = 1024
"""Directions looked at, spread evenly, for each choice of weights."""


def rising_curve(log_p: sp.Expr, state: tuple[sp.Symbol, ...]) -> str:
    """A curve on which log p rises to infinity, in words; empty if none is found.

    What is found is shown in exact numbers. Looked for are weights of 1 and 2, in polynomials whose
    coefficients are numbers but for one common factor.
    """
    polynomial = log_p.as_poly(*state)
    terms = {} if polynomial is None else _numbers(polynomial)
    if not terms:
        return ""
    powers, coefficients = np.array(list(terms)), list(terms.values())
    for weights in product((1, 2), repeat=len(state)):
        degree = powers @ weights
        leading = degree == degree.max()
        form = [c for c, kept in zip(coefficients, leading, strict=True) if kept]
        c = _highest(powers[leading], np.array(form, float), state)
        if _value(powers[leading], form, c) > 0:
            parts = zip(state, c, weights, strict=True)
            return ", ".join(f"{x} = {float(a):.3g} s**{w}" for x, a, w in parts) + " for large s"
    return ""


def _numbers(polynomial: sp.Poly) -> dict[tuple[int, ...], sp.Rational]:
    """Its terms but for a common factor above zero; none where parameters decide."""
    terms = {m: c for m, c in polynomial.terms() if any(m)}
    if not terms:
        return {}
    factor = next(iter(terms.values()))
    sign = 1 if factor.is_positive else -1 if factor.is_negative else 0
    ratios = {m: sign * sp.cancel(c / factor) for m, c in terms.items()}
    return ratios if sign and all(r.is_Rational for r in ratios.values()) else {}


def _highest(
    powers: NumpyArray, form: NumpyArray, state: tuple[sp.Symbol, ...]
) -> list[sp.Rational]:
    """The direction in which a form is largest, of many."""
    irrational = np.sqrt(list(islice(sp.sieve, len(state))))  # of primes: multiples spread evenly
    spread = ndtri(np.arange(1, STARTS + 1)[:, None] * irrational % 1)
    half_lines = np.array([x.is_nonnegative is True for x in state])
    spread = np.where(half_lines, np.abs(spread), spread)
    directions = spread / np.linalg.norm(spread, axis=1, keepdims=True)
    values = np.prod(directions[:, None, :] ** powers, axis=2) @ form
    return [sp.Rational(c) for c in directions[np.argmax(values)].tolist()]


def _value(powers: NumpyArray, form: list[sp.Rational], c: list[sp.Rational]) -> sp.Rational:
    """The form at c, exactly."""
    return sp.Add(
        *(
            a * sp.Mul(*(x**k for x, k in zip(c, row, strict=True)))
            for a, row in zip(form, powers.tolist(), strict=True)
        )
    )
