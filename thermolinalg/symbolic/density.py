"""A stationary density, and whether it is one: does it fall off in every direction?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any, final

import numpy as np
import sympy as sp

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import Degenerate, InvalidInput
from thermolinalg.symbolic.linear import direction, numbers
from thermolinalg.symbolic.numeric import Numeric, numeric
from thermolinalg.symbolic.poles import poles, require_real
from thermolinalg.symbolic.quadratic import Quadratic, monomials, split_quadratic
from thermolinalg.symbolic.text import shown
from thermolinalg.symbolic.valleys import rising_curve
from thermolinalg.theory.gaussian import Gaussian

FEW = 4
"""Coordinates up to which formulas with parameters are written out."""


@final
@dataclass(frozen=True, eq=False)
class Density:
    """p(x) = e^log_density / norm, annihilated by the Fokker-Planck operator.

    Args:
        conditions: what parameters must be above zero, for the integral to be finite.
        angles: coordinates on a circle of 2 pi, over which the law is one turn.
    """

    state: tuple[sp.Symbol, ...]
    log_density: sp.Expr  # up to a constant
    how: str  # why it is known
    verified: str  # what was checked
    conditions: tuple[sp.Expr, ...] = field(default=())
    angles: tuple[sp.Symbol, ...] = field(default=())

    @property
    def is_gaussian(self) -> bool:
        """Is it a normal law?"""
        whole = not self.angles and not any(x.is_nonnegative for x in self.state)
        return whole and self._quadratic.is_quadratic

    @cached_property
    def norm(self) -> sp.Expr | None:
        """The integral of e^log_density: of a normal law always, else where sympy finds it.

        It is asked only for densities that are products over their coordinates, made of powers.
        """
        if self.is_gaussian:
            return self._gaussian_norm()
        parts = _separated(self.log_density, self.state)
        if parts is None or self.angles:
            return None
        found = [_integral(part, x) for x, part in parts.items()]
        return None if None in found else sp.Mul(*found)

    @property
    def expression(self) -> sp.Expr:
        """p itself; up to its norm, where that is not known."""
        raw = sp.exp(self.log_density)
        return raw if self.norm is None else raw / self.norm

    def numeric(self) -> Numeric:
        """The log density, up to a constant, as a function of states (..., n) -> (...)."""
        return numeric(self.log_density, self.state)

    def gaussian(self) -> Gaussian:
        """The normal law with numbers.

        Raises:
            InvalidInput: it is not normal, or a parameter has no number.
        """
        if not self.is_gaussian:
            raise InvalidInput(
                f"the density is not normal: its logarithm holds {self._quadratic.rest}."
            )
        free = self.log_density.free_symbols - set(self.state)
        if free:
            raise InvalidInput(
                f"{min(map(str, free))} has no number yet. Substitute it in the SDE first."
            )
        P, h = stiffness(self._quadratic)
        return Gaussian.from_precision(numbers(P), numbers(h)[:, 0])

    @cached_property
    def _quadratic(self) -> Quadratic:
        return split_quadratic(self.log_density, self.state)

    def _gaussian_norm(self) -> sp.Expr:
        P, h = stiffness(self._quadratic)
        root = sp.sqrt((2 * sp.pi) ** len(self.state) / P.det(method="berkowitz"))
        return sp.simplify(root * sp.exp(self._quadratic.zeroth + (h.T * P.LUsolve(h))[0] / 2))

    def __str__(self) -> str:
        names = ", ".join(map(str, self.state))
        lines = [f"p({names}) ~ exp({shown(self.log_density)})", self.how, self.verified]
        if self.conditions:
            lines.append(f"integrable where {', '.join(f'{c} > 0' for c in self.conditions)}")
        return "\n".join(lines)

    def latex(self) -> str:
        """The density in LaTeX."""
        names = ", ".join(map(sp.latex, self.state))
        return rf"p({names}) \propto {sp.latex(sp.exp(shown(self.log_density)))}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _separated(log_p: sp.Expr, state: tuple[sp.Symbol, ...]) -> dict[sp.Symbol, sp.Expr] | None:
    """log p as a sum of functions of one coordinate each; None if it is not, or has no powers."""
    parts = dict.fromkeys(state, sp.S.Zero)
    for term in sp.Add.make_args(sp.expand(log_p)):
        held = [x for x in state if term.has(x)] or [state[0]]
        if len(held) > 1 or {type(f) for f in term.atoms(sp.Function)} - {sp.log}:
            return None
        parts[held[0]] += term
    return parts


def _integral(log_p: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """Its integral; None where sympy has none, or leaves it on a branch of a G function."""
    factors = (sp.exp(term) for term in sp.Add.make_args(log_p))
    found = sp.integrate(sp.Mul(*factors), (x, *support(x)), conds="none")
    if found.has(sp.Integral, sp.meijerg, sp.exp_polar, sp.I):
        return None
    return sp.simplify(found)


def support(x: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """Where a coordinate lives: a half line if the symbol is declared positive."""
    return (sp.S.Zero if x.is_nonnegative else -sp.oo), sp.oo


def stiffness(quadratic: Quadratic) -> tuple[sp.Matrix, sp.Matrix]:
    """P and h of -1/2 x'Px + h'x."""
    n = len(quadratic.state)
    P = {(i, j): -c for (i, j), c in quadratic.second.items()}
    P |= {(j, i): c for (i, j), c in P.items()}
    h = {(i, 0): c for i, c in quadratic.first.items()}
    return sp.SparseMatrix(n, n, P).as_mutable(), sp.SparseMatrix(n, 1, h).as_mutable()


def require_integrable(log_p: sp.Expr, state: tuple[sp.Symbol, ...]) -> tuple[sp.Expr, ...]:
    """Go on only with a density that falls off everywhere, as far as can be told.

    Returns:
        What must be above zero for that, where parameters decide.

    Raises:
        Degenerate: along some direction it does not.
    """
    split = split_quadratic(log_p, state)
    if split.is_quadratic and not any(x.is_nonnegative for x in state):
        return _definite(split)
    require_real(split.rest, state)
    if len(state) == 1:
        return _one_coordinate(log_p, state[0])
    _require_no_flat_direction(log_p, state)
    rays = [c for ray in _rays(state) for c in _falling(log_p, state, ray)]
    if len(state) <= FEW and (climb := rising_curve(log_p, state)):
        raise _improper(climb)
    return tuple(dict.fromkeys(rays))


def require_integrable_on_circles(
    log_p: sp.Expr, state: tuple[sp.Symbol, ...], angles: tuple[sp.Symbol, ...]
) -> tuple[sp.Expr, ...]:
    """The same of the coordinates that are no angles, which are held at eighths of their circle.

    Raises:
        InvalidInput: the density does not return after one turn.
    """
    for x in angles:
        if sp.simplify(log_p.subs(x, x + 2 * sp.pi) - log_p) != 0:
            raise InvalidInput(
                f"{x} is no angle: log p = {log_p} does not return when {x} grows by 2 pi."
            )
    free = tuple(x for x in state if x not in angles)
    conditions: tuple[sp.Expr, ...] = ()
    for eighth in range(8) if free else ():
        held = dict.fromkeys(angles, eighth * sp.pi / 4)
        conditions += require_integrable(log_p.subs(held), free)
    return tuple(dict.fromkeys(conditions))


def _definite(split: Quadratic) -> tuple[sp.Expr, ...]:
    """Minors of the stiffness that must be positive; those that are, by their symbols, left out."""
    P, _ = stiffness(split)
    if not P.free_symbols:
        _require_definite(numbers(P), split.state)
        return ()
    if len(split.state) > FEW:
        wanted = tuple(P[i, i] for i in range(P.rows))  # necessary, not enough
    else:
        wanted = tuple(sp.factor(P[:k, :k].det()) for k in range(1, P.rows + 1))
    for k, minor in enumerate(wanted):
        if minor.is_nonpositive:
            raise _improper(str(split.state[k]))
    return tuple(minor for minor in wanted if not minor.is_positive)


def _require_definite(P: NumpyArray, state: tuple[sp.Symbol, ...]) -> None:
    width = np.sqrt(np.abs(np.diag(P)))
    width = np.where(width > 0, width, 1.0)
    values, modes = np.linalg.eigh(P / width[:, None] / width)
    if values[0] <= 8 * len(P) * np.finfo(float).eps * max(values[-1], 0.0):
        raise _improper(direction(modes[:, 0] / width, state))


def _one_coordinate(log_p: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, ...]:
    """It must fall faster than 1/|x| at infinity, and grow slower at a pole or the end at zero."""
    conditions = []
    y = sp.Dummy("y", positive=True)
    near = [] if support(x)[0] == -sp.oo else [1 / y]
    near += [root + side / y for root in poles(log_p, x) for side in (1, -1)]
    far = [s * y for s in (1, -1) if sp.oo * s in support(x)]
    for place in far + near:
        power = _limit(log_p.subs(x, place) / sp.log(y), y)
        if power is None:
            raise InvalidInput(
                f"the stationary density exp({log_p}) is stationary, but sympy cannot tell whether "
                f"it falls off along {x}. Integrate it by numbers."
            )
        if power.has(sp.AccumBounds):
            raise _improper(str(x))
        if power.has(sp.oo, -sp.oo) and power.atoms(sp.sign):  # a parameter's sign decides
            falling = 1 if power.as_coeff_Mul()[0] == -sp.oo else -1
            conditions += [falling * s.args[0] for s in power.atoms(sp.sign)]
            continue
        limit = sp.S.One if place in near else -sp.S.One
        excess = sp.factor(limit - power)  # the power at which 1/y decays, less that of p
        if power == -sp.oo or excess.is_positive:
            continue
        if power == sp.oo or excess.is_nonpositive:
            raise _improper(str(x))
        conditions.append(excess)
    return tuple(dict.fromkeys(conditions))


def _limit(expr: sp.Expr, y: sp.Symbol) -> sp.Expr | None:
    try:
        found = sp.limit(expr, y, sp.oo)
    except (NotImplementedError, ValueError, TypeError):  # sympy's ways to give up on a limit
        return None
    return None if found.has(sp.Limit, sp.nan) else found


def _require_no_flat_direction(log_p: sp.Expr, state: tuple[sp.Symbol, ...]) -> None:
    """A constant vector v with v . grad log p = 0, if there is one, solves linear equations."""
    columns = [monomials(log_p.diff(x), state) for x in state]
    rows: dict[Any, dict[int, sp.Expr]] = {}
    for i, found in enumerate(columns):
        for m, c in found.terms.items():
            kind = sp.Mul(*(found.factors[k] for k in m))
            rows.setdefault(kind, {})[i] = c
    table = sp.Matrix([[row.get(i, 0) for i in range(len(state))] for row in rows.values()])
    if table.free_symbols:
        flat = [i for i in range(len(state)) if not columns[i].terms]
        if flat:
            raise _improper(str(state[flat[0]]))
        return
    _, sizes, modes = np.linalg.svd(numbers(table.T * table))
    if sizes[-1] <= 8 * len(sizes) * np.finfo(float).eps * sizes[0]:
        raise _improper(direction(modes[-1], state))


def _rays(state: tuple[sp.Symbol, ...]) -> Iterator[dict[sp.Symbol, int]]:
    """Both ways along every axis, and along every diagonal between two."""
    for x in state:
        yield from ({x: s} for s in (1, -1) if s > 0 or not x.is_nonnegative)
    if len(state) <= FEW:
        for x, y in combinations(state, 2):
            yield from (
                {x: s, y: r}
                for s in (1, -1)
                for r in (1, -1)
                if (s > 0 or not x.is_nonnegative) and (r > 0 or not y.is_nonnegative)
            )


def _falling(
    log_p: sp.Expr, state: tuple[sp.Symbol, ...], ray: dict[sp.Symbol, int]
) -> tuple[sp.Expr, ...]:
    """What must be above zero for log p to go to minus infinity along a ray, where it is known."""
    y = sp.Dummy("y", positive=True)
    point = dict.fromkeys(state, sp.S.Zero) | {x: sp.S.One for x in state if x.is_positive}
    point |= {x: point[x] + s * y for x, s in ray.items()}
    along = sp.expand(log_p.xreplace(point))
    powers = along.as_poly(y)
    if powers is not None:
        rises = powers.degree() == 0 or bool(powers.LC().is_nonnegative)
    else:
        found = _limit(along, y)
        rises = found is not None and found != -sp.oo and not found.free_symbols
    if rises:
        raise _improper(" ".join(f"{'+' if s > 0 else '-'}{x}" for x, s in ray.items()))
    open_sign = powers is not None and powers.LC().is_negative is None
    return (sp.factor(-powers.LC()),) if open_sign else ()


def _improper(where: str) -> Degenerate:
    return Degenerate(
        f"there is no stationary density: along {where} the law does not fall off, so that its "
        "integral is infinite. Bind that direction by a potential that grows, such as + k x**2/2."
    )
