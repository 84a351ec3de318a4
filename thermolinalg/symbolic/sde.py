"""SDE: a system of stochastic differential equations, in symbols."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import sympy as sp

from thermolinalg.backend import Array, to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.symbolic import running
from thermolinalg.symbolic.coefficients import Coefficients
from thermolinalg.symbolic.density import Density
from thermolinalg.symbolic.formula import ItoFormula
from thermolinalg.symbolic.linear import linear_part, to_ou
from thermolinalg.symbolic.moments import MomentEquations, moment_equations
from thermolinalg.symbolic.noise import (
    diffusion_matrix,
    noise_matrix,
    stratonovich_shift,
)
from thermolinalg.symbolic.potential import Potential, potential
from thermolinalg.symbolic.stationary import stationary_density
from thermolinalg.symbolic.symbols import (
    TIME,
    exact,
    expression,
    expressions,
    matrix,
    require_known,
    require_no_namesake,
    state_symbols,
    symbol_values,
)
from thermolinalg.symbolic.text import LONGEST, equations, latex_equations, shown
from thermolinalg.theory.langevin import Process
from thermolinalg.theory.process import OU, single

CALCULI = ("ito", "stratonovich")


@final
@dataclass(frozen=True, eq=False, repr=False)
class SDE:
    """The system dx = f(x) dt + N(0, D(x) dt). Parameters stay symbols until they have numbers.

    Floats are kept as the fractions that their decimals name (0.1 as 1/10), so that equations
    cancel exactly.

    Args:
        state: a symbol for each coordinate, or one alone. One declared positive lives on x > 0.
        drift: f, an expression for each coordinate.
        diffusion: D (n, n), the covariance of the noise per time; a flat list is its diagonal, and
            for one coordinate an expression will do. Leave it out where noise is given.
        noise: B (n, m), for dx = f dt + B dW with m independent noises: D = BB'.
        calculus: whose drift f is: "ito" or "stratonovich".
        origin: the potential it came from, if any; `from_potential` fills it in.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    state: Any  # tuple of symbols, once made
    drift: Any  # tuple of expressions
    diffusion: Any = None  # ImmutableMatrix
    noise: Any = field(default=None, kw_only=True)  # ImmutableMatrix, or None
    calculus: str = field(default="ito", kw_only=True)
    origin: Potential | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        state = state_symbols(self.state)
        drift = _drift(self.drift, state)
        B, D = _noise(self.diffusion, self.noise, len(state))
        if self.calculus not in CALCULI:
            raise InvalidInput(f"calculus = {self.calculus!r} must be 'ito' or 'stratonovich'.")
        if TIME in {x.name for x in state}:
            raise InvalidInput("state holds t, which is time. Name the coordinate otherwise.")
        for entry in D if B is None else B:
            if entry.free_symbols:
                require_known("diffusion" if B is None else "noise", entry, state)
        values = {"state": state, "drift": drift, "diffusion": D, "noise": B}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.calculus == "stratonovich":
            stratonovich_shift(D, B, state)  # refused here rather than later

    @classmethod
    def from_potential(
        cls,
        U: sp.Expr,
        state: Any,
        *,
        temperature: Any = 1,
        friction: Any = 1,
        mass: Any = None,
    ) -> "SDE":
        """Motion in a potential U(x), in a bath.

        friction dx = -dU/dx dt + N(0, 2 friction temperature dt); and with a mass, over (x, v_x),
        dx = v dt,  mass dv = -dU/dx dt - friction v dt + N(0, 2 friction temperature dt).

        Args:
            U: the potential; symbols that are not in the state are parameters.
            state: the positions. Velocities are named after them, v_x.
            temperature: in units of energy; a number, a symbol, or one for each coordinate.
            friction: likewise.
            mass: likewise; None for motion without inertia.
        """
        origin = potential(U, state, temperature, friction, mass)
        D = list(origin.diffusion())
        return cls(origin.state, origin.drift(), D, origin=origin)

    @classmethod
    def linear(cls, state: Any, A: Any, b: Any, D: Any) -> "SDE":
        """dx = -(A x - b) dt + N(0, D dt), of matrices with numbers or symbols."""
        x = state_symbols(state)
        M, force = matrix("A", A, len(x)), expressions("b", b)
        if M.cols != len(x):
            raise ShapeMismatch(f"A has shape {M.shape}; ({len(x)}, {len(x)}) is needed.")
        if len(force) != len(x):
            raise ShapeMismatch(f"b has {len(force)} entries; {len(x)} are needed.")
        pull: list[list[sp.Expr]] = [[f] for f in force]
        for (i, j), a in M.todok().items():
            pull[i].append(-a * x[j])
        return cls(x, tuple(sp.Add(*terms) for terms in pull), D)

    @classmethod
    def from_ou(cls, ou: OU, state: Any = None) -> "SDE":
        """An OU in symbols; named x0, x1, ... unless a state is given."""
        A, b, D = (to_numpy(part) for part in (single(ou).A, ou.b, ou.D))
        names = sp.symbols(f"x:{ou.n}", real=True) if state is None else state
        return cls.linear(names, A, b, D)

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return len(self.state)

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols without a number, by name."""
        B = self.diffusion if self.noise is None else self.noise
        held = B.free_symbols.union(*(f.free_symbols for f in self.drift))
        if self.origin is not None:  # a temperature may be in neither, but is in the law
            held |= self.origin.U.free_symbols
        return tuple(sorted(held - set(self.state), key=str))

    @property
    def is_linear(self) -> bool:
        """Is the drift linear in the state?"""
        return linear_part(self.coefficients).offending is None

    @property
    def is_additive(self) -> bool:
        """Is the noise the same in every state?"""
        return self.coefficients.is_additive

    @cached_property
    def coefficients(self) -> Coefficients:
        """Drift and diffusion by Ito."""
        drift = self.drift if self.calculus == "ito" else self._shifted(1)
        return Coefficients(self.state, drift, self.diffusion)

    def to_ito(self) -> "SDE":
        """The same process, with the drift that Ito's calculus gives it."""
        return self._with(self.coefficients.drift, "ito")

    def to_stratonovich(self) -> "SDE":
        """The same process, with the drift that Stratonovich's calculus gives it.

        Raises:
            InvalidInput: the noise depends on the state and couples coordinates, and noise= was
                not given.
        """
        return (
            self
            if self.calculus == "stratonovich"
            else self._with(self._shifted(-1), "stratonovich")
        )

    def _with(self, drift: tuple[sp.Expr, ...], calculus: str) -> "SDE":
        D = self.diffusion if self.noise is None else None
        return replace(self, drift=drift, diffusion=D, calculus=calculus)

    def _shifted(self, sign: int) -> tuple[sp.Expr, ...]:
        shift = stratonovich_shift(self.diffusion, self.noise, self.state)
        return tuple(f + sign * s for f, s in zip(self.drift, shift, strict=True))

    def fokker_planck(self, p: sp.Expr | None = None) -> sp.Eq:
        """The Fokker-Planck equation dp/dt = L* p, of a function p(x, t) or of a density given."""
        named = {s for s in getattr(p, "free_symbols", ()) if s.name == TIME}
        if len(named) > 1:
            raise InvalidInput("p holds two symbols t, whose assumptions differ. Use one alone.")
        t = min(named, default=sp.Symbol(TIME))
        density = sp.Function("p")(*self.state, t) if p is None else p
        return sp.Eq(sp.Derivative(density, t), self.fokker_planck_operator(density))

    def fokker_planck_operator(self, p: sp.Expr) -> sp.Expr:
        """L* p, the rate of change of a density p."""
        return self.coefficients.fokker_planck(self._function("p", p))

    def probability_current(self, p: sp.Expr) -> tuple[sp.Expr, ...]:
        """J = f p - 1/2 div(D p), with dp/dt = -div J."""
        return self.coefficients.current(self._function("p", p))

    def generator(self, f: sp.Expr) -> sp.Expr:
        """L f, the rate of change of the average of f(x)."""
        return self.coefficients.generator(self._function("f", f))

    def ito(self, f: sp.Expr) -> ItoFormula:
        """Ito's formula for f(x): its drift L f, and its noise."""
        g = self._function("f", f)
        c, slope = self.coefficients, [g.diff(x) for x in self.state]
        variance = sp.Add(*(d * slope[i] * slope[j] for (i, j), d in c.entries.items()))
        B = self._root()
        kick = None
        if B is not None:
            kick = tuple(sp.Add(*(s * B[i, k] for i, s in enumerate(slope))) for k in range(B.cols))
        return ItoFormula(g, self.state, c.generator(g), variance, kick)

    def stationary_density(self, *, angles: Any = ()) -> Density:
        """The law at rest, checked: the Fokker-Planck operator gives zero on it.

        It is Gibbs' law of a potential at one temperature; of a linear system with even noise the
        normal law; else what detailed balance gives.

        Args:
            angles: coordinates that live on a circle of 2 pi, such as a pendulum's.

        Raises:
            InvalidInput: it is not known, and why not; `Degenerate` or `Unstable`: there is none,
                and along which direction.
        """
        turning = state_symbols(angles) if angles else ()
        strange = [str(x) for x in turning if x not in self.state]
        if strange:
            raise InvalidInput(f"angles holds {strange[0]}, which is no coordinate.")
        return stationary_density(self.coefficients, self.origin, turning)

    def moment_equations(self, order: int) -> MomentEquations:
        """The equations of motion of all moments <x^a> with |a| <= order."""
        return moment_equations(self.coefficients, order)

    def linearize(self, at: Any) -> "SDE":
        """Small motion about a point: the Jacobian of Ito's drift there, and D there.

        Args:
            at: {symbol: value} with a value for every coordinate, or their values in order.
        """
        point = self._point(at)
        c = self.coefficients
        drift = []
        for f in c.drift:
            slopes = ((f.diff(x).subs(point), x - point[x]) for x in self.state)
            drift.append(sp.Add(f.subs(point), *(slope * gap for slope, gap in slopes)))
        return SDE(self.state, tuple(drift), c.diffusion.subs(point))

    def _point(self, at: Any) -> dict[sp.Symbol, sp.Expr]:
        if not isinstance(at, dict):
            values = expressions("at", at)
            if len(values) != self.n:
                raise ShapeMismatch(f"at has {len(values)} entries; {self.n} are needed.")
            at = dict(zip(self.state, values, strict=True))
        missing = [str(x) for x in self.state if x not in at]
        strange = [str(x) for x in at if x not in self.state]
        if missing or strange:
            what = f"has no value for {', '.join(missing)}" if missing else f"names {strange[0]}"
            raise InvalidInput(
                f"at {what}; a value for each of {', '.join(map(str, self.state))} is needed, and "
                "no other."
            )
        point = {x: exact(expression(f"at[{x}]", v)) for x, v in at.items()}
        for x, value in point.items():
            if value.free_symbols & set(self.state):
                raise InvalidInput(f"at[{x}] = {value} depends on the state; a point is fixed.")
        return point

    def substitute(self, values: dict[sp.Symbol, Any]) -> "SDE":
        """The same system with numbers, or other expressions, for parameters.

        Raises:
            InvalidInput: a key is no parameter, or a value depends on the state.
        """
        put = symbol_values(values, self.parameters, self.state)
        origin = None if self.origin is None else self.origin.substitute(put)
        return SDE(
            self.state,
            tuple(f.xreplace(put) for f in self.drift),
            self.diffusion.xreplace(put) if self.noise is None else None,
            noise=None if self.noise is None else self.noise.xreplace(put),
            calculus=self.calculus,
            origin=origin,
        )

    def to_ou(self) -> OU:
        """The linear process with numbers: exact, where drift is linear and noise is even.

        Raises:
            InvalidInput: a term is not linear, a parameter has no number; `Unstable`: a mode grows.
        """
        return to_ou(self.coefficients, self.parameters)

    def lambdify(self) -> running.Lambdified:
        """Drift, diffusion and noise as code for many states at once.

        Raises:
            InvalidInput: a parameter has no number.
        """
        return running.lambdified(self.coefficients, self.noise)

    def process(self, *, probe: Array | None = None) -> Process:
        """What `simulate` runs: an OU if it is one; else Langevin, Nonlinear or Multiplicative.

        Args:
            probe: a state where the drift is finite, if it is not at (1, ..., n)/(n + 1).

        Raises:
            InvalidInput: a parameter has no number.
        """
        return running.runnable(self.coefficients, self.noise, self.origin, probe, self.parameters)

    def _function(self, name: str, value: Any) -> sp.Expr:
        """An expression in the state, which may be an unknown function of it."""
        found = exact(expression(name, value))
        require_no_namesake(name, found, self.state)
        return found

    def _root(self) -> sp.ImmutableMatrix | None:
        """B, given or entrywise the root of a diagonal D."""
        if self.noise is not None or not self.diffusion.is_diagonal():
            return self.noise
        return self.diffusion.applyfunc(sp.sqrt)

    def __str__(self) -> str:
        if self.n > LONGEST:
            return repr(self)
        B = self._root()
        lines = equations(self.state, self.drift, B, self.calculus == "stratonovich")
        tail = [] if B is not None else [f"cov(dM) = D dt, D = {shown(self.diffusion).tolist()}"]
        return "\n".join([*lines, *tail])

    def __repr__(self) -> str:
        kind = "linear" if self.is_linear else "nonlinear"
        noise = "even noise" if self.is_additive else "uneven noise"
        names = ", ".join(map(str, self.parameters))
        given = f", parameters {names}" if names else ""
        return f"SDE(n={self.n}, {self.calculus}, {kind} drift, {noise}{given})"

    def latex(self) -> str:
        """The equations in LaTeX, aligned."""
        return latex_equations(
            self.state, self.drift, self._root(), self.calculus == "stratonovich"
        )

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _drift(drift: Any, state: tuple[sp.Symbol, ...]) -> tuple[sp.Expr, ...]:
    found = expressions("drift", drift)
    if len(found) != len(state):
        raise ShapeMismatch(
            f"drift has {len(found)} entries and state has {len(state)}; one for each coordinate "
            "is needed."
        )
    for i, f in enumerate(found):
        require_known(f"drift[{i}]", f, state)
    return found


def _noise(
    diffusion: Any, noise: Any, n: int
) -> tuple[sp.ImmutableMatrix | None, sp.ImmutableMatrix]:
    """B if it is given, and D."""
    if (diffusion is None) == (noise is None):
        raise InvalidInput(
            "pass exactly one of diffusion=D, the covariance of the noise per time, and noise=B "
            "with D = BB'; for no noise at all, D is zero."
        )
    if noise is None:
        return None, diffusion_matrix(diffusion, n)
    B = noise_matrix(noise, n)
    return B, sp.ImmutableMatrix(B * B.T)
