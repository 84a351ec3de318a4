"""Statistical assertions. Each states the probability with which it fails a right answer.

No tolerance is picked: it follows from that false-alarm rate, the number of samples, and the
number of comparisons, which share the rate equally (Bonferroni).
"""

import math

import numpy as np
from scipy import stats

FALSE_ALARM = 1e-6

NARROW = 1e-10
"""Variances below this share of the largest count as zero."""

ROUNDING = 1e-12
"""Relative size of what rounding, not chance, may add."""


def assert_mean_matches(samples, mean, cov, *, false_alarm=FALSE_ALARM):
    """Independent normal samples (m, n) of known covariance have this mean, in every entry."""
    samples, spread = np.asarray(samples, float), np.sqrt(np.diag(cov))
    gap = np.abs(samples.mean(axis=0) - mean)
    limit = stats.norm.isf(false_alarm / (2 * gap.size)) * spread / math.sqrt(len(samples))
    rounding = ROUNDING * (np.abs(mean) + spread)
    _require(gap <= limit + rounding, "mean", gap, limit)


def assert_covariance_matches(samples, cov, *, mean=0.0, false_alarm=FALSE_ALARM):
    """Independent samples (m, n) are N(mean, cov); cov may be singular.

    Whitened by cov, m times their variance is chi-square with m degrees of freedom along any fixed
    direction: tested along every axis and every diagonal between two axes. Where cov has no width
    the samples must have none.
    """
    x = np.atleast_2d(np.asarray(samples, float) - mean)
    values, V = np.linalg.eigh(np.asarray(cov, float))
    wide = values > NARROW * max(values[-1], 0.0)
    allowed = 10 * math.sqrt(NARROW * max(values[-1], 0.0)) + ROUNDING * np.abs(samples).max()
    stray = np.abs(x @ V[:, ~wide]).max(initial=0.0)
    assert stray <= allowed, f"samples stray by {stray:.3g} where the covariance has no width"
    white = x @ V[:, wide] / np.sqrt(values[wide])
    directions = _axes_and_diagonals(int(wide.sum()))
    m, tail = len(x), false_alarm / (2 * max(len(directions), 1))
    sums = ((white @ directions.T) ** 2).sum(axis=0)
    low, high = stats.chi2.ppf(tail, m), stats.chi2.isf(tail, m)
    _require((sums >= low) & (sums <= high), "variance ratio", sums / m, (low / m, high / m))


def assert_agrees(estimate, truth, *, false_alarm=FALSE_ALARM):
    """An estimate is within its own error bars of the truth, in every entry at once."""
    gap = np.abs(np.asarray(estimate) - truth)
    limit = stats.t.isf(false_alarm / (2 * gap.size), estimate.dof) * np.asarray(estimate.stderr)
    _require(gap <= limit, "entry", gap, limit)


def assert_average(values, expected, *, false_alarm=FALSE_ALARM):
    """Independent numbers have this expected value, by Student's t (their law need not be normal,
    but their number must be large)."""
    values = np.asarray(values, float)
    gap = abs(values.mean() - expected)
    limit = stats.t.isf(false_alarm / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    _require(gap <= limit, "average", gap, limit)


def assert_frequency(hits, trials, probability, *, false_alarm=FALSE_ALARM):
    """Each of these counts of hits is what so many independent trials of this probability give."""
    hits = np.asarray(hits)
    tail = false_alarm / (2 * hits.size)
    low = stats.binom.ppf(tail, trials, probability)
    high = stats.binom.isf(tail, trials, probability)
    _require((hits >= low) & (hits <= high), f"hits in {trials}", hits, (low, high))


def assert_at_least(hits, trials, probability, *, false_alarm=FALSE_ALARM):
    """So many hits do not contradict that a trial succeeds with at least this probability."""
    low = stats.binom.ppf(false_alarm, trials, probability)
    _require(hits >= low, f"hits in {trials}", hits, low)


def _axes_and_diagonals(n):
    axes = np.eye(n)
    pairs = [(axes[i], axes[j]) for i in range(n) for j in range(i)]
    diagonals = [(u + s * v) / math.sqrt(2) for u, v in pairs for s in (1, -1)]
    return np.array([*axes, *diagonals]).reshape(n * n, n)


def _require(passed, what, found, allowed):
    assert np.all(passed), f"{what} {found} is outside what chance allows: {allowed}"
