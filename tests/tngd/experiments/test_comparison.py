"""Fairness: equal budgets, the same starts, fresh seeds, and the best rate by the stated score."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from tests.tngd.experiments.cases import (
    CONTENDERS,
    HOW,
    SETTING,
    comparison,
    comparison_with_a_diverged_contender,
    untimed,
)
from thermolinalg.errors import InvalidInput
from tngd.experiments.comparison import TUNING_SEEDS, compare
from tngd.experiments.contender import CONTENDERS as KNOWN
from tngd.experiments.contender import USUAL, Contender, find_contenders


def test_budgets_are_equal():
    results = comparison().results
    assert [result.contender for result in results] == list(CONTENDERS)
    for result in results:
        tried = Counter(trial.rate for trial in result.search)
        assert tried == dict.fromkeys(result.contender.rates(3), TUNING_SEEDS)
        assert len(result.trials) == 2
        assert {trial.contender for trial in (*result.search, *result.trials)} == {
            result.contender.name
        }
        assert {len(trial.losses) for trial in (*result.search, *result.trials)} == {10}


def test_seeds_are_the_same_for_all_and_never_those_of_tuning():
    tuning = [[trial.seed for trial in result.search] for result in comparison().results]
    reported = [[trial.seed for trial in result.trials] for result in comparison().results]
    assert tuning[0] == tuning[1] == tuning[2]
    assert reported[0] == reported[1] == reported[2]
    assert len(set(reported[0])) == 2
    assert not set(tuning[0]) & set(reported[0])


def test_all_start_alike():
    starts = [[t.looks[0].loss for t in (*r.search, *r.trials)] for r in comparison().results]
    assert starts[0] == starts[1] == starts[2]


def test_the_rate_whose_worst_run_is_best():
    """By validation accuracy, then loss; a diverged run is worse than any other."""
    for result in (*comparison().results, *comparison_with_a_diverged_contender().results):
        runs = defaultdict(list)
        for trial in result.search:
            runs[trial.rate].append((not trial.diverged, trial.final.accuracy, -trial.final.loss))
        worst = {rate: min(scores) for rate, scores in runs.items()}
        assert worst[result.rate] == max(worst.values())
        assert {trial.rate for trial in result.trials} == {result.rate}
        assert result.at_edge == (result.rate in {min(worst), max(worst)})


def test_a_single_rate_has_no_edge():
    (only,) = compare(SETTING, CONTENDERS[:1], seeds=1, trials=1, rng=0, workers=1).results
    assert (only.rate, only.at_edge) == (0.5, False)


def test_workers_change_nothing():
    """Order and everything else, but for the seconds; one BLAS thread each way, as loky has it."""
    parallel = compare(SETTING, CONTENDERS, **{**HOW, "workers": 2})
    for ours, truth in zip(parallel.results, comparison().results, strict=True):
        assert ours.rate == truth.rate
        assert [*map(untimed, ours.search)] == [*map(untimed, truth.search)]
        assert [*map(untimed, ours.trials)] == [*map(untimed, truth.trials)]
    assert (parallel.seed, parallel.workers) == (comparison().seed, 2)


def test_the_seed_repeats_a_comparison():
    once = comparison().results[0]
    (again,) = compare(SETTING, CONTENDERS[:1], **HOW).results
    (other,) = compare(SETTING, CONTENDERS[:1], **{**HOW, "rng": 2}).results
    assert [*map(untimed, again.trials)] == [*map(untimed, once.trials)], "whoever takes part"
    assert {t.seed for t in other.trials}.isdisjoint(t.seed for t in once.trials)


def test_a_watcher_is_told_of_every_trial():
    told = []
    compare(SETTING, CONTENDERS[:2], **HOW, watcher=lambda *news: told.append(news))
    assert [(phase, done, total) for phase, _, done, total in told] == [
        *(("tuning", k, 12) for k in range(1, 13)),
        *(("running", k, 4) for k in range(1, 5)),
    ]


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"seeds": 0}, "seeds"),
        ({"trials": 0}, "trials"),
        ({"target": 1.5}, "target"),
        ({"workers": 0}, "workers"),
        ({"rng": -1}, "rng"),
    ],
    ids=str,
)
def test_what_cannot_be(knobs, words):
    with pytest.raises(InvalidInput, match=words):
        compare(SETTING, CONTENDERS, **{**HOW, **knobs})


@pytest.mark.parametrize("contenders", [(), (CONTENDERS[0], Contender("sgd", 0.1))])
def test_contenders_need_names_of_their_own(contenders):
    with pytest.raises(InvalidInput, match="each one once"):
        compare(SETTING, contenders, **HOW)


# contenders


def test_rates_are_evenly_spaced_around_the_central_one():
    rates = Contender("sgd", 0.3).rates(5)
    assert rates[2] == 0.3
    # rounded to three digits, each is off by at most half a percent
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(rates[4] / rates[0]) / 4, atol=0.01)
    assert all(type(rate) is float for rate in rates)
    assert Contender("sgd", 0.3).rates(1) == [0.3]


@pytest.mark.parametrize("name", KNOWN)
def test_everyone_who_can_be_called_can_be_made(name):
    (contender,) = find_contenders([name])
    assert contender.name == name
    made = contender.optimizer(0.25)
    assert made.rate == 0.25
    knobs = dict(contender.knobs)
    assert contender.describe() == ", ".join(f"{key}={value}" for key, value in knobs.items())
    for key in {"damping"} & set(knobs):
        assert made.direction.damping == knobs[key]


@pytest.mark.parametrize("damping", [float("nan"), -1.0, 0.0, float("inf")])
@pytest.mark.parametrize("name", ["sgd", "tngd:damping=1"])
def test_a_damping_that_cannot_be_is_refused_whoever_takes_part(name, damping):
    with pytest.raises(InvalidInput, match="damping"):
        find_contenders([name], damping=damping)


def test_knobs_that_make_a_contender_are_shown():
    carried, adaptive = find_contenders(["tngd-carried", "tngd-adam"])
    assert "start=carried" in carried.describe()
    assert "beta1=0.0, beta2=0.0" in adaptive.describe()


def test_whoever_comes_by_himself_is_known():
    assert set(USUAL) <= set(KNOWN)
    assert "tngd" in USUAL


def test_descriptions_with_other_knobs():
    described = "tngd:damping=0.2:time=5:start=carried:rate=0.7"
    plain, other = find_contenders(["tngd", described], damping=0.9)
    assert other.name == described
    assert other.rate == 0.7
    made = other.optimizer(0.1)
    assert made.direction.damping == 0.2
    assert (made.direction.solver.time, made.direction.solver.start) == (5, "carried")
    assert dict(plain.knobs)["damping"] == 0.9


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["nope"], "'nope' is unknown"),
        ([""], "unknown"),
        (["sgd", "sgd"], "each one once"),
        ([], "at least one"),
        (["sgd:dampign=1"], "dampign"),
        (["sgd:"], "leave the colon out"),
        (["sgd:momentum"], "is no knob"),
        (["tngd:foo=1"], "no knob 'foo'. It has: rate, damping, time, start, delay, noise"),
        (["tngd-carried:foo=1"], "It has: rate, damping, time, start, delay, noise"),
        (["ngd-cg:foo=1"], "It has: rate, damping, momentum, rtol, iterations, warm"),
        (["tngd:time=-1"], "time"),
        (["tngd:time=nan"], "time"),
        (["tngd:time=long"], "time"),
        (["tngd:start=2"], "start"),
        (["tngd:rate=0"], "rate"),
        (["ngd:solver=cg"], "solver"),
        (["tngd:relaxation=exact"], "relaxation"),
    ],
    ids=str,
)
def test_descriptions_that_cannot_be(names, words):
    with pytest.raises(InvalidInput, match=words):
        find_contenders(names)
