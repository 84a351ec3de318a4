"""A network whose coordinates have mass: they swing before they settle, to the same equilibrium."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.modes import Modes
from thermolinalg.theory.process import OU, linear

SETTLED = 3.0
"""In units of 1/slowest, the time from which the bound on what is left of the start holds."""


@final
@dataclass(frozen=True, eq=False)
class Inertial:
    """A network whose coordinates have mass: instead of dx = -(A x - b) dt + N(0, D dt).

        dx = v dt,   dv = -(A x - b) dt - friction v dt + N(0, friction D dt).

    Positions have the network's equilibrium. In its normal modes the motion falls apart into pairs
    (x_k, v_k), whose laws are known, so that a step costs O(n) after one `eigh`. A mode of rate a_k
    has the angular frequency sqrt(a_k), and swings if the friction is below 2 sqrt(a_k). States are
    (x, v), positions first; instruments read positions alone.

    Args:
        network: an OU under detailed balance, such as `overdamped` gives; b (k, n) for k chains.
        friction: force per velocity, of a mass of 1.

    Raises:
        InvalidInput: the network has no normal modes, or friction is not positive.
    """

    network: OU
    friction: float

    def __post_init__(self) -> None:
        if linear(self.network, "network").modes is None:
            raise InvalidInput(
                "network needs detailed balance (AD = DA') and an invertible D; of any other drift "
                "with inertia, write A and D over (x, v) as an OU of their own."
            )
        object.__setattr__(self, "friction", checks.positive("friction", self.friction))

    @property
    def positions(self) -> int:
        """The number of positions: half the coordinates."""
        return self.network.n

    @property
    def n(self) -> int:
        """The number of coordinates of a state: positions and velocities."""
        return 2 * self.positions

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.network.A

    @property
    def A(self) -> Array:
        """The stiffness (n, n) of the positions."""
        return self.network.A

    @property
    def b(self) -> Array:
        """The drive (n,) of the positions, or (k, n) of k chains."""
        return self.network.b

    @property
    def modes(self) -> Modes:
        """The normal modes of the network: positions and velocities change to them alike."""
        assert self.network.modes is not None
        return self.network.modes

    @cached_property
    def slowest(self) -> float:
        """A rate r with which all memory fades: at most e^{-rt} of x(0) is left from rt = 3 on.

        What is left is measured in units of the equilibrium, of position and velocity together.
        """
        return float(forgetting(to_numpy(self.modes.rates), self.friction).min())

    @cached_property
    def fastest(self) -> float:
        """The largest size of an eigenvalue: of a mode that swings, its angular frequency."""
        stiff, half = float(to_numpy(self.modes.rates).max()), self.friction / 2
        return half + math.sqrt(half**2 - stiff) if half**2 > stiff else math.sqrt(stiff)

    def drift(self, state: Array) -> Array:
        """(v, b - Ax - friction v): the motion of whole states (chains, 2n), less their noise."""
        x, v = state[..., : self.positions], state[..., self.positions :]
        pull = self.b - x @ self.A.T - self.friction * v
        return namespace(state).concat([v, pull], axis=-1)

    @property
    def D(self) -> Array:
        """The diffusion (2n, 2n) of whole states: noise on the velocities alone."""
        xp, noise = namespace(self.A), self.friction * self.network.D
        zero = xp.zeros_like(noise)
        rows = [xp.concat([zero, zero], axis=1), xp.concat([zero, noise], axis=1)]
        return xp.concat(rows, axis=0)

    def __repr__(self) -> str:
        return (
            f"Inertial({self.positions} positions, friction {self.friction:.3g}, "
            f"rates {self.slowest:.3g} to {self.fastest:.3g})"
        )


def forgetting(rates: NumpyArray, friction: float) -> NumpyArray:
    """A rate r of each mode with |what is left of x(0)| <= e^{-rt} for all t >= SETTLED/r.

    With λ the slower decay, what is left is e^{-λt} times what swings back: at most
    (1 - ζ)^{-1/2} below critical damping, ζ = friction/(2 sqrt(a)); a limit of its own above; and
    everywhere ((1 + λt)² + a t²)^{1/2}, which is what counts near it.
    """
    half = friction / 2
    gap = half**2 - rates
    away = np.sqrt(np.abs(gap))
    swings = gap < 0
    # rates/(half + away) is half - away, whose digits cancel at high friction
    decay = np.where(swings, half, rates / (half + away))
    with np.errstate(divide="ignore"):
        below = 1 / (1 - np.minimum(half / np.sqrt(rates), 1.0))
        above = half * (half + away) / (2 * away**2)
        limit = np.log(np.where(swings, below, above)) / 2
    s, share = np.full_like(rates, SETTLED), rates / decay**2
    for _ in range(50):  # s = SETTLED + ln(what swings back), a contraction
        s = SETTLED + np.minimum(limit, np.log((1 + s) ** 2 + share * s**2) / 2)
    return decay * SETTLED / s
