"""The generator of steps: what it records, and that a run goes on bit for bit."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import models
import tngd
from tests.tngd.training.cases import LOSS, NET, OPTIMIZERS, PROPORTIONAL, points, untimed
from thermolinalg.errors import ShapeMismatch
from thermolinalg.streams import Streams

HOW = {"batch": 7, "epochs": 3, "streams": Streams(4)}
PROBLEM = tngd.Problem(NET, LOSS, *points())


def run(optimizer, **knobs):
    return tngd.steps(PROBLEM, optimizer, NET.init(rng=0), **HOW, **knobs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("done", [1, 7])
def test_a_run_goes_on_bit_for_bit(optimizer, done):
    """Broken off inside an epoch, or inside the next one, of five batches each."""
    unbroken = list(run(optimizer))
    last = list(islice(run(optimizer), done))[-1]
    rest = list(
        tngd.steps(PROBLEM, optimizer, last.params.copy(), state=last.state, done=done, **HOW)
    )
    assert len(unbroken) == 15
    assert [untimed(m.record) for m in rest] == [untimed(m.record) for m in unbroken[done:]]
    for ours, truth in zip(rest, unbroken[done:], strict=True):
        assert ours.params.tobytes() == truth.params.tobytes()


def test_each_step_starts_where_the_last_one_ended():
    """Losses are those of the batch before the parameters move."""
    params = NET.init(rng=0)
    first = next(iter(run(tngd.SGD(0.1))))
    order = Streams(4).stream("shuffle", 0).permutation(30)[:7]
    objective = PROBLEM.objective(params, order)
    assert first.record.loss == objective.value
    assert np.array_equal(first.params, params - 0.1 * objective.gradient)


def test_records():
    moments = list(run(tngd.TNGD(time=3.0, damping=0.2)))
    records = [moment.record for moment in moments]
    assert [record.step for record in records] == list(range(1, 16))
    assert [record.epoch for record in records][4::5] == [1.0, 2.0, 3.0]
    assert {(record.damping, record.analog_time) for record in records} == {(0.2, 3.0)}
    assert all(r.seconds > 0 and r.device_seconds > 0 and 0 <= r.accuracy <= 1 for r in records)
    assert all(moment.finite for moment in moments)


def test_regression_has_no_accuracy():
    x, y = points()
    problem = tngd.Problem(NET, models.SquaredError(), x, np.eye(3, dtype=np.float32)[y])
    moment = next(iter(tngd.steps(problem, tngd.SGD(), NET.init(rng=0), **HOW)))
    assert moment.record.accuracy is None
    assert problem.evaluate(moment.params)[1] is None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("rate", [1e5, 1e20, 1e38])
@pytest.mark.parametrize("name", PROPORTIONAL)
def test_where_the_loss_is_no_number_no_step_is_taken(name, rate):
    squared, onehot = models.SquaredError(), np.eye(3, dtype=np.float32)[PROBLEM.y]
    problem = replace(PROBLEM, loss=squared, y=onehot)
    moments = list(tngd.steps(problem, tngd.optimizer(name, rate=rate), NET.init(rng=0), **HOW))
    bad = [moment for moment in moments if not np.isfinite(moment.record.loss)]
    assert bad or rate == 1e5, "steps as long as that may yet leave the loss a number"
    entered = NET.init(rng=0)
    for moment in moments:
        if np.isfinite(moment.record.loss):
            assert np.array_equal(moment.good, entered), "where this loss was measured"
        else:
            assert np.array_equal(moment.params, entered, equal_nan=True)
            assert not moment.finite
            assert moment.record.device_seconds == 0
            assert np.isfinite(moment.good).all()
        entered = moment.params


def test_evaluation_is_over_all_rows(monkeypatch):
    params = NET.init(rng=0)
    whole = PROBLEM.evaluate(params)
    objective = PROBLEM.objective(params, np.arange(30))
    np.testing.assert_allclose(whole[0], objective.value, rtol=30 * np.finfo(np.float32).eps)
    right = np.argmax(objective.output, axis=1) == PROBLEM.y
    assert whole[1] == pytest.approx(np.mean(right))
    monkeypatch.setattr("tngd.training.problem.ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(PROBLEM.evaluate(params), whole, rtol=1e-6)


@pytest.mark.parametrize(("rows", "labels"), [(3, 4), (0, 0)])
def test_rows_must_agree(rows, labels):
    with pytest.raises(ShapeMismatch, match="first axes"):
        tngd.Problem(NET, LOSS, np.zeros((rows, 2)), np.zeros(labels, int))
