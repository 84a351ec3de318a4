"""Contests: equal budgets, fresh seeds, a variant that tuning chooses, and honest differences."""

from collections import Counter

import numpy as np
import pytest

from thermolinalg.errors import InvalidInput
from tngd.reproduce.contest import standing
from tngd.reproduce.contract import Done
from tngd.reproduce.egn_control import EGNControl
from tngd.reproduce.egn_regression import EGNRegression, read_table
from tngd.reproduce.entry import read_entries
from tngd.reproduce.intervals import Interval
from tngd.reproduce.published import _frozen as frozen

CONTENDERS = {
    "adam": {"rate": [1e-3, 1e-1]},
    "egn": {"rate": [0.1, 1.0], "damping": [0.1, 1.0]},
    "egn-search": {"system": "egn", "search": True},
}


def contest(kind, **settings):
    how = {"contenders": CONTENDERS, "variants": ["egn", "egn-search"], "trials": 3, "splits": 2}
    return kind(**frozen({**how, "seeds": 2, **settings}))


def learnt(experiment, judged):
    """All cases with made-up numbers: `judged` of the case, and scores that follow it."""
    done = []
    while True:
        known = [repr(each.case) for each in done]
        new = [case for case in experiment.cases(done) if repr(case) not in known]
        if not new:
            return done
        for case in new:
            value = judged(case)
            numbers = {"judged": value, "score": value + case["seed"] % 1000 * 1e-6, "steps": 1}
            done.append(Done(case, {**numbers, "seconds": 0.5, "diverged": False}))


def test_budgets_are_equal_and_seeds_fresh():
    experiment = contest(EGNRegression, places=["digits"], epochs=[1])
    done = learnt(experiment, lambda _: 1.0)
    tuning = [each.case for each in done if each.case["phase"] == "tuning"]
    reported = [each.case for each in done if each.case["phase"] == "run"]
    assert Counter(case["entry"] for case in tuning) == {"adam": 6, "egn": 6, "egn-search": 2}
    assert Counter(case["entry"] for case in reported) == dict.fromkeys(CONTENDERS, 2)
    assert not {case["seed"] for case in tuning} & {case["seed"] for case in reported}
    by_entry = {name: [c["seed"] for c in reported if c["entry"] == name] for name in CONTENDERS}
    assert len({tuple(seeds) for seeds in by_entry.values()}) == 1


def test_knobs_are_the_best_in_the_mean_over_splits():
    experiment = contest(EGNRegression, places=["digits"], epochs=[1])
    first = {}

    def judged(case):
        """Of "egn" the draw of the largest rate; one split favours another by a little."""
        first.setdefault(case["entry"], case["seed"])
        rate = case["knobs"].get("rate", 1.0)
        return 2.0 - rate + (0.05 * rate if case["seed"] == first[case["entry"]] else 0.0)

    done, entries = learnt(experiment, judged), read_entries(experiment.contenders)
    rates = {e.case["knobs"]["rate"] for e in done if e.case["entry"] == "egn"}
    assert experiment.best("digits", entries["egn"], done)[0]["rate"] == max(rates)
    assert experiment.best("digits", entries["egn"], done[:3]) is None


def test_the_variant_is_chosen_by_what_judges_and_not_by_the_score():
    experiment = contest(EGNRegression, places=["digits"], epochs=[1])
    done = learnt(experiment, lambda case: 0.2 if case["entry"] == "egn-search" else 0.4)
    worse = [
        Done(d.case, {**d.numbers, "score": 9.0}) if d.case["entry"] == "egn-search" else d
        for d in done
    ]
    assert experiment.chosen("digits", worse) == "egn-search"
    said = experiment.findings(worse)
    assert "tuning chose egn-search" in said
    assert "it is worse" in said
    assert "as good" in experiment.findings(learnt(experiment, lambda _: 0.3))
    assert len(experiment.figure(worse).axes) == 1


def test_standing_of_a_difference():
    assert standing(Interval(-1.0, 0.5)) == "better"
    assert standing(Interval(1.0, 0.5)) == "worse"
    assert standing(Interval(1.0, 1.5)) == "as good, within noise"
    assert standing(Interval(1.0, np.nan)) == "not to be compared"


def test_a_table_is_divided_anew_and_brought_to_the_scale_of_its_first_part():
    table = read_table("digits")
    parts = table.divided(1)
    assert [len(y) for _, y in parts] == [1078, 360, 359]
    varied = parts[0][0].std(axis=0) > 0
    np.testing.assert_allclose(parts[0][0].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(parts[0][0].std(axis=0)[varied], 1, atol=1e-4)
    assert abs(parts[2][0].mean(axis=0)).max() > 1e-3
    assert not np.array_equal(table.divided(2)[0][1], parts[0][1])
    rows = np.concatenate([y for _, y in parts])
    assert Counter(rows.tolist()) == Counter(table.y.tolist())


@pytest.mark.parametrize(
    ("name", "columns", "rows"), [("diabetes", 10, 442), ("breast-cancer", 30, 569)]
)
def test_tables_of_scikit_learn(name, columns, rows):
    pytest.importorskip("sklearn.datasets")
    table = read_table(name)
    assert table.x.shape == (rows, columns)
    experiment = contest(EGNRegression, places=[name], epochs=[20])
    case = next(c for c in experiment.cases([]) if c["entry"] == "egn")
    numbers = experiment.measure(case)
    assert numbers == {**experiment.measure(case), "seconds": numbers["seconds"]}
    # Guessing the mean, or the commoner class, is what an error must beat.
    guess = 0.372 if table.classes else 1.0
    assert 0 < numbers["score"] < guess


def test_unknown_places_are_named():
    with pytest.raises(InvalidInput, match="'iris' is no table"):
        read_table("iris")
    experiment = contest(EGNControl, places=["chess"], epochs=[1])
    with pytest.raises(InvalidInput, match="'chess' is no task"):
        experiment.measure(experiment.cases([])[0])
