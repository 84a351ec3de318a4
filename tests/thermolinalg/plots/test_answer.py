"""The entries of an answer: its intervals are those of the estimate, its dots the truth."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import wishart
from thermolinalg import errors

A, B = wishart(4), np.arange(1.0, 5.0)
X = tla.solve(A, B, rng=1)
INVERSE = tla.inv(A, rng=1)
BIG = tla.inv(np.eye(15), rtol=1.0, rng=0)


@pytest.mark.parametrize(
    "estimate",
    [X, INVERSE, tla.inv(A, only="trace", rng=0)],
    ids=lambda x: x.problem,
)
def test_bars_are_intervals_and_dots_the_truth(estimate):
    truth = np.arange(float(np.size(estimate.value))).reshape(np.shape(estimate.value))
    ax = tla.plot_answer(estimate, truth, confidence=0.8)
    (bars,) = ax.collections
    ends = np.array([path.vertices for path in bars.get_paths()])
    low, high = estimate.interval(0.8)
    np.testing.assert_allclose(ends[:, 0, 1], np.ravel(low))
    np.testing.assert_allclose(ends[:, 1, 1], np.ravel(high))
    value, dots = (line.get_xydata() for line in ax.lines)
    np.testing.assert_allclose(value[:, 1], np.ravel(estimate.value))
    np.testing.assert_allclose(dots[:, 1], np.ravel(truth))
    assert "80 %" in ax.get_legend().get_texts()[0].get_text()


def test_without_a_truth_there_are_no_dots():
    figure = plt.figure()
    given = figure.add_subplot()
    assert tla.plot_answer(X, ax=given) is given
    assert len(given.lines) == 1
    assert len(given.get_legend().get_texts()) == 1


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: tla.plot_answer(B), errors.InvalidInput, "estimate is a ndarray"),
        (lambda: tla.plot_answer(BIG), errors.InvalidInput, "225 entries; at most 200"),
        (lambda: tla.plot_answer(X, B[:3]), errors.ShapeMismatch, r"truth has shape \(3,\)"),
        (lambda: tla.plot_answer(X, confidence=0), errors.InvalidInput, "confidence"),
        (lambda: tla.plot_answer(X, ax=3), errors.InvalidInput, "ax is a int"),
    ],
)  # fmt: skip
def test_bad_input_has_one_clear_error_and_opens_no_figure(call, error, says):
    with pytest.raises(error, match=says):
        call()
    assert plt.get_fignums() == []
