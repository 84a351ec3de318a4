"""The operators of an Ito equation dx = f(x) dt + N(0, D(x) dt), on any expression.

Sums run over the entries of D that are not zero (Risken 1989, sections 3.4 and 4.7).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import sympy as sp

from thermolinalg.symbolic.quadratic import monomials, split_quadratic

HALF = sp.S.Half


@final
@dataclass(frozen=True, eq=False)
class Coefficients:
    """Drift f and diffusion D, by Ito."""

    state: tuple[sp.Symbol, ...]
    drift: tuple[sp.Expr, ...]
    diffusion: sp.ImmutableMatrix

    @cached_property
    def entries(self) -> Mapping[tuple[int, int], sp.Expr]:
        """The entries of D that are not zero."""
        return dict(self.diffusion.todok())

    @cached_property
    def spurious(self) -> tuple[sp.Expr, ...]:
        """1/2 sum_j dD_ij/dx_j: the drift that uneven noise makes."""
        parts: list[list[sp.Expr]] = [[] for _ in self.state]
        for (i, j), d in self.entries.items():
            parts[i].append(HALF * d.diff(self.state[j]))
        return tuple(sp.Add(*terms) for terms in parts)

    @property
    def is_additive(self) -> bool:
        """Is the noise the same in every state?"""
        held = set(self.state)
        return all(held.isdisjoint(d.free_symbols) for d in self.entries.values())

    def generator(self, g: sp.Expr) -> sp.Expr:
        """L g = f . grad g + 1/2 D : grad grad g, the rate at which <g> grows."""
        x, slope = self.state, {}
        for i, symbol in enumerate(self.state):
            slope[i] = g.diff(symbol)
        first = (f * slope[i] for i, f in enumerate(self.drift))
        second = (HALF * d * slope[i].diff(x[j]) for (i, j), d in self.entries.items())
        return sp.Add(*first, *second)

    def fokker_planck(self, p: sp.Expr) -> sp.Expr:
        """L* p = -div (f p) + 1/2 grad grad : (D p)."""
        x = self.state
        first = (-(f * p).diff(x[i]) for i, f in enumerate(self.drift))
        second = (HALF * (d * p).diff(x[i], x[j]) for (i, j), d in self.entries.items())
        return sp.Add(*first, *second)

    def current(self, p: sp.Expr) -> tuple[sp.Expr, ...]:
        """J = f p - 1/2 div (D p), so that dp/dt = -div J."""
        parts = [[f * p] for f in self.drift]
        for (i, j), d in self.entries.items():
            parts[i].append(-HALF * (d * p).diff(self.state[j]))
        return tuple(sp.Add(*terms) for terms in parts)

    def velocity(self, log_p: sp.Expr) -> tuple[sp.Expr, ...]:
        """J/p of the density e^log_p: with it every log that a power of p would bring cancels."""
        slope = split_quadratic(log_p, self.state).gradient()
        parts = [[f, -s] for f, s in zip(self.drift, self.spurious, strict=True)]
        for (i, j), d in self.entries.items():
            parts[i].append(-HALF * d * slope[j])
        return tuple(sp.Add(*terms) for terms in parts)

    def annihilation(self, log_p: sp.Expr) -> sp.Expr:
        """L* p/p of the density p = e^log_p: zero where it is stationary."""
        slope = split_quadratic(log_p, self.state).gradient()
        flow = zip(self.velocity(log_p), self.state, slope, strict=True)
        return sp.Add(*(-(v.diff(x) + v * s) for v, x, s in flow))


def vanishes(expr: sp.Expr, state: tuple[sp.Symbol, ...]) -> bool:
    """Does an expression simplify to zero? Monomial by monomial first, which is fast."""
    found = monomials(expr, state)
    if all(sp.cancel(c) == 0 for c in found.terms.values()):
        return True
    polynomial = all(found.is_polynomial(m) for m in found.terms)
    if polynomial and not any(c.free_symbols for c in found.terms.values()):
        return all(sp.simplify(c) == 0 for c in found.terms.values())
    return bool(sp.simplify(expr) == 0)
