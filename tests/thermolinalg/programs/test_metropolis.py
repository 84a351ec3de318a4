"""Langevin sampling of any landscape: its law against quadrature, and what it says of itself."""

import numpy as np
import pytest

from tests.thermolinalg.programs.hills import (
    assert_expected,
    bent,
    double_well,
    integral,
    quadratic,
    quartic,
)
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.diagnosis import RecordOutcome
from thermolinalg.programs.landscape import Landscape
from thermolinalg.programs.metropolis import Kernel, metropolis, sample_landscape, state_at

ONE = {
    "quartic": quartic(),
    "stiff and cold": quartic(1, 1e6, 1e-3),
    "double well": double_well(),
    "tilted": double_well(2.0, 0.7, 1.3),
}


@pytest.mark.parametrize("name", ONE)
def test_marginals_of_one_coordinate_are_those_of_quadrature(name):
    landscape = ONE[name]
    samples = sample_landscape(landscape, 2000, rng=0)
    unit = samples.std[0]
    Z = integral(landscape)
    points = unit * np.array([-1.5, -0.5, 0.1, 0.8, 1.6])
    below = [integral(landscape, end=p) / Z for p in points]
    assert samples.outcome is RecordOutcome.RELIABLE
    for power in (1, 2, 4):
        expected = integral(landscape, lambda x, p=power: (x / unit) ** p) / Z
        found = samples.expectation(lambda x, p=power: (x[:, 0] / unit) ** p)
        assert_expected(found, expected, tests=8)
    assert_expected(samples.expectation(lambda x: (x <= points).astype(float)), below, tests=2)


def test_two_coordinates_that_do_not_separate():
    """x ~ N(0, 1/2) and, given x, y ~ N(x², 1/2)."""
    samples = sample_landscape(bent(), 2000, rng=0)
    x2, x4 = 1 / 2, 3 / 4

    def moments(p):
        x, y = p.T
        return np.stack([x, y, x * x, y * y, x * x * y, x * y], axis=1)

    expected = [0.0, x2, x2, x4 + 1 / 2, x4, 0.0]
    assert_expected(samples.expectation(moments), expected)
    assert samples.outcome is RecordOutcome.RELIABLE
    assert samples.names == ("x", "y")


@pytest.mark.parametrize("n", [1, 3, 20])
def test_a_quadratic_landscape_is_normal(n):
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, 2 * n))
    P, mean, T = X @ X.T, 100 * rng.standard_normal(n), 0.3
    samples = sample_landscape(quadratic(P, mean, T), 4000, rng=1)
    cov = T * np.linalg.inv(P)
    assert_expected(samples.expectation(lambda x: x), mean, tests=2)
    pairs = np.triu_indices(n)
    squares = samples.expectation(
        lambda x: ((x - mean)[:, :, None] * (x - mean)[:, None, :])[:, *pairs]
    )
    assert_expected(squares, cov[pairs], tests=2)


@pytest.mark.parametrize("h", [0.05, 20.0])
def test_the_law_at_rest_does_not_depend_on_the_step(h):
    """Chains begun at rest stay there: each gives one independent draw, however long the step."""
    landscape, chains = quartic(), 20_000
    stream = np.random.default_rng(0)
    g = stream.gamma(0.25, size=chains)  # x⁴ ~ Gamma(1/4) if the density is exp(-x⁴)
    x = np.where(stream.random(chains) < 0.5, -1, 1) * g**0.25
    record = metropolis(
        landscape, state_at(landscape, x[:, None]), Kernel(h, np.eye(1)), 30, stream
    )
    last = record.points[:, -1, 0]
    testing.assert_average(last**4, 0.25, false_alarm=5e-7)
    for point in (0.3, 0.8):
        expected = integral(landscape, end=point) / integral(landscape)
        testing.assert_frequency(np.sum(last <= point), chains, expected, false_alarm=2.5e-7)
    assert (last != x).mean() > 0.1


def test_without_the_acceptance_a_long_step_would_be_seen():
    """The test above can fail: unadjusted Langevin steps of the same length widen the law."""
    stream, h = np.random.default_rng(0), 0.3
    x = stream.gamma(0.25, size=20_000) ** 0.25
    for _ in range(30):
        x = x - h / 2 * 4 * x**3 + np.sqrt(h) * stream.standard_normal(x.size)
        x = np.clip(x, -3, 3)
    with pytest.raises(AssertionError):
        testing.assert_average(x**4, 0.25)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tilt", [0.0, 0.05])
def test_wells_too_deep_to_leave_are_not_settled(seed, tilt):
    landscape = double_well(1.0, tilt, temperature=0.02)
    samples = sample_landscape(landscape, 200, longest=1024, rng=seed)
    assert samples.outcome is RecordOutcome.NOT_SETTLED
    assert "NOT_SETTLED" in str(samples).splitlines()[0]
    assert (samples["x_0"] > 0).any()
    assert (samples["x_0"] < 0).any()


def test_nothing_is_solved_digitally(monkeypatch):
    forbid_digital_solvers(monkeypatch)
    assert len(sample_landscape(quartic(2), 100, rng=0)) == 100


def test_a_seed_repeats_the_draws():
    one, other = (sample_landscape(quartic(2), 100, rng=3) for _ in range(2))
    np.testing.assert_array_equal(one.draws, other.draws)
    again = sample_landscape(quartic(2), 100, rng=one.seed)
    np.testing.assert_array_equal(one.draws, again.draws)


def test_starts_may_be_given_and_walls_may_be_hard():
    """|x| < 1 in a flat box: the energy is infinite outside."""
    box = Landscape(
        lambda x: np.where(np.abs(x) < 1, 0.0, np.inf).sum(-1),
        lambda x: 0 * x,
        lambda x: 0 * x[..., None],
        1,
    )
    samples = sample_landscape(box, 2000, starts=np.zeros((20, 1)), rng=0)
    assert samples.outcome is RecordOutcome.RELIABLE
    assert np.abs(samples.values).max() < 1
    assert_expected(samples.expectation(lambda x: x[:, 0] ** 2), 1 / 3)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"chains": 1}, InvalidInput),
        ({"burn_in": 0}, InvalidInput),
        ({"longest": 2.5}, InvalidInput),
        ({"starts": np.zeros(20)}, ShapeMismatch),
        ({"rng": "seed"}, InvalidInput),
    ],
)
def test_wrong_arguments_are_named(wrong, error):
    with pytest.raises(error, match=next(iter(wrong))):
        sample_landscape(quartic(), 100, **wrong)
    with pytest.raises(InvalidInput, match="samples"):
        sample_landscape(quartic(), 0)
