"""What is said of rows: each sentence true whoever takes part and whoever arrives."""

import itertools
import math
import re
from dataclasses import replace

import pytest

from tests.tngd.experiments.cases import comparison
from tngd.experiments.summary import summarise
from tngd.experiments.words import verdict

TYPICAL = summarise(comparison())[0]
FULL = {
    "test_accuracy": 0.9,
    "test_spread": 0.01,
    "runs": 4,
    "reached": 4,
    "steps_to_target": 10.0,
    "seconds_to_target": 2.0,
    "step_seconds": 0.004,
    "device_step_seconds": 0.002,
}
MISSED = {"steps_to_target": math.nan, "seconds_to_target": math.nan, "reached": 1}


def named(**rows):
    """Rows by name, each with some fields replaced."""
    return [
        replace(
            TYPICAL,
            name=name.replace("_", "-"),
            system=name.replace("_", "-"),
            knobs="",
            **{**FULL, **fields},
        )
        for name, fields in rows.items()
    ]


def said(**rows):
    return verdict(named(**rows), 0.8)


def test_the_best_variant_against_the_best_of_the_others():
    words = said(
        tngd={"test_accuracy": 0.95},
        tngd_adam={"test_accuracy": 0.96},
        adam={"test_accuracy": 0.985},
        sgd={},
    )
    assert words[0] == (
        "tngd-adam, the best of 2 TNGD variants, reached 96.00 % test accuracy; the best of the "
        "others, adam, 98.50 %."
    )
    # two spreads of 1 point over 4 seeds: 2 means of 0.5 points each, together 0.71
    assert words[1] == (
        "tngd-adam is 2.50 points below, standard error 0.71: more than the spread of the seeds."
    )


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (0.913, "tngd is 1.30 points above, standard error 0.71: within the spread of the seeds."),
        (0.89, "tngd is 1.00 points below, standard error 0.71: within the spread of the seeds."),
        (0.9, "To the digits shown, the two are equal."),
    ],
)
def test_a_gap_within_the_seeds(ours, words):
    assert said(tngd={"test_accuracy": ours}, sgd={})[1] == words


def test_a_gap_agrees_with_the_printed_numbers():
    """96.154 and 96.146 are printed as 96.15 and 96.15."""
    assert "equal" in said(tngd={"test_accuracy": 0.96154}, sgd={"test_accuracy": 0.96146})[1]


def test_one_seed_says_nothing_of_chance():
    one = {"test_spread": math.nan, "runs": 1, "reached": 1}
    assert said(tngd={"test_accuracy": 0.8, **one}, sgd=one)[1] == (
        "tngd is 10.00 points below; with one seed there is no saying how much of this is chance."
    )


def test_tngd_alone():
    words = said(tngd={})
    assert words[0] == "tngd reached 90.00 % test accuracy. Nobody else took part."
    assert not any("first-order" in word or "best of" in word for word in words)


def test_without_tngd():
    assert said(sgd={}, ngd={}) == ["TNGD did not take part."]


def test_who_is_quickest_by_steps_and_by_seconds():
    words = said(
        tngd={"reached": 3},
        adam={"steps_to_target": 30.0, "seconds_to_target": 0.5},
        sgd={"steps_to_target": 50.0, "seconds_to_target": 0.4},
    )
    assert words[2] == (
        "To 80 % validation accuracy the quickest TNGD variant, by steps and by measured seconds, "
        "is tngd (10 steps, 2 s, 3 of 4 runs)."
    )
    assert words[3] == (
        "To 80 % validation accuracy the quickest first-order method by steps is adam (30 steps, "
        "0.5 s); by measured seconds it is sgd (50 steps, 0.4 s)."
    )


def test_nobody_arrives():
    """Nobody is named for what nobody did."""
    words = said(tngd={**MISSED, "reached": 0}, sgd={**MISSED, "reached": 0})
    assert words[2] == "No run reached 80 % validation accuracy."
    assert not any("quickest" in word for word in words)


@pytest.mark.parametrize("who", ["tngd", "sgd"])
def test_one_side_does_not_arrive(who):
    words = " ".join(said(**{"tngd": {}, "sgd": {}, who: MISSED}))
    kind = {"tngd": "TNGD variant", "sgd": "first-order method"}[who]
    assert f"No {kind} reached 80 % validation accuracy in more than half of its runs." in words
    assert "With a device, " not in words


def test_a_device_still_needs_the_gradient():
    """10 steps of 3 + 2 ms are 0.05 s. Of two first-order methods the plainest gives the 3 ms."""
    words = said(
        adam={"seconds_to_target": 0.02, "step_seconds": 9.0},
        sgd={"seconds_to_target": 0.4, "step_seconds": 0.003},
        tngd={},
    )
    assert words[4] == (
        "With a device, tngd would take 10 steps x (3.00 ms for the gradient, a measured step of "
        "sgd, + 2.00 ms of modelled device) = 0.05 s, against 0.02 s measured for adam: the device "
        "would be 2.5 times slower."
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.15, "2.5 times quicker"), (0.0602, "about as quick")]
)
def test_a_device_may_be_quicker(seconds, words):
    assert f"the device would be {words}." in said(tngd={}, sgd={"seconds_to_target": seconds})[4]


def test_whole_steps_against_whole_steps():
    words = " ".join(said(tngd={}, ngd={"test_accuracy": 0.91, "step_seconds": 0.002}, sgd={}))
    assert (
        "Exact natural gradient descent (ngd, by Woodbury) reached 91.00 % test accuracy at "
        "2.00 ms a step, gradient and solve together. A step of tngd with a device, gradient "
        "included, is modelled at 6.00 ms: the device would be 3 times slower."
    ) in words


def test_a_device_alone_is_not_compared_with_a_whole_step():
    words = " ".join(said(tngd={}, ngd={}))
    assert "2.00 ms a step, and the gradient comes on top" in words
    assert "times" not in words


def test_another_solver_is_not_called_exact():
    rows = named(tngd={}, ngd={}, sgd={})
    rows[1] = replace(rows[1], knobs="solver=CG()")
    assert "Woodbury" not in " ".join(verdict(rows, 0.8))


def test_variants_with_other_knobs_are_variants():
    rows = [replace(row, name=f"{row.name}:damping=0.1") for row in named(tngd={}, adam={})]
    assert verdict(rows, 0.8)[0].startswith("tngd:damping=0.1 reached")


def test_what_is_measured_and_what_is_modelled():
    last = said(tngd={})[-1]
    assert "simulating the device digitally" in last
    assert "modelled" in last


EVERYBODY = ("sgd", "adam", "ngd", "ngd_cg", "tngd", "tngd_adam")


@pytest.mark.parametrize("missing", [(), EVERYBODY, ("tngd", "sgd")], ids=len)
def test_every_company_makes_whole_sentences(missing):
    for size in range(1, len(EVERYBODY) + 1):
        for company in itertools.combinations(EVERYBODY, size):
            words = said(**{name: MISSED if name in missing else {} for name in company})
            for word in words:
                assert word.endswith(".")
                absent = {"sgd", "adam", "ngd", "nan", "inf"} - set(company)
                assert not absent & set(re.findall(r"[\w-]+", word))
