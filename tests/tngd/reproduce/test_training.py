"""Tables of training runs: equal budgets, fresh seeds, and questions answered by numbers."""

import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats

import tngd
from thermolinalg.errors import DoesNotFit, InvalidInput
from tngd.curvature.contract import Curvature
from tngd.curvature.explicit import Explicit
from tngd.optimizers.contract import State
from tngd.reproduce import bench
from tngd.reproduce.contract import Done
from tngd.reproduce.entry import flat_rate, read_entries
from tngd.reproduce.intervals import difference, interval
from tngd.reproduce.published import _frozen as frozen
from tngd.reproduce.questions import answer
from tngd.reproduce.search import draws
from tngd.reproduce.training import Training

CONTENDERS = {
    "sgd": {"rate": [0.1, 1.0]},
    "ngd": {"rate": [0.1, 1.0], "damping": [0.1, 1.0]},
    "tngd-50": {"system": "tngd", "time": 50.0, "like": "ngd"},
    "adam": {"rate": 1e-3},
}
QUESTIONS = (
    {"ask": "compare", "number": "mean_loss", "entries": ["tngd-50", "ngd"]},
    {"ask": "race", "entries": ["tngd-50"], "against": ["sgd", "adam"]},
)
SMALL = {"data": "digits", "train": 60, "batch": 30, "epochs": 1, "seeds": 2, "tuning_epochs": 1}


def training(**settings):
    how = {**SMALL, "contenders": CONTENDERS, "questions": QUESTIONS, "trials": 2, "target": 0.1}
    return Training(**frozen({**how, **settings}))


def run(experiment):
    """All cases, in this process."""
    done = {}
    while True:
        cases = {repr(case): case for case in experiment.cases(list(done.values()))}
        new = [key for key in cases if key not in done]
        if not new:
            return list(done.values())
        done |= {key: Done(cases[key], experiment.measure(cases[key])) for key in new}


def test_budgets_are_equal_and_seeds_fresh():
    experiment = training()
    done = run(experiment)
    tuning = [each.case for each in done if each.case["phase"] == "tuning"]
    reported = [each.case for each in done if each.case["phase"] == "run"]
    assert Counter(case["entry"] for case in tuning) == {"sgd": 2, "ngd": 2}
    assert Counter(case["entry"] for case in reported) == dict.fromkeys(CONTENDERS, 2)
    assert not {case["seed"] for case in tuning} & {case["seed"] for case in reported}
    assert len({case["seed"] for case in reported}) == 2, "the same for all"
    best = max(
        (each for each in done if (each.case["phase"], each.case["entry"]) == ("tuning", "ngd")),
        key=lambda each: (each.numbers["validation"], -each.numbers["validation_loss"]),
    )
    for case in reported:
        if case["entry"] in ("ngd", "tngd-50"):
            assert case["knobs"] == best.case["knobs"]
    text = experiment.findings(done)
    assert text.count("\n| ") == len(CONTENDERS)
    assert experiment.figure(done).axes


def test_a_device_that_cannot_hold_a_problem_is_a_row(monkeypatch):
    def refuse(*_):
        raise DoesNotFit("too large")

    experiment = training(contenders={"sgd": {}, "adam": {}}, questions=())
    done = [Done(case, experiment.measure(case)) for case in experiment.cases([])]
    monkeypatch.setattr(bench, "run_trial", refuse)
    lost = [Done(each.case, experiment.measure(each.case)) for each in done[:2]]
    assert "2 refused" in experiment.findings([*lost, *done[2:]])


def test_draws_have_one_in_every_part():
    drawn = draws({"rate": (1e-3, 1.0), "damping": (0.5, 2.0)}, 8, np.random.default_rng(0))
    for knob, low, high in (("rate", 1e-3, 1.0), ("damping", 0.5, 2.0)):
        places = np.log([each[knob] / low for each in drawn]) / np.log(high / low)
        assert sorted(np.floor(8 * places)) == list(range(8))


def test_intervals_are_those_of_student():
    values = [0.3, 0.7, 0.4, 0.45, 0.9]
    low, high = scipy.stats.t.interval(0.95, 4, np.mean(values), scipy.stats.sem(values))
    found = interval(values)
    np.testing.assert_allclose((found.low, found.high), (low, high), rtol=1e-12)
    assert difference(values, [value - 0.1 for value in values]).mean == pytest.approx(0.1)
    assert math.isnan(interval([1.0]).half)
    assert math.isnan(interval([1.0, math.nan]).half)


class Nothing(Curvature):
    """No curvature anywhere."""

    def at(self, objective, rng=None):
        del rng
        return Explicit(np.zeros((2, len(objective.params))), 1, 2)


@pytest.mark.parametrize(
    ("system", "knobs"),
    [
        ("sgd", {"rate": 0.3}),
        ("momentum", {"rate": 0.3, "momentum": 0.5}),
        ("ngd", {"rate": 0.3, "damping": 0.2}),
        ("tngd", {"rate": 0.3, "damping": 0.2, "time": 3.0}),
        ("tngd", {"rate": 0.3, "damping": 0.2, "time": 3.0, "start": "zero", "momentum": 0.5}),
        ("tngd", {"rate": 0.3, "damping": 0.2, "time": 3.0, "start": "carried", "delay": 1.0}),
    ],
)
def test_the_flat_rate_is_what_a_gradient_is_multiplied_by(system, knobs):
    made = tngd.optimizer(system, **knobs)
    rate, g = flat_rate(made), np.array([1.0, -2.0, 0.5])
    if isinstance(made.direction, tngd.NaturalGradient):
        object.__setattr__(made.direction, "curvature", Nothing())
    at, state = SimpleNamespace(gradient=g, params=np.zeros(3)), State()
    for _ in range(100):  # all memories fade by e^-0.6 a step at least
        move = made.step(at, state, np.random.default_rng(0))
        state = move.state
    np.testing.assert_allclose(move.params, -rate * g, rtol=1e-12)


@pytest.mark.parametrize("system", ["adam", "egn", "kfac", "hessian-free"])
def test_there_is_no_flat_rate_where_steps_have_no_such_constant(system):
    knobs = {"search": True} if system == "egn" else {}
    assert flat_rate(tngd.optimizer(system, **knobs)) is None


RUNS = {
    name: [
        {"test": test + k / 100, "losses": [1.0], "looks": [[0, 0.1, 0.0], [step, 0.9, 1.0]]}
        for k in range(3)
    ]
    for name, test, step in (("a", 0.5, 10), ("b", 0.8, 40), ("c", 0.8, 20))
}
RUNS["c"] = [{**run, "test": run["test"] + (-1) ** k / 10} for k, run in enumerate(RUNS["c"])]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"ask": "compare", "entries": ["a", "b"]}, "against b: a is below (-30.00 ± "),
        ({"ask": "compare", "entries": ["b", "a"]}, "b is above (30.00"),
        ({"ask": "compare", "entries": ["b", "c"]}, "b is within noise ("),
        ({"ask": "order", "entries": ["a", "b"]}, "a < b of the test accuracy holds"),
        ({"ask": "order", "entries": ["b", "a"]}, "is refuted"),
        ({"ask": "order", "entries": ["a", "b", "c"]}, "is not settled"),
        ({"ask": "best", "entries": ["a", "b"]}, "is b: 81.00 ± 2.48 %"),
        ({"ask": "race", "entries": ["b", "c"], "against": ["a"]}, "c takes 20 steps, and a"),
        ({"ask": "race", "entries": ["a"], "against": ["b"]}, "10 steps, and b, the quickest of"),
    ],
)
def test_answers_follow_from_the_numbers(question, words):
    assert words in answer({"number": "test", **question}, RUNS, 0.9)


def test_a_run_without_a_number_is_not_compared():
    lost = {**RUNS, "b": [{"test": math.nan, "losses": [math.nan], "looks": []}] * 3}
    for kind in ("compare", "order"):
        said = answer({"ask": kind, "number": "test", "entries": ["a", "b"]}, lost, 0.9)
        assert "ended without a number" in said
    said = answer({"ask": "race", "entries": ["b"], "against": ["a"]}, lost, 0.9)
    assert "no median run of b came" in said


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"ask": "why", "number": "test", "entries": ["a", "b"]}, "It may ask compare, order"),
        ({"ask": "best", "number": "luck", "entries": ["a"]}, "of test, train_loss"),
        ({"ask": "best", "number": "test", "entries": ["d"]}, "names 'd', which is no contender"),
    ],
)
def test_mistakes_in_questions(question, words):
    with pytest.raises(InvalidInput, match=words):
        answer(question, RUNS, 0.9)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"sdg": {}}, "optimizer 'sdg' is unknown"),
        ({"sgd": {"pace": 1.0}}, "no knob 'pace'"),
        ({"tngd": {"like": "ngd"}}, "'tngd' is to be like 'ngd', which is no entry that is tuned"),
        ({"ngd": {}, "tngd": {"like": "ngd"}}, "which is no entry that is tuned"),
        ({"sgd": {"rate": (0.0, 1.0)}}, "rate"),
    ],
)
def test_mistakes_in_entries(entries, words):
    with pytest.raises(InvalidInput, match=words):
        read_entries(entries)
