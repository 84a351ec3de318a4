"""The lattice random walk (arXiv 2508.20883): every coordinate steps by one spacing, or stays.

No product of the state with a noise is formed: one comparison with a random number per coordinate
and step, which is what digital thermodynamic chips do.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from scipy.special import ndtr

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import UnstableStep
from thermolinalg.simulation.drift import drift_of, noise_variances, uneven_or_no_drift
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.theory.langevin import Force
from thermolinalg.theory.operator import Runnable


@final
@dataclass(frozen=True, slots=True)
class Lattice(Integrator):
    """Steps in {-dx, 0, +dx} with P(±dx) = (dt s²/dx² ± dt f(x)/dx)/2, s² the diagonal of D.

    The first two moments of a step are exact: f dt and s² dt. Weak order one. As coordinates step
    independently, the covariance S of an Ornstein-Uhlenbeck process at rest obeys
    AS + SA' - dt offdiag(ASA') = D.

    Args:
        spacing: dx, the same for all coordinates; None is s sqrt(dt), where no coordinate stays.
        clip: hold the drift to the range |f| <= s²/dx of a walk, where an error would be raised.
    """

    name: ClassVar[str] = "lattice"
    error: ClassVar[str] = "weak order one"
    cost: ClassVar[str] = "one drift a step, and no product with noise"

    spacing: float | None = None
    clip: bool = False

    def __post_init__(self) -> None:
        if self.spacing is not None:
            checks.positive("spacing", self.spacing)

    def refusal(self, process: Any) -> str | None:
        reason = uneven_or_no_drift(process)
        if reason is not None:
            return reason
        variances = noise_variances(process)
        if variances is None:
            return (
                "steps every coordinate on its own, and the noise D couples some; change "
                "coordinates so that D is diagonal"
            )
        if float(namespace(variances).min(variances)) <= 0:
            return "moves coordinates by their noise alone, and D has a zero on its diagonal"
        return None

    def prepare(self, process: Runnable, dt: float) -> "LatticeStep":
        self.require(process)
        f, variances = drift_of(process), noise_variances(process)
        assert variances is not None
        xp = namespace(variances)
        if self.spacing is None:
            return LatticeStep(f, dt, xp.sqrt(variances * dt), 0.0 * variances, self.clip)
        rate = float(xp.max(variances))
        if dt * rate > self.spacing**2:
            raise UnstableStep(
                f"in one step of {dt:.3g} the noise goes further than the spacing of the lattice, "
                f"{self.spacing:.3g}. Use a step of at most {self.spacing**2 / rate:.3g}, or "
                "spacing=None."
            )
        dx = self.spacing + 0.0 * variances
        return LatticeStep(f, dt, dx, 1 - dt * variances / dx**2, self.clip)


@final
@dataclass(frozen=True, eq=False, slots=True)
class LatticeStep:
    """One step of every coordinate. Its kicks are uniform on (0, 1)."""

    f: Force
    dt: float
    dx: Array  # (n,)
    stay: Array  # (n,), the probability to
    clip: bool

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return like(ndtr(to_numpy(z)), z)

    def __call__(self, y: Array, kick: Array) -> Array:
        xp = namespace(y)
        moves, lean = 1 - self.stay, self._lean(y)
        up = (moves + xp.clip(lean, -moves, moves)) / 2
        steps = xp.astype(kick < up, y.dtype) - xp.astype(kick >= up + self.stay, y.dtype)
        return y + steps * self.dx

    def leave(self, y: Array) -> Array:
        return y

    def _lean(self, y: Array) -> Array:
        """By how much P(+dx) exceeds P(-dx)."""
        xp = namespace(y)
        with np.errstate(all="ignore"):
            lean = self.dt * self.f(y) / self.dx
        followed = xp.isfinite(lean) if self.clip else xp.abs(lean) <= self._limit()
        if not xp.all(followed):
            worst = float(xp.max(xp.abs(lean * self.dx / self.dt)))
            raise UnstableStep(
                f"the drift reaches {worst:.3g}, more than the s²/dx that a lattice of this "
                f"spacing can follow in steps of {self.dt:.3g}. Use a spacing dx <= s²/|f| with "
                "steps dt <= dx²/s² (for spacing=None, dt <= s²/f²); or clip=True, which holds a "
                "finite drift to that range."
            )
        return lean

    def _limit(self) -> Array:
        return (1 - self.stay) * (1 + 8 * namespace(self.dx).finfo(self.dx.dtype).eps)
