"""Bennett's acceptance ratio: normal works of known free energy, in any numbers of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch

T, F = 0.8, -3.0
RUNS = 400


def works(there, back, lost, seed):
    """Normal works of variance 2 T lost obey Crooks' theorem, with the means F + lost, lost - F."""
    rng = np.random.default_rng(seed)
    width = np.sqrt(2 * T * lost)
    return F + lost + width * rng.standard_normal(there), lost - F + width * rng.standard_normal(
        back
    )


@given(
    there=st.integers(2, 50),
    back=st.integers(2, 50),
    lost=st.sampled_from([1e-6, 0.1, 2.0, 50.0]),
    seed=st.integers(0, 99),
)
def test_the_two_sides_of_the_ratio_balance(there, back, lost, seed):
    """The defining equation of the best c, whatever the works; the answer grows with the works."""
    W, B = works(there, back, lost, seed)
    found = tla.bennett(W, B, temperature=T)
    c = found.difference - T * np.log(there / back)
    left, right = expit((c - W) / T).sum(), expit((-c - B) / T).sum()
    assert left == pytest.approx(right, rel=1e-9)
    assert found.works == there + back
    assert 0 < found.effective <= there + back
    assert found.mean == pytest.approx(W.mean())
    assert tla.bennett(W + 1, B - 1, temperature=T).difference == pytest.approx(
        found.difference + 1, abs=1e-9
    )
    swapped = tla.bennett(B, W, temperature=T)
    assert swapped.difference == pytest.approx(-found.difference, abs=1e-9)
    assert swapped.stderr == pytest.approx(found.stderr, rel=1e-6)


@pytest.mark.parametrize("numbers", [(200, 200), (300, 60), (60, 300)])
@pytest.mark.parametrize("lost", [0.05, 1.5])
def test_the_error_bar_covers(numbers, lost):
    values = [tla.bennett(*works(*numbers, lost, seed), temperature=T) for seed in range(RUNS)]
    hits = sum(abs(v.difference - F) <= 1.959964 * v.stderr for v in values)
    testing.assert_frequency(hits, RUNS, 0.95)
    testing.assert_average([v.difference for v in values], F)


def test_both_ways_are_better_than_one():
    W, B = works(5000, 5000, 3.0, 0)
    observe = tla.Work(T)
    one = observe.value(observe.update(observe.init(), W))
    assert tla.bennett(W, B, temperature=T).stderr < one.stderr


def test_works_without_scatter():
    found = tla.bennett([2.0, 2.0], [-2.0, -2.0, -2.0])
    assert found.difference == pytest.approx(2.0, abs=1e-12)
    assert found.stderr == pytest.approx(0.0, abs=1e-12)
    assert found.effective == pytest.approx(5.0)
    assert np.isnan(tla.bennett([1.0], [1.0]).stderr)


def test_bad_input():
    with pytest.raises(ShapeMismatch, match=r"back have shape \(0,\)"):
        tla.bennett([1.0], np.zeros(0))
    with pytest.raises(ShapeMismatch, match=r"works have shape \(2, 2\)"):
        tla.bennett(np.ones((2, 2)), [1.0])
    with pytest.raises(NotFinite, match="works"):
        tla.bennett([np.nan], [1.0])
    with pytest.raises(InvalidInput, match="temperature = 0"):
        tla.bennett([1.0], [1.0], temperature=0)
