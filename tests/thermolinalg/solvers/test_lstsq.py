"""lstsq: over- and under-determined, damped; the answer, its error bar and what it refuses."""

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, ShapeMismatch

RNG = np.random.default_rng(5)
TALL, WIDE = RNG.standard_normal((12, 4)), RNG.standard_normal((4, 12))
SIDES = RNG.standard_normal((12, 2))
PROBLEMS = {
    "tall": (TALL, SIDES[:, 0], 0.0),
    "tall, two sides": (TALL, SIDES, 0.0),
    "wide": (WIDE, SIDES[:4, 0], 0.0),
    "wide, two sides": (WIDE, SIDES[:4], 0.0),
    "tall, damped": (TALL, SIDES[:, 0], 0.7),
    "wide, damped": (WIDE, SIDES[:4, 0], 0.7),
    "dependent columns, damped": (TALL[:, [0, 0, 1]], SIDES[:, 0], 0.5),
}
RUNS = 200


def truth(A, b, ridge):
    """By singular values: x = Σ v (u'b) s/(s² + ridge)."""
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    return Vt.T @ ((s / (s**2 + ridge)) * (U.T @ b).T).T


@pytest.mark.parametrize("name", PROBLEMS)
def test_coverage_bias_and_wanted_error(name):
    A, b, ridge = PROBLEMS[name]
    right = truth(A, b, ridge)
    runs = [tla.lstsq(A, b, ridge=ridge, rtol=0.02, rng=seed) for seed in range(RUNS)]
    covered = [(low <= right) & (right <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    for entries, expected in zip(np.reshape(runs, (RUNS, -1)).T, right.ravel(), strict=True):
        testing.assert_average(entries, expected)
    met = [np.linalg.norm(x.value - right) <= 0.02 * np.linalg.norm(right) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)
    assert runs[0].value.shape == right.shape


@pytest.mark.parametrize("power", [-300, 300])
def test_units_do_not_matter(power):
    c = 2.0**power
    one = tla.lstsq(TALL, SIDES[:, 0], rng=0).value
    np.testing.assert_allclose(tla.lstsq(c * TALL, SIDES[:, 0], rng=0).value * c, one, rtol=1e-12)


def test_no_digital_solver_is_called(monkeypatch):
    right = truth(TALL, SIDES, 0.0)
    forbid_digital_solvers(monkeypatch)
    x = tla.lstsq(TALL, SIDES, rng=0)
    testing.assert_agrees(x, right)
    with pytest.raises(AssertionError, match="digital solver"):
        str(x)


def test_the_report_has_the_digital_baseline():
    text = str(tla.lstsq(WIDE, SIDES[:4, 0], rng=0))
    assert all(word in text for word in ("lstsq, 4 x 12", "LSQR", "least squares by SVD"))


BAD = {
    "no rank": (TALL[:, [0, 0]], SIDES[:, 0], {}, NotPositiveDefinite, "lacks rank.*ridge="),
    "no rank, wide": (WIDE[[0, 0]], np.ones(2), {}, NotPositiveDefinite, "AA'"),
    "sizes": (TALL, np.ones(5), {}, ShapeMismatch, r"b has shape \(5,\)"),
    "no matrix": (np.ones(3), np.ones(3), {}, ShapeMismatch, "A has shape"),
    "NaN": (TALL * np.nan, SIDES, {}, NotFinite, "A holds"),
    "ridge": (TALL, SIDES, {"ridge": -1.0}, InvalidInput, "ridge"),
    "right angles": (TALL, np.zeros(12), {}, InvalidInput, "atol"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    A, b, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.lstsq(A, b, rng=0, **knobs)
