"""logdet: the answer by three ways of measuring a free energy, with honest error bars."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS, SIZES
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, ring, wishart
from tests.thermolinalg.solvers.test_solve import BAD, B
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, NotSymmetric
from thermolinalg.solvers import campaign
from thermolinalg.solvers.encode import program_network
from thermolinalg.solvers.trajectories import METHODS
from thermolinalg.solvers.way import DISSIPATED, SWITCHES, lay

N = 3
A = wishart(N)
TRUTH = np.linalg.slogdet(A)[1]
COARSE = {"atol": 0.1}
RUNS = 200
FEWER = 60
each_method = pytest.mark.parametrize("method", METHODS)


def way_to(matrix):
    return lay(program_network(matrix, np.zeros((1, len(matrix))), 1.0)[0])


@settings(max_examples=20)
@given(data=st.data(), n=SIZES, seed=SEEDS, method=st.sampled_from(list(METHODS)))
def test_the_answer(data, n, seed, method):
    S = data.draw(testing.spd_matrices(n, condition=10))
    x = tla.logdet(S, method=method, atol=0.1 * n**0.5, rng=seed)
    assert x.value.shape == x.stderr.shape == ()
    testing.assert_agrees(x, np.linalg.slogdet(S)[1])


@each_method
def test_coverage_bias_and_wanted_error(method):
    """The tolerance asks for more than the fewest runs, so that none are wasted."""
    runs = [tla.logdet(A, method=method, atol=0.06, rng=seed) for seed in range(RUNS)]
    assert min(x.plan.windows for x in runs) > campaign.FEWEST
    covered = [low <= TRUTH <= high for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(sum(covered), RUNS, 0.95)
    testing.assert_average([float(x.value) for x in runs], TRUTH)
    met = sum(abs(x.value - TRUTH) <= 0.06 for x in runs)
    testing.assert_at_least(met, RUNS, 0.95)
    assert {x.outcome for x in runs} <= {tla.Outcome.CONVERGED}


def test_another_confidence_is_met_without_waste():
    runs = [tla.logdet(A, atol=0.02, confidence=0.5, rng=seed).value for seed in range(FEWER)]
    met = sum(abs(x - TRUTH) <= 0.02 for x in runs)
    testing.assert_at_least(met, FEWER, 0.5)
    testing.assert_at_least(FEWER - met, FEWER, 0.5 / 3)


def test_the_default_tolerance():
    x = tla.logdet(A, rng=0)
    assert x.plan.target.atol == pytest.approx(0.01 * N**0.5)
    assert x.plan.target.rtol == 0
    assert x.outcome is tla.Outcome.CONVERGED
    testing.assert_agrees(x, TRUTH)


def test_a_relative_tolerance():
    met = [
        abs(tla.logdet(A, rtol=0.1, atol=0, rng=seed).value - TRUTH) <= 0.1 * abs(TRUTH)
        for seed in range(50)
    ]
    testing.assert_at_least(sum(met), 50, 0.95)


def test_a_relative_error_of_zero_is_refused():
    matrix = np.diag([1.1, 1 / 1.1])
    with pytest.raises(InvalidInput, match=r"next to zero.*atol > 0"):
        tla.logdet(matrix, rtol=0.2, atol=0, rng=0)
    x = tla.logdet(matrix, rtol=0.1, atol=0.2, rng=0)
    testing.assert_agrees(x, 0.0)


@each_method
@pytest.mark.parametrize("matrix", [ring(8, 0.3), wishart(12), np.diag([1e-3, 0.1, 1.0])])
def test_methods_agree_with_the_theory(matrix, method):
    x = tla.logdet(matrix, method=method, atol=0.1 * len(matrix) ** 0.5, rng=2)
    testing.assert_agrees(x, np.linalg.slogdet(matrix)[1])


@each_method
def test_no_digital_solver_is_called(monkeypatch, method):
    forbid_digital_solvers(monkeypatch)
    x = tla.logdet(A, method=method, rng=0, **COARSE)
    testing.assert_agrees(x, TRUTH)
    repr(x)
    with pytest.raises(AssertionError, match="digital solver"):
        str(x)


@each_method
def test_the_answer_is_in_the_readings(monkeypatch, method):
    """A meter that shows nothing leaves the ln det of the reference."""
    perform = METHODS[method].perform

    def blinded(*arguments):
        samples, ledger = perform(*arguments)
        return 0 * samples, ledger

    monkeypatch.setattr(METHODS[method], "perform", blinded)
    blind = tla.logdet(A, method=method, rng=0).value
    assert blind == pytest.approx(N * np.log(np.trace(A) / N))


def test_works_obey_jarzynski_and_crooks():
    """As equal averages: e^{-W} and e^{-F} there; of bounded numbers, there and back. The bound of
    the dissipated work holds, so that e^{-W} is tame."""
    way = way_to(A)
    change = (TRUTH - N * np.log(np.trace(A) / N)) / 2
    there, back = (
        tla.ramp(
            way.protocol, way.duration, steps=way.steps, chains=20_000, reverse=reverse, rng=5
        ).work
        for reverse in (False, True)
    )
    testing.assert_average(np.exp(change - there), 1.0)
    testing.assert_average(np.exp(-change - back), 1.0)
    for threshold in change + np.array([-0.1, 0.0, 0.1]):
        beyond = np.where(there > threshold, np.exp(change - there), 0.0)
        testing.assert_average(beyond - (-back > threshold), 0.0)
    for lost in (there - change, back + change):
        error = stats.norm.isf(testing.FALSE_ALARM) * lost.std() / len(lost) ** 0.5
        assert -error < lost.mean() < DISSIPATED * (1 + SWITCHES) + error


@settings(max_examples=50)
@given(data=st.data(), n=st.integers(1, 8))
def test_the_bound_of_what_a_slow_drive_dissipates(data, n):
    """L² = Σ ∫ (da_k/du)²/(4 a_k³) du, by the midpoint rule, whose steps are fine by far."""
    way = way_to(data.draw(testing.spd_matrices(n, condition=100)))
    end, u = np.linalg.eigvalsh(way.protocol.A2), (np.arange(2000) + 0.5) / 2000
    share, speed = (np.array([f(t) for t in u])[:, None] for f in (way.pace, way.pace.speed))
    a = way.pace.first + share * (end - way.pace.first)
    length = ((speed * (end - way.pace.first)) ** 2 / (4 * a**3)).mean(axis=0).sum()
    assert length / way.duration <= DISSIPATED * (1 + 1e-3)


@pytest.mark.parametrize("matrix", [ring(30, 0.01), wishart(20), np.diag([1e-4, 0.5, 1.0])])
def test_the_error_foreseen_for_slow_drives(matrix):
    """Var of ln det is 8 W_diss a run by one direction, half of that by a pair of runs, and W_diss
    is no more than its bound."""
    x = tla.logdet(matrix, atol=0.2 * len(matrix) ** 0.5, rng=1)
    bound = DISSIPATED * (1 + SWITCHES)
    reach = stats.chi2.isf(testing.FALSE_ALARM, x.dof) / x.dof
    assert float(x.stderr) ** 2 <= 8 * bound / (2 * x.plan.windows) * reach


def test_a_multiple_of_the_identity_takes_no_work():
    x = tla.logdet(2.5 * np.eye(4), rng=0)
    assert x.value == pytest.approx(4 * np.log(2.5), abs=5 * float(x.stderr))
    assert x.stderr < 1e-13


@settings(max_examples=10)
@given(seed=SEEDS, power=st.integers(-40, 40))
def test_units_do_not_matter(seed, power):
    scaled, plain = (tla.logdet(c * A, rng=seed, **COARSE) for c in (2.0**power, 1.0))
    shift = N * power * np.log(2.0)
    np.testing.assert_allclose(
        scaled.value - shift, plain.value, rtol=0, atol=1e-12 * (1 + abs(shift))
    )
    assert scaled.plan.time == plain.plan.time


@each_method
def test_seeds(method):
    one, same = (tla.logdet(A, method=method, rng=5, **COARSE) for _ in range(2))
    np.testing.assert_array_equal(one.value, same.value)
    fresh, other = (tla.logdet(A, method=method, **COARSE) for _ in range(2))
    assert fresh.value != other.value
    again = tla.logdet(A, method=method, rng=fresh.seed, **COARSE)
    np.testing.assert_array_equal(again.value, fresh.value)


@each_method
def test_single_precision_is_kept(method):
    x = tla.logdet(A.astype(np.float32), method=method, rng=3, **COARSE)
    assert x.value.dtype == x.stderr.dtype == np.float32
    testing.assert_agrees(x, TRUTH)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp = pytest.importorskip(library)
    found, right = (tla.logdet(matrix, rng=8, **COARSE) for matrix in (xp.asarray(A), A))
    assert isinstance(found.value, type(xp.asarray(A)))
    np.testing.assert_allclose(np.asarray(found), right.value, rtol=1e-9)


@each_method
def test_a_spent_budget_is_told_and_honest(method):
    goal = {"method": method, "atol": 0.03}
    plan = tla.logdet(A, rng=0, **goal).plan
    limit = plan.time / 3
    runs = [tla.logdet(A, max_time=limit, rng=seed, **goal) for seed in range(FEWER)]
    assert {x.outcome for x in runs} == {tla.Outcome.BUDGET_SPENT}
    assert all(x.plan.time <= limit for x in runs)
    within = sum(abs(x.value - TRUTH) <= x.plan.expected_error for x in runs)
    testing.assert_at_least(within, FEWER, 0.95)
    covered = sum(low <= TRUTH <= high for low, high in (x.interval() for x in runs))
    testing.assert_frequency(covered, FEWER, 0.95)


@pytest.mark.parametrize("limit", [0.0, 1.0, -5.0])
def test_no_time_at_all_is_refused(limit):
    with pytest.raises(InvalidInput, match=r"max_time = .* is too short"):
        tla.logdet(A, max_time=limit)


def test_runs_that_drift_apart_are_told(monkeypatch):
    """Works of the second half that are all higher: no equilibrium to start from."""
    perform = METHODS["jarzynski"].perform

    def drifting(self, device, ledger, runs, rng):
        samples, ledger = perform(self, device, ledger, runs, rng)
        return samples + np.where(np.arange(runs) < runs // 2, 0.0, 1.0), ledger

    monkeypatch.setattr(METHODS["jarzynski"], "perform", drifting)
    monkeypatch.setattr(campaign, "PARTS", 1)
    x = tla.logdet(A, method="jarzynski", max_time=1e5, rng=0)
    assert x.outcome is tla.Outcome.NOT_SETTLED


@pytest.mark.parametrize(("method", "activity"), [("bar", "drive"), ("integration", "measure")])
def test_the_ledger(method, activity):
    device = tla.Device(time_constant=1e-3, bits=8, link=1e6)
    x = tla.logdet(A, method=method, device=device, rng=0, **COARSE)
    cost = {line.activity: line.seconds for line in x.ledger.lines}
    plan = x.plan
    assert cost["settle"] == pytest.approx(plan.burn_in * 1e-3)
    assert cost[activity] == pytest.approx((plan.pilot + plan.averaging) * 1e-3)
    assert cost["upload"] > N * N * 8 / 1e6
    if method == "bar":
        runs = plan.windows + campaign.PILOT
        assert cost["read"] == pytest.approx(2 * runs * 8 / 1e6)


SOFT = np.diag([0.01, 0.3, 0.5, 1.0])


def test_prethermalised_runs_back_rest_only_as_long_as_the_next_mode_takes():
    """log(1/shortfall)/(2 a_2) at A, instead of over a_1, and the same answer."""
    cold, warm = (tla.logdet(SOFT, prethermalize=K, atol=0.2, rng=3) for K in (0, 1))
    way = way_to(SOFT)
    accuracy = campaign.BIAS / campaign.HEADROOM * 0.2
    there = way.rest(0.0, accuracy)
    log = np.log(2 * 4 / accuracy)
    for x, rate in ((cold, 0.01), (warm, 0.3)):
        runs = campaign.PILOT + x.plan.windows
        assert x.plan.burn_in == pytest.approx(runs * (there + log / (2 * rate)))
        testing.assert_agrees(x, np.linalg.slogdet(SOFT)[1])


def test_coverage_and_bias_of_prethermalised_runs():
    truth = np.linalg.slogdet(SOFT)[1]
    runs = [tla.logdet(SOFT, prethermalize=2, atol=0.3, rng=seed) for seed in range(RUNS)]
    covered = [low <= truth <= high for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(sum(covered), RUNS, 0.95)
    testing.assert_average([float(x.value) for x in runs], truth)


def test_prethermalised_runs_call_no_digital_solver(monkeypatch):
    forbid_digital_solvers(monkeypatch)
    x = tla.logdet(ring(8, 0.1), prethermalize=3, rng=0, atol=0.3)
    testing.assert_agrees(x, np.log(2.1 - 2 * np.cos(np.arange(8) * np.pi / 4)).sum())


def test_prethermalised_states_are_uploaded():
    device = tla.Device(time_constant=1e-3, bits=8, link=1e6)
    cold, warm = (
        tla.logdet(A, prethermalize=K, device=device, rng=0, **COARSE).ledger for K in (0, 1)
    )
    cost = {line.activity: line.seconds for line in warm.lines}
    runs = campaign.PILOT + tla.logdet(A, prethermalize=1, rng=0, **COARSE).plan.windows
    upload = {line.activity: line.seconds for line in cold.lines}["upload"]
    assert cost["upload"] - upload == pytest.approx(runs * N * 8 / 1e6)


def test_the_digital_baseline():
    x = tla.logdet(A, rng=0)
    assert x.digital.contenders[0].name == "Cholesky"
    assert x.digital.error == pytest.approx(abs((x.value - TRUTH) / TRUTH))
    assert "logdet by bar, n = 3" in str(x)


BAD_KNOBS = {"rtol", "rtol word", "rtol NaN", "atol", "confidence 0", "confidence 1", "rng"}


@pytest.mark.parametrize(
    "name",
    [n for n, ((_, *b), knobs, *_) in BAD.items()
     if (n in BAD_KNOBS if knobs else np.array_equal(b[0], B))],
)  # fmt: skip
def test_bad_input_is_named(name):
    (matrix, _), knobs, error, message = BAD[name]
    if error is NotSymmetric:
        message = r"A is not symmetric.*logdet\(A.T @ A\)/2"
    if error is NotPositiveDefinite:
        message = message.split(".*")[0]
    with pytest.raises(error, match=message):
        tla.logdet(matrix, **knobs)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"atol": 0}, "rtol and atol are both 0"),
        ({"method": "luck"}, "method = 'luck' is unknown.*jarzynski, bar, integration"),
        ({"method": []}, "method"),
        ({"prethermalize": 4}, "prethermalize = 4 is more than the 3 modes"),
        ({"prethermalize": -1}, "prethermalize = -1 must be an integer >= 0"),
        ({"prethermalize": 1, "method": "jarzynski"}, "none does"),
    ],
)
def test_a_bad_option_is_named(knobs, message):
    with pytest.raises(InvalidInput, match=message):
        tla.logdet(A, **knobs)
