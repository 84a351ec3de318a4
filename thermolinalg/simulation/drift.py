"""Every process as dx = f(x) dt + noise: all that integrators with a step-size error ask for."""

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.langevin import Force
from thermolinalg.theory.operator import Network, Runnable
from thermolinalg.theory.process import OU

NO_DRIFT = "needs a process that can be run: an OU, Network, Inertial, Nonlinear or Langevin"
"""Why such an integrator refuses what has no drift."""


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
    D = process.D
    return namespace(D).linalg.diagonal(D) if checks.is_diagonal(D) else None


def noise_factor(process: Runnable, dt: float) -> Array:
    """F with FF' = D dt: (n, n), or its diagonal (n,) where D is diagonal."""
    variances = noise_variances(process)
    if variances is not None:
        xp = namespace(variances)
        return xp.sqrt(xp.clip(variances * dt, 0.0, None))
    assert not isinstance(process, Network)
    return square_root(process.D * dt)
