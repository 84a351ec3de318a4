"""Points inside the support at which a log density is infinite, or turns complex."""

from collections.abc import Iterator

import sympy as sp

from thermolinalg.errors import InvalidInput


def require_real(log_p: sp.Expr, state: tuple[sp.Symbol, ...]) -> None:
    """Go on only if no log, and no root, is taken of what changes its sign where x may be.

    Asked of polynomials in one coordinate, at zeros that can be told.

    Raises:
        InvalidInput: one is; the law then lives on one side, or a wall splits it.
    """
    for x in state:
        for g in _bases(log_p, x, state):
            for root, times in _zeros(g, x).items():
                if times % 2:
                    raise InvalidInput(
                        f"the stationary density is not known: its logarithm holds log or a root "
                        f"of {sp.simplify(g)}, which changes its sign at {x} = {root}, so that the "
                        "law lives on one side of that, or is split there. A symbol declared "
                        "positive lives on x > 0; on an interval (a, b) write the equation of "
                        "y = log((x - a)/(b - x))."
                    )


def poles(log_p: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    """Points inside the support of x where a log or a negative power has its argument zero."""
    inverse = (p.base for p in log_p.atoms(sp.Pow) if p.exp.is_nonnegative is not True)
    found = [*inverse, *(log.args[0] for log in log_p.atoms(sp.log))]
    return list(dict.fromkeys(root for g in found for root in _zeros(g, x)))


def _bases(log_p: sp.Expr, x: sp.Symbol, state: tuple[sp.Symbol, ...]) -> Iterator[sp.Expr]:
    """What logs and roots are taken of, where it depends on this coordinate alone."""
    logs = [log.args[0] for log in log_p.atoms(sp.log)]
    roots = [p.base for p in log_p.atoms(sp.Pow) if not p.exp.is_integer]
    return (g for g in logs + roots if g.free_symbols & set(state) == {x})


def _zeros(g: sp.Expr, x: sp.Symbol) -> dict[sp.Expr, int]:
    """Zeros and poles of a rational function inside the support of x, with their multiplicity."""
    even = g.replace(sp.Abs, lambda h: h**2)
    found: dict[sp.Expr, int] = {}
    for part in sp.fraction(sp.cancel(even)) if x in g.free_symbols else ():
        polynomial = part.as_poly(x)
        if polynomial is not None and not polynomial.is_ground:
            found |= sp.roots(polynomial)
    return {root: times for root, times in found.items() if _inside(root, x)}


def _inside(root: sp.Expr, x: sp.Symbol) -> bool:
    return bool(root.is_positive if x.is_nonnegative else root.is_real)
