"""A system of symbols as code, and as a process that can be simulated."""

from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
import sympy as sp

from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import NotPositiveDefinite, Unstable
from thermolinalg.symbolic.coefficients import Coefficients
from thermolinalg.symbolic.linear import linear_part, numbers, require_numbers, to_ou
from thermolinalg.symbolic.noise import state_free
from thermolinalg.symbolic.numeric import Numeric, numeric
from thermolinalg.symbolic.potential import Potential
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.langevin import Langevin, Multiplicative, Nonlinear, Process


@final
@dataclass(frozen=True, eq=False, slots=True)
class Root:
    """The symmetric B with BB' = D, of a D that depends on the state."""

    D: Numeric

    def __call__(self, x: Array) -> Array:
        D = self.D(x)
        xp = namespace(D)
        values, V = xp.linalg.eigh(D)
        slack = 8 * D.shape[-1] * xp.finfo(D.dtype).eps
        if bool(xp.any(values[..., 0] < -slack * xp.abs(values[..., -1]))):
            raise NotPositiveDefinite(
                "the diffusion D(x) has an eigenvalue < 0 at some state, where it is no covariance "
                "of any noise. Check its signs, or pass noise=B, with D = BB'."
            )
        root = xp.sqrt(xp.clip(values, 0.0, None))
        return (V * root[..., None, :]) @ xp.matrix_transpose(V)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Widened:
    """B (..., n, m) with columns of zeros up to n, for m < n noises."""

    B: Numeric

    def __call__(self, x: Array) -> Array:
        B = self.B(x)
        xp, (n, m) = namespace(B), B.shape[-2:]
        blank = like(xp.zeros((*B.shape[:-1], n - m)), B)
        return xp.concat([B, blank], axis=-1)


Noise: TypeAlias = Numeric | Root | Widened


@final
@dataclass(frozen=True, eq=False, slots=True)
class Lambdified:
    """What `SDE.lambdify` returns: functions of states (..., n) of any array library."""

    drift: Numeric  # by Ito: (..., n) -> (..., n)
    diffusion: Numeric  # D: (..., n) -> (..., n, n)
    noise: Numeric | Root  # some B with D = BB': (..., n) -> (..., n, m)


def lambdified(c: Coefficients, B: sp.ImmutableMatrix | None) -> Lambdified:
    """The drift, the diffusion and the noise as code."""
    D = numeric(c.diffusion, c.state)
    return Lambdified(numeric(list(c.drift), c.state), D, _noise(c, B, D))


def _noise(c: Coefficients, B: sp.ImmutableMatrix | None, D: Numeric) -> Numeric | Root:
    if B is not None:
        return numeric(B, c.state)
    if c.diffusion.is_diagonal():
        return numeric(c.diffusion.applyfunc(sp.sqrt), c.state)
    if state_free(c.diffusion, c.state):
        return numeric(sp.Matrix(square_root(numbers(c.diffusion))), c.state)
    return Root(D)


def runnable(
    c: Coefficients,
    B: sp.ImmutableMatrix | None,
    origin: Potential | None,
    probe: Array | None,
    parameters: tuple[sp.Symbol, ...],
) -> Process:
    """The process that simulates the system best."""
    require_numbers(parameters)
    if c.is_additive:
        if linear_part(c).offending is None:
            try:
                return to_ou(c, ())
            except Unstable:
                pass  # it has no equilibrium, and runs all the same
        swinging = None if origin is None else _with_mass(origin, probe)
        if swinging is not None:
            return swinging
        return Nonlinear(numeric(list(c.drift), c.state), numbers(c.diffusion), probe=probe)
    n = len(c.state)
    found = lambdified(c, B)
    noise: Noise = found.noise
    if B is not None and B.cols != n:
        noise = Widened(numeric(B, c.state)) if B.cols < n else Root(found.diffusion)
    start = np.arange(1, n + 1) / (n + 1) if probe is None else probe
    return Multiplicative(found.drift, noise, start)


def _with_mass(origin: Potential, probe: Array | None) -> Langevin | None:
    """Langevin motion, if there is one temperature and one friction."""
    T = origin.common_temperature
    if origin.mass is None or T is None or len(set(origin.friction)) > 1:
        return None
    force = origin.quadratic.gradient([sp.S.NegativeOne] * len(origin.positions))
    return Langevin(
        numeric(force, origin.positions),
        np.array([float(m) for m in origin.mass]),
        temperature=float(T),
        friction=float(origin.friction[0]),
        probe=probe,
    )
