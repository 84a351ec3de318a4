"""What assertions are given, made ready: samples, moments, estimates, distributions and counts."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch

ROUNDING = 1e-12
"""Relative size of what rounding, not chance, may add."""

CDF: TypeAlias = Callable[[NumpyArray], Any]
"""P(X <= x) of one coordinate, for an array of x."""


def independent(name: str, samples: Array) -> NumpyArray:
    """Samples (m, n) as floats; a record of chains is refused."""
    if hasattr(samples, "states"):
        raise InvalidInput(
            f"{name} is a {type(samples).__name__}, and samples in a row of one chain are not "
            "independent. Pass one of each chain, such as its .states[:, -1]."
        )
    x = to_numpy(checks.real_array(name, samples)).astype(np.float64)
    if x.ndim == 3:
        raise ShapeMismatch(
            f"{name} has shape {x.shape}, a record of chains, and samples in a row of one chain "
            "are not independent. Pass one of each chain, such as states[:, -1]; or samples "
            "many relaxation times apart, as states[:, ::k].reshape(-1, n)."
        )
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape:
        raise ShapeMismatch(f"{name} has shape {x.shape}; (m, n), a row each, is needed.")
    return x


def moments(n: int, mean: Array, cov: Array) -> tuple[NumpyArray, NumpyArray]:
    """A covariance (n, n) and a mean (n,); one number is the mean of every coordinate."""
    cov = to_numpy(checks.semidefinite("cov", cov))
    if cov.shape != (n, n):
        raise ShapeMismatch(f"cov has shape {cov.shape}; ({n}, {n}), as the samples, is needed.")
    mean = to_numpy(checks.real_array("mean", mean))
    return cov, np.full(n, mean) if mean.ndim == 0 else to_numpy(checks.vector("mean", mean, n))


def measured(estimate: Any) -> tuple[NumpyArray, NumpyArray, float]:
    """Value, standard error and degrees of freedom of what is given as an estimate."""
    if isinstance(estimate, tuple | list) and len(estimate) == 2:
        (value, stderr), dof = estimate, math.inf
    elif hasattr(estimate, "stderr"):
        value = getattr(estimate, "value", getattr(estimate, "mean", None))
        stderr, dof = estimate.stderr, getattr(estimate, "dof", math.inf)
    else:
        raise InvalidInput(
            f"estimate is a {type(estimate).__name__}; an Estimate, another record with value and "
            "stderr, or a pair (value, stderr) is needed."
        )
    value = to_numpy(checks.real_array("the estimate's value", value))
    if value.size == 0:
        raise ShapeMismatch(f"the estimate has shape {value.shape}, and no entry to compare.")
    stderr = np.asarray(to_numpy(stderr), float)
    if stderr.shape not in {value.shape, ()} or (stderr < 0).any():
        raise InvalidInput(
            f"stderr has shape {stderr.shape} for a value {value.shape}; a number >= 0 for each "
            "entry is needed."
        )
    return value, np.broadcast_to(stderr, value.shape), float(dof)


def distributions(law: Any, n: int) -> list[CDF | None]:
    """One P(X <= x) for each coordinate."""
    laws = list(law) if isinstance(law, Sequence) and not isinstance(law, str) else [law] * n
    if len(laws) != n:
        raise ShapeMismatch(f"law has {len(laws)} distributions; the samples have {n} coordinates.")
    functions = [getattr(one, "cdf", one) for one in laws]
    if not all(callable(f) for f in functions):
        raise InvalidInput(
            f"law = {law!r} is no law: pass a Gaussian, P(X <= x) as a function, a frozen "
            "distribution such as scipy.stats.expon(), or one of these for each coordinate."
        )
    return functions


def probabilities(cdf: CDF, points: NumpyArray, k: int) -> NumpyArray:
    """P(X <= x) at these points, checked to be one."""
    name = f"P(X <= x) of coordinate {k}"
    p = to_numpy(checks.real_array(name, cdf(points)))
    if p.shape != points.shape:
        raise ShapeMismatch(f"{name} turns shape {points.shape} into {p.shape}; vectorise it.")
    if p.min() < 0 or p.max() > 1 or (np.diff(p) < -ROUNDING).any():
        raise InvalidInput(
            f"{name} must rise from 0 to 1. Pass the distribution function, not the density."
        )
    return p


def counts(hits: Array, trials: int) -> NumpyArray:
    """Counts of hits (k,), none above the number of trials."""
    trials = checks.count("trials", trials)
    counts = np.atleast_1d(np.asarray(hits))
    if counts.dtype.kind not in "iu" or counts.size == 0 or (counts > trials).any():
        raise InvalidInput(f"hits = {hits!r} must be integers from 0 to trials = {trials}.")
    return counts
