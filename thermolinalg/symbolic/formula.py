"""Ito's formula: the equation of motion of a function of the state."""

from dataclasses import dataclass
from typing import final

import sympy as sp

from thermolinalg.symbolic.text import shown


@final
@dataclass(frozen=True, eq=False, slots=True)
class ItoFormula:
    """df = (L f) dt + (grad f' B) dW, whose noise has the variance grad f' D grad f per time."""

    of: sp.Expr
    state: tuple[sp.Symbol, ...]
    drift: sp.Expr
    variance: sp.Expr
    noise: tuple[sp.Expr, ...] | None  # a coefficient for each dW; None where B is not known

    def __str__(self) -> str:
        kicks = [f"N(0, ({shown(self.variance)}) dt)"]
        if self.noise is not None:
            own = len(self.noise) == len(self.state)
            names = map(str, self.state if own else range(len(self.noise)))
            pairs = zip(self.noise, names, strict=True)
            kicks = [f"({shown(b)}) dW_{name}" for b, name in pairs if b != 0]
        return " + ".join([f"d({shown(self.of)}) = ({shown(self.drift)}) dt", *kicks])

    def latex(self) -> str:
        """The formula in LaTeX, with the variance of its noise."""
        parts = [sp.latex(shown(e)) for e in (self.of, self.drift, self.variance)]
        return (
            rf"d\left({parts[0]}\right) = \left({parts[1]}\right) dt "
            rf"+ \mathcal{{N}}\left(0, \left({parts[2]}\right) dt\right)"
        )

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"
