"""A run that leaves the finite numbers ends in an error, never in silent NaN."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.errors import UnstableStep
from thermolinalg.simulation.integrator import Step


@final
@dataclass(frozen=True, eq=False, slots=True)
class Watched:
    """The inner step, which must not send a finite state to NaN or infinity."""

    inner: Step
    dt: float

    def enter(self, x: Array) -> Array:
        return self.inner.enter(x)

    def color(self, z: Array) -> Array:
        return self.inner.color(z)

    def __call__(self, y: Array, kick: Array) -> Array:
        with np.errstate(all="ignore"):  # the error below says more than NumPy's warning
            moved = self.inner(y, kick)
        xp = namespace(moved)
        fine = xp.isfinite(moved)
        if not xp.all(fine):
            chain = int(xp.argmin(xp.astype(xp.all(fine, axis=-1), xp.int64)))
            raise UnstableStep(
                f"chain {chain} left the finite numbers in one step of {self.dt:.3g}, from a state "
                f"of largest entry {float(xp.max(xp.abs(y[chain, ...]))):.3g}. The force is too "
                "steep there for so long a step: use a smaller one, or bound the force where the "
                "process does not belong."
            )
        return moved

    def leave(self, y: Array) -> Array:
        return self.inner.leave(y)
