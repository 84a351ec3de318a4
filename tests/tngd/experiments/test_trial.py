"""One run inside a comparison, against the training loop itself."""

from dataclasses import replace

import numpy as np
import pytest

import tngd
from tests.tngd.experiments.cases import CONTENDERS, SETTING, TOY, untimed
from tests.tngd.training.cases import LOSS, NET, PROPORTIONAL
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams
from tngd.experiments.contender import Contender
from tngd.experiments.trial import run_trial

SGD, _, TNGD = CONTENDERS


def run(setting, contender, rate, seed):
    return run_trial(setting, contender.name, contender.optimizer(rate), seed)


def trained(contender, rate, seed):
    """The same run, by hand."""
    streams = Streams(seed)
    problem = tngd.Problem(NET, LOSS, *TOY.train)
    start = NET.init(streams.stream("init"))
    optimizer = contender.optimizer(rate)
    return start, list(tngd.steps(problem, optimizer, start, batch=7, epochs=2, streams=streams))


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda c: c.name)
def test_it_is_the_training_loop(contender):
    trial = run(SETTING, contender, 0.2, 11)
    _, moments = trained(contender, 0.2, 11)
    end = moments[-1].params
    test = tngd.Problem(NET, LOSS, *TOY.test).evaluate(end)
    assert trial.losses == tuple(moment.record.loss for moment in moments)
    assert (trial.test_loss, trial.test_accuracy) == test
    assert trial.train_loss == tngd.Problem(NET, LOSS, *TOY.train).evaluate(end)[0]
    assert trial.device_seconds == pytest.approx(sum(m.record.device_seconds for m in moments))
    assert (trial.contender, trial.rate, trial.seed) == (contender.name, 0.2, 11)
    assert not trial.diverged
    assert trial.reason is None


def test_looks_at_the_validation_set():
    """Five batches an epoch: a look at every one, the start included, and none of them twice."""
    trial = run(SETTING, SGD, 0.2, 11)
    start, moments = trained(SGD, 0.2, 11)
    held_out = tngd.Problem(NET, LOSS, *TOY.validation)
    assert [look.step for look in trial.looks] == list(range(11))
    for look, params in zip(trial.looks, [start, *(m.params for m in moments)], strict=True):
        assert (look.loss, look.accuracy) == held_out.evaluate(params)
        assert look.seconds == pytest.approx(sum(trial.seconds[: look.step]))


def test_the_last_look_is_at_the_end():
    """Of 15 batches an epoch every third is looked at, of 14 too, and the last."""
    setting = replace(SETTING, batch=2, epochs=1)
    assert [look.step for look in run(setting, SGD, 0.2, 0).looks] == [0, 3, 6, 9, 12, 15]
    fewer = replace(TOY, train=tngd.Split(TOY.train.x[:28], TOY.train.y[:28]))
    setting = replace(setting, dataset=fewer)
    assert [look.step for look in run(setting, SGD, 0.2, 0).looks] == [0, 3, 6, 9, 12, 14]


def test_all_contenders_start_alike():
    trials = [run(SETTING, contender, 0.2, 11) for contender in CONTENDERS]
    assert len({trial.looks[0].loss for trial in trials}) == 1
    assert len({trial.losses[0] for trial in trials}) == 1, "the first batch is the same"
    assert len({trial.losses[1] for trial in trials}) == 3


def test_a_trial_repeats():
    once, again = (untimed(run(SETTING, TNGD, 0.2, 11)) for _ in range(2))
    assert once == again
    assert untimed(run(SETTING, TNGD, 0.2, 12)) != once


@pytest.mark.parametrize("system", PROPORTIONAL)
def test_a_diverged_run_keeps_its_last_good_scores(system):
    trial = run(SETTING, Contender(system, 1.0), 1e38, 0)
    assert trial.diverged
    assert f"step {len(trial.losses)} " in trial.reason
    assert len(trial.losses) < 10
    assert np.isfinite([look.loss for look in trial.looks[:1]]).all()
    assert np.isfinite([trial.test_accuracy, trial.final.accuracy]).all()
    steps = [look.step for look in trial.looks]
    assert steps == sorted(set(steps))


def test_the_first_look_that_reaches_an_accuracy():
    trial = run(SETTING, SGD, 0.5, 11)
    accuracies = [look.accuracy for look in trial.looks]
    first = next(k for k, accuracy in enumerate(accuracies) if accuracy >= accuracies[-1])
    assert trial.reach(accuracies[-1]) is trial.looks[first]
    assert trial.reach(1.1) is None


@pytest.mark.parametrize("knob", ["batch", "epochs"])
def test_settings_that_cannot_be(knob):
    with pytest.raises(InvalidInput, match=knob):
        replace(SETTING, **{knob: 0})
