"""The Euler-Maruyama integrator: what most scripts do, kept to show its step-size error."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg.backend import like, namespace
from thermolinalg.errors import UnstableStep
from thermolinalg.simulation.integrator import Integrator, LinearStep, Step
from thermolinalg.simulation.weak import EulerMaruyama
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.operator import Network, Runnable
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Euler(Integrator):
    """x <- x - dt (Ax - b) + N(0, D dt). Its mean at rest is exact, its covariance too wide.

    Under detailed balance the variance of a mode with rate a is inflated by 2 / (2 - dt a).
    """

    name: ClassVar[str] = "euler"
    error: ClassVar[str] = "weak order one"
    cost: ClassVar[str] = "one drift a step"

    def refusal(self, process: Any) -> str | None:
        return EulerMaruyama().refusal(process)

    def prepare(self, process: Runnable, dt: float) -> Step:
        if isinstance(process, OU | Network):
            _require_stability(process, dt)
        if not isinstance(process, OU):
            return EulerMaruyama().prepare(process, dt)
        xp = namespace(process.A)
        E = like(xp.eye(process.n), process.A) - dt * process.A
        return LinearStep(E, dt * process.b, square_root(process.D * dt))


def _require_stability(process: OU | Network, dt: float) -> None:
    longest = 2 / process.fastest if isinstance(process, Network) else _longest(process)
    if dt >= longest:
        raise UnstableStep(
            f"a step of {dt:.3g} makes Euler-Maruyama diverge: one mode of A grows at every step "
            f"longer than {longest:.3g}. Use times closer than that, or an exact integrator."
        )


def _longest(process: OU) -> float:
    xp = namespace(process.A)
    rates = xp.linalg.eigvals(process.A) if process.modes is None else process.modes.rates
    return float(xp.min(2 * xp.real(rates) / xp.abs(rates) ** 2))  # where |1 - dt rate| is 1
