"""The numbers of a comparison recomputed by hand, and what is said of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.tngd.experiments.cases import comparison, comparison_with_a_diverged_contender
from tngd.experiments.summary import HEADINGS, cells, summarise, table
from tngd.experiments.trial import Look

TYPICAL = summarise(comparison())


def named(**rows):
    """Rows by name, each with some fields replaced."""
    return [
        replace(TYPICAL[0], **{"name": name.replace("_", "-"), **fields})
        for name, fields in rows.items()
    ]


def test_every_number_by_hand():
    for row, result in zip(TYPICAL, comparison().results, strict=True):
        trials = result.trials
        accuracies = np.array([trial.test_accuracy for trial in trials])
        assert (row.name, row.rate) == (result.contender.name, result.rate)
        assert row.knobs == result.contender.describe()
        assert row.test_accuracy == pytest.approx(accuracies.mean())
        assert row.test_spread == pytest.approx(accuracies.std(ddof=1))
        assert row.test_loss == pytest.approx(np.mean([trial.test_loss for trial in trials]))
        assert row.train_loss == pytest.approx(np.mean([trial.train_loss for trial in trials]))
        assert row.device_seconds == pytest.approx(np.mean([t.device_seconds for t in trials]))
        assert row.system == result.contender.called
        assert row.device_step_seconds == pytest.approx(trials[0].device_seconds / 10)
        assert row.step_seconds == np.median([s for trial in trials for s in trial.seconds])
        assert (row.steps, row.runs, row.diverged) == (10, 2, 0)
        looks = [trial.reach(0.8) for trial in trials]
        assert row.reached == sum(look is not None for look in looks)
        if row.reached == row.runs:
            assert row.steps_to_target == np.median([look.step for look in looks])
            assert row.seconds_to_target == np.median([look.seconds for look in looks])


@pytest.mark.parametrize(
    ("steps", "median"),
    [
        ([3, 5, 9], 5),
        ([3, 5, None], 5),
        ([3, 9, 20, None, None], 20),
        ([3, None, None], None),
        ([3, 5, None, None], None),
        ([None], None),
    ],
    ids=str,
)
def test_a_run_that_missed_the_target_counts_as_one_that_takes_for_ever(steps, median):
    """The median of those alone that arrived would reward a contender for its failures."""
    result = comparison().results[0]
    looks = [(Look(0, 1.0, 0.1, 0.0, 0.0), *found(step)) for step in steps]
    trials = tuple(replace(result.trials[0], looks=each) for each in looks)
    changed = replace(comparison(), results=(replace(result, trials=trials),))
    (row,) = summarise(changed)
    assert row.reached == sum(step is not None for step in steps)
    if median is None:
        assert math.isnan(row.steps_to_target)
        assert math.isnan(row.seconds_to_target)
        assert cells(row)[4:6] == (f"not reached ({row.reached}/{row.runs})", "not reached")
    else:
        assert (row.steps_to_target, row.seconds_to_target) == (median, median / 10)
        missed = "" if row.reached == row.runs else f" ({row.reached}/{row.runs})"
        assert cells(row)[4] == f"{median}{missed}"


def found(step):
    return () if step is None else (Look(step, 0.1, 0.9, step / 10, 0.0),)


def test_the_spread_is_that_of_a_sample():
    """Of 0.5, 0.6 and 0.7 it is 0.1: the sum of squares 0.02 is divided by 3 - 1."""
    result = comparison().results[0]
    trials = tuple(replace(result.trials[0], test_accuracy=a) for a in (0.5, 0.6, 0.7))
    (row,) = summarise(replace(comparison(), results=(replace(result, trials=trials),)))
    assert row.test_spread == pytest.approx(0.1)
    assert cells(row)[2] == "60.00 ± 10.00"


def test_one_seed_has_no_spread():
    result = comparison().results[0]
    one = replace(comparison(), results=(replace(result, trials=result.trials[:1]),))
    (row,) = summarise(one)
    assert math.isnan(row.test_spread)
    assert "±" not in cells(row)[2]


def test_diverged_runs_are_counted_and_shown():
    row = summarise(comparison_with_a_diverged_contender())[-1]
    assert (row.name, row.diverged, row.runs) == ("sgd", 2, 2)
    assert "(2 diverged)" in cells(row)[3]


def test_the_table_is_aligned():
    lines = table(TYPICAL).splitlines()
    assert len(lines) == 4
    for k, heading in enumerate(HEADINGS):
        at = lines[0].index(heading)
        assert all(
            line[at:].startswith(cells(row)[k])
            for line, row in zip(lines[1:], TYPICAL, strict=True)
        )


def test_an_edge_is_marked_and_a_device_has_seconds():
    edge, plain = named(sgd={"at_edge": True, "rate": 0.25}, ngd={"at_edge": False, "rate": 0.25})
    assert (cells(edge)[1], cells(plain)[1]) == ("0.25*", "0.25")
    assert cells(plain)[-1] == "-"
    assert cells(TYPICAL[2])[-1] != "-"


def test_a_step_that_was_not_taken_charges_no_device():
    """Where the loss is no number the run ends, and the device was not asked."""
    result = comparison().results[2]
    trial = replace(result.trials[0], losses=(1.0, 1.0, math.nan), device_seconds=0.5)
    changed = replace(comparison(), results=(replace(result, trials=(trial,)),))
    assert summarise(changed)[0].device_step_seconds == 0.25
