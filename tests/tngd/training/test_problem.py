"""An evaluation in passes is that of all rows at once, whatever their labels leave out."""

import numpy as np
import pytest

import models
from models import accuracy
from tests.models.losses import IGNORED
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput, ShapeMismatch
from tngd.training import problem
from tngd.training.problem import Problem

NET = models.Network(models.Dense(2, 3))
PARAMS = np.random.default_rng(1).standard_normal(NET.size)


@pytest.fixture(params=[1, 2, 5, 100])
def passes(request, monkeypatch):
    monkeypatch.setattr(problem, "ROWS_AT_ONCE", request.param)


@pytest.mark.usefixtures("passes")
def test_positions_with_ignored_labels():
    """Rows have from no label to all; a pass may have none at all."""
    loss = models.SoftmaxCrossEntropy(ignore=IGNORED)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 4, 2)), rng.integers(3, size=(7, 4))
    y[np.arange(4) < np.array([4, 0, 1, 2, 4, 3, 4])[:, None]] = IGNORED
    z = NET.apply(PARAMS, x)
    value, right = Problem(NET, loss, x, y).evaluate(PARAMS)
    assert_close(value, loss.value(z, y), terms=100)
    assert_close(right, accuracy(z, y, ignore=IGNORED), terms=2)
    assert 0 < right == Problem(NET, loss, x, y).accuracy(z, y) < 1


@pytest.mark.usefixtures("passes")
def test_spans_of_which_an_end_is_cut_off():
    net, loss = models.Network(models.Dense(2, 2)), models.SpanExtraction()
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 4, 2)), rng.integers(4, size=(7, 2))
    y[[0, 1, 5], 1] = 4
    params = rng.standard_normal(net.size)
    value, right = Problem(net, loss, x, y).evaluate(params)
    assert_close(value, loss.value(net.apply(params, x), y), terms=100)
    assert right is None


@pytest.mark.usefixtures("passes")
def test_regression_has_no_accuracy():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 2)), rng.standard_normal((7, 3))
    loss = models.Huber()
    value, right = Problem(NET, loss, x, y).evaluate(PARAMS)
    assert_close(value, loss.value(NET.apply(PARAMS, x), y), terms=100)
    assert right is None


@pytest.mark.parametrize(
    ("network", "loss", "words"),
    [
        (models.Dense(4, 3), models.SoftmaxCrossEntropy(), r"network = Dense.* is not a Network"),
        (models.mlp([4, 3]), models.SoftmaxCrossEntropy, r"loss = <class .* an instance"),
    ],
)
def test_what_is_no_network_or_no_loss_is_refused(network, loss, words):
    with pytest.raises(InvalidInput, match=words):
        Problem(network, loss, np.zeros((2, 4), np.float32), np.zeros(2, np.int64))


def test_a_list_of_unequal_rows_is_refused_with_advice():
    with pytest.raises(ShapeMismatch, match=r"different lengths.*padded"):
        Problem(models.mlp([4, 3]), models.SoftmaxCrossEntropy(), [[1.0, 2.0], [3.0]], [0, 1])
