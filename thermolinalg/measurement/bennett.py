"""Bennett's acceptance ratio: the free energy from works there and back.

By Crooks' theorem P(W) = P_back(-W) e^{(W - F)/T}, where F is short for F2 - F1. So for any c,

    <f((W - c)/T)> = e^{(c - F)/T} <f((W_back + c)/T)>,   f(x) = 1/(1 + e^x),

and the variance of the F that follows is least at c = F - T ln(m/m_back) (Bennett 1976), for any
numbers m and m_back of works, Gaussian or not.
"""

import math

import numpy as np
from scipy.special import expit

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.measurement.work import FreeEnergy

HALVINGS = 200
"""More than enough for an interval of doubles to shrink to two neighbours."""


def bennett(works: Array, back: Array, /, *, temperature: float = 1.0) -> FreeEnergy:
    """F2 - F1 from works (m,) of runs from 1 to 2, and (k,) of runs back, each begun at rest.

    `mean` and `variance` of the result are those of the runs from 1 to 2, `works` counts all runs,
    `effective` those that lie where the two laws of work overlap.

    Raises:
        InvalidInput: there are no works of one direction, or they are not real vectors.
    """
    T = checks.positive("temperature", temperature)
    W, B = _vector("works", works) / T, _vector("back", back) / T
    lead = math.log(len(W) / len(B))
    c = _balance(W, B)
    (there, error), (_, back_error) = (_mean_and_error(expit(x)) for x in (c - W, -c - B))
    overlap = there * (1 + len(W) / len(B))  # 1 where W is always F
    return FreeEnergy(
        works=len(W) + len(B),
        mean=T * float(W.mean()),
        variance=T**2 * float(W.var(ddof=1)) if len(W) > 1 else math.nan,
        difference=T * (c + lead),
        stderr=T * math.hypot(error, back_error),
        effective=min(1.0, overlap) * (len(W) + len(B)),
        temperature=T,
    )


def _balance(W: NumpyArray, B: NumpyArray) -> float:
    """c at which m <f(W - c)> = k <f(B + c)>: the left side grows with c, the right one falls.

    Beyond all works by |ln(m/k)| the sign of their difference is certain.
    """
    lead = abs(math.log(len(W) / len(B)))
    low = min(W.min(), -B.max()) - lead
    high = max(W.max(), -B.min()) + lead
    for _ in range(HALVINGS):
        c = (low + high) / 2
        if c in (low, high):
            break
        low, high = (low, c) if expit(c - W).sum() > expit(-c - B).sum() else (c, high)
    return float((low + high) / 2)


def _mean_and_error(f: NumpyArray) -> tuple[float, float]:
    """Mean, and standard error relative to it."""
    mean = float(f.mean())
    if len(f) < 2 or mean == 0:
        return mean, math.nan
    return mean, float(f.std(ddof=1)) / math.sqrt(len(f)) / mean


def _vector(name: str, works: Array) -> NumpyArray:
    W = to_numpy(checks.real_array(name, works)).astype(np.float64)
    if W.ndim != 1 or not W.size:
        raise ShapeMismatch(f"{name} have shape {W.shape}; one number per run, (k,), is needed.")
    return W
