"""Inertia: the same answers, in a time that grows less with the condition."""

import array_api_strict
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS, SIZES
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput

A, b = wishart(3), np.array([1.0, -2.0, 0.5])
RUNS = 200


def stretched(condition):
    """Turned, so that no coordinate is a mode."""
    turn = np.array([[2.0, -2.0, 1.0], [1.0, 2.0, 2.0], [2.0, 1.0, -2.0]]) / 3
    return (turn * np.geomspace(1 / condition, 1.0, 3)) @ turn.T


@settings(max_examples=20)
@given(data=st.data(), n=SIZES, seed=SEEDS)
def test_the_answers(data, n, seed):
    S = data.draw(testing.spd_matrices(n, condition=10))
    f = np.random.default_rng(seed).standard_normal((n, 2))
    x = tla.solve(S, f, dynamics="underdamped", rng=seed)
    testing.assert_agrees(x, np.linalg.solve(S, f))
    X = tla.inv(S, rtol=0.2, dynamics="underdamped", rng=seed)
    np.testing.assert_allclose(X.value, X.value.T, rtol=1e-12)
    testing.assert_agrees(X, np.linalg.inv(S))


@pytest.mark.parametrize("condition", [1.0, 30.0, 1e4])
def test_coverage_bias_and_wanted_error_of_solve(condition):
    """Noise that decides the run, so that the plan is what is tested."""
    S = stretched(condition)
    truth = np.linalg.solve(S, b)
    runs = [
        tla.solve(S, b, rtol=0.05, temperature=100.0, dynamics="underdamped", rng=seed)
        for seed in range(RUNS)
    ]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    for k in range(3):
        testing.assert_average([x.value[k] for x in runs], truth[k])
    met = [np.linalg.norm(x.value - truth) <= 0.05 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


@pytest.mark.parametrize("condition", [1.0, 30.0])
def test_coverage_bias_and_wanted_error_of_inv(condition):
    S = stretched(condition)
    truth, lower = np.linalg.inv(S), np.tril_indices(3)
    runs = [tla.inv(S, dynamics="underdamped", rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (X.interval(0.95) for X in runs)]
    testing.assert_frequency(np.sum(covered, axis=0)[lower], RUNS, 0.95)
    for i, j in zip(*lower, strict=True):
        testing.assert_average([X.value[i, j] for X in runs], truth[i, j])
    met = [np.linalg.norm(X.value - truth) <= 0.1 * np.linalg.norm(truth) for X in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


def averaging(solver, condition, dynamics, **options):
    """Logarithms of planned averaging times, of 60 runs."""
    S = np.diag([1 / condition, 1.0])
    seeds = range(int(condition), int(condition) + 60)  # others for every condition
    runs = [solver(S, dynamics=dynamics, rng=seed, **options) for seed in seeds]
    return np.log([x.plan.averaging for x in runs])


@pytest.mark.parametrize(("dynamics", "power"), [("overdamped", 2.0), ("underdamped", 1.5)])
def test_time_to_solve_grows_with_this_power_of_the_condition(dynamics, power):
    """At a fixed temperature and a fixed error, relative to the drive."""

    def solver(S, **options):
        return tla.solve(S, [0.0, 1.0], rtol=0.0, temperature=1e4, **options)

    near, far = (averaging(solver, c, dynamics, atol=1.0) for c in (100.0, 1e4))
    testing.assert_average(far - near, power * np.log(100))


@pytest.mark.parametrize(("dynamics", "power"), [("overdamped", 1.0), ("underdamped", 0.5)])
def test_time_to_invert_grows_with_this_power_of_the_condition(dynamics, power):
    near, far = (averaging(tla.inv, c, dynamics, rtol=0.1) for c in (100.0, 1e4))
    testing.assert_average(far - near, power * np.log(100))


def test_friction_is_below_critical_damping_and_least_noisy_for_squares():
    """(2/T)(1/friction + friction/a) is least at friction = sqrt(a), by the sampled moments too."""
    a = 0.04

    def spread(friction):
        process = tla.Inertial(tla.overdamped([[a]], [0.0]), friction)
        readout = tla.SecondMoment(per_relaxation=20.0)
        values, _ = readout.windows(
            process, np.zeros((1, 2)), 2000.0, 2000, np.random.default_rng(0)
        )
        return values[10:, 0, 0] * a  # one on average

    window = 2000.0
    for friction in (0.05, 0.2, 0.8):
        relative = (2 / window) * (1 / friction + friction / a)
        squares = (spread(friction) - 1) ** 2
        # Memory shared by neighbours, and what a finite window leaves out, are below 1 %.
        testing.assert_average(squares, relative)


def test_units_of_unknowns_are_taken_away_by_precondition():
    scales = np.array([1.0, 1e3, 1e-3])
    S, f = A * np.outer(scales, scales), b * scales
    x = tla.solve(S, f, precondition="diagonal", dynamics="underdamped", rng=0)
    testing.assert_agrees(x, np.linalg.solve(S, f))
    assert x.plan.time < tla.solve(A, b, dynamics="underdamped", rng=0).plan.time * 3


@pytest.mark.parametrize("only", ["diagonal", "trace", [(0, 1), (2, 2)]])
def test_a_part_of_the_inverse(only):
    truth = {"diagonal": np.diagonal, "trace": np.trace}.get(
        only if isinstance(only, str) else "", lambda X: X[[0, 2], [1, 2]]
    )(np.linalg.inv(A))
    X = tla.inv(A, only=only, dynamics="underdamped", rng=0)
    assert X.value.shape == truth.shape
    testing.assert_agrees(X, truth)


def test_right_hand_sides_share_their_noise():
    sides = np.stack([b, 2 * b], axis=1)
    x = tla.solve(A, sides, dynamics="underdamped", rng=0)
    errors = x.value - np.linalg.solve(A, sides)
    np.testing.assert_allclose(errors[:, 0], errors[:, 1], atol=1e-3 * np.abs(x.value).max())


def test_chains_and_workers():
    one, two = (
        tla.solve(A, b, chains=4, n_jobs=jobs, dynamics="underdamped", rng=0) for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.value, two.value)
    testing.assert_agrees(one, np.linalg.solve(A, b))
    testing.assert_agrees(tla.inv(A, chains=32, dynamics="underdamped", rng=0), np.linalg.inv(A))


def test_the_report_names_the_dynamics_and_the_ledger_counts_springs():
    x = tla.solve(A, b, dynamics="underdamped", rng=0)
    assert str(x).startswith("solve, n = 3, underdamped: CONVERGED")
    assert "conjugate gradients" in str(x)
    upload = {line.activity: line.seconds for line in x.ledger.lines}["upload"]
    device = tla.Device.ideal()
    assert upload == pytest.approx(device.transfer(9 + 6))  # stiffness, positions and velocities


def test_no_digital_solver_is_called(monkeypatch):
    solution, inverse = np.linalg.solve(A, b), np.linalg.inv(A)
    forbid_digital_solvers(monkeypatch)
    testing.assert_agrees(tla.solve(A, b, dynamics="underdamped", rng=0), solution)
    testing.assert_agrees(tla.inv(A, dynamics="underdamped", rng=0), inverse)


@pytest.mark.parametrize("solver", ["solve", "inv"])
def test_other_libraries_and_single_precision(solver):
    def run(S, f):
        options = {"dynamics": "underdamped", "rng": 0}
        return tla.solve(S, f, **options) if solver == "solve" else tla.inv(S, **options)

    strict = run(array_api_strict.asarray(A), array_api_strict.asarray(b))
    assert isinstance(strict.value, type(array_api_strict.asarray(A)))
    np.testing.assert_allclose(strict, run(A, b).value, rtol=1e-9, atol=1e-11)
    single = run(A.astype(np.float32), b.astype(np.float32))
    assert single.value.dtype == single.stderr.dtype == np.float32
    truth = np.linalg.solve(A, b) if solver == "solve" else np.linalg.inv(A)
    testing.assert_agrees(single, truth)


TURNING = np.array([[2.0, 1.0], [-1.0, 2.0]])
INDEFINITE = np.array([[1.0, 2.0], [2.0, 1.0]])
REFUSALS = {
    "not symmetric": (lambda **k: tla.solve(TURNING, [1.0, 1.0], **k), "masses and springs"),
    "indefinite": (lambda **k: tla.solve(INDEFINITE, [1.0, 1.0], **k), "masses and springs"),
    "singular": (lambda **k: tla.solve(np.ones((2, 2)), [1.0, 1.0], **k), "singular"),
    "operator": (
        lambda **k: tla.solve(scipy.sparse.eye_array(2).tocsr(), [1.0, 1.0], **k),
        "is for an A that is an array",
    ),
    "inverse, not symmetric": (lambda **k: tla.inv(TURNING, **k), "not symmetric"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_no_network_of_springs_is_refused(name):
    ask, message = REFUSALS[name]
    with pytest.raises(InvalidInput, match=message):
        ask(dynamics="underdamped")


@pytest.mark.parametrize("ask", [tla.inv, lambda S, **k: tla.solve(S, b, **k)])
def test_unknown_dynamics_are_named(ask):
    with pytest.raises(InvalidInput, match="dynamics = 'ballistic' is unknown"):
        ask(A, dynamics="ballistic")
