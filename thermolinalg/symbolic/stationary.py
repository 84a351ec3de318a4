"""The search for a stationary density: Gibbs' law, a linear drift, detailed balance."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import scipy.linalg
import sympy as sp

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import Degenerate, InvalidInput, Unstable
from thermolinalg.symbolic.coefficients import Coefficients, vanishes
from thermolinalg.symbolic.density import (
    FEW,
    Density,
    require_integrable,
    require_integrable_on_circles,
)
from thermolinalg.symbolic.linear import Linear, direction, linear_part, numbers, unstable_mode
from thermolinalg.symbolic.potential import Potential

LONGEST = 8
"""Coordinates times parameters of a formula for three coordinates or more; it soon fills pages."""

EXACT = "checked by symbols: the Fokker-Planck operator gives zero"
BALANCED = "checked by symbols: the probability current is zero, and so is its divergence"


def stationary_density(
    c: Coefficients, origin: Potential | None, angles: tuple[sp.Symbol, ...]
) -> Density:
    """The stationary density, by the first way that applies.

    Raises:
        InvalidInput: none applies, and why; Degenerate if there is none that can be normalised.
    """
    gibbs = None if origin is None else origin.gibbs()
    if gibbs is not None:
        kind = "-U/T" if origin is not None and origin.mass is None else "-(U + kinetic)/T"
        how = f"Gibbs law exp({kind}) of the potential, at one temperature"
        return _known(c, gibbs, how, angles)
    part = linear_part(c)
    if part.offending is None and c.is_additive and not angles:
        return _of_linear(c, part)
    how = "detailed balance: 2/D (f - 1/2 div D) is the gradient of log p"
    return _known(c, _of_balance(c), how, angles)


def _known(
    c: Coefficients, log_p: sp.Expr, how: str, angles: tuple[sp.Symbol, ...] = ()
) -> Density:
    if angles:
        conditions = require_integrable_on_circles(log_p, c.state, angles)
    else:
        conditions = require_integrable(log_p, c.state)
    return Density(c.state, log_p, how, _verified(c, log_p), conditions, angles)


def _verified(c: Coefficients, log_p: sp.Expr) -> str:
    """What shows that the Fokker-Planck operator annihilates the density."""
    if all(vanishes(v, c.state) for v in c.velocity(log_p)):
        return BALANCED
    left = c.annihilation(log_p)
    if not vanishes(left, c.state):
        raise InvalidInput(
            f"the stationary density is not known: of exp({log_p}) the Fokker-Planck operator "
            f"leaves {sp.simplify(left)}, where sympy finds no zero. Measure it: sde.process()."
        )
    return EXACT


def _of_linear(c: Coefficients, part: Linear) -> Density:
    """N(mean, S) with A mean = b and AS + SA' = D."""
    symbols = c.diffusion.free_symbols.union(*(a.free_symbols for a in part.A.values()))
    if not symbols:
        A, _ = part.numbers
        if np.linalg.eigvals(A).real.min() <= 0:
            raise Unstable(f"there is no stationary density: {unstable_mode(A, c.state)}")
    if len(c.state) > 2 and len(c.state) * len(symbols) > LONGEST:
        raise InvalidInput(
            f"the law is normal, but its formula, for {len(c.state)} coordinates and the "
            f"parameters {', '.join(sorted(map(str, symbols)))}, fills pages. "
            f"Substitute numbers for all but {LONGEST // len(c.state)} of them."
        )
    if len(c.state) > FEW and not symbols.union(*(b.free_symbols for b in part.b.values())):
        return _by_numbers(c, part)
    how = "linear drift and even noise: the normal law whose covariance S solves AS + SA' = D"
    return _known(c, _gaussian_exponent(c, part), how)


def _gaussian_exponent(c: Coefficients, part: Linear) -> sp.Expr:
    A, b = part.matrices
    S = _lyapunov(A, sp.Matrix(c.diffusion))
    if S is None or A.det() == 0:
        raise Unstable(
            "there is no stationary density: two relaxation rates add up to zero, so that some "
            "direction never settles."
        )
    if sp.cancel(S.det()) == 0:
        raise _no_width(str(_still(S, c.state)))
    P, mean = S.inv().applyfunc(sp.cancel), A.LUsolve(b)
    y = sp.Matrix(c.state)
    shift = (P * mean).T * y
    form = (y.T * P * y)[0]
    return sum(
        (sp.factor(k) * m for m, k in _terms(sp.expand(shift[0] - form / 2), c.state)), sp.S.Zero
    )


def _no_width(where: str) -> Degenerate:
    return Degenerate(
        "there is no stationary density: noise does not reach every direction, so that the "
        f"law has no width along {where}. Give that coordinate a temperature."
    )


def _terms(expr: sp.Expr, state: tuple[sp.Symbol, ...]) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    for powers, coefficient in sp.Poly(expr, *state).terms():
        yield sp.Mul(*(x**k for x, k in zip(state, powers, strict=True))), coefficient


def _still(S: sp.Matrix, state: tuple[sp.Symbol, ...]) -> sp.Expr:
    """A combination of coordinates without variance."""
    return (S.nullspace()[0].T * sp.Matrix(state))[0]


def _lyapunov(A: sp.Matrix, D: sp.Matrix) -> sp.Matrix | None:
    """S with AS + SA' = D, by its n(n+1)/2 linear equations; None if they have no one solution."""
    n = A.rows
    unknown = {(i, j): sp.Dummy(f"s{i}{j}") for i in range(n) for j in range(i, n)}
    S = sp.Matrix(n, n, lambda i, j: unknown[min(i, j), max(i, j)])
    residual = A * S + S * A.T - D
    wanted = list(unknown.values())
    solutions = list(sp.linsolve([residual[place] for place in unknown], *wanted))
    if not solutions or any(e.has(*wanted) for e in solutions[0]):
        return None
    found = dict(zip(wanted, solutions[0], strict=True))
    return S.applyfunc(lambda s: sp.cancel(found[s]))


def _by_numbers(c: Coefficients, part: Linear) -> Density:
    """The same in floating point, checked by the residual of Lyapunov's equation."""
    A, b = part.numbers
    D = numbers(c.diffusion)
    S = scipy.linalg.solve_continuous_lyapunov(A, D)
    S = (S + S.T) / 2
    _require_width(S, A, c.state)
    residual = np.linalg.norm(A @ S + S @ A.T - D) / np.linalg.norm(D)
    P = np.linalg.inv(S)
    log_p = _form((P + P.T) / 2, P @ np.linalg.solve(A, b), c.state)
    conditions = require_integrable(log_p, c.state)
    return Density(
        c.state,
        log_p,
        "linear drift and even noise: the normal law whose covariance S solves AS + SA' = D",
        f"checked by coefficients, in floating point: |AS + SA' - D| is {residual:.1e} of |D|",
        conditions,
    )


def _require_width(S: NumpyArray, A: NumpyArray, state: tuple[sp.Symbol, ...]) -> None:
    """Go on only if S, in units of its own widths, is definite beyond what rounding leaves.

    That is as much larger in S as A is than its slowest rate.
    """
    width = np.sqrt(np.clip(np.diag(S), 0, None))
    width = np.where(width > 0, width, 1.0)
    values, modes = np.linalg.eigh(S / width[:, None] / width)
    stiff = np.linalg.norm(A) / np.linalg.eigvals(A).real.min()
    if values[0] <= 8 * len(S) * np.finfo(float).eps * stiff * max(values[-1], 0.0):
        raise _no_width(direction(modes[:, 0] / width, state))


def _form(P: NumpyArray, h: NumpyArray, state: tuple[sp.Symbol, ...]) -> sp.Expr:
    n = len(state)
    linear = (sp.Float(h[i]) * state[i] for i in range(n))
    square = (sp.Float(-P[i, i] / 2) * state[i] ** 2 for i in range(n))
    mixed = (sp.Float(-P[i, j]) * state[i] * state[j] for i, j in combinations(range(n), 2))
    return sp.Add(*linear, *square, *mixed)


def _of_balance(c: Coefficients) -> sp.Expr:
    """log p from grad log p = 2 D^-1 (f - 1/2 div D), where that has no curl (Risken 1989, 6.2)."""
    slope = _slope(c)
    for i, j in combinations(range(len(c.state)), 2):
        curl = slope[j].diff(c.state[i]) - slope[i].diff(c.state[j])
        if not vanishes(curl, c.state):
            raise InvalidInput(
                "the stationary density is not known: the drift is no gradient, as "
                f"2/D (f - 1/2 div D) has a curl of {sp.simplify(curl)} between {c.state[i]} and "
                f"{c.state[j]}, so that a current flows at rest. Known are potentials at one "
                "temperature, linear drifts and detailed balance; else measure: sde.process()."
            )
    return _integrated(slope, c.state)


def _slope(c: Coefficients) -> list[sp.Expr]:
    """2 D^-1 (f - 1/2 div D)."""
    flow = sp.Matrix([2 * (f - s) for f, s in zip(c.drift, c.spurious, strict=True)])
    if c.diffusion.is_diagonal():
        quiet = [x for i, x in enumerate(c.state) if (i, i) not in c.entries]
        if quiet:
            raise _no_inverse(f"{quiet[0]} has no noise of its own")
        return [sp.cancel(g / c.diffusion[i, i]) for i, g in enumerate(flow)]
    if sp.simplify(c.diffusion.det()) == 0:
        raise _no_inverse("D is singular")
    return [sp.simplify(g) for g in c.diffusion.LUsolve(flow)]


def _no_inverse(why: str) -> InvalidInput:
    return InvalidInput(
        f"the stationary density is not known: {why}, so that detailed balance does not give it. "
        "Known are potentials at one temperature (SDE.from_potential), linear drifts and detailed "
        "balance with noise everywhere; else measure: sde.process()."
    )


def _integrated(slope: list[sp.Expr], state: tuple[sp.Symbol, ...]) -> sp.Expr:
    """A function with this gradient, one coordinate after the other."""
    total: sp.Expr = sp.S.Zero
    for g, x in zip(slope, state, strict=True):
        left = sp.simplify(g - total.diff(x)) if total != 0 else sp.apart(g, x) if _apart(g) else g
        part = sp.integrate(left, x)
        if part.has(sp.Integral):
            raise InvalidInput(
                f"the stationary density is known but for an integral that sympy does not find: "
                f"of {left} over {x}. Integrate it by numbers."
            )
        total += part
    return sp.expand(total)


def _apart(g: sp.Expr) -> bool:
    return bool(g.is_rational_function()) and len(g.free_symbols) == 1
