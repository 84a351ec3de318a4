"""Coordinates in which the noise of a step is white: half of a linear step's products are saved.

A step x <- E x + shift + F z colors its noise with a product as large as that with E. In y = F⁻¹x
it is y <- F⁻¹EF y + F⁻¹shift + z, and F is only multiplied when states are read. F belongs to one
dt, so this is for grids of equal intervals.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, final
from weakref import WeakKeyDictionary

from thermolinalg.backend import Array, apply_rows, namespace
from thermolinalg.simulation.integrator import Coordinates, LinearStep, ModeStep, Step

LOST = 32.0
"""The condition of F up to which its coordinates are taken: five bits of rounding. Units count: of
motion with inertia, the positions that noise barely moves would drown the velocities."""


@final
@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class WhiteStep:
    """y <- E y + shift + z in the coordinates x = F y, y = W x."""

    E: Array
    shift: Array
    F: Array
    W: Array
    couples: ClassVar[bool] = True

    def enter(self, x: Array) -> Array:
        return apply_rows(x, self.W)

    def color(self, z: Array) -> Array:
        z += self.shift
        return z

    def __call__(self, y: Array, kick: Array) -> Array:
        return apply_rows(y, self.E) + kick

    def flow(self, y: Array) -> Array:
        """E y."""
        return apply_rows(y, self.E)

    def repeated(self, times: int) -> "WhiteStep":
        """The homogeneous step, several times over."""
        return replace(self, E=namespace(self.E).linalg.matrix_power(self.E, times))

    def leave(self, y: Array) -> Array:
        return apply_rows(y, self.F)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Stretched:
    """Coordinates y / width."""

    base: Coordinates
    width: Array

    @property
    def rates(self) -> Array:
        return self.base.rates

    def enter(self, x: Array) -> Array:
        return self.base.enter(x) / self.width

    def leave(self, y: Array) -> Array:
        return self.base.leave(y * self.width)


_known: "WeakKeyDictionary[LinearStep, WhiteStep | None]" = WeakKeyDictionary()


def whitened(step: Step) -> Step:
    """The step in coordinates in which its noise is white; the same where there are none such."""
    if isinstance(step, ModeStep):
        return _white_modes(step)
    if not isinstance(step, LinearStep):
        return step
    if step not in _known:  # found once for each step: it depends on no state
        _known[step] = _whitened(step)
    return _known[step] or step


def _white_modes(step: ModeStep) -> ModeStep:
    width = step.spread
    if width is None or float(namespace(width).min(width)) <= 0:
        return step
    return replace(step, modes=Stretched(step.modes, width), shift=step.shift / width, spread=None)


def _whitened(step: LinearStep) -> WhiteStep | None:
    xp = namespace(step.F)
    unit = xp.linalg.vector_norm(step.F, axis=1)
    if float(xp.min(unit)) <= 0:
        return None
    # `square_root` makes F symmetric in units in which its rows have length 1.
    widths, V = xp.linalg.eigh(step.F / unit[:, None])
    if float(widths[0] * xp.min(unit)) * LOST <= float(widths[-1] * xp.max(unit)):
        return None
    W = ((V / widths) @ V.T) / unit
    return WhiteStep(W @ step.E @ step.F, apply_rows(step.shift, W), step.F, W)
