"""The lattice random walk (arXiv 2508.20883): every coordinate steps by one spacing, or stays.

No product of the state with a noise is formed: one comparison with a random number per coordinate
and step, which is what digital thermodynamic chips do.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import ndtr

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.theory.langevin import Force, Process, drift_of


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

    spacing: float | None = None
    clip: bool = False

    def __post_init__(self) -> None:
        if self.spacing is not None:
            checks.positive("spacing", self.spacing)

    def prepare(self, process: Process, dt: float) -> "LatticeStep":
        f, variances = drift_of(process), _independent(process.D)
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


def _independent(D: Array) -> Array:
    """The diagonal of D, if that is all of it and none of it is zero."""
    xp = namespace(D)
    if not checks.is_diagonal(D):
        raise InvalidInput(
            "integrator 'lattice' steps every coordinate on its own, and the noise D couples some. "
            "Change coordinates so that D is diagonal, or use integrator 'heun'."
        )
    variances = xp.linalg.diagonal(D)
    if float(xp.min(variances)) <= 0:
        raise InvalidInput(
            "integrator 'lattice' moves coordinates by their noise alone, and D has a zero on its "
            "diagonal. Use integrator 'heun', or 'baoab' for a Langevin process."
        )
    return variances
