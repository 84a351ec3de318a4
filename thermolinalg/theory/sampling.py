"""What samples of a process at rest are worth: their number, less what they repeat of each other.

The samples x_0 … x_{m-1}, dt apart, and their running sum z_j = x_0 + … + x_{j-1} are one linear
recursion, whose exact law over m steps is doubled up to from one step:

    x_{j+1} = E x_j + N(0, C),   z_{j+1} = z_j + x_j,   Cov(z_m) = T S T' + Cov(z_m | x_0)

with T = I + E + … + E^{m-1}. Doubling only ever adds covariances, so that nothing cancels, not even
where a coordinate averages out better than white noise does.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, to_numpy
from thermolinalg.errors import Degenerate
from thermolinalg.theory.batches import both, transpose
from thermolinalg.theory.equilibrium import stationary_covariance
from thermolinalg.theory.evolution import mode_transition, propagate
from thermolinalg.theory.process import OU, linear
from thermolinalg.theory.refinement import EPS

Law: TypeAlias = Callable[[float], tuple[NumpyArray, NumpyArray]]
"""E and C (..., n, n) of the transition over a time."""


def covariance_of_mean(process: OU, dt: float, samples: int, /) -> Array:
    """Covariance (n, n) of the average of so many samples at rest, dt apart.

    It is (1/m²) Σ_jk Cov(x_j, x_k), exactly, in O(log m) steps; the slow modes of a stiff process
    that does not obey detailed balance lose what they lose in `transition`.

    Raises:
        InvalidInput: dt is not positive, samples is no integer >= 1, or the process is no OU.
    """
    return like(_covariance_of_mean(process, dt, samples), process.A)


def independent_samples(process: OU, dt: float, samples: int, /) -> Array:
    """How many independent samples (n,) that many samples at rest, dt apart, amount to.

    S_ii/Var(mean of x_i), the exact effective size for the mean of each coordinate. It tends to
    samples dt/`autocorrelation_time` for short dt and long runs, and to `samples` for long dt; it
    is above `samples` where neighbours oppose each other.

    Raises:
        InvalidInput: dt is not positive, samples is no integer >= 1, or the process is no OU.
        Degenerate: a coordinate has no noise.
    """
    variances = np.diag(stationary_covariance(process))
    still = np.flatnonzero(variances <= EPS**2 * variances.max())
    if still.size:
        raise Degenerate(
            f"coordinates {still.tolist()} have no noise at rest: one sample of them says all. "
            "Ask for a process without them."
        )
    return like(variances / np.diag(_covariance_of_mean(process, dt, samples)), process.A)


def _covariance_of_mean(process: OU, dt: float, samples: int) -> NumpyArray:
    dt, samples = checks.positive("dt", dt), checks.count("samples", samples)
    process = linear(process)
    if process.modes is None:
        cov = _covariance_of_sum(_law(process), stationary_covariance(process), dt, samples)
    else:  # n processes of one coordinate: only positive numbers are added
        B, rates = (to_numpy(M).astype(float) for M in (process.modes.basis, process.modes.rates))
        at_rest = (0.5 / rates)[:, None, None]
        cov = (B * _covariance_of_sum(_mode_law(rates), at_rest, dt, samples)[:, 0, 0]) @ B.T
    return both(cov) / 2 / float(samples) ** 2


class _Stretch(NamedTuple):
    """The law of (x, z) after some steps from (x_0, 0): x = E x_0 + noise, z = T x_0 + noise."""

    steps: int
    E: NumpyArray
    T: NumpyArray
    xx: NumpyArray  # covariances of the noise
    zx: NumpyArray
    zz: NumpyArray


def _covariance_of_sum(law: Law, S: NumpyArray, dt: float, samples: int) -> NumpyArray:
    """Cov(z_m) (..., n, n), by the binary digits of m, the leading one first."""
    E, C = law(dt)
    one = _Stretch(1, E, np.zeros_like(S) + np.eye(S.shape[-1]), C, 0 * S, 0 * S)
    whole = one
    for digit in bin(samples)[3:]:
        whole = _joined(whole, whole, law, dt)
        if digit == "1":
            whole = _joined(whole, one, law, dt)
    return whole.T @ S @ transpose(whole.T) + whole.zz


def _joined(one: _Stretch, then: _Stretch, law: Law, dt: float) -> _Stretch:
    """One stretch and then another, which begins where the first ends.

    E and C over both are asked for afresh: powers of a rounded E forget the rate of a mode that
    hardly moves in dt.
    """
    steps = one.steps + then.steps
    E, xx = law(steps * dt)
    across = one.zx + then.T @ one.xx  # of z with x where the stretches meet
    zz = one.zz + across @ transpose(then.T) + then.T @ transpose(one.zx) + then.zz
    zx = across @ transpose(then.E) + then.zx
    return _Stretch(steps, E, one.T + then.T @ one.E, xx, zx, zz)


def _law(process: OU) -> Law:
    A, D = (to_numpy(M).astype(float) for M in (process.A, process.D))
    drive = np.zeros(process.n)

    def law(t: float) -> tuple[NumpyArray, NumpyArray]:
        step = propagate(A, drive, D, t)
        return step.E, step.C

    return law


def _mode_law(rates: NumpyArray) -> Law:
    def law(t: float) -> tuple[NumpyArray, NumpyArray]:
        decay, _, variance = mode_transition(rates, t)
        return decay[:, None, None], variance[:, None, None]

    return law
