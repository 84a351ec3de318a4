"""A sweep is the same however often it is interrupted, whoever does the work; nothing stale."""

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import wishart
from thermolinalg.analysis.linear_study import LinearStudy
from thermolinalg.analysis.sensitivity import Point, Sensitivity, sensitivity
from thermolinalg.errors import DoesNotFit, InvalidInput, OutputError

SWEEP = {"bits": [4, 6, 8], "floor": [0.1, 0.3], "effort": [1, 2]}


@dataclass(frozen=True)
class Recorded:
    """Says what it was asked, and leaves a file in `calls` for each time that it was."""

    calls: Path
    question: float = 1.0
    most: float = np.inf  # calls before its process dies
    name: str = "recorded"
    metric: str = "error"

    @property
    def definition(self):
        return self.question

    @property
    def knobs(self):
        return {"effort": "how hard it tries"}

    def measure(self, device, seed, /, **knobs):
        (self.calls / uuid.uuid4().hex).touch()
        if count(self.calls) > self.most:
            os._exit(1)
        bits = device.quantisation.bits if device.quantisation else 16
        if bits > 12 and device.floor == 0.3:
            raise DoesNotFit("the floor is too high for this problem: 0.3 > 0.2.")
        chance = np.random.default_rng([seed, device.chip]).normal()
        return {"error": self.question * chance / bits + device.floor, **knobs}


def count(folder):
    return len(list(folder.iterdir()))


@pytest.fixture
def study(tmp_path):
    (tmp_path / "calls").mkdir()
    return Recorded(tmp_path / "calls")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


def swept(study, folder=None, device=None, workers=1, **options):
    return sensitivity(study, device, SWEEP, folder=folder, workers=workers, **options)


@pytest.mark.parametrize("after", [1, 7, 23])
def test_an_interrupted_sweep_goes_on_where_it_stopped(study, folder, after):
    def interrupt(_point, done, _total):
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(study, folder, watcher=interrupt)
    assert count(study.calls) == count(folder) == after
    resumed = swept(study, folder)
    assert count(study.calls) == 24
    assert resumed.points == swept(study).points


def test_a_killed_sweep_goes_on_where_it_stopped(study, folder):
    script = (
        "from pathlib import Path\n"
        "from tests.thermolinalg.analysis.test_sensitivity import Recorded, swept\n"
        f"swept(Recorded(Path({str(study.calls)!r}), most=9), {str(folder)!r})"
    )
    run = subprocess.run([sys.executable, "-c", script], check=False)
    assert run.returncode == 1
    assert count(study.calls) == 10
    assert count(folder) == 9
    assert swept(study, folder).points == swept(study).points
    assert count(study.calls) == 10 + 15 + 24


def test_what_is_kept_is_not_done_again_and_says_the_same(study, folder):
    first = swept(study, folder)
    again = swept(study, folder)
    assert count(study.calls) == 24
    assert again.points == first.points
    assert str(again) == str(first)


def test_a_longer_sweep_does_only_what_is_new(study, folder):
    swept(study, folder)
    sensitivity(study, sweep={"bits": [4, 5, 6]}, seeds=4, folder=folder, workers=1)
    assert count(study.calls) == 24 + 4 + 3  # the fourth seed; bits = 5 with the first three


def test_tasks_that_are_the_same_are_done_once(study):
    result = sensitivity(study, sweep={"floor": [0.0, 0.1]}, workers=1)
    assert count(study.calls) == 6  # a floor of 0 is the device as it comes
    assert result.curve("floor").median[0] == result.reference().median


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_the_result(study, folder, workers):
    alone = swept(study)
    assert swept(study, folder, workers=workers).points == alone.points
    assert count(study.calls) == 48
    assert count(folder) == 24


@pytest.mark.parametrize(
    "changed",
    [
        {"question": 2.0},
        {"name": "another"},
        {"metric": "effort"},
    ],
    ids=["definition", "name", "metric"],
)
def test_another_study_takes_nothing_of_what_is_kept(study, folder, changed):
    swept(study, folder)
    other = Recorded(study.calls, **changed)
    assert swept(other, folder).points == swept(other).points
    assert count(study.calls) == 3 * 24


def test_another_device_seed_or_version_takes_nothing_of_what_is_kept(study, folder, monkeypatch):
    swept(study, folder)
    swept(study, folder, device=tla.Device(mismatch=tla.Mismatch(drives=1e-9)))
    assert count(study.calls) == 2 * 24
    swept(study, folder, rng=1)
    assert count(study.calls) == 3 * 24
    monkeypatch.setattr(tla, "__version__", "another")
    swept(study, folder)
    assert count(study.calls) == 4 * 24


def halved(text):
    return text[: len(text) // 2]


def one_digit_changed(text):
    kept = json.loads(text)
    digits = {str(d): str((d + 1) % 10) for d in range(10)}
    where = max(i for i, c in enumerate(kept["result"]) if c in digits)
    result = kept["result"]
    kept["result"] = result[:where] + digits[result[where]] + result[where + 1 :]
    return json.dumps(kept)


def emptied(text):
    return text[:0]


def of_another_kind(text):
    return json.dumps([text])


@pytest.mark.parametrize("damage", [halved, one_digit_changed, emptied, of_another_kind])
def test_a_damaged_file_is_done_again(study, folder, damage):
    whole = swept(study, folder)
    for path in list(folder.iterdir())[:5]:
        path.write_text(damage(path.read_text()))
    assert swept(study, folder).points == whole.points
    assert count(study.calls) == 24 + 5
    swept(study, folder)
    assert count(study.calls) == 24 + 5


def test_refusals_are_results(study, folder):
    for result in (swept(study, folder), swept(study, folder)):
        refused = [p for p in result.points if p.refusal]
        assert [(p.knob, p.value, p.seed) for p in refused] == [("floor", 0.3, k) for k in range(3)]
        assert all(p.numbers == {} for p in refused)
        assert result.refusals("floor") == {
            0.3: "the floor is too high for this problem: 0.3 > 0.2."
        }
        curve = result.curve("floor")
        assert curve.missing.tolist() == [0, 3]
        assert np.isnan(curve.median).tolist() == [False, True]
        assert "0.3  refused by all" in str(result)
    assert count(study.calls) == 24


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"bitz": [4], "floor": [0.1], "mass": [1]}, "'bitz', 'mass' in sweep is no knob"),
        ({}, "sweep must say what to vary"),
        (None, "There are: effort, bits, mismatch"),
        ({"bits": []}, "is empty"),
        ({"bits": 4}, "must be a list"),
        ({"bits": "4"}, "must be a list"),
        ({"bits": [4.5]}, "bits = 4.5 must be an integer"),
        ({"floor": [0.1, -1]}, "floor = -1"),
        ({"floor": [np.nan]}, "must be finite"),
        ({"effort": ["much"]}, "must be a number"),
    ],
)
def test_misuse_is_one_clear_error_before_anything_runs(study, sweep, words):
    with pytest.raises(InvalidInput, match=words):
        sensitivity(study, sweep=sweep, workers=1)
    assert count(study.calls) == 0


def test_other_misuse(study, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        swept(study, tmp_path / "file")
    with pytest.raises(InvalidInput, match="seeds = 0"):
        swept(study, seeds=0)
    with pytest.raises(InvalidInput, match="workers = 0"):
        swept(study, workers=0)
    with pytest.raises(InvalidInput, match=r"'mass' was not turned.*bits, floor, effort"):
        swept(study).curve("mass")
    with pytest.raises(InvalidInput, match=r"'joy' was not measured.*effort, error"):
        swept(study).curve("bits", "joy")


def test_the_watcher_hears_of_each_point_once(study, folder):
    for _ in range(2):  # what was kept is told of, too
        heard = []
        result = swept(study, folder, watcher=lambda *said: heard.append(said))  # noqa: B023
        assert [done for _, done, _ in heard] == list(range(1, 25))
        assert {total for _, _, total in heard} == {24}
        assert sorted(map(repr, result.points)) == sorted(repr(point) for point, _, _ in heard)


def test_each_seed_is_another_chip_unless_chips_are_swept(study):
    chips = sensitivity(study, sweep={"chip": [5, 6], "bits": [16]}, workers=1)
    of = {(p.knob, p.value, p.seed): p.numbers["error"] for p in chips.points}
    assert len({of["bits", 16, k] for k in range(3)}) == 3
    assert [of["bits", 16, k] for k in range(3)] == [of[None, None, k] for k in range(3)]
    same_noise = sensitivity(study, sweep={"chip": [5]}, workers=1)
    assert [p.numbers for p in same_noise.points if p.knob] == [
        p.numbers for p in chips.points if p.value == 5
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6))
def test_a_curve_is_median_and_range_over_the_seeds(numbers):
    points = [Point("bits", 4, k, {"error": x}) for k, x in enumerate(numbers)]
    points.append(Point(None, None, 0, {"error": 7.0}))
    result = Sensitivity(
        "s", "error", tla.Device(), {"bits": "bits"}, tuple(points), len(numbers), 0
    )
    values, *level = result.curve("bits")
    ordered, half = sorted(numbers), len(numbers) // 2
    middle = ordered[half] if len(numbers) % 2 else (ordered[half - 1] / 2 + ordered[half] / 2)
    assert values.tolist() == [4.0]
    assert np.ravel(level) == pytest.approx([middle, min(numbers), max(numbers), 0], rel=1e-12)
    assert result.reference() == (7.0, 7.0, 7.0, 0)


A = wishart(6)
B = np.arange(1.0, 7.0)


def test_a_linear_study_measures_the_error_of_what_the_chip_holds():
    """A colder and colder answer tends to that of the rounded matrix, found here by elimination."""
    step = 2 * np.abs(A).max() / 2**8
    rounded = np.linalg.solve(np.round(A / step) * step, B)
    truth = np.linalg.solve(A, B)
    predicted = np.linalg.norm(rounded - truth) / np.linalg.norm(truth)
    problem = tla.Problem("solve", (A, B), rtol=1e-5, temperature=1e-8)
    result = sensitivity(problem, sweep={"bits": [8]}, workers=1)
    found = result.curve("bits")
    stderr = result.curve("bits", "standard error")
    assert abs(found.median[0] - predicted) < 8 * stderr.high[0]
    assert stderr.high[0] < 0.01 * predicted


def test_a_linear_study_turns_time_and_temperature():
    study = LinearStudy(tla.Problem("solve", (A, B), rtol=1e-9))
    assert set(study.knobs) == {"time", "temperature"}
    assert set(LinearStudy(tla.Problem("inv", A)).knobs) == {"time"}
    least = 2e4
    short, long = (study.measure(tla.Device(), 1, time=least * k) for k in (1, 100))
    assert long["seconds"] == pytest.approx(100 * short["seconds"], rel=1e-2)
    cold = study.measure(tla.Device(), 1, time=least, temperature=1e-4)
    assert cold["relative error"] == pytest.approx(0.01 * short["relative error"], rel=1e-6)
    assert cold["outcome"] == list(tla.Outcome).index(tla.Outcome.BUDGET_SPENT)


def test_joules_are_told_where_prices_are_stated():
    study = LinearStudy(tla.Problem("solve", (A, B)))
    assert "joules" not in study.measure(tla.Device(), 0)
    priced = tla.Device(prices=tla.Prices(coefficient=1.0, reading=0.0, bit=0.0, power=0.0))
    assert study.measure(priced, 0)["joules"] == len(B) * (len(B) + 1)


def test_a_problem_is_kept_by_all_that_it_asks(folder):
    def kept_after(*problem, **options):
        sensitivity(
            tla.Problem(*problem, **options),
            sweep={"bits": [8]}, seeds=1, folder=folder, workers=1,
        )  # fmt: skip
        return count(folder)

    assert kept_after("solve", (A, B)) == 2
    assert kept_after("solve", (A.copy(), B.copy())) == 2
    assert kept_after("solve", (A, 2 * B)) == 4
    assert kept_after("solve", (A, B), rtol=0.02) == 6
    assert kept_after("inv", A) == 8


def test_what_a_device_cannot_hold_is_a_refusal_with_the_number():
    device = tla.Device(limits=tla.Limits(nodes=5))
    result = sensitivity(tla.Problem("inv", A), device, {"bits": [8]}, seeds=1, workers=1)
    assert all(point.refusal and "5" in point.refusal for point in result.points)
    assert "refused by all" in str(result)
