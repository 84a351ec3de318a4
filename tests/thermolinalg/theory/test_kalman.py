"""Filter and smoother, against the dense normal law of all rows, conditioned on what was seen."""

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from tests.thermolinalg.theory.joint import conditional_law, joint_law
from thermolinalg.theory.kalman import kalman_filter, smooth
from thermolinalg.theory.moments import moments_of_gaps, moments_of_steps
from thermolinalg.theory.observations import observe, read_trajectories
from thermolinalg.theory.propagators import Coefficients, propagators

EPS = np.finfo(float).eps
TIMES = np.array([0.0, 0.3, 0.6, 1.4, 2.0, 2.3])
NAMES = ["mixed", "reversible", "whirl", "near a Jordan block", "underdamped", "one noise for all"]


def holed(process, *, tail=True):
    """The first row is whole, and no other but perhaps the last."""
    x = tla.simulate(process, TIMES, x0=tla.stationary(process), rng=5).states[0]
    x[np.arange(1, 6), np.arange(1, 6) % process.n] = np.nan
    if not tail:
        x[-1] = 1.0
    return x


def smoothed(process, x, noise):
    data = observe(read_trajectories(TIMES, x), "given")
    (gaps,) = data.gaps
    laws = propagators(Coefficients(process.A, process.b, process.D), data.intervals).laws
    return gaps, smooth(gaps, laws, kalman_filter(gaps, laws, noise)), data


@pytest.mark.parametrize("tail", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_every_step_given_all_the_data(name, tail):
    process = PROCESSES[name]
    n, x = process.n, holed(process, tail=tail)
    gaps, pairs, _ = smoothed(process, x, np.zeros((n, n)))
    seen = ~np.isnan(x.ravel())
    seen[:n] = False  # the first row is given: it does not vary
    mean, K = joint_law(process, TIMES, (x[0], np.zeros((n, n))))
    slack = 1e3 * EPS * np.linalg.cond(correlations(K[np.ix_(seen, seen)])) * np.abs(mean).max()
    mean, K = conditional_law(mean, K, seen, x.ravel()[seen])
    mean, K = mean.reshape(-1, n), K.reshape(len(x), n, len(x), n)
    assert gaps.real.all()
    for k in range(len(x) - 1):
        for found, right in [
            (pairs.before[k, 0], mean[k]),
            (pairs.after[k, 0], mean[k + 1]),
            (pairs.cov_before[k, 0], K[k, :, k]),
            (pairs.cov_after[k, 0], K[k + 1, :, k + 1]),
            (pairs.cov_across[k, 0], K[k + 1, :, k]),
        ]:
            np.testing.assert_allclose(found, right, rtol=0, atol=slack)


def test_what_was_seen_is_certain():
    x = holed(PROCESSES["mixed"])
    gaps, pairs, _ = smoothed(PROCESSES["mixed"], x, np.zeros((2, 2)))
    seen = gaps.seen[0, 1:]
    np.testing.assert_allclose(pairs.after[:, 0][seen], x[1:][seen], atol=1e-14)
    assert np.abs(np.einsum("kii->ki", pairs.cov_after[:, 0])[seen]).max() < 1e-15


def test_stretches_side_by_side_are_as_alone():
    """Stretches of different length are padded, and padding counts for nothing."""
    process, rng = PROCESSES["mixed"], np.random.default_rng(0)
    noise, alone = np.zeros((2, 2)), []
    xs = [holed(process)[:m] for m in (5, 4)]
    xs = [np.where(np.isnan(x), np.nan, x + rng.normal(size=x.shape)) for x in xs]
    times = [TIMES[: len(x)] for x in xs]
    data = observe(read_trajectories(times, xs), "given")
    laws = propagators(Coefficients(process.A, process.b, process.D), data.intervals).laws

    def moments(gaps):
        filtered = kalman_filter(gaps, laws, noise)
        found = moments_of_gaps(gaps, smooth(gaps, laws, filtered), len(data.intervals))
        return filtered.log_likelihood, found

    (both,) = data.gaps
    assert both.real.sum(axis=1).tolist() == [4, 3]
    value, found = moments(both)
    for t, x in zip(times, xs, strict=True):
        single = observe(read_trajectories(t, x), "given")
        (gaps,) = single.gaps
        index = np.searchsorted(data.intervals, single.intervals - 1e-9)
        alone.append(moments(type(gaps)(gaps.states, gaps.seen, index[gaps.interval], gaps.real)))
    assert value == pytest.approx(sum(one for one, _ in alone), rel=1e-13)
    for part, *parts in zip(found, *(one for _, one in alone), strict=True):
        np.testing.assert_allclose(part, sum(parts), rtol=1e-12, atol=1e-12)


def test_moments_of_gaps_without_holes_are_those_of_the_steps():
    """Under vanishing noise a gap whose every entry was seen is a sequence of whole steps."""
    process = PROCESSES["mixed"]
    x = tla.simulate(process, TIMES, x0=tla.stationary(process), rng=5).states[0]
    right = moments_of_steps(observe(read_trajectories(TIMES, x), "given"))
    gaps, _, data = smoothed(process, holed(process), np.zeros((2, 2)))
    whole = type(gaps)(x[None], np.ones((1, 6, 2), bool), gaps.interval, gaps.real)
    laws = propagators(Coefficients(process.A, process.b, process.D), data.intervals).laws
    pairs = smooth(whole, laws, kalman_filter(whole, laws, np.zeros((2, 2))))
    for found, expected in zip(moments_of_gaps(whole, pairs, len(laws.E)), right, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def correlations(K):
    width = np.sqrt(np.diag(K))
    return K / np.outer(width, width)
