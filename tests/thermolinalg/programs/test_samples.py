"""What draws say: values by name, quantiles and expectations with error bars, a table."""

import numpy as np
import pytest
from scipy import stats

from tests.thermolinalg.programs.hills import assert_expected, quartic
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.diagnosis import RecordOutcome, diagnose
from thermolinalg.programs.metropolis import sample_landscape
from thermolinalg.programs.samples import Samples

NAMES = ("x", "y")
RUNS = 150


def independent(seed=0, count=4000):
    rng = np.random.default_rng(seed)
    return Samples(rng.standard_normal((1, count, 2)) * [1, 3] + [5, 0], NAMES)


def correlated(seed=0, chains=8, m=200, memory=0.7):
    z = np.random.default_rng(seed).standard_normal((chains, m, 2))
    x = np.empty_like(z)
    x[:, 0] = z[:, 0]
    for i in range(1, m):
        x[:, i] = memory * x[:, i - 1] + np.sqrt(1 - memory**2) * z[:, i]
    return Samples(x, NAMES, diagnose(x))


def test_draws_by_name_and_as_an_array():
    samples = independent()
    assert len(samples) == 4000
    assert np.asarray(samples).shape == samples.values.shape == (4000, 2)
    np.testing.assert_array_equal(samples["y"], np.asarray(samples)[:, 1])
    np.testing.assert_array_equal(samples.mean, np.asarray(samples).mean(axis=0))
    with pytest.raises(InvalidInput, match=r"z is no coordinate.*x, y"):
        samples["z"]


def test_independent_draws_have_the_error_of_independent_draws():
    samples = independent()
    assert (samples.ess == 4000).all()
    np.testing.assert_allclose(samples.stderr, samples.std / np.sqrt(4000))
    assert_expected(samples.expectation(lambda x: x), [5, 0], tests=3)
    assert_expected(samples.expectation(lambda x: x[:, 0] * x[:, 1]), 0, tests=3)
    for q in (0.05, 0.5, 0.9):
        expected = stats.norm.ppf(q) * np.array([1, 3]) + [5, 0]
        assert_expected(samples.quantile(q), expected, tests=9)


@pytest.mark.parametrize("q", [None, 0.5, 0.95])
def test_error_bars_of_correlated_draws_cover(q):
    """At 2.5 standard errors at least as often as the normal law at 2: bars 4/5 as long pass."""
    hits = 0
    for seed in range(RUNS):
        samples = correlated(seed)
        found = samples.expectation(lambda x: x) if q is None else samples.quantile(q)
        truth = 0.0 if q is None else stats.norm.ppf(q)
        hits += abs(found.value[0] - truth) <= 2.5 * found.stderr[0]
    testing.assert_at_least(hits, RUNS, 2 * stats.norm.cdf(2) - 1)


def test_the_interval_covers_the_mean_at_its_confidence():
    low, high = independent().interval(0.999999)
    assert (low < [5, 0]).all()
    assert (high > [5, 0]).all()


def test_events_that_some_chains_never_meet_have_an_error():
    samples = correlated(chains=20, m=20)
    rare = samples.expectation(lambda x: (x[:, 0] > 2.0).astype(float))
    assert 0 < rare.stderr < 0.05
    assert_expected(rare, stats.norm.sf(2.0))


def test_the_table_names_coordinates_and_outcome():
    samples = sample_landscape(quartic(30), 100, longest=256, rng=0)
    lines = str(samples).splitlines()
    assert samples.outcome.name in lines[0]
    assert "chains" in lines[0]
    assert "x_0" in lines[2]
    assert lines[-1].strip() == "and 10 more"
    assert "<pre>" in samples._repr_html_()
    assert "independent" in str(independent()).splitlines()[0]
    assert samples.outcome.name in repr(samples)


def test_few_draws_and_one_draw():
    few = Samples(np.zeros((1, 1, 2)), NAMES)
    assert np.isnan(few.stderr).all()
    assert str(few)
    assert few.outcome is RecordOutcome.RELIABLE


def test_a_function_must_answer_for_each_draw():
    with pytest.raises(ShapeMismatch, match="f of points"):
        independent().expectation(lambda x: x.sum())
    with pytest.raises(InvalidInput, match="q ="):
        independent().quantile(1.5)
