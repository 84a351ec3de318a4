"""What tells the film of a process at rest from the same film run backwards.

At rest the density p does not change, yet probability may go round in circles. With y = x - mean
and AS + SA' = D, its velocity is

    v = -A y + ½ D S⁻¹ y = -Q S⁻¹ y,        Q = AS - D/2, antisymmetric.

Detailed balance is Q = 0. Else entropy is produced, in nats per time, at the mean square of v in
units of the noise that could have caused it by chance:

    σ = <v' (D/2)⁻¹ v> = tr (D/2)⁻¹ Q S⁻¹ Q' = tr A'(D/2)⁻¹ A S - tr A

(insert QS⁻¹ = A - ½ D S⁻¹, and tr ½ D S⁻¹ = tr A from Lyapunov's equation; the sum of squares is
used, as it does not cancel). σ is the relative entropy per time of the film to the reversed film.
Where v has a part that no noise could cause, one look tells the two apart, and σ is infinite.

Some coordinates change sign when time is reversed: velocities, currents. For these ε = -1, for the
others ε = 1, and only the part of the drift that does not reverse with time is irreversible (Risken
1989, section 6.4): v has (A + εAε)/2 in place of A.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.equilibrium import stationary, stationary_covariance
from thermolinalg.theory.process import OU, linear


def irreversible_current(process: OU) -> Array:
    """Q = AS - D/2 (n, n), antisymmetric: at rest, probability flows at -Q S⁻¹ (x - mean) p(x).

    Raises:
        InvalidInput: the process is no OU.
    """
    Q = to_numpy(linear(process).A).astype(float) @ stationary_covariance(process)
    return like((Q - Q.T) / 2, process.A)


def obeys_detailed_balance(process: OU, *, odd: Sequence[int] = ()) -> bool:
    """Does the process at rest look the same, up to rounding, when time is reversed?

    Args:
        process: the process.
        odd: the coordinates that change sign when time is reversed, such as velocities.

    Raises:
        InvalidInput: odd names a coordinate twice, or one that there is not, or the process is no
            OU.
    """
    flow = _flow(process, odd)
    moves = (np.abs(flow.Q) > flow.blur_Q).any() or (np.abs(flow.u) > flow.blur_u).any()
    # If neither noise nor flow tells, the law does not either: the reversed one solves the same
    # equations AS + SA' = D and Am = b, whose solutions are unique.
    return flow.same_noise and not moves


def entropy_production_rate(process: OU, *, odd: Sequence[int] = ()) -> float:
    """Entropy produced per time at rest, in nats.

    Infinite if D is singular and, beyond rounding, something irreversible goes on in a direction
    without noise: no film shows it the other way round. `underdamped` is such a process, unless its
    velocities are declared odd: x follows v whichever way time runs.

    Args:
        process: the process.
        odd: the coordinates that change sign when time is reversed, such as velocities.

    Raises:
        InvalidInput: odd names a coordinate twice, or one that there is not, or the process is no
            OU.
    """
    flow = _flow(process, odd)
    whiten, still = _split(flow.D / 2)
    escapes = (np.abs(still @ flow.Q) > np.abs(still) @ flow.blur_Q).any() or (
        np.abs(still @ flow.u) > np.abs(still) @ flow.blur_u
    ).any()
    if escapes or not flow.same_noise:
        return math.inf
    unit_state, _ = _split(flow.S)  # S⁺ = unit_state' unit_state
    v = whiten @ np.column_stack([flow.Q @ unit_state.T, flow.u])
    return float((v**2).sum())


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Flow:
    """The irreversible velocity v = -(Q S⁻¹ y + u), and what rounding may have put into Q and u."""

    Q: NumpyArray
    u: NumpyArray
    blur_Q: NumpyArray
    blur_u: NumpyArray
    S: NumpyArray
    D: NumpyArray
    same_noise: bool  # is D the same when time is reversed?


def _flow(process: OU, odd: Sequence[int]) -> _Flow:
    rest = stationary(process)
    A, b, D = (to_numpy(M).astype(float) for M in (process.A, process.b, process.D))
    mean, S = (to_numpy(M).astype(float) for M in (rest.mean, rest.cov))
    sign = _signs(process.n, odd)
    kept = (1 + np.outer(sign, sign)) / 2  # picks (A + εAε)/2
    small, s = checks.rounding(process.A), np.sqrt(np.diag(S))
    crossed = kept == 0  # between an odd and an even coordinate
    d = np.sqrt(np.diag(D))
    return _Flow(
        Q=(kept * A) @ S - D / 2,
        u=((kept * A) @ mean - (1 + sign) / 2 * b) if odd else np.zeros(process.n),
        blur_Q=small * (np.outer(np.abs(A) @ s, s) + np.abs(D)),
        blur_u=small * (np.abs(A) @ np.abs(mean) + np.abs(b)),
        S=S,
        D=D,
        same_noise=bool((np.abs(D) <= small * np.outer(d, d))[crossed].all()),
    )


def _signs(n: int, odd: Sequence[int]) -> NumpyArray:
    flipped = [checks.count("odd", i, least=0) for i in odd]
    if len(set(flipped)) != len(flipped) or any(i >= n for i in flipped):
        raise InvalidInput(f"odd = {flipped} must be different coordinates in 0..{n - 1}.")
    sign = np.ones(n)
    sign[flipped] = -1.0
    return sign


def _split(cov: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """W and N with W cov W' = I and N cov N' = 0 up to rounding: where cov has width and where not.

    The two are told apart in units in which the diagonal is 1.
    """
    width = np.sqrt(np.diag(cov))
    unit = np.where(width > 0, width, 1.0)
    values, V = np.linalg.eigh(cov / np.outer(unit, unit))
    wide = values > checks.rounding(cov) * max(values[-1], 0.0)
    return (V[:, wide] / np.sqrt(values[wide])).T / unit, V[:, ~wide].T / unit
