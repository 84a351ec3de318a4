"""Equations as text and as LaTeX."""

from collections.abc import Iterator

import sympy as sp

LONGEST = 12
"""Equations of a system that are printed; more fill the screen and say no more."""

DIGITS = 1000
"""Fractions with a larger denominator are shown as decimals."""


def shown(expr: sp.Expr) -> sp.Expr:
    """The expression as it is printed: long fractions as decimals."""
    long = {q: sp.Float(q, 6) for q in expr.atoms(sp.Rational) if q.q > DIGITS}
    return expr.xreplace(long) if long else expr


def equations(
    state: tuple[sp.Symbol, ...],
    drift: tuple[sp.Expr, ...],
    noise: sp.MatrixBase | None,
    circle: bool,
) -> Iterator[str]:
    """dx = (f) dt + (B) dW, line by line; without B, + dM with a covariance of its own."""
    dot = " o " if circle else " "
    for i, (x, f) in enumerate(zip(state, drift, strict=True)):
        kick = f" + dM_{x}" if noise is None else "".join(_kicks(noise, i, state, dot))
        yield f"d{x} = ({shown(f)}) dt{kick}"


def _kicks(noise: sp.MatrixBase, i: int, state: tuple[sp.Symbol, ...], dot: str) -> Iterator[str]:
    names = [str(x) for x in state] if noise.is_square else list(map(str, range(noise.cols)))
    for k, name in enumerate(names):
        if noise[i, k] != 0:
            yield f" + ({shown(noise[i, k])}){dot}dW_{name}"


def latex_equations(
    state: tuple[sp.Symbol, ...],
    drift: tuple[sp.Expr, ...],
    noise: sp.MatrixBase | None,
    circle: bool,
) -> str:
    """The same in LaTeX, aligned."""
    dot = r" \circ " if circle else r"\, "
    lines = []
    for i, (x, f) in enumerate(zip(state, drift, strict=True)):
        kicks = [f"dM_{{{sp.latex(x)}}}"]
        if noise is not None:
            own = [sp.latex(s) for s in state] if noise.is_square else range(noise.cols)
            kicks = [
                rf"\left({sp.latex(shown(noise[i, k]))}\right){dot}dW_{{{name}}}"
                for k, name in enumerate(own)
                if noise[i, k] != 0
            ]
        terms = [rf"\left({sp.latex(shown(f))}\right) dt", *kicks]
        lines.append(rf"d{sp.latex(x)} &= {' + '.join(terms)}")
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
