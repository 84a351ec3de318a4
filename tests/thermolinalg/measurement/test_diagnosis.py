"""What a record is worth: against exact theory, against ArviZ, and where it is worth nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch, ShortRecord, StuckRecord

MEMORIES = [0.0, 0.5, 0.9, -0.6]
Outcome = tla.RecordOutcome


def autoregression(memory, shape, seed=0):
    """x_t = memory x_{t-1} + noise along the last axis, with variance 1, from rest."""
    z = np.random.default_rng(seed).standard_normal(shape)
    z[..., 1:] *= math.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], z, axis=-1)


def at_rest(process, dt, samples, chains, seed):
    rest = tla.stationary(process)
    times = dt * np.arange(samples)
    return tla.simulate(process, times, x0=rest, chains=chains, rng=seed).states


@pytest.mark.parametrize("chains", [1, 2, 5])
@pytest.mark.parametrize("memory", MEMORIES)
def test_effective_size_as_arviz_has_it(memory, chains):
    arviz = pytest.importorskip("arviz_stats.base").array_stats
    x = autoregression(memory, (chains, 1000)) + np.arange(chains)[:, None] / 100
    found = tla.effective_sample_size(x[:, :, None])[0]
    assert found == pytest.approx(float(arviz.ess(x, method="mean")), rel=1e-9)


@pytest.mark.parametrize("chains", [2, 5])
@pytest.mark.parametrize("memory", MEMORIES)
def test_rhat_as_arviz_has_it(memory, chains):
    arviz = pytest.importorskip("arviz_stats.base").array_stats
    x = (
        np.round(autoregression(memory, (chains, 501)), 2) * (1 + np.arange(chains))[:, None]
    )  # ties
    for ranks, method in ((False, "split"), (True, "rank")):
        found = tla.rhat(x[:, :, None], ranks=ranks)[0]
        assert found == pytest.approx(float(arviz.rhat(x, method=method)), rel=1e-12)


def chance(process, dt, total, i):
    """Relative size of what chance and truncation do to τ̂: with the sum cut off at lag M, where the
    correlation sinks to the noise 1/√N of its estimate, Var τ̂ = 2(2M + 1)/N τ² (Sokal 1997), and
    what is cut off is at most the noise over the slowest rate."""
    M = math.log(total) / 2 / (process.slowest * dt)
    tail = 2 / math.sqrt(total) / (process.slowest * dt)
    tau = total / tla.independent_samples(process, dt, total)[i]
    z = stats.norm.isf(testing.FALSE_ALARM / 2)
    return z * math.sqrt((4 * M + 2) / total) + tail / tau


@pytest.mark.parametrize("name", ["shear", "reversible", "one coordinate"])
def test_a_long_record_knows_its_theory(name):
    process, dt, samples, chains = PROCESSES[name], 0.25, 20_000, 4
    states = at_rest(process, dt, samples, chains, 1)
    found = tla.diagnose(states, dt=dt)
    worth = chains * tla.independent_samples(process, dt, samples)
    for i in range(process.n):
        assert abs(worth[i] / found.ess[i] - 1) <= chance(process, dt, samples * chains, i)
    np.testing.assert_allclose(found.mean, states.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(found.stderr**2 * found.ess, states.var(axis=(0, 1)), rtol=1e-3)
    np.testing.assert_allclose(found.autocorrelation_time * found.ess, dt * samples * chains)
    np.testing.assert_array_equal(tla.effective_sample_size(states), found.ess)
    np.testing.assert_array_equal(tla.rhat(states), found.rhat)
    assert found.outcome is Outcome.RELIABLE


def test_short_steps_give_the_autocorrelation_time_of_the_process():
    process, dt, samples = PROCESSES["reversible"], 0.05, 40_000
    found = tla.diagnose(at_rest(process, dt, samples, 1, 2), dt=dt).autocorrelation_time
    for i, tau in enumerate(tla.autocorrelation_time(process)):
        assert abs(found[i] / tau - 1) <= chance(process, dt, samples, i) + dt**2


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_intervals_cover_the_truth(name, chains):
    process, dt, trials, samples = PROCESSES[name], 0.3, 400, 2000 // chains
    states = at_rest(process, dt, samples, trials * chains, 3)
    mean, hits = tla.stationary(process).mean, 0
    for record in states.reshape(trials, chains, samples, -1):
        low, high = tla.diagnose(record).interval(0.95)
        hits = hits + ((low <= mean) & (mean <= high))
    testing.assert_frequency(hits, trials, 0.95)


def test_neighbours_that_oppose_each_other():
    total = 8000
    ess = tla.effective_sample_size(autoregression(-0.9, (4, 2000))[:, :, None])[0]
    assert total < ess <= total * math.log10(total)
    flips = np.tile([1.0, -1.0], 50)  # no error at all: the bound of Stan holds
    assert tla.effective_sample_size(flips)[0] == pytest.approx(100 * math.log10(100))


@given(
    memory=st.floats(-0.9, 0.95),
    chains=st.integers(1, 4),
    samples=st.integers(4, 60),
    seed=st.integers(0, 99),
    power=st.integers(-100, 100),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_neither_unit_nor_order_of_chains_matters(memory, chains, samples, seed, power, sign):
    x = autoregression(memory, (chains, samples), seed)[:, :, None]
    one, other = tla.diagnose(x), tla.diagnose(sign * 2.0**power * x[::-1])
    for part in ("ess", "autocorrelation_time", "rhat"):
        np.testing.assert_allclose(getattr(one, part), getattr(other, part), rtol=1e-9)
    assert 0 < one.ess[0] <= x.size * math.log10(x.size) * (1 + 1e-12)
    assert one.stderr[0] > 0
    assert one.rhat[0] >= math.sqrt(1 - 1 / (samples // 2))
    far = tla.diagnose(x + 1e8)  # where the samples keep half of their digits
    np.testing.assert_allclose(far.rhat, one.rhat, rtol=1e-5)


@pytest.mark.parametrize("power", [-1070, -540, -515, 0, 515, 540, 1010])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_no_size_of_numbers_is_too_small_or_too_large(power, shift):
    x = autoregression(0.5, (4, 500))[:, :, None]
    x[0] += shift
    one, other = tla.diagnose(x), tla.diagnose(np.ldexp(x, power))
    # Numbers below 2⁻¹⁰²² are kept to 2⁻¹⁰⁷⁴ only.
    rtol = 1e-9 if power > -1020 else 1.0
    for part in ("ess", "rhat"):
        np.testing.assert_allclose(getattr(other, part), getattr(one, part), rtol=rtol)
    for part in ("mean", "stderr"):
        expected = np.ldexp(getattr(one, part), power)
        np.testing.assert_allclose(getattr(other, part), expected, rtol=rtol)
    assert other.outcome is one.outcome is (Outcome.NOT_SETTLED if shift else Outcome.RELIABLE)
    assert tla.rhat(np.ldexp(x, power))[0] == other.rhat[0]
    assert tla.effective_sample_size(np.ldexp(x, power))[0] == other.ess[0]


def test_what_is_unknown_is_not_reliable(monkeypatch):
    unknown = "thermolinalg.measurement.diagnosis.split_rhat"
    monkeypatch.setattr(unknown, lambda chains: np.full(chains.n, np.nan))
    assert tla.diagnose(autoregression(0.5, (4, 500))[:, :, None]).outcome is Outcome.NOT_SETTLED


STUCK = {
    "constant": lambda x: 0 * x + 0.1,
    "near-constant": lambda x: 0.1 + 1e-30 * x,
    "at rounding": lambda x: 1e8 * (1 + 1e-15 * x),
    "zero": lambda x: 0 * x,
    "constant per chain": lambda x: 0 * x + x[:, :1],
    "nearly constant per chain": lambda x: x[:, :1] * (1 + 1e-15 * x),
    "one chain of four": lambda x: np.concatenate([x[:3], 0 * x[3:] + 0.1]),
    "from half on": lambda x: np.concatenate([x[:, :50], 0 * x[:, 50:] + x[:, 50:51]], axis=1),
}
ALIKE = {"constant", "near-constant", "at rounding", "zero"}
APART = {"constant per chain", "nearly constant per chain"}


@pytest.mark.parametrize("name", STUCK)
def test_what_does_not_move_is_worth_nothing(name):
    moving = autoregression(0.5, (4, 100))[:, :, None]
    states = np.concatenate([moving, STUCK[name](moving)], axis=2)
    with pytest.warns(StuckRecord, match="coordinates 1 do not move"):
        found = tla.diagnose(states)
    assert found.ess[1] == 0
    assert np.isnan(found.stderr[1])
    assert np.isinf(found.autocorrelation_time[1])
    assert found.outcome is Outcome.STUCK
    assert found.ess[0] > 0
    assert found.stderr[0] > 0
    with pytest.warns(StuckRecord):
        assert tla.effective_sample_size(states)[1] == 0
    for ranks in (False, True):
        with pytest.warns(StuckRecord):
            agreement = tla.rhat(states, ranks=ranks)[1]
        assert np.isnan(agreement) == (name in ALIKE)
        assert np.isposinf(agreement) == (name in APART)
    assert "STUCK" in str(found)
    assert "STUCK" in repr(found)


def test_a_process_without_noise_is_stuck():
    states = tla.simulate(
        PROCESSES["noiseless"],
        np.arange(20.0),
        x0=tla.stationary(PROCESSES["noiseless"]).mean,
        chains=2,
    ).states
    with pytest.warns(StuckRecord, match="coordinates 0, 1"):
        assert (tla.diagnose(states).ess == 0).all()


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_too_few_samples_say_nothing(samples):
    states = np.random.default_rng(0).standard_normal((5, samples, 2))
    with pytest.warns(ShortRecord, match=f"{samples} samples"):
        found = tla.diagnose(states)
    np.testing.assert_allclose(found.mean, states.mean(axis=(0, 1)))
    assert np.isnan([found.ess, found.stderr, found.rhat, found.autocorrelation_time]).all()
    assert found.outcome is Outcome.TOO_SHORT
    assert "TOO_SHORT" in str(found)
    for function in (tla.effective_sample_size, tla.rhat):
        with pytest.warns(ShortRecord):
            assert np.isnan(function(states)).all()


def test_chains_that_disagree_are_worth_about_as_many_samples_as_they_are():
    x = autoregression(0.5, (4, 1000)) + 100 * np.arange(4)[:, None]
    found = tla.diagnose(x[:, :, None])
    assert found.outcome is Outcome.NOT_SETTLED
    assert found.rhat[0] > 10
    assert found.ess[0] < 8  # half-chains
    drifting = tla.diagnose(autoregression(0.5, 1000) + np.linspace(0, 10, 1000))
    assert drifting.outcome is Outcome.NOT_SETTLED
    assert drifting.ess[0] < 8


def test_chains_of_different_width_are_seen_by_their_ranks():
    x = autoregression(0.0, (4, 1000))[:, :, None] * np.array([1, 1, 1, 10])[:, None, None]
    assert tla.rhat(x)[0] < 1.01 < tla.rhat(x, ranks=True)[0]


def test_few_samples_are_called_few():
    assert tla.diagnose(autoregression(0.0, (2, 90))[:, :, None]).outcome is Outcome.FEW


def test_shapes_and_dt():
    x = autoregression(0.3, (3, 200, 50)).transpose(0, 2, 1)[:, :, :2]
    many = tla.diagnose(x, dt=0.1)
    for record in (x[0], x[:1]):
        one = tla.diagnose(record)
        assert one.mean.shape == (2,)
        assert (one.chains, one.samples) == (1, 50)
    np.testing.assert_array_equal(tla.diagnose(x[0, :, 0]).ess, one.ess[:1])
    np.testing.assert_allclose(many.autocorrelation_time, 0.1 * 150 / many.ess)
    assert tla.diagnose(np.arange(12) % 5).mean[0] == pytest.approx((np.arange(12) % 5).mean())


def test_a_block_at_a_time(monkeypatch):
    x = autoregression(0.3, (7, 2, 60)).transpose(1, 2, 0)
    whole = tla.diagnose(x)
    monkeypatch.setattr("thermolinalg.measurement.chains.BLOCK", 300)
    parts = tla.diagnose(x)
    np.testing.assert_allclose(parts.ess, whole.ess, rtol=1e-12)
    np.testing.assert_allclose(parts.rhat, whole.rhat, rtol=1e-12)


def test_printing_shows_the_worst():
    x = autoregression(0.0, (12, 2, 400)).transpose(1, 2, 0)
    x[:, :, 7] = autoregression(0.95, (2, 400))
    lines = str(tla.diagnose(x)).splitlines()
    assert lines[0].startswith("2 chains of 400 samples, 1 apart: ")
    assert lines[1].split() == ["coordinate", "mean", "stderr", "ess", "time", "rhat"]
    assert lines[2].split()[0] == "7"
    assert lines[-1] == "  and 2 coordinates with a larger ess"
    assert len(lines) == 13


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp, x = pytest.importorskip(library), autoregression(0.5, (2, 3, 80)).transpose(0, 2, 1)
    found, right = tla.diagnose(xp.asarray(x.copy())), tla.diagnose(x)
    for part in ("mean", "stderr", "ess", "autocorrelation_time", "rhat"):
        assert isinstance(getattr(found, part), type(xp.asarray([1.0])))
        np.testing.assert_allclose(to_numpy(getattr(found, part)), getattr(right, part), rtol=1e-12)
    assert str(found) == str(right)
    for function in (tla.effective_sample_size, tla.rhat):
        assert isinstance(function(xp.asarray(x.copy())), type(xp.asarray([1.0])))


def test_single_precision():
    x = autoregression(0.5, (2, 300))[:, :, None]
    found, right = tla.diagnose(np.float32(x)), tla.diagnose(x)
    assert found.ess.dtype == np.float32
    np.testing.assert_allclose(found.ess, right.ess, rtol=1e-4)
    with pytest.warns(StuckRecord):  # noise in the last digit of a float32
        assert tla.effective_sample_size(np.float32(1 + 1e-7 * x))[0] == 0


@pytest.mark.parametrize("function", [tla.diagnose, tla.effective_sample_size, tla.rhat])
def test_bad_input(function):
    for value in (np.nan, np.inf):
        with pytest.raises(NotFinite, match="states"):
            function([1.0, 2.0, value, 3.0, 4.0])
    for shape in ((), (0,), (3, 0), (0, 5, 2), (1, 1, 5, 2)):
        with pytest.raises(ShapeMismatch, match="states"):
            function(np.zeros(shape))


def test_bad_times():
    for dt in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInput, match="dt"):
            tla.diagnose(np.arange(10.0), dt=dt)
