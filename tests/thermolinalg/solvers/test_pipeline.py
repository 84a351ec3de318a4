"""Plans, pilots, outcomes and the report: the parts that every solver shares."""

import math

import numpy as np
import pytest
from scipy import stats

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.readout import Readout
from thermolinalg.solvers import budget, reading
from thermolinalg.solvers.reading import Reading

A = wishart(5)
B = np.arange(1.0, 6.0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_record_that_settled_is_seldom_called_unsettled(monkeypatch, rng):
    rate, trials = 0.02, 2000
    monkeypatch.setattr(reading, "FALSE_ALARM", rate)
    alarms = sum(
        not Reading.of(rng.standard_normal((budget.WINDOWS, 1)), 1.0).settled for _ in range(trials)
    )
    testing.assert_frequency(alarms, trials, rate)


@pytest.mark.parametrize("entries", [1, 100])
def test_a_record_with_a_trend_is_not_settled(entries, rng):
    noise = 0.05 * rng.standard_normal((budget.WINDOWS, entries))
    trend = np.linspace(0.0, 1.0, budget.WINDOWS)[:, None]
    assert Reading.of(noise, 1.0).settled
    assert not Reading.of(noise + trend, 1.0).settled
    one = noise.copy()
    one[:, -1:] += trend
    assert not Reading.of(one, 1.0).settled


class Drifting(Readout):
    """An instrument whose zero drifts, a little more at every window."""

    def __init__(self):
        self.seen = 0

    def correlation_rate(self, process):
        return TimeAverage().correlation_rate(process)

    def numbers(self, process, window):
        return TimeAverage().numbers(process, window)

    def windows(self, process, x, window, count, rng):
        values, last = TimeAverage().windows(process, x, window, count, rng)
        self.seen += count
        return values + np.arange(self.seen - count, self.seen)[:, None, None], last


def test_a_drifting_instrument_ends_not_settled(monkeypatch):
    monkeypatch.setattr("thermolinalg.solvers.network.TimeAverage", lambda **_: Drifting())
    x = tla.solve(A, B, rng=0)
    assert x.outcome is tla.Outcome.NOT_SETTLED
    assert "NOT_SETTLED, the two halves of the record disagree" in str(x)


def test_an_instrument_that_reads_nothing_has_no_samples(monkeypatch):
    """A stuck record has an effective size of 0, not of its length."""

    class Stuck(Drifting):
        def windows(self, process, x, window, count, rng):
            values, last = super().windows(process, x, window, count, rng)
            return 0 * values, last

    monkeypatch.setattr("thermolinalg.solvers.network.TimeAverage", lambda **_: Stuck())
    assert tla.solve(A, B, rng=0).ess == 0.0


def test_summary_of_independent_windows(rng):
    values = rng.standard_normal((32, 4, 2))
    found = Reading.of(values, 0.7)
    np.testing.assert_allclose(found.mean, values.mean(axis=0))
    np.testing.assert_allclose(found.stderr, stats.sem(values, axis=0))
    np.testing.assert_allclose(Reading.of(values, 0.7, 4.0).stderr, 2 * found.stderr)
    assert found.time == pytest.approx(32 * 0.7)


def test_a_reading_of_many_entries_is_read_in_pieces(monkeypatch, rng):
    values = 1.0 + rng.standard_normal((32, 50))
    whole = Reading.of(values, 1.0)
    monkeypatch.setattr(reading, "AT_ONCE", 32 * 7)
    pieces = Reading.of(values, 1.0)
    np.testing.assert_allclose(pieces.mean, whole.mean)
    np.testing.assert_allclose(pieces.noise, whole.noise)
    assert pieces.directions == pytest.approx(whole.directions)
    values[16:, -1] += 10.0
    assert not Reading.of(values, 1.0).settled


def test_sides_that_met_one_noise_are_judged_by_the_first(rng):
    noise, rest = rng.standard_normal((32, 1, 5)), 100 * rng.standard_normal((4, 5))
    one, all_ = Reading.of_sides(noise + rest, 1.0), Reading.of(noise + rest, 1.0)
    np.testing.assert_allclose(one.mean, all_.mean)
    np.testing.assert_allclose(one.noise, all_.noise, rtol=1e-9)
    assert one.directions == pytest.approx(all_.directions)
    assert one.settled


def test_sides_whose_starts_still_differ_are_judged_each(rng):
    values = rng.standard_normal((32, 1, 5)) + np.zeros((32, 4, 5))
    values[0, 2, :] += 1e-6
    one, all_ = Reading.of_sides(values, 1.0), Reading.of(values, 1.0)
    np.testing.assert_array_equal(one.noise, all_.noise)


def test_two_readings_make_one(rng):
    """Each window counts by its length, and the noise by degrees of freedom."""
    short, long = rng.standard_normal((32, 3)), rng.standard_normal((32, 3)) / 2
    both = Reading.of(short, 1.0) + Reading.of(long, 4.0)
    np.testing.assert_allclose(both.mean, (short.mean(axis=0) + 4 * long.mean(axis=0)) / 5)
    noise = (short.var(axis=0, ddof=1) + 4 * long.var(axis=0, ddof=1)) / 2
    np.testing.assert_allclose(both.stderr, np.sqrt(noise / 160))
    assert (both.dof, both.time, both.settled) == (62, 160.0, True)
    assert not (Reading.of(short, 1.0) + Reading.of(long + 5.0, 4.0)).settled


def share_within(spread, confidence, trials, rng):
    """How often a run, of covariance diag(spread²)/K, ends within what its pilot allows."""
    K = budget.WINDOWS
    pilots = rng.standard_normal((trials, K, len(spread))) * spread
    errors = np.linalg.norm(rng.standard_normal((trials, len(spread))) * spread, axis=1) / K**0.5
    allowed = [Reading.of(values, 1.0).reach(confidence) for values in pilots]
    return np.sum(errors <= allowed), trials


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_a_pilot_predicts_how_far_a_run_strays(confidence, rng):
    """Stein's second stage is exact in one direction, over pilots and runs together."""
    testing.assert_frequency(*share_within(np.ones(1), confidence, 30_000, rng), confidence)


@pytest.mark.parametrize("spectrum", [[1.0, 1.0, 1.0], [1.0, 0.5, 0.1, 0.01]])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_a_pilot_counts_directions_well_enough(spectrum, confidence, rng):
    """Directions are counted with error, and unequal ones approximately: by 3 per cent at most."""
    hits, trials = share_within(np.sqrt(spectrum), confidence, 2000, rng)
    testing.assert_at_least(hits, trials, confidence - 0.03)
    testing.assert_at_least(trials - hits, trials, 1 - confidence - 0.03)


def test_a_pilot_counts_directions_and_the_norm(rng):
    K, mean = 32, np.array([3.0, 0.0, 4.0])
    pilots = [Reading.of(mean + rng.standard_normal((K, 3)), 1.0) for _ in range(4000)]
    testing.assert_average([p.error**2 for p in pilots], 3 / K)
    testing.assert_average([p.norm**2 for p in pilots], 25.0)
    assert np.mean([p.directions for p in pilots]) == pytest.approx(3.0, rel=0.1)
    assert all(1.0 <= p.directions <= 3.0 for p in pilots)


def test_correlation_between_windows_is_made_up_for():
    """Window means of an OU process at rest: the corrected error bar is right on average."""
    process = tla.overdamped([[1.0]], [0.0])
    window, trials = 20.0, 4000
    rest = tla.stationary(process).sample(trials, rng=0)
    values, _ = TimeAverage().windows(process, rest, window, 32, np.random.default_rng(1))
    stderr = Reading.of(values, window, budget.correction(1.0, window)).stderr
    T = 32 * window
    exact = 2 / T * (1 - (1 - math.exp(-T)) / T)  # variance of the average over all windows
    testing.assert_average(values.mean(axis=0)[:, 0] ** 2, exact)
    assert (stderr**2).mean() == pytest.approx(exact, rel=0.01)


def test_burn_in_forgets_the_start():
    target = budget.Target.checked(1e-2, 0.0, 0.95)
    time = budget.burn_in(target, 0.1, 5.0)
    assert math.exp(-0.1 * time) == pytest.approx(budget.BIAS * 1e-2)
    assert budget.burn_in(target, 0.1, 0.0) == 0.0
    loose = budget.Target.checked(100.0, 0.0, 0.95)
    assert budget.burn_in(loose, 0.1, 5.0) == 0.0


def test_an_interval_is_students():
    x = tla.solve(A, B, rng=0)
    assert x.dof == 31
    for confidence in (0.5, 0.95, 0.999):
        low, high = x.interval(confidence)
        reach = stats.t.ppf(0.5 + confidence / 2, 31) * x.stderr
        np.testing.assert_allclose(low, x.value - reach)
        np.testing.assert_allclose(high, x.value + reach)
    with pytest.raises(InvalidInput, match="confidence = 95 must lie"):
        x.interval(95)


def test_an_estimate_is_an_array():
    x = tla.solve(A, B, rng=0)
    np.testing.assert_array_equal(np.asarray(x), x.value)
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert np.array(x, copy=True) is not x.value
    np.testing.assert_array_equal(A @ x, A @ x.value)
    assert x.error == pytest.approx(np.linalg.norm(x.stderr))


def test_an_answer_that_is_one_number_is_a_number():
    trace = tla.inv(A, only="trace", rng=0)
    assert float(trace) == trace.value
    with pytest.raises(TypeError):
        float(tla.solve(A, B, rng=0))


def test_the_report():
    x = tla.solve(A, B, rng=7)
    assert repr(x).startswith("Estimate(solve, n = 5, shape (5,), CONVERGED, norm ")
    report = str(x)
    for part in (
        "solve, n = 5: CONVERGED, the wanted error was reached",
        "error <= 0 + 0.01 |answer|",
        "with probability 0.95",
        "at temperature 1",
        "s modelled, ",
        "s measured; energy not stated",
        "Cholesky: ",
        "conjugate gradients: ",
        "matrix-vector products",
        "rng=7",
    ):
        assert part in report
    assert all(len(line) <= 100 for line in report.splitlines())


def test_the_digital_baseline_is_measured_beside_it():
    x = tla.solve(A, B, rng=0)
    truth = np.linalg.solve(A, B)
    digital = x.digital
    error = np.linalg.norm(x.value - truth) / np.linalg.norm(truth)
    assert digital.error == pytest.approx(error, rel=1e-9)
    cholesky, cg = digital.contenders
    assert cholesky.residual < 1e-14
    assert cg.residual < 1e-12
    assert 1 <= cg.products <= x.plan.time * x.plan.fastest
    inverse = tla.inv(A, rng=0)
    assert inverse.digital.contenders[0].residual < 1e-13
    assert inverse.digital.error < 0.1
