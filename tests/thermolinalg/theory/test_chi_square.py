"""The generalised chi-square: against closed forms of other kinds, its bounds, and draws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.theory import chi_square
from thermolinalg.theory.chi_square import (
    CONCENTRATED,
    ChiSquares,
    bounded,
    laurent_massart,
    markov,
    one_direction,
)

CONFIDENCES = [1e-3, 0.1, 0.5, 0.8, 0.95, 0.999, 1 - 1e-7]
each_confidence = pytest.mark.parametrize("confidence", CONFIDENCES)
WEIGHTS = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12)
MIXED = {
    "one large": [1.0, 1e-3],
    "a ladder": [1.0, 0.5, 0.1, 0.02],
    "one among many": [5.0, *[0.05] * 400],
    "ill-conditioned": (1 / np.geomspace(0.01, 1, 50) ** 2).tolist(),
}


@each_confidence
@pytest.mark.parametrize("nu", [1, 2, 3, 10, 1000, 100_000])
def test_equal_weights_are_a_chi_square(nu, confidence):
    law, x = ChiSquares([3.0], [float(nu)]), stats.chi2.ppf(confidence, nu)
    assert law.exceeds(3 * x) == pytest.approx(stats.chi2.sf(x, nu), rel=1e-9, abs=1e-300)
    assert law.quantile(confidence) == pytest.approx(3 * x, rel=1e-8)
    assert law.mean == 3 * nu
    assert law.variance == 9 * 2 * nu


@each_confidence
def test_pairs_of_weights_are_a_sum_of_exponentials(confidence):
    """Of w chi-squares of two degrees, P(S > x) = Σ e^{-x/2w_k} Π_j w_k/(w_k - w_j)."""
    w = np.array([1.0, 0.6, 0.2, 0.05])
    law = ChiSquares(w, 2.0)
    x = law.quantile(confidence)
    shares = [math.prod(a / (a - b) for b in w if b != a) for a in w]
    assert law.exceeds(x) == pytest.approx(np.exp(-x / 2 / w) @ shares, rel=1e-9)
    assert law.exceeds(x) == pytest.approx(1 - confidence, rel=1e-6)


@pytest.mark.parametrize("name", MIXED)
def test_draws_lie_below_quantiles_as_often_as_they_say(name):
    """False alarm once in 10^6."""
    w, draws = np.array(MIXED[name]), 20_000
    S = np.random.default_rng(0).chisquare(1, (draws, len(w))) @ w
    shares = (0.05, 0.5, 0.8, 0.95, 0.999)
    for share in shares:
        below = int((ChiSquares(w).quantile(share) >= S).sum())
        testing.assert_frequency(below, draws, share, false_alarm=1e-6 / len(shares))


@given(weights=WEIGHTS, confidence=st.floats(0.01, 0.999999))
def test_no_bound_is_below_the_quantile(weights, confidence):
    law = ChiSquares(weights)
    exact = law.quantile(confidence) * (1 - 1e-9)
    assert exact <= markov(law.mean, confidence)
    assert exact <= laurent_massart(law, confidence)
    assert exact <= one_direction(law.mean, confidence) <= markov(law.mean, confidence)
    largest = max(weights)
    assert exact <= bounded(law.mean, law.mean * largest, largest, confidence)


@given(weights=WEIGHTS, x=st.floats(1e-3, 100.0))
def test_more_noise_goes_farther(weights, x):
    once = ChiSquares(weights).exceeds(x)
    assert 0 <= once <= 1
    assert once <= ChiSquares([*weights, 0.1]).exceeds(x) + 1e-10
    assert once >= ChiSquares(weights).exceeds(1.1 * x) - 1e-10
    assert ChiSquares(2 * np.array(weights)).exceeds(2 * x) == pytest.approx(once, abs=1e-10)


def test_one_direction_is_met_by_one_direction():
    for confidence in (CONCENTRATED, 0.9, 0.999):
        assert one_direction(2.0, confidence) == pytest.approx(
            ChiSquares([2.0]).quantile(confidence), rel=1e-9
        )


def test_many_weights_are_gathered_without_harm(monkeypatch):
    w = 1 / np.geomspace(1e-2, 1, 3000) ** 2
    few = ChiSquares(w)
    assert len(few.weights) <= chi_square.GROUPS
    monkeypatch.setattr(chi_square, "GROUPS", len(w))
    all_of_them = ChiSquares(w)
    assert len(all_of_them.weights) == len(w)
    assert few.mean == pytest.approx(all_of_them.mean, rel=1e-12)
    for confidence in (0.1, 0.95, 0.999):
        found, true = (law.quantile(confidence) for law in (few, all_of_them))
        assert found == pytest.approx(true, rel=1e-5)


@pytest.mark.parametrize(
    ("weights", "counts", "error"),
    [
        ([-1.0], 1.0, InvalidInput),
        ([0.0], 1.0, InvalidInput),
        ([1.0], 0.0, InvalidInput),
        ([], 1.0, ShapeMismatch),
        ([1.0, 2.0], [1.0], ShapeMismatch),
        ([np.nan], 1.0, NotFinite),
    ],
)
def test_bad_weights_are_refused(weights, counts, error):
    with pytest.raises(error):
        ChiSquares(np.array(weights), np.array(counts))


def test_zero_is_always_exceeded():
    assert ChiSquares([1.0]).exceeds(0.0) == 1
    with pytest.raises(InvalidInput, match="confidence"):
        ChiSquares([1.0]).quantile(1.0)
