"""Problems that mislead a planner: noise far above the answer, and numbers of any size."""

from dataclasses import replace

import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg.solvers.reading import Reading
from thermolinalg.testing import assert_at_least

FAR = 0.05
"""Five times the wanted relative error, which 95 % of runs meet: over nine standard errors."""

A2 = np.array([[2.0, 1.0], [1.0, 3.0]])
X2 = np.array([0.2, 0.6])  # solves A2 x = [1, 2]


@pytest.mark.parametrize("ratio", [1e-3, 1e-5, 1e-8])
def test_the_wanted_error_is_met_where_noise_hides_the_answer(ratio):
    """The soft mode is not driven: all of the answer is in the stiff one."""
    A, b, runs = np.diag([ratio, 1.0]), np.array([0.0, 1.0]), 100
    estimates = [tla.solve(A, b, rng=seed) for seed in range(runs)]
    met = sum(np.linalg.norm(x.value - b) <= 0.01 for x in estimates)
    assert_at_least(met, runs, 0.95)
    assert {x.outcome for x in estimates} <= {tla.Outcome.CONVERGED, tla.Outcome.MISSED}
    converged = [x for x in estimates if x.outcome is tla.Outcome.CONVERGED]
    assert all(x.error <= 0.01 * (np.linalg.norm(x.value) + x.error) for x in converged)


def test_an_error_above_the_wanted_one_is_said(monkeypatch):
    """A pilot that believes the answer to be huge plans too short a run."""
    read = Reading.of
    calls = iter(range(100))

    def boastful(values, window, factor):
        pilot = read(values, window, factor)
        return replace(pilot, mean=pilot.mean + 1e6) if next(calls) == 0 else pilot

    monkeypatch.setattr(Reading, "of", boastful)
    x = tla.solve(np.diag([0.01, 1.0]), [1.0, 1.0], rtol=1e-4, rng=0)
    assert x.outcome is tla.Outcome.MISSED
    assert "MISSED" in str(x)


@pytest.mark.parametrize(
    ("size", "dtype"), [(1e-200, float), (1e200, float), (1e-20, np.float32), (1e20, np.float32)]
)
def test_numbers_of_any_size(size, dtype):
    A = (A2.astype(dtype) * dtype(size)).astype(dtype)
    x = tla.solve(A, [1.0, 2.0], rng=0)
    assert x.outcome is tla.Outcome.CONVERGED
    assert x.value.dtype == dtype
    truth = X2 / size
    assert np.linalg.norm((x.value - truth) / np.abs(truth).max()) <= FAR
    assert np.isfinite(x.error)
    assert "norm" in repr(x)


def test_right_hand_sides_as_lists():
    x = tla.solve(A2.tolist(), [[1.0, 2.0], [3.0, 4.0]], rng=0)
    truth = np.linalg.solve(A2, [[1.0, 2.0], [3.0, 4.0]])
    assert x.value.shape == (2, 2)
    assert np.linalg.norm(x.value - truth) <= FAR * np.linalg.norm(truth)
    assert tla.solve(A2, [[1.0], [2.0]], rng=0).value.shape == (2, 1)
