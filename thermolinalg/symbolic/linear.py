"""Which drifts are linear, and what is in the way of those that are not."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import sympy as sp

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, Unstable
from thermolinalg.symbolic.coefficients import Coefficients
from thermolinalg.symbolic.quadratic import monomials
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """The drift b - A x, by entries that are not zero, and the first term that is not linear."""

    A: dict[tuple[int, int], sp.Expr]
    b: dict[int, sp.Expr]
    n: int
    offending: tuple[int, sp.Expr] | None  # the coordinate, and the term in its drift

    @property
    def matrices(self) -> tuple[sp.Matrix, sp.Matrix]:
        """A (n, n) and b (n, 1)."""
        return sp.Matrix(sp.SparseMatrix(self.n, self.n, self.A)), sp.Matrix(
            sp.SparseMatrix(self.n, 1, {(i, 0): value for i, value in self.b.items()})
        )

    @property
    def numbers(self) -> tuple[NumpyArray, NumpyArray]:
        """A and b in floating point."""
        A, b = np.zeros((self.n, self.n)), np.zeros(self.n)
        for place, value in self.A.items():
            A[place] = float(value)
        for i, value in self.b.items():
            b[i] = float(value)
        return A, b


def linear_part(c: Coefficients) -> Linear:
    """The drift as b - A x, as far as it is that."""
    A: dict[tuple[int, int], sp.Expr] = {}
    b: dict[int, sp.Expr] = {}
    offending = None
    for i, f in enumerate(c.drift):
        found = monomials(f, c.state)
        for m, coefficient in found.terms.items():
            if len(m) > 1 or not found.is_polynomial(m):
                offending = offending or (i, found.product(m))
            elif m:
                A[i, m[0]] = -coefficient
            else:
                b[i] = coefficient
    return Linear(A, b, len(c.state), offending)


def numbers(D: sp.MatrixBase) -> NumpyArray:
    """A matrix of numbers in floating point."""
    found = np.zeros(D.shape)
    for place, value in D.todok().items():
        found[place] = float(value)
    return found


def require_linear(c: Coefficients, part: Linear) -> None:
    """Go on only with a linear drift and even noise.

    Raises:
        InvalidInput: it is not, and which term is to blame.
    """
    if part.offending is not None:
        i, term = part.offending
        raise InvalidInput(
            f"the drift of {c.state[i]} holds {term}, which is not linear in the state. Take "
            ".linearize(at={...}) for small motion about a point, or .process() to simulate."
        )
    held = set(c.state)
    for (i, j), d in c.entries.items():
        if not held.isdisjoint(d.free_symbols):
            raise InvalidInput(
                f"the diffusion D[{i}, {j}] = {d}, of {c.state[i]} and {c.state[j]}, depends on "
                "the state; an OU has the same noise everywhere. Take .linearize(at={...}), or "
                ".process() to simulate."
            )


def require_numbers(parameters: tuple[sp.Symbol, ...]) -> None:
    """Go on only where every parameter has a number.

    Raises:
        InvalidInput: some have none.
    """
    if parameters:
        names = ", ".join(map(str, parameters))
        verb = "has" if len(parameters) == 1 else "have"
        raise InvalidInput(
            f"{names} {verb} no number yet. Substitute them first: "
            f"sde.substitute({{{parameters[0]}: 1.0}}), the symbols being the keys."
        )


def to_ou(c: Coefficients, parameters: tuple[sp.Symbol, ...]) -> OU:
    """The process with numbers.

    Raises:
        InvalidInput: it is not linear, a parameter has no number, or a mode is unstable.
    """
    part = linear_part(c)
    require_linear(c, part)
    require_numbers(parameters)
    A, b = part.numbers
    try:
        return OU(A, b, numbers(c.diffusion))
    except Unstable as error:
        raise Unstable(unstable_mode(A, c.state)) from error


def unstable_mode(A: NumpyArray, state: tuple[sp.Symbol, ...]) -> str:
    """Which direction never relaxes, in words."""
    rates, modes = np.linalg.eig(A)
    worst = int(np.argmin(rates.real))
    return (
        f"the mode along {direction(modes[:, worst].real, state)} relaxes at the rate "
        f"{rates[worst].real:.3g} <= 0, so that nothing draws the system back there and it never "
        "settles. Check the signs (a spring's potential is +k x**2/2), or hold that direction."
    )


def direction(v: NumpyArray, state: tuple[sp.Symbol, ...]) -> str:
    """A direction in coordinates, such as `x - y`, its largest entry being 1."""
    v = v / v[np.argmax(np.abs(v))]
    kept: list[Any] = []
    for value, symbol in zip(v, state, strict=True):
        if abs(value) > len(v) * np.finfo(float).eps ** 0.5:
            size = f"{abs(value):.3g}"
            sign = ("- " if value < 0 else "+ ") if kept else ("-" if value < 0 else "")
            kept.append(f"{sign}{'' if size == '1' else size + ' '}{symbol}")
    return " ".join(kept)
