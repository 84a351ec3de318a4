"""A network that moves from tick to tick of a clock: its noise is held, its couplings act late.

    held:   dx = -(A x(t) - b) dt + w dt,    w = clip(z, -bound, bound) (D/tick)^{1/2}
    late:   dx = -(A x(t - delay) - b) dt + N(0, D dt)

or both. Held noise moves x exactly from tick to tick. Of a delay the steps are a whole part of it:
in each of them what comes from the past is known by its time average, and counts as constant; all
else is exact. With the trapezoid of x and the area of its Brownian bridge in that average, the law
is of second order in the step.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final
from weakref import WeakKeyDictionary

import numpy as np

from thermolinalg.backend import Array, namespace, to_numpy
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.delayed import delayed_rates, used_up
from thermolinalg.theory.process import OU
from thermolinalg.theory.shared_modes import SharedModes, shared_modes

SHARE = 1 / 500
"""Of what a delay does to the covariance, the error that its steps may add."""

LARGEST = 4096
"""Coordinates, with their past, from which on a network is too much for a laptop."""

_MODES: "WeakKeyDictionary[OU, SharedModes | None]" = WeakKeyDictionary()
"""Kept as long as their networks, for those that are heated too."""

WHOLE = 1e-9
"""By how much of itself a delay may miss a whole number of steps and still be one."""


@final
@dataclass(frozen=True, eq=False)
class Clocked:
    """A network whose noise is held for a tick, or whose couplings act late, or both.

    States are (x, past): the time averages of x over the last steps, the latest first.

    Args:
        network: what would move if noise were white and couplings immediate.
        tick: for how long a number of the noise is held; 0 for white noise.
        bound: the largest number, in standard deviations before it is clipped.
        delay: after which `late` acts; 0 for none.
        late: the part (k, k) of the drift of the first k coordinates that acts late.
        warmth: factor of the noise's variance.

    Raises:
        DoesNotFit: the delay makes it unstable, or its past is too long.
    """

    network: OU
    tick: float = 0.0
    bound: float = math.inf
    delay: float = 0.0
    late: Array | None = None
    warmth: float = 1.0

    def __post_init__(self) -> None:
        if self.n > LARGEST:
            raise DoesNotFit(
                f"a delay of {self.delay:.4g} is remembered in {self.past} steps of "
                f"{self.step:.3g}, which makes {self.n} numbers of {self.network.n}; a simulated "
                f"device has room for {LARGEST}. Shorten the delay, or slow the noise's clock down."
            )

    @property
    def n(self) -> int:
        """The number of coordinates of a state, with its past."""
        return self.network.n * (1 + self.past)

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.network.A

    @property
    def b(self) -> Array:
        """The drive (n,), or (k, n) of k chains."""
        return self.network.b

    @cached_property
    def slowest(self) -> float:
        """A lower bound on the relaxation rates."""
        if self.late is None:
            return self.network.slowest
        rates = np.linalg.eigvals(to_numpy(self.late))
        return min(self.network.slowest, float(delayed_rates(rates, self.delay).min()))

    @property
    def fastest(self) -> float:
        """The largest relaxation rate that the network has without delay."""
        return self.network.fastest

    @cached_property
    def steps(self) -> int:
        """In how many steps a tick of held noise, or else the delay, is cut."""
        if self.late is None:
            return 1
        turns, used = used_up(self.late, self.delay)
        # A step of delay/q leaves turns/(8 q² (1 - used)) of the delay's effect on variances.
        least = math.ceil(math.sqrt(turns / (8 * SHARE * (1 - used)))) or 1
        return math.ceil(least * self.tick / self.delay) if self.tick else least

    @property
    def step(self) -> float:
        """How long it moves without looking back."""
        return (self.tick or self.delay) / self.steps

    @property
    def clock(self) -> float:
        """Time between states that can be read."""
        return self.tick or self.step

    @cached_property
    def behind(self) -> tuple[int, float]:
        """The delay in steps: how many whole ones, and the rest."""
        steps = self.delay / self.step
        whole = math.floor(steps * (1 + WHOLE))
        rest = steps - whole
        return whole, rest if rest > WHOLE * steps else 0.0

    @property
    def past(self) -> int:
        """How many steps are remembered."""
        if self.late is None:
            return 0
        whole, rest = self.behind
        return whole + (rest > 0)

    @property
    def modes(self) -> SharedModes | None:
        """Coordinates in which the network falls apart into small blocks, if there are any."""
        if self.network not in _MODES:
            _MODES[self.network] = shared_modes(self.network)
        return _MODES[self.network]

    def ticks(self, t: float) -> int:
        """A time in whole ticks, of which there is one at least."""
        return max(1, round(t / self.clock)) if t > 0 else 0

    def started(self, x: Array) -> Array:
        """States (chains, n) that have been at x (chains, network.n) for ever."""
        return namespace(x).concat([x] * (1 + self.past), axis=-1)

    def heated(self, factor: float) -> "Clocked":
        """The process with so many times the variance of noise."""
        return replace(self, warmth=self.warmth * factor)

    def __repr__(self) -> str:
        held = f"noise held for {self.tick:.3g}" if self.tick else "white noise"
        late = f", delay {self.delay:.3g} in {self.past} steps" if self.delay else ""
        return f"Clocked(n={self.network.n}, {held}{late}, slowest {self.slowest:.3g})"
