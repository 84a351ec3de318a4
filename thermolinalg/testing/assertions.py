"""Assertions on random numbers. Each states the probability with which it fails a right answer.

No tolerance is picked: it follows from that false-alarm rate, the number of samples, and the number
of comparisons, which share the rate equally (Bonferroni). What fails says by how much.
"""

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from scipy import stats

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.testing import reading
from thermolinalg.testing.reading import CDF, ROUNDING
from thermolinalg.theory.gaussian import Gaussian

FALSE_ALARM = 1e-6
"""Probability with which an assertion fails a right answer, unless it is given another."""

NARROW = 1e-10
"""Share of the largest variance below which one counts as zero: rounding in a covariance, some
1e-14 of it, would pass for chance."""


def assert_samples_match(
    samples: Array, law: Any, *, false_alarm: float = FALSE_ALARM
) -> None:  # law: Gaussian | Cdf | a frozen scipy distribution | one of these per coordinate
    """Independent samples (m, n) have this law.

    For a `Gaussian`, singular ones included, their mean, their covariance and the shape of each
    coordinate are tested; for other laws each coordinate alone, by the exact law of Kolmogorov's
    distance between P(X <= x) and the share of samples below x.

    Samples in a row of one chain resemble each other, and no such test holds for them: take one of
    each chain, `states[:, -1]`, or keep only samples that are many relaxation times apart.

    Args:
        samples: (m, n), or (m,) of one coordinate.
        law: a `Gaussian`; or P(X <= x) of one coordinate, as a function or as an object with `.cdf`
            such as `scipy.stats.expon()`; or a sequence of n of these.
        false_alarm: probability of failing samples that do have this law.

    Raises:
        AssertionError: the samples have another law, or are not independent.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    x = reading.independent("samples", samples)
    try:
        if isinstance(law, Gaussian):
            _assert_gaussian(x, to_numpy(law.mean), to_numpy(law.cov), rate)
        else:
            _assert_distributions(x, reading.distributions(law, x.shape[1]), rate, rate)
    except AssertionError as error:
        raise AssertionError(f"{error}{_hint(x, rate)}") from None


def assert_mean_matches(
    samples: Array, mean: Array, cov: Array, *, false_alarm: float = FALSE_ALARM
) -> None:
    """Independent normal samples (m, n) of known covariance have this mean, in every entry.

    Raises:
        AssertionError: they have another mean.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    x = reading.independent("samples", samples)
    cov, mean = reading.moments(x.shape[1], mean, cov)
    _assert_mean(x, mean, cov, rate, rate)


def assert_covariance_matches(
    samples: Array, cov: Array, *, mean: Array = 0.0, false_alarm: float = FALSE_ALARM
) -> None:
    """Independent samples (m, n) are N(mean, cov), of known mean; cov may be singular.

    Whitened by cov, m times their variance is chi-square with m degrees of freedom along any fixed
    direction: tested along every axis and every diagonal between two axes. Where cov has no width
    the samples must have none.

    Raises:
        AssertionError: they have another covariance.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    x = reading.independent("samples", samples)
    cov, mean = reading.moments(x.shape[1], mean, cov)
    _assert_covariance(x, mean, cov, rate, rate)


def assert_agrees(estimate: Any, truth: Array, *, false_alarm: float = FALSE_ALARM) -> None:
    """An estimate is within its own error bars of the truth, in every entry at once.

    Args:
        estimate: an `Estimate`, an `Average`, anything else with `value` (or `mean`), `stderr` and,
            for Student's t instead of the normal law, `dof`; or a pair (value, stderr).
        truth: of the shape of the value, or one number for every entry.
        false_alarm: probability of failing an estimate whose error bars are right.

    Raises:
        AssertionError: it is too far off, or an entry has no error bar.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    value, stderr, dof = reading.measured(estimate)
    truth = to_numpy(checks.real_array("truth", truth))
    if truth.shape not in {value.shape, ()}:
        raise ShapeMismatch(f"truth has shape {truth.shape}, but the estimate {value.shape}.")
    if not dof > 0:
        raise AssertionError(f"the estimate has {dof:g} degrees of freedom, and so no error bar.")
    unknown = ~np.isfinite(stderr)
    if unknown.any():
        worst = int(np.argmax(unknown))
        raise AssertionError(
            f"{_label('entry', worst, value.shape)} has no error bar: its standard error is "
            f"{'infinite' if np.isinf(stderr.flat[worst]) else 'NaN'}."
        )
    _assert_close("entry", value, truth, stderr, _allowed(rate, value.size, dof), rate)


def assert_average(values: Array, expected: float, *, false_alarm: float = FALSE_ALARM) -> None:
    """Independent numbers (m,) have this expected value, by Student's t.

    Their law need not be normal, but m must then be large.

    Raises:
        AssertionError: they have another expected value.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    x = to_numpy(checks.real_array("values", values))
    if x.ndim != 1 or len(x) < 2:
        raise ShapeMismatch(f"values has shape {x.shape}; at least two numbers (m,) are needed.")
    expected = checks.real_number("expected", expected)
    stderr = x.std(ddof=1) / math.sqrt(len(x))
    _assert_close("average", x.mean(), expected, stderr, _allowed(rate, 1, len(x) - 1), rate)


def assert_frequency(
    hits: Array, trials: int, probability: float, *, false_alarm: float = FALSE_ALARM
) -> None:
    """Each of these counts of hits is what so many independent trials of this probability give.

    Raises:
        AssertionError: a count is too small or too large.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    counts, p = reading.counts(hits, trials), checks.probability("probability", probability)
    tail = rate / (2 * counts.size)
    low, high = stats.binom.ppf(tail, trials, p), stats.binom.isf(tail, trials, p)
    wrong = (counts < low) | (counts > high)
    if wrong.any():
        found = int(counts[wrong][0])
        _fail(_hits(found, trials, p) + f" {low:g} to {high:g} are allowed.", rate)


def assert_at_least(
    hits: int, trials: int, probability: float, *, false_alarm: float = FALSE_ALARM
) -> None:
    """So many hits do not contradict that a trial succeeds with at least this probability.

    Raises:
        AssertionError: there are too few.
        InvalidInput: an argument cannot be used.
    """
    __tracebackhide__ = True
    rate = checks.probability("false_alarm", false_alarm)
    found = int(reading.counts(checks.count("hits", hits, least=0), trials)[0])
    p = checks.probability("probability", probability)
    low = stats.binom.ppf(rate, trials, p)
    if found < low:
        _fail(_hits(found, trials, p) + f" {low:g} or more are needed.", rate)


def _assert_gaussian(x: NumpyArray, mean: NumpyArray, cov: NumpyArray, rate: float) -> None:
    """Mean, covariance and shape share the rate."""
    if len(mean) != x.shape[1]:
        raise ShapeMismatch(f"samples have {x.shape[1]} coordinates, but the law has {len(mean)}.")
    _assert_mean(x, mean, cov, rate / 3, rate)
    _assert_covariance(x, mean, cov, rate / 3, rate)
    widths = np.sqrt(np.diag(cov))
    marginals = [stats.norm(m, w).cdf if w else None for m, w in zip(mean, widths, strict=True)]
    _assert_distributions(x, marginals, rate / 3, rate)


def _assert_mean(
    x: NumpyArray, mean: NumpyArray, cov: NumpyArray, rate: float, stated: float
) -> None:
    width = np.sqrt(np.clip(np.diag(cov), 0.0, None))
    stderr, allowed = width / math.sqrt(len(x)), _allowed(rate, x.shape[1])
    rounding = ROUNDING * (np.abs(mean) + width)
    _assert_close("mean", x.mean(axis=0), mean, stderr, allowed, stated, rounding)


def _assert_covariance(
    x: NumpyArray, mean: NumpyArray, cov: NumpyArray, rate: float, stated: float
) -> None:
    """In units of its own width each coordinate counts, however small its numbers are."""
    m, width = len(x), np.sqrt(np.clip(np.diag(cov), 0.0, None))
    unit = np.where(width > 0, width, width.max() or 1.0)
    y, rounding = (x - mean) / unit, ROUNDING * np.abs(x / unit).max()
    values, V = np.linalg.eigh(cov / unit[:, None] / unit)
    narrow = NARROW * max(values[-1], 0.0)
    wide = values > narrow
    if not wide.all():
        comparisons = m * int((~wide).sum())
        allowed = _allowed(rate / 2, comparisons) * math.sqrt(narrow) + rounding
        stray = np.abs(y @ V[:, ~wide]).max()
        if stray > allowed:
            _fail(
                f"samples stray by {stray:.3g} of the law's width, {allowed:.2g} allowed, where "
                "the covariance has no width.",
                stated,
            )
    if wide.any():
        F = V[:, wide] / np.sqrt(values[wide])
        white = y @ F
        _assert_white(white.T @ white, m, F / unit[:, None], rate / 2, stated)


def _assert_white(G: NumpyArray, m: int, back: NumpyArray, rate: float, stated: float) -> None:
    """Sums of squares u'Gu of m standard normals, along axes and diagonals u."""
    k = len(G)
    i, j = np.triu_indices(k, 1)
    d, middle = np.diag(G), (np.diag(G)[i] + np.diag(G)[j]) / 2
    sums = np.concatenate([d, middle + G[i, j], middle - G[i, j]])
    tail = rate / (2 * k * k)
    low, high = stats.chi2.ppf(tail, m), stats.chi2.isf(tail, m)
    if ((sums >= low) & (sums <= high)).all():
        return
    worst = int(np.argmax(np.abs(sums - m)))
    u, pair = np.zeros(k), worst - k
    if pair < 0:
        u[worst] = 1.0
    else:
        first, second = i[pair % len(i)], j[pair % len(i)]
        u[first], u[second] = 1.0, 1.0 if pair < len(i) else -1.0
    w = back @ u
    scale = math.sqrt(m / 2)
    _fail(
        f"the variance along {_short(w / np.abs(w).max())} is {sums[worst] / m:.4g} times that of "
        f"the law, {(sums[worst] / m - 1) * scale:+.1f} standard errors, of which "
        f"{(low / m - 1) * scale:.1f} to {(high / m - 1) * scale:+.1f} are allowed.",
        stated,
    )


def _assert_distributions(
    x: NumpyArray, laws: Sequence[CDF | None], rate: float, stated: float
) -> None:
    """Each coordinate by Kolmogorov's distance, whose law does not depend on that of x.

    Where x has atoms the distance is shorter (Noether 1963), if it is taken just before them too.
    """
    m, n = x.shape
    for k, cdf in enumerate(laws):
        if cdf is None:  # has no width, and is tested elsewhere
            continue
        points, times = np.unique(x[:, k], return_counts=True)
        points = np.stack([np.nextafter(points, -np.inf), points], axis=1).ravel()
        share = np.stack([np.cumsum(times) - times, np.cumsum(times)], axis=1).ravel() / m
        said = reading.probabilities(cdf, points, k)
        worst = int(np.argmax(np.abs(share - said)))
        chance = float(stats.kstwo.sf(abs(share[worst] - said[worst]), m))
        if chance < rate / n:
            _fail(
                f"coordinate {k} has another distribution: of {m} samples the share "
                f"{share[worst]:.4g} lies up to {points[worst]:.4g}, where the law says "
                f"{said[worst]:.4g}; so far off is one in {1 / max(chance, 1e-300):.2g} such "
                f"records, one in {n / rate:.2g} allowed.",
                stated,
            )


def _assert_close(
    what: str,
    found: Any,
    expected: Any,
    stderr: Any,
    allowed: float,
    stated: float,
    rounding: Any = 0.0,
) -> None:
    found = np.asarray(found, float)
    expected = np.broadcast_to(np.asarray(expected, float), found.shape)
    gap, stderr = np.abs(found - expected), np.asarray(stderr, float)
    wrong = ~(gap <= allowed * stderr + rounding)
    if not wrong.any():
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(wrong, gap / stderr, 0.0)
    worst = int(np.argmax(off))
    others = f" (too far: {wrong.sum()} of {wrong.size} entries)" if wrong.size > 1 else ""
    _fail(
        f"{_label(what, worst, found.shape)} = {found.flat[worst]:.6g} is {off.flat[worst]:.2f} "
        f"standard errors from {expected.flat[worst]:.6g}, {allowed:.2f} allowed{others}.",
        stated,
    )


def _fail(message: str, rate: float) -> NoReturn:
    raise AssertionError(f"{message} A right answer fails here with probability {rate:g} at most.")


def _allowed(rate: float, comparisons: int, dof: float = math.inf) -> float:
    """Standard errors that all of so many comparisons stay within, but for this probability."""
    return float(stats.t.isf(rate / (2 * max(comparisons, 1)), dof))


def _hint(x: NumpyArray, rate: float) -> str:
    """A word on samples in a row that resemble their neighbours more than chance allows."""
    m, n = x.shape
    y = x - x.mean(axis=0)
    power = (y**2).sum(axis=0)
    r = (y[1:] * y[:-1]).sum(axis=0) / np.where(power > 0, power, 1.0)
    if r.max() * math.sqrt(m) <= _allowed(rate, n):
        return ""
    return (
        f" Samples in a row have the correlation {r.max():.2g}, but independent ones are needed: "
        "take one of each chain, or keep every k-th of them, many relaxation times apart."
    )


def _hits(found: int, trials: int, p: float) -> str:
    off = (found - trials * p) / math.sqrt(trials * p * (1 - p))
    return (
        f"{found} hits in {trials} trials of probability {p:g} are {off:+.1f} standard errors from "
        f"{trials * p:g} hits;"
    )


def _label(what: str, flat: int, shape: tuple[int, ...]) -> str:
    index = ", ".join(str(i) for i in np.unravel_index(flat, shape))
    return f"{what}[{index}]" if shape else what


def _short(w: NumpyArray) -> str:
    return np.array2string(w + 0.0, precision=3, suppress_small=True, threshold=8)
