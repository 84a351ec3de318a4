"""fit: what it returns, and how it ends."""

import logging

import numpy as np
import pytest

import models
import tngd
from tests.tngd.training.cases import LOSS, NET, PROPORTIONAL, points, untimed
from thermolinalg.errors import InvalidInput, ShapeMismatch

DATA, HELD_OUT = points(), points(12, seed=1)


def fit(optimizer=None, data=DATA, loss=LOSS, **knobs):
    how = {"batch": 7, "epochs": 3, "progress": False, "rng": 4, **knobs}
    return tngd.fit(NET, loss, data, optimizer=optimizer or tngd.SGD(0.3), **how)


def same(one, other):
    steps = [[untimed(record) for record in result.history.steps] for result in (one, other)]
    return steps[0] == steps[1] and one.params.tobytes() == other.params.tobytes()


@pytest.mark.parametrize(
    "optimizer", [tngd.SGD(), tngd.TNGD(noise=1e-3, start="carried")], ids=lambda o: o.name
)
def test_the_seed_repeats_the_run(optimizer):
    first = fit(optimizer)
    assert same(fit(optimizer), first)
    assert not same(fit(optimizer, rng=5), first)


def test_fresh_entropy_is_recorded():
    first = fit(rng=None)
    assert same(fit(rng=first.seed), first)
    assert fit(rng=None).seed != first.seed


def test_it_learns():
    result = fit(tngd.TNGD(0.5), epochs=20, validation=HELD_OUT)
    assert result.ending is tngd.Ending.FINISHED
    assert result.history.epochs[-1].accuracy > 0.9
    assert len(result.history.steps) == 100


def test_it_starts_where_it_is_told():
    start = NET.init(rng=9)
    before = start.copy()
    result = fit(params=start, epochs=1)
    assert result.history.steps[0].loss != fit(epochs=1).history.steps[0].loss
    assert same(fit(params=before, epochs=1), result)
    assert np.array_equal(start, before), "the caller's array is as it was"
    assert result.params.dtype == np.float32


def test_validation_at_the_end_of_every_epoch():
    result = fit(validation=HELD_OUT)
    records = result.history.epochs
    assert [(record.epoch, record.step) for record in records] == [(1, 5), (2, 10), (3, 15)]
    loss, accuracy = tngd.Problem(NET, LOSS, *HELD_OUT).evaluate(result.params)
    assert (records[-1].loss, records[-1].accuracy) == (loss, accuracy)
    seconds = result.history.column("seconds")
    assert records[1].seconds == pytest.approx(seconds[:10].sum())
    assert same(fit(), result), "looking changes nothing"


def test_columns_of_the_history():
    history = fit(tngd.TNGD(time=3.0)).history
    assert np.array_equal(history.column("step"), np.arange(1, 16))
    assert np.array_equal(history.column("analog_time"), np.full(15, 3.0))
    regression = fit(loss=models.SquaredError(), data=(DATA[0], np.eye(3, dtype="f4")[DATA[1]]))
    assert np.isnan(regression.history.column("accuracy")).all()
    assert tngd.History().column("loss").shape == (0,)


@pytest.mark.parametrize("rate", [1e2, 1e5, 1e20, 1e30, 1e38])
@pytest.mark.parametrize("loss", ["softmax", "squared"])
@pytest.mark.parametrize("name", tngd.list_optimizers())
def test_divergence_is_an_ending_and_leaves_the_last_good_parameters(name, loss, rate):
    """The batch is the whole set, so good parameters are those whose loss we can check."""
    data = DATA if loss == "softmax" else (DATA[0], np.eye(3, dtype=np.float32)[DATA[1]])
    ours = LOSS if loss == "softmax" else models.SquaredError()
    result = fit(tngd.optimizer(name, rate=rate), data, ours, batch=30, epochs=12)
    losses = result.history.column("loss")
    assert np.isfinite(losses[:-1]).all(), "the run ends at once"
    assert np.isfinite(result.params).all()
    if result.ending is tngd.Ending.DIVERGED:
        assert np.isfinite(tngd.Problem(NET, ours, *data).evaluate(result.params)[0])
    if loss == "squared" and rate >= 1e20 and name in PROPORTIONAL:
        assert result.ending is tngd.Ending.DIVERGED


def test_a_callback_stops_the_run_and_all_of_them_see_every_step():
    seen, others, params = [], [], []

    def stop(progress):
        seen.append(progress.record.step)
        return progress.record.step == 4

    def watch(progress):
        others.append(progress.record.step)
        params.append(progress.params)

    result = fit(callbacks=[stop, watch])
    assert result.ending is tngd.Ending.STOPPED
    assert seen == others == [1, 2, 3, 4]
    assert len(result.history.steps) == 4
    assert result.params is params[-1]


def test_silence(capfd, caplog):
    with caplog.at_level(logging.DEBUG):
        fit(progress=False)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_a_line_in_the_log_where_nobody_looks(caplog):
    with caplog.at_level(logging.INFO, logger="tngd"):
        fit(progress=True)
    assert [record.message[:25] for record in caplog.records] == ["sgd: step 15 of 15, loss "]


@pytest.mark.parametrize(
    ("knobs", "words"),
    [({"batch": 0}, "batch"), ({"epochs": 0}, "epochs"), ({"rng": -1}, "rng")],
    ids=str,
)
def test_what_cannot_be(knobs, words):
    with pytest.raises(InvalidInput, match=words):
        fit(**knobs)


def test_data_that_do_not_fit():
    x, y = DATA
    with pytest.raises(ShapeMismatch):
        fit(data=(x, y[:-1]))
    with pytest.raises(InvalidInput, match="labels"):
        fit(data=(x, y + 1))


def test_an_optimizer_by_its_name_alone():
    with pytest.raises(InvalidInput, match=r'Pass tngd\.optimizer\("adam"\)\.'):
        fit("adam")
    with pytest.raises(InvalidInput, match=r"Pass tngd\.TNGD\(\)"):
        fit(tngd.TNGD)


@pytest.mark.parametrize(
    ("callbacks", "words"), [(print, r"callbacks=\[function\]"), (3, "list"), (["print"], "list")]
)
def test_callbacks_are_a_list_of_functions(callbacks, words):
    with pytest.raises(InvalidInput, match=words):
        fit(callbacks=callbacks)


@pytest.mark.parametrize("name", ["data", "validation"])
@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ((np.ones(6), np.zeros(6, int)), ShapeMismatch, r"pass x\[:, None\]"),
        ((np.ones((6, 3)), np.zeros(6, int)), ShapeMismatch, r"rows of x, which have shape \(3,\)"),
        ((np.ones((6, 2)), np.zeros((6, 3))), ShapeMismatch, "SoftmaxCrossEntropy cannot compare"),
        ((np.ones((6, 2)), np.zeros(6)), InvalidInput, "labels are integers"),
        ((np.ones((6, 2)), np.zeros(5, int)), ShapeMismatch, "first axes"),
        ((np.float32(1), np.zeros(5, int)), ShapeMismatch, "first axes"),
        (np.ones((6, 2)), InvalidInput, r"pair \(x, y\)"),
        (3, InvalidInput, r"pair \(x, y\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_that_cannot_be(name, rows, error, words):
    with pytest.raises(error, match=words):
        fit(**{name: rows})
