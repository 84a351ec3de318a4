"""The linear processes that a quadratic potential drives, without inertia and with it."""

from typing import Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput, Unstable
from thermolinalg.theory.balance import is_sparse, require_symmetric
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.operator import Network, checked_bounds, operand, operator_size
from thermolinalg.theory.process import OU
from thermolinalg.theory.scaled import Scaled


def overdamped(
    S: Any,
    f: Array,
    *,
    temperature: float = 1.0,
    friction: float | Array = 1.0,
    bounds: tuple[float, float] | None = None,
) -> Any:  # OU | Network, as S is
    """Overdamped Langevin motion in the potential U(x) = 1/2 x'Sx - f'x.

    friction dx = -(Sx - f) dt + N(0, 2 friction temperature dt), so that at equilibrium
    x ~ N(S⁻¹f, temperature S⁻¹) (Donatella et al. 2024, equations 13-14).

    Args:
        S: stiffness (n, n), symmetric positive definite: an array; or, for large n, a scipy.sparse
            array, a `LowRank`, or anything with `.shape` and `@` such as a LinearOperator.
        f: force (n,); for an array S also (k, n), one for each of k chains.
        temperature: in units of energy; 0 switches the noise off.
        friction: sets the unit of time, for all coordinates or (n,) for each.
        bounds: numbers 0 < low <= high between which all eigenvalues of S lie. Needed for an
            operator, possible for a sparse array, as in `Network`.

    Returns:
        An `OU` if S is an array, else a `Network`.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    temperature = checks.positive("temperature", temperature, zero=True)
    if _only_multiplied(S):
        return _network(S, f, temperature, friction, bounds)
    if bounds is not None:
        raise InvalidInput(
            "bounds are for an S that is only multiplied; of an array the eigenvalues are computed."
            " Leave them out."
        )
    S, f = _potential(S, f)
    friction = _friction(friction, S)
    noise = like(namespace(S).eye(S.shape[0]), S)
    noise *= 2 * temperature / friction
    if isinstance(friction, float) and friction == 1:  # spares a pass over memory
        return _process(S, S, f, noise)
    return _process(S, S / _column(friction), f / friction, noise)


def underdamped(
    S: Array, f: Array, *, temperature: float = 1.0, friction: float = 1.0, mass: float = 1.0
) -> OU:
    """Langevin motion with inertia in the potential U(x) = 1/2 x'Sx - f'x: a process over (x, v).

        dx = v dt,
        mass dv = -(Sx - f) dt - friction v dt + N(0, 2 friction temperature dt),

    so that at equilibrium x ~ N(S⁻¹f, temperature S⁻¹) and v ~ N(0, temperature/mass).

    Args:
        S: stiffness (n, n), symmetric positive definite.
        f: force (n,), or (k, n), one for each of k chains.
        temperature: in units of energy; 0 switches the noise off.
        friction: force per velocity; a mode of stiffness s oscillates below 2 sqrt(mass s).
        mass: inertia of every coordinate; towards 0, x moves as in `overdamped`.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    S, f = _potential(S, f)
    temperature = checks.positive("temperature", temperature, zero=True)
    friction, mass = checks.positive("friction", friction), checks.positive("mass", mass)
    xp = namespace(S)
    one = like(xp.eye(S.shape[0]), S)
    zero = xp.zeros_like(one)
    rate = friction / mass
    A = _blocks(zero, -one, S / mass, rate * one)
    D = _blocks(zero, zero, zero, 2 * rate * temperature / mass * one)
    return _process(S, A, xp.concat([xp.zeros_like(f), f / mass], axis=-1), D)


def _process(S: Array, A: Array, b: Array, D: Array) -> OU:
    """OU(A, b, D), whose A is stable if S is positive definite, and so no affair of the caller."""
    try:
        return OU(A, b, D)
    except Unstable as error:
        lowest = float(namespace(S).min(namespace(S).linalg.eigvalsh(S)))
        raise Unstable(
            f"S has the eigenvalue {lowest:.3g}, and of a stiffness all must be > 0 beyond "
            "rounding: else nothing draws that direction back, and there is no equilibrium. Check "
            "the sign (the force is f - Sx), or add a ridge: S + r I with r above its size."
        ) from error


def _only_multiplied(S: Any) -> bool:
    """Is it an operator (a scipy.sparse array, for one), and no array of any library?"""
    array = hasattr(S, "__array__") or hasattr(S, "__array_namespace__")
    return hasattr(S, "shape") and hasattr(S, "__matmul__") and not array


def _network(
    S: Any,
    f: Array,
    temperature: float,
    friction: float | Array,
    bounds: tuple[float, float] | None,
) -> Network:
    operator_size("S", S)
    if is_sparse(S):
        require_symmetric("S", S)
    f = operand("f", f, S)
    friction = _friction(friction, f)
    if bounds is not None:
        low, high = checked_bounds(bounds)
        speeds = to_numpy(1 / friction)
        bounds = low * float(speeds.min()), high * float(speeds.max())
    return Network(_divided(S, friction, f), f / friction, 2 * temperature / friction, bounds)


def _divided(S: Any, friction: float | Array, reference: Array) -> Any:
    """diag(1/friction) S, in a form that shows what S is."""
    if isinstance(friction, float):
        if isinstance(S, LowRank):
            return LowRank(S.diagonal / friction, S.factor, S.weights / friction)
        if is_sparse(S):
            return S / friction
    one = namespace(reference).ones_like(reference)
    return Scaled(one / friction, S)


def _potential(S: Array, f: Array) -> tuple[Array, Array]:
    S = checks.symmetric(
        "S",
        S,
        "A potential is a symmetric form: pass (S + S.T)/2, or build an OU(A, b, D) instead.",
    )
    return S, like(checks.drive("f", f, S.shape[0]), S)


def _friction(value: float | Array, reference: Array) -> float | Array:
    """One number, or (n,) of them in the library of the reference (..., n); all positive."""
    if np.ndim(value) == 0:
        return checks.positive("friction", value)
    friction = like(checks.vector("friction", value, int(reference.shape[-1])), reference)
    checks.positive("the smallest friction", namespace(friction).min(friction))
    return friction


def _column(x: float | Array) -> float | Array:
    return x if isinstance(x, float) else x[:, None]


def _blocks(a: Array, b: Array, c: Array, d: Array) -> Array:
    xp = namespace(a)
    return xp.concat([xp.concat([a, b], axis=1), xp.concat([c, d], axis=1)], axis=0)
