"""The exact integrator for drifts αI + low rank: n + k independent AR(1) modes."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg.backend import to_numpy
from thermolinalg.simulation.integrator import EXACT, Integrator, ModeStep, mode_step
from thermolinalg.theory.operator import Network


@final
@dataclass(frozen=True, slots=True)
class DiagonalPlusLowRank(Integrator):
    """One thin SVD per process, then O(n + k) a step; the O(nk) is paid on leaving alone."""

    name: ClassVar[str] = "lowrank"
    error: ClassVar[str] = EXACT
    cost: ClassVar[str] = "one thin SVD, O(nk²); O(n + k) a step, O(nk) a state that is read"

    def refusal(self, process: Any) -> str | None:
        M = process.low_rank if isinstance(process, Network) else None
        if M is None:
            return "needs a Network whose A is a LowRank"
        if M.rank >= M.shape[0]:
            return f"needs fewer columns than coordinates, and {M!r} has none to spare"
        if M.level is None:
            d = to_numpy(M.diagonal)
            return (
                "needs the same number all along the diagonal (over friction), which here goes "
                f"from {d.min():.3g} to {d.max():.3g}"
            )
        return None

    def prepare(self, process: Network, dt: float) -> ModeStep:
        self.require(process)
        noise = to_numpy(process.diffusion) / to_numpy(process.split.width) ** 2
        return mode_step(process.split, process.b, float(noise.mean()), dt)
