"""Three targets of different smoothness, and how gradient flow of infinite width learns them.

With infinite width the residual k obeys k' = -H k, where H has the kernel (1 + min(x, y))/2, the
eigenvalues λ_j = 2/((j - 1/2)² π²) and the eigenfunctions sin((j - 1/2) π (x + 1)/2), j = 1, 2, ...
A target in the Sobolev spaces of order below α is learnt as t^(-α/2), for λ_j falls as j^-2.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from tngd.reproduce.welper_model import Grid


@final
@dataclass(frozen=True, slots=True)
class Target:
    """What is to be learnt.

    Args:
        value: at points (n,).
        time_rate: r of |k(t)| ~ t^-r in infinite width; infinite for faster than any power.
        centre: is x = 0 to be among the points?
    """

    value: Callable[[NumpyArray], NumpyArray]
    time_rate: float
    centre: bool = False


def _gaussian(x: NumpyArray) -> NumpyArray:
    y: NumpyArray = 0.25 / (0.2 * math.sqrt(2 * math.pi)) * np.exp(-((x / 0.2) ** 2) / 2)
    return y


def _cusp(x: NumpyArray) -> NumpyArray:
    y: NumpyArray = 1 - np.sqrt(np.abs(x))
    return y


def _step(x: NumpyArray) -> NumpyArray:
    return (x > 0).astype(float)


TARGETS: Mapping[str, Target] = {
    "gaussian": Target(_gaussian, math.inf),
    "cusp": Target(_cusp, 0.5, centre=True),
    "step": Target(_step, 0.25),
}
"""From smooth to rough."""


def find_target(name: str) -> Target:
    """The target of this name."""
    if name not in TARGETS:
        raise InvalidInput(f"target = {name!r} is unknown. There are: {', '.join(TARGETS)}.")
    return TARGETS[name]


def linear_errors(target: Target, times: NumpyArray, points: int) -> NumpyArray:
    """|k(t)| in L² at times (t,), from f = 0, by the eigenvalues above.

    On the middles of n cells the eigenfunctions are the type-IV sine transform, which is
    orthogonal: no part of the target is lost, and only the eigenvalues of the highest differ from
    those of the points' own kernel.
    """
    from scipy.fft import dst

    y = target.value(Grid(points).x)
    energies = 2 / points * dst(y, type=4, norm="ortho") ** 2
    eigenvalues = 2 / ((np.arange(points) + 0.5) * np.pi) ** 2
    total: NumpyArray = np.sqrt(np.exp(-2 * np.outer(times, eigenvalues)) @ energies)
    return total
