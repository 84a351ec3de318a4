"""Ratios are made turn by turn, and the sentence follows them."""

import pytest

from tngd.reproduce.contract import Done
from tngd.reproduce.published import find_published


def test_the_small_version_runs():
    experiment = find_published("fngd-speed", quick=True).experiment
    done = [Done(case, experiment.measure(case)) for case in experiment.cases([])]
    assert set(done[0].numbers) == {"sgd", "fngd", "kfac"}
    assert all(first > 0 < second for first, second in done[0].numbers.values())
    assert experiment.figure(done).axes
    assert "times as fast as K-FAC's" in experiment.findings(done)


@pytest.mark.parametrize(("kfac", "words"), [(4.0, "does not hold"), (9.0, "of 2.07 holds")])
def test_ratios_are_medians_over_turns(kfac, words):
    experiment = find_published("fngd-speed", quick=True).experiment
    turns = [(1.0, 2.0, kfac), (10.0, 20.0, 10 * kfac), (1.0, 3.0, kfac)]
    done = [
        Done({"turn": k}, {"sgd": [9, sgd], "fngd": [9, fngd], "kfac": [9, other]})
        for k, (sgd, fngd, other) in enumerate(turns)
    ]
    said = experiment.findings(done)
    assert words in said
    assert f"is {kfac / 2:.2f} times as fast" in said
    assert "takes 2.00 of the time of SGD's (2.00 - 3.00)" in said
