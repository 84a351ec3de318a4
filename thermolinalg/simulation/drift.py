"""Every process as dx = f(x) dt + noise: all that integrators with a step-size error ask for."""

from typing import Any

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.langevin import Force, Multiplicative
from thermolinalg.theory.operator import Network, Runnable
from thermolinalg.theory.process import OU

NO_DRIFT = (
    "needs a process that can be run: an OU, Network, Inertial, Nonlinear, Multiplicative or "
    "Langevin"
)
"""Why such an integrator refuses what has no drift."""

UNEVEN = "needs noise that does not depend on the state; of a Multiplicative process take 'euler'"


def uneven_or_no_drift(process: Any) -> str | None:
    """Why an integrator for even noise does not take a process; None if it does."""
    if not isinstance(process, Runnable):
        return NO_DRIFT
    return UNEVEN if isinstance(process, Multiplicative) else None


def drift_of(process: Runnable) -> Force:
    """f, for states (chains, n)."""
    if isinstance(process, OU):
        A, b = process.A, process.b
        return lambda x: b - x @ A.T
    return process.drift


def noise_variances(process: Runnable) -> Array | None:
    """The diagonal (n,) of D; None if D couples coordinates."""
    if isinstance(process, Network):
        return 0.0 * process.b + process.diffusion
    assert not isinstance(process, Multiplicative)
    D = process.D
    return namespace(D).linalg.diagonal(D) if checks.is_diagonal(D) else None


def noise_factor(process: Runnable, dt: float) -> Array:
    """F with FF' = D dt: (n, n), or its diagonal (n,) where D is diagonal."""
    variances = noise_variances(process)
    if variances is not None:
        xp = namespace(variances)
        return xp.sqrt(xp.clip(variances * dt, 0.0, None))
    assert not isinstance(process, Network | Multiplicative)
    return square_root(process.D * dt)
