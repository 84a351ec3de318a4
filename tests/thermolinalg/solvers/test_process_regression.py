"""gaussian_process: predictions with error bars, against the joint Gaussian, conditioned."""

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, ShapeMismatch

RNG = np.random.default_rng(2)
X, NEW = RNG.uniform(-3, 3, (9, 2)), RNG.uniform(-3, 3, (4, 2))
Y = np.sin(X[:, 0]) + X[:, 1]
NOISES = np.linspace(0.2, 0.6, 9)
KERNELS = {
    "RBF": tla.RBF(1.5, 2.0),
    "Matern32": tla.Matern32(2.0),
    "Matern52": tla.Matern52(2.0),
    "a function": lambda A, B: 1 + A @ B.T,
}
RUNS = 150
RTOL = 0.05


def truth(kernel, noise):
    """The block of the new points in the precision of the joint Gaussian is their covariance's
    inverse: conditioning without a product of covariances across."""
    points = np.concatenate([NEW, X])
    joint = kernel(points, points) + np.diag([1e-9] * 4 + list(np.broadcast_to(noise, 9)))
    P = np.linalg.inv(joint)
    cov = np.linalg.inv(P[:4, :4])
    return -cov @ P[:4, 4:] @ Y, np.diag(cov) - 1e-9


@pytest.mark.parametrize("name", KERNELS)
def test_the_answer(name):
    found = tla.gaussian_process(X, Y, NEW, kernel=KERNELS[name], noise=NOISES, rng=0)
    mean, variance = truth(KERNELS[name], NOISES)
    testing.assert_agrees(found.mean, mean)
    testing.assert_agrees(found.variance, variance)
    np.testing.assert_array_equal(np.asarray(found), found.mean.value)
    assert found.outcome is tla.Outcome.CONVERGED


def test_kernels_agree_with_an_independent_library():
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    for ours, theirs in (
        (tla.RBF(1.3), kernels.RBF(1.3)),
        (tla.Matern32(1.3), kernels.Matern(1.3, nu=1.5)),
        (tla.Matern52(1.3), kernels.Matern(1.3, nu=2.5)),
    ):
        np.testing.assert_allclose(ours(X, NEW), theirs(X, NEW), rtol=1e-12)


def test_coverage_bias_and_wanted_error():
    kernel = KERNELS["RBF"]
    rights = truth(kernel, 0.3)
    runs = [
        tla.gaussian_process(X, Y, NEW, kernel=kernel, noise=0.3, rtol=RTOL, rng=seed)
        for seed in range(RUNS)
    ]
    for part, right in zip(("mean", "variance"), rights, strict=True):
        found = [getattr(run, part) for run in runs]
        ends = [x.interval(0.95) for x in found]
        covered = np.sum([(low <= right) & (right <= high) for low, high in ends], axis=0)
        testing.assert_frequency(covered, RUNS, 0.95)
        for entries, expected in zip(np.stack([x.value for x in found]).T, right, strict=True):
            testing.assert_average(entries, expected)
        met = sum(np.linalg.norm(x.value - right) <= RTOL * np.linalg.norm(right) for x in found)
        testing.assert_at_least(met, RUNS, 0.95)


def test_no_digital_solver_is_called(monkeypatch):
    forbid_digital_solvers(monkeypatch)
    found = tla.gaussian_process(X, Y, NEW, kernel=tla.RBF(), noise=0.3, rng=0)
    repr(found)
    with pytest.raises(AssertionError, match="digital solver"):
        str(found)


def test_points_on_a_line_far_from_the_data_and_the_report():
    x, y = np.array([0.0, 1.0]), np.array([1.0, 2.0])
    found = tla.gaussian_process(x, y, [1e4], kernel=tla.RBF(), noise=0.1, atol=1e-3, rng=4)
    np.testing.assert_allclose(found.variance.value, [1.0])
    np.testing.assert_array_equal(found.mean.value, [0.0])
    near = tla.gaussian_process(x, y, [0.5], kernel=tla.RBF(), noise=0.1, rng=4)
    assert "gaussian_process, n = 2, 1 new points, variance: CONVERGED" in str(near)
    again = tla.gaussian_process(x, y, [0.5], kernel=tla.RBF(), noise=0.1, rng=near.seed)
    np.testing.assert_array_equal(again.variance.value, near.variance.value)
    assert all(c.residual < 1e-12 for c in near.variance.digital.contenders)


ONE = {"kernel": tla.RBF(), "noise": 0.1}
BAD = {
    "coordinates": ((X, Y, NEW[:, :1]), ONE, ShapeMismatch, "points of 2 coordinates"),
    "data": ((X, Y[:3], NEW), ONE, ShapeMismatch, "y has shape"),
    "points": ((X[None], Y, NEW), ONE, ShapeMismatch, "X has shape"),
    "NaN": ((X, Y, NEW * np.nan), ONE, NotFinite, "X_new holds"),
    "zero": ((X, 0 * Y, NEW), ONE, InvalidInput, "y is zero"),
    "far": ((X, Y, NEW + 1e4), ONE, InvalidInput, "does not join"),
    "noise": ((X, Y, NEW), ONE | {"noise": 0.0}, InvalidInput, "smallest noise"),
    "noises": ((X, Y, NEW), ONE | {"noise": [1.0, 2.0]}, ShapeMismatch, "noise has shape"),
    "kernel": ((X, Y, NEW), ONE | {"kernel": 3}, InvalidInput, "cannot be called"),
    "its shape": (
        (X, Y, NEW),
        ONE | {"kernel": lambda A, B: A[:, 0] + B[0, 0]},
        ShapeMismatch,
        "the kernel turns",
    ),
    "no kernel": (
        (X, Y, NEW),
        ONE | {"kernel": lambda A, B: 20 - A @ B.T},
        NotPositiveDefinite,
        "kernel",
    ),
    "rtol": ((X, Y, NEW), ONE | {"rtol": -1}, InvalidInput, "rtol"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.gaussian_process(*arguments, **knobs)


def test_a_kernel_without_width_is_refused():
    with pytest.raises(InvalidInput, match="scale = 0"):
        tla.RBF(0.0)
