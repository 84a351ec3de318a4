"""What is trained may read tokens, answer at positions, drop entries, and hold constants."""

from itertools import islice

import numpy as np
import pytest

import models
import tngd
from tests.models.oracles import assert_close
from tests.tngd.training.cases import LOSS, points, untimed
from thermolinalg.errors import CoupledSamples, InvalidInput
from thermolinalg.streams import Streams

X, Y = points()
DROPPING = models.Network(
    models.Sequential([models.Dense(2, 6), models.Tanh(), models.Dropout(0.5), models.Dense(6, 3)])
)
NORMED = models.Network(
    models.Sequential([models.Dense(2, 6), models.BatchNorm(6), models.Tanh(), models.Dense(6, 3)])
)
HOW = {"batch": 7, "epochs": 2, "streams": Streams(4)}


def tokens(n=24, length=4, seed=0):
    """Sequences that count upwards modulo 5, and what comes next."""
    start = np.random.default_rng(seed).integers(0, 5, (n, 1))
    return (start + np.arange(length)) % 5, (start + np.arange(1, length + 1)) % 5


def reader():
    """A bigram model: logits (T, 5) from tokens (T,)."""
    return models.Network(models.Sequential([models.Embedding(5, 6), models.Dense(6, 5)]))


def fit(net, data, optimizer=None, **knobs):
    how = {"batch": 8, "epochs": 2, "progress": False, "rng": 4, **knobs}
    return tngd.fit(net, how.pop("loss", LOSS), data, optimizer=optimizer or tngd.Adam(0.05), **how)


@pytest.mark.parametrize("name", ["adam", "ngd"])
def test_tokens_in_and_logits_at_every_position_out(name):
    knobs = {"rate": 0.1 if name == "adam" else 0.5}
    result = fit(
        reader(), tokens(), tngd.optimizer(name, **knobs), epochs=8, validation=tokens(6, seed=1)
    )
    assert result.history.epochs[-1].accuracy == 1.0
    assert result.params.dtype == np.float32


def test_tokens_are_no_numbers_to_a_network_of_numbers():
    with pytest.raises(InvalidInput, match="holds integers"):
        fit(models.mlp([4, 5]), (tokens()[0], np.zeros(24, int)))
    with pytest.raises(InvalidInput, match="reads token numbers"):
        fit(reader(), (tokens()[0].astype(float), tokens()[1]))


def test_dropout_is_drawn_anew_each_step_and_repeats_from_where_a_run_broke_off():
    problem, adam, start = tngd.Problem(DROPPING, LOSS, X, Y), tngd.Adam(0.05), DROPPING.init(0)
    unbroken = list(tngd.steps(problem, adam, start, **HOW))
    last = list(islice(tngd.steps(problem, adam, start, **HOW), 4))[-1]
    rest = tngd.steps(problem, adam, last.params.copy(), state=last.state, done=4, **HOW)
    for ours, truth in zip(rest, unbroken[4:], strict=True):
        assert ours.params.tobytes() == truth.params.tobytes()
        assert untimed(ours.record) == untimed(truth.record)
    rows = np.arange(len(X))
    losses = {problem.objective(start, rows, Streams(4).child("dropout", k)).value for k in (1, 2)}
    assert len(losses | {problem.objective(start, rows).value}) == 3


def test_a_step_goes_along_the_gradient_of_the_thinned_network():
    problem, start = tngd.Problem(DROPPING, LOSS, X, Y), DROPPING.init(0)
    first = next(tngd.steps(problem, tngd.SGD(0.1), start, **HOW))
    rows = Streams(4).stream("shuffle", 0).permutation(len(X))[:7]
    thinned = problem.objective(start, rows, Streams(4).child("dropout", 1))
    assert first.record.loss == thinned.value != problem.objective(start, rows).value
    assert np.array_equal(first.params, start - 0.1 * thinned.gradient)


def test_evaluation_drops_nothing():
    problem, start = tngd.Problem(DROPPING, LOSS, X, Y), DROPPING.init(0)
    rows = np.arange(len(X))
    assert problem.evaluate(start)[0] == pytest.approx(problem.objective(start, rows).value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constants_set_the_dtype_and_stay(dtype):
    layers = [models.Frozen(models.Dense(2, 6)), models.Tanh(), models.Dense(6, 3)]
    net = models.Network(models.Sequential(layers)).with_constants(0, dtype=dtype)
    before = {name: value.copy() for name, value in net.constants.items()}
    result = fit(net, (X, Y))
    assert result.params.dtype == dtype
    assert result.params.shape == (21,)
    assert all(np.array_equal(net.constants[name], value) for name, value in before.items())


def test_constants_that_are_missing_are_named():
    layers = [models.Frozen(models.Dense(2, 3)), models.Dense(3, 3)]
    with pytest.raises(InvalidInput, match=r"lacks the constants 0\.W, 0\.c"):
        fit(models.Network(models.Sequential(layers)), (X, Y))


def test_parameters_start_in_the_library_of_the_rows():
    torch = pytest.importorskip("torch")
    data = torch.from_numpy(X), torch.from_numpy(Y)
    result = fit(models.mlp([2, 6, 3]), data)
    assert isinstance(result.params, torch.Tensor)
    ours = fit(models.mlp([2, 6, 3]), (X, Y))
    losses = [run.history.column("loss")[:1].astype(np.float32) for run in (result, ours)]
    assert_close(*losses, terms=40 * (X.size + len(result.params)))


@pytest.mark.parametrize("optimizer", [tngd.SGD(0.1), tngd.Adam(0.05), tngd.NGD(solver=tngd.CG())])
def test_batch_normalisation_is_evaluated_with_statistics_of_the_training_rows(
    optimizer, monkeypatch
):
    monkeypatch.setattr("tngd.training.problem.ROWS_AT_ONCE", 20)
    held_out = (1.0 + X[:6], Y[:6])
    result = fit(NORMED, (X, Y), optimizer, epochs=3, validation=held_out)
    assert not NORMED.constants
    rows = Streams(4).stream("calibration").permutation(len(X))[:20]
    truth = models.calibrated(NORMED, result.params, X[rows])
    for name, value in truth.constants.items():
        assert np.array_equal(result.network.constants[name], value)
    last = result.history.epochs[-1]
    assert (last.loss, last.accuracy) == tngd.Problem(truth, LOSS, *held_out).evaluate(
        result.params
    )
    stale = NORMED.with_constants()
    again = fit(stale, (X, Y), optimizer, epochs=3, validation=held_out)
    assert np.array_equal(again.params, result.params)
    assert again.history.epochs[-1].loss == last.loss


def test_batch_normalisation_and_a_gram_matrix_are_refused_together():
    with pytest.raises(CoupledSamples, match="GroupNorm"):
        fit(NORMED, (X, Y), tngd.NGD())


def test_batch_normalisation_that_diverges_leaves_a_network():
    result = fit(NORMED, (X, Y), tngd.SGD(1e38), validation=(X, Y))
    assert result.ending is tngd.Ending.DIVERGED
    assert set(result.network.constants) == {"1.mean", "1.var"}


def test_the_network_of_a_result_is_that_which_was_trained():
    net = reader()
    assert fit(net, tokens()).network is net


def test_statistics_that_are_missing_are_named_in_an_evaluation():
    problem = tngd.Problem(NORMED, LOSS, X, Y)
    with pytest.raises(InvalidInput, match=r"1\.mean, 1\.var.*models\.calibrated"):
        problem.evaluate(NORMED.init(0))
