"""Fits: exact slopes and curvatures, closed-form maxima, known truths, and odd data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg.errors import Degenerate, InvalidInput, NotFinite, ShapeMismatch, Unstable
from thermolinalg.theory.fitted import FitOutcome
from thermolinalg.theory.fitting import fit
from thermolinalg.theory.likelihood import log_likelihood
from thermolinalg.theory.moments import moments_of_steps
from thermolinalg.theory.objective import Objective
from thermolinalg.theory.observations import observe, read_trajectories
from thermolinalg.theory.propagators import Coefficients
from thermolinalg.theory.structure import Definite, Entries, Known, Structure, Symmetric

EPS = np.finfo(float).eps
FALSE_ALARM = 1e-6

ISSUE = tla.OU(
    [[3.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 5.0]],
    [1.0, 2.0, 3.0],
    [[1.0, 0.3, -0.1], [0.3, 1.0, 0.2], [-0.1, 0.2, 1.0]],
)
JORDAN = tla.OU([[1.0, 1.0], [0.0, 1.0]], [0.0, 1.0], np.eye(2))
BALANCED = tla.OU([[3.0, 1.0], [4.0, 5.0]], [1.0, 0.0], np.diag([1.0, 4.0]))
SYMMETRIC = tla.OU([[2.0, 1.0], [1.0, 3.0]], [1.0, -1.0], [[1.0, 0.5], [0.5, 2.0]])


def record(process, *, steps=400, spacing=0.3, even=False, missing=0.0, seed=0):
    """Times, and states from equilibrium on, of which some entries after the first row are gone."""
    rng = np.random.default_rng(seed)
    t = np.arange(steps + 1) * spacing
    if not even:
        t = np.sort(rng.uniform(0, t[-1], steps + 1))
    x = tla.simulate(process, t, x0=tla.stationary(process), rng=seed).states[0]
    x[1:][rng.uniform(size=x[1:].shape) < missing] = np.nan
    return t, x


def entries(process):
    """In the order of `Fit.names`."""
    lower = np.tril_indices(len(process.b))
    return np.concatenate([process.A.ravel(), process.b, process.D[lower]])


def assert_recovers(found, process, *, false_alarm=FALSE_ALARM):
    """No entry is further from the truth than chance allows, by its own standard error."""
    error, gap = np.sqrt(np.diag(found.covariance)), entries(found) - entries(process)
    free = error > 0
    limit = norm.isf(false_alarm / (2 * free.sum()))
    assert found.outcome is FitOutcome.CONVERGED
    assert np.abs(gap[free] / error[free]).max() <= limit
    np.testing.assert_allclose(gap[~free], 0.0, atol=100 * EPS)


# Slopes and curvatures

STRUCTURES = {
    "free": Structure(Entries((2, 2)), Entries((2,)), Definite(2), np.zeros(2)),
    "symmetric": Structure(Symmetric(2), Entries((2,)), Definite(2, diagonal=True), np.zeros(2)),
    "reversible": Structure(Symmetric(2), Entries((2,)), Definite(2), np.zeros(2), reversible=True),
    "known drive": Structure(
        Entries((2, 2)), Known(np.ones(2)), Definite(2), np.array([0.3, -2.0])
    ),
    "known noise": Structure(
        Entries((2, 2)), Entries((2,)), Known(np.array([[1.0, 0.5], [0.5, 2.0]])), np.ones(2)
    ),
    "known drift": Structure(Known(SYMMETRIC.A), Entries((2,)), Definite(2), np.zeros(2)),
}
DATA = {
    "whole": {},
    "even": {"even": True},
    "from equilibrium": {"start": "stationary"},
    "from a law": {"start": tla.Gaussian([1.0, 0.0], [[2.0, 0.5], [0.5, 1.0]])},
    "with gaps": {"missing": 0.3},
    "with gaps, from equilibrium": {"missing": 0.3, "start": "stationary"},
    "with gaps, from a law": {"missing": 0.3, "start": tla.Gaussian([1.0, 0.0], np.eye(2))},
    "noisy": {"start": "stationary", "missing": 0.1, "noise": [[0.2, 0.1], [0.1, 0.1]]},
}


def objective(structure, *, start="given", noise=None, **how):
    data = observe(
        read_trajectories(*record(SYMMETRIC, steps=12, **how)), start, noisy=noise is not None
    )
    law = start if isinstance(start, tla.Gaussian) else None
    R = np.zeros((2, 2)) if noise is None else np.array(noise)
    return Objective(structure, data.intervals, moments_of_steps(data), data.gaps, law, R)


def somewhere(structure):
    """A point near the truth, where no slope vanishes."""
    free = structure.read(Coefficients(SYMMETRIC.A, SYMMETRIC.b, SYMMETRIC.D))
    return free + 0.1 * np.cos(np.arange(len(free)))


def differences(f, x, h):
    """The derivative of f at x along every axis by a formula of sixth order, and its error: what
    one of fourth order differs by."""
    rows, errors = [], []
    for step in h * np.eye(len(x)):
        d1, d2, d3 = ((f(x + k * step) - f(x - k * step)) / (2 * k * h) for k in (1, 2, 3))
        sixth, fourth = 1.5 * d1 - 0.6 * d2 + 0.1 * d3, (4 * d1 - d2) / 3
        rows.append(sixth)
        errors.append(np.abs(sixth - fourth))
    return np.array(rows), np.array(errors)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", STRUCTURES)
def test_slope_and_curvature(name, data):
    structure = STRUCTURES[name]
    likelihood, free, h = objective(structure, **DATA[data]), somewhere(structure), 3e-3
    value, slope = likelihood.value_and_slope(free)
    found, error = differences(lambda x: likelihood.value_and_slope(x)[0], free, h)
    rounding = 1e3 * EPS * abs(value) / h
    assert (np.abs(slope - found) <= error + rounding).all()
    found, error = differences(lambda x: likelihood.value_and_slope(x)[1], free, h)
    rounding = 1e3 * EPS * np.abs(slope).max() / h
    assert (np.abs(likelihood.curvature(free) + found) <= error + rounding).all()
    assert error.max() < 1e-3 * np.abs(found).max(), "the differences would accept anything"


@pytest.mark.parametrize("data", DATA)
def test_the_value_is_the_log_likelihood(data):
    how = dict(DATA[data])
    noise, start = how.pop("noise", None), how.pop("start", "given")
    structure = STRUCTURES["free"]
    found = objective(structure, start=start, noise=noise, **how)
    free = somewhere(structure)
    t, x = record(SYMMETRIC, steps=12, **how)
    right = log_likelihood(tla.OU(*structure.build(free)), t, x, start=start, noise=noise)
    assert found.value_and_slope(free)[0] == pytest.approx(right, rel=1e-11)


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_reads_what_it_builds(name):
    structure = STRUCTURES[name]
    free = somewhere(structure)
    built = structure.build(free)
    np.testing.assert_allclose(structure.read(built), free, rtol=1e-12, atol=1e-13)
    _, b, _ = structure.build_uncentered(free)
    np.testing.assert_allclose(b - built.A @ structure.center, built.b, atol=1e-14)


@given(decades=st.floats(-8, 8), rank=st.integers(0, 2))
def test_any_matrix_is_read_as_a_definite_one(decades, rank):
    unit = np.array([1.0, 10.0**decades, 1.0])
    M = np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.5], [0.0, 0.5, rank - 1.0]]) * np.outer(unit, unit)
    for chart in (Definite(3), Definite(3, diagonal=True)):
        D = chart.build(chart.read(M))
        assert np.linalg.eigvalsh(D / np.outer(unit, unit))[0] > 0


# Maxima known otherwise


@pytest.mark.parametrize("name", ["mixed", "whirl", "near a Jordan block", "one coordinate"])
def test_even_steps_are_a_regression(name):
    """Of x(k + 1) on x(k), whose coefficients and residual covariance are the best transition."""
    process = PROCESSES[name]
    t, x = record(process, steps=2000, spacing=0.1, even=True)
    found = fit(t, x)
    assert found.outcome is FitOutcome.CONVERGED
    z = np.column_stack([x[:-1], np.ones(len(x) - 1)])
    coefficients = np.linalg.lstsq(z, x[1:], rcond=None)[0].T
    residual = x[1:] - z @ coefficients.T
    C = residual.T @ residual / len(z)
    law = tla.transition(found.process, 0.1)
    scale = 1e-6 * np.abs(coefficients).max()
    np.testing.assert_allclose(law.E, coefficients[:, :-1], atol=scale)
    np.testing.assert_allclose(law.shift, coefficients[:, -1], atol=scale)
    np.testing.assert_allclose(law.C, C, atol=1e-6 * C.max())
    best = -len(z) / 2 * (np.linalg.slogdet(2 * np.pi * C)[1] + process.n)
    assert found.log_likelihood == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_likelihood_it_reports_is_that_of_its_process(missing):
    t, x = record(ISSUE, missing=missing)
    found = fit(t, x)
    right = log_likelihood(found.process, t, x)
    assert found.log_likelihood == pytest.approx(right, rel=1e-12)


def test_standard_errors_of_one_coordinate():
    """Of a in dx = -a x dt + N(0, D dt) with D known: steps t'x0²/C and so on, summed by hand."""
    t, x = record(tla.OU([[1.0]], [0.0], [[2.0]]), spacing=0.2, even=True)
    found = fit(t, x, b=0, D=[[2.0]])

    def loss(a):
        E, C = np.exp(-0.2 * a), (1 - np.exp(-0.4 * a)) / a
        return np.sum((x[1:] - E * x[:-1]) ** 2) / (2 * C) + len(x[1:]) * np.log(C) / 2

    a, h = float(found.A[0, 0]), 1e-3
    (slope,), _ = differences(lambda v: np.array(loss(v[0])), np.array([a]), h)
    second = (loss(a + h) - 2 * loss(a) + loss(a - h)) / h**2
    assert abs(slope) < 1e-3 * np.sqrt(second)
    assert found.stderr.A[0, 0] == pytest.approx(second**-0.5, rel=1e-4)
    assert found.stderr.b[0] == found.stderr.D[0, 0] == 0.0


# Truths recovered


@pytest.mark.parametrize(
    ("process", "knobs"),
    [
        (ISSUE, {}),
        (ISSUE, {"drift": "symmetric"}),
        (ISSUE, {"D": ISSUE.D, "start": "stationary"}),
        (JORDAN, {}),
        (JORDAN, {"b": JORDAN.b, "diffusion": "diagonal"}),
        (JORDAN, {"A": JORDAN.A}),
        (BALANCED, {"drift": "reversible", "diffusion": "diagonal"}),
        (SYMMETRIC, {"drift": "symmetric", "start": "stationary"}),
        (PROCESSES["whirl"], {"D": np.eye(2)}),
    ],
)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_the_truth_is_within_the_error_bars(process, knobs, missing):
    """Each case fails a right answer once in a million times, as far as its errors are normal."""
    t, x = record(process, missing=missing, seed=1)
    assert_recovers(fit(t, x, **knobs), process)


def test_five_irregular_trajectories():
    """thermox's own test case."""
    times, states = zip(*(record(ISSUE, steps=299, seed=seed) for seed in range(5)), strict=True)
    found = fit(list(times), list(states))
    assert_recovers(found, ISSUE)
    assert found.steps == 5 * 299
    assert found.evaluations < 40


def test_noisy_readings_of_a_known_error():
    t, x = record(JORDAN, steps=300)
    noise = 0.1 * np.eye(2)
    x = x + np.random.default_rng(7).normal(size=x.shape) * 0.1**0.5
    assert_recovers(fit(t, x, noise=noise, start="stationary"), JORDAN)
    naive = fit(t, x)  # takes the error for motion
    assert naive.D[0, 0] > 2 * JORDAN.D[0, 0]


def test_a_velocity_seen_only_once():
    """A hidden coordinate: what is left to find is what moves the visible one."""
    process = PROCESSES["underdamped"]
    t, x = record(process, spacing=0.1, even=True)
    x[1:, 1] = np.nan
    found = fit(t, x, D=process.D, b=process.b, drift="free", guess=process)
    assert found.log_likelihood >= log_likelihood(process, t, x)


def test_fewer_freedoms_fit_no_better():
    t, x = record(BALANCED, steps=300)
    free = fit(t, x)
    reversible, symmetric = (fit(t, x, drift=name) for name in ("reversible", "symmetric"))
    diagonal = fit(t, x, diffusion="diagonal")
    for other in (reversible, symmetric, diagonal):
        assert other.log_likelihood <= free.log_likelihood + 1e-6
        assert other.parameters < free.parameters
    AD = reversible.A @ reversible.D
    np.testing.assert_allclose(AD, AD.T, rtol=1e-13)
    assert symmetric.A[0, 1] == symmetric.A[1, 0]
    assert diagonal.D[0, 1] == 0.0


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_units_and_origin_do_not_matter(missing, unit):
    t, x = record(JORDAN, missing=missing, seed=2)
    far = unit * np.array([1e5, -1e4])
    right, found = fit(t, x), fit(t * unit, x * [unit, 1.0] + far)
    scale = np.array([unit, 1.0])
    A = right.A / unit * np.outer(scale, 1 / scale)
    gap = np.abs(found.A - A) / found.stderr.A
    assert gap.max() < 0.01
    assert found.outcome is FitOutcome.CONVERGED
    np.testing.assert_allclose(
        found.stderr.A, right.stderr.A / unit * np.outer(scale, 1 / scale), rtol=1e-2
    )
    np.testing.assert_allclose(found.b - found.A @ far, right.b / unit * scale, rtol=0.05, atol=0)


# Endings other than a maximum


def test_an_explosion_is_an_outcome():
    t = np.arange(300) * 0.1
    rng = np.random.default_rng(0)
    x = np.exp(0.1 * t)[:, None] * [1.0, 2.0] + 0.01 * np.cumsum(rng.normal(size=(300, 2)), axis=0)
    found = fit(t, x)
    assert found.outcome is FitOutcome.UNSTABLE
    assert np.isfinite(found.covariance).all()
    assert "never settles" in str(found)
    with pytest.raises(Unstable):
        _ = found.process


def test_iterations_may_run_out():
    t, x = record(ISSUE)
    found = fit(t, x, iterations=1)
    assert found.outcome is FitOutcome.ITERATIONS_SPENT
    assert fit(t, x, guess=found.process).outcome is FitOutcome.CONVERGED


def test_what_the_data_do_not_tell_has_no_error_bar():
    """States that jump to and fro forget everything in between: that is faster than can be told,
    and only the ratio of drift and noise is known."""
    x = np.random.default_rng(0).uniform(0.5, 1.0, size=(40, 1)) * (-1.0) ** np.arange(40)[:, None]
    found = fit(np.arange(40), x)
    assert found.outcome is FitOutcome.FLAT
    assert np.isinf(np.diag(found.covariance)).all()
    assert not np.isnan(found.covariance).any()
    assert "inf" in str(found)


# The record


def test_the_report():
    found = fit(*record(JORDAN), b=JORDAN.b)
    text = str(found)
    assert text.startswith("fit: CONVERGED")
    assert all(word in text for word in ("400 steps", "7 free", "AIC", "BIC", "±"))
    assert "CONVERGED" in repr(found)
    assert found.names == [
        *("A[0, 0]", "A[0, 1]", "A[1, 0]", "A[1, 1]"),
        *("b[0]", "b[1]", "D[0, 0]", "D[1, 0]", "D[1, 1]"),
    ]  # fmt: skip
    assert found.aic == pytest.approx(14 - 2 * found.log_likelihood)
    assert found.bic == pytest.approx(7 * np.log(400) - 2 * found.log_likelihood)
    low, high = found.interval(0.95)
    np.testing.assert_allclose(high.A - low.A, 2 * norm.isf(0.025) * found.stderr.A)
    np.testing.assert_allclose((low.D + high.D) / 2, found.D)
    np.testing.assert_array_equal(found.stderr.b, 0.0)
    np.testing.assert_array_equal(found.stderr.D, found.stderr.D.T)
    assert found.process.n == 2


# Bad input

T, X = record(JORDAN, steps=30)
LINE = np.outer(np.arange(31.0), [1.0, 1.0])


@pytest.mark.parametrize(
    ("ts", "xs", "knobs", "error", "message"),
    [
        (T[::-1], X, {}, InvalidInput, "ts must increase strictly"),
        (T, np.where(X[3, 0] == X, np.inf, X), {}, NotFinite, "1 infinite"),
        (T[:4], X[:4], {}, InvalidInput, "too few to fit 9 parameters"),
        (T, np.where(np.arange(31)[:, None] > 3, np.nan, X), {}, InvalidInput, "too few"),
        (T, X * [1.0, np.nan], {"start": "stationary"}, InvalidInput, r"\[1\] are never"),
        (T, X * [1.0, 0.0], {}, Degenerate, r"coordinates \[1\] never change"),
        (T, X @ np.ones((2, 2)), {}, Degenerate, "follows without noise"),
        (T, X, {"drift": "sideways"}, InvalidInput, "drift = 'sideways'"),
        (T, X, {"diffusion": "scalar"}, InvalidInput, "diffusion = 'scalar'"),
        (T, X, {"A": JORDAN.A, "drift": "symmetric"}, InvalidInput, "A is known"),
        (T, X, {"D": JORDAN.D, "diffusion": "diagonal"}, InvalidInput, "D is known"),
        (T, X, {"A": -JORDAN.A}, Unstable, "never relaxes"),
        (T, X, {"A": np.eye(3)}, ShapeMismatch, r"A has shape \(3, 3\)"),
        (T, X, {"D": np.eye(3)}, ShapeMismatch, r"D has shape \(3, 3\)"),
        (T, X, {"b": np.ones(3)}, ShapeMismatch, "b has shape"),
        (T, X, {"b": np.nan}, InvalidInput, "b = nan"),
        (T, X, {"A": JORDAN.A, "b": 0, "D": np.eye(2)}, InvalidInput, "nothing is left to fit"),
        (T, X, {"D": np.zeros((2, 2))}, Degenerate, "have no density"),
        (T, X, {"iterations": 0}, InvalidInput, "iterations = 0"),
        (T, X, {"guess": ISSUE}, ShapeMismatch, "guess has n = 3"),
        (T, X, {"noise": np.eye(2)}, InvalidInput, "no state is known exactly"),
    ],
)  # fmt: skip
def test_unusable_input_is_refused(ts, xs, knobs, error, message):
    with pytest.raises(error, match=message):
        fit(ts, xs, **knobs)
