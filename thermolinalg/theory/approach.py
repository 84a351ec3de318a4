"""The way to equilibrium: how far the law of a process is from rest, at each time."""

from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.evolution import evolve
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False, slots=True)
class Relaxation:
    """The laws of a process at m times, and their distances to the law at rest."""

    times: Array  # (m,)
    means: Array  # (m, n)
    covs: Array  # (m, n, n)
    kl: Array  # (m,), relative entropy to the law at rest, in nats; it never grows
    wasserstein: Array  # (m,), 2-Wasserstein distance to the law at rest
    rest: Gaussian

    def __repr__(self) -> str:
        m, n = self.means.shape
        (start, end), (kl, left), (far, near) = (
            (float(x[0]), float(x[-1])) for x in (self.times, self.kl, self.wasserstein)
        )
        return (
            f"Relaxation(times={m} from {start:.4g} to {end:.4g}, n={n}, kl {kl:.3g} to "
            f"{left:.3g}, wasserstein {far:.3g} to {near:.3g})"
        )

    def free_energy(self, *, temperature: float = 1.0) -> Array:
        """Nonequilibrium free energy above that at rest (m,): temperature times kl.

        For a process whose rest is the Gibbs law at that temperature (`overdamped`, `underdamped`)
        it is <U> - T entropy less its value at rest: the most work that the law can still do.
        """
        return checks.positive("temperature", temperature) * self.kl


def relaxation(process: OU, start: Array | Gaussian, times: Array) -> Relaxation:
    """The laws of a process on its way to rest, exact at each time.

    A law on a plane (a point to start from, a process without noise) has an infinite kl, unless the
    law at rest lives on that plane too; its Wasserstein distance is finite.

    Args:
        process: the process.
        start: a point (n,) or a law, at time 0.
        times: (m,), strictly increasing from 0 or later.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    t = checks.increasing_times("times", times)
    if t[0] < 0:
        raise InvalidInput(f"times begin at {t[0]:g}; the process starts at 0.")
    rest = stationary(process)
    laws = [evolve(process, start, time) for time in t]
    xp = namespace(process.A)
    return Relaxation(
        times=like(t, process.A),
        means=xp.stack([law.mean for law in laws]),
        covs=xp.stack([law.cov for law in laws]),
        kl=like([law.kl(rest) for law in laws], process.A),
        wasserstein=like([law.wasserstein(rest) for law in laws], process.A),
        rest=rest,
    )
