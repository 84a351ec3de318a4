"""`tngd sensitivity` as a user types it: one picture, resumable, or one clear line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tngd.__main__ import main
from tngd.experiments.training_study import TrainingStudy

TINY = ["--train", "40", "--seeds", "2", "--epochs", "1", "--workers", "1"]
SWEEP = ["--sweep", "bits=3", "--sweep", "delay=1", "--sweep", "drift=0.5"]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TNGD_DATA", raising=False)


def sweep(*options):
    return CliRunner().invoke(main, ["sensitivity", *TINY, *options])


def test_one_picture_and_every_number():
    result = sweep(*SWEEP, "--out", "report")
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("report").iterdir()} == {
        "runs", "sensitivity.json", "sensitivity.png",
    }  # fmt: skip
    assert Path("report/sensitivity.png").read_bytes().startswith(b"\x89PNG")
    cases = json.loads(Path("report/sensitivity.json").read_text())["cases"]
    swept = [{p["knob"] for p in case["points"]} - {None} for case in cases]
    assert swept == [{"delay"}, {"drift"}, {"drift"}, {"bits"}, {"bits"}]
    assert all(case["train"] == 40 and case["seeds"] == 2 for case in cases)
    assert all(0 <= p["test accuracy"] <= 1 for case in cases for p in case["points"])
    for words in ("delay (units of t)", "bits of the arrays", "temperature drift (%)", "as it is"):
        assert words in result.stdout


def test_an_interrupted_study_goes_on(monkeypatch):
    whole = sweep(*SWEEP, "--out", "whole")
    assert whole.exit_code == 0
    original, runs = TrainingStudy.measure, []

    def interrupted(self, *arguments, **knobs):
        if len(runs) == 5:
            raise KeyboardInterrupt
        runs.append(1)
        return original(self, *arguments, **knobs)

    monkeypatch.setattr(TrainingStudy, "measure", interrupted)
    stopped = sweep(*SWEEP, "--out", "report")
    assert stopped.exit_code == 130
    (line,) = stopped.stderr.strip().splitlines()
    assert "what is done is in report: run this again to go on" in line
    assert len(list(Path("report/runs").iterdir())) == 5

    def counted(self, *arguments, **knobs):
        runs.append(1)
        return original(self, *arguments, **knobs)

    monkeypatch.setattr(TrainingStudy, "measure", counted)
    assert sweep(*SWEEP, "--out", "report").exit_code == 0
    assert len(runs) == len(list(Path("whole/runs").iterdir())), "nothing is done twice"
    ours, theirs = (
        json.loads(Path(folder, "sensitivity.json").read_text())["cases"]
        for folder in ("report", "whole")
    )
    assert ours == theirs
    assert Path("report/sensitivity.png").read_bytes() == Path("whole/sensitivity.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sweep", "colour=3"], "'colour': this study sweeps"),
        (["--sweep", "bits=few"], "bits=few is not understood"),
        (["--sweep", "bits=0"], "bits"),
        (["--sweep", "delay=-1"], "delay"),
        (["--data", "mnist", "--folder", "nowhere"], "nowhere"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done(options, words):
    result = sweep(*options)
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    assert words in line
