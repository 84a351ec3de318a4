"""The command as a user types it: one report, or one clear line."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tngd.__main__ import main

TINY = ["--train", "60", "--seeds", "1", "--trials", "1", "--epochs", "1", "--workers", "1"]
FILES = {"report.json", "report.html", "loss.png", "accuracy.png"}


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """Reports go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TNGD_DATA", raising=False)


def compare(*options):
    return CliRunner().invoke(main, ["compare", *TINY, *options])


def assert_one_clear_line(result, words, code=1):
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert "Traceback" not in result.output


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_a_comparison():
    result = compare("--optimizers", "sgd,ngd,tngd", "--out", "report")
    assert result.exit_code == 0, result.output
    assert set(contents("report")) == FILES
    record = json.loads(Path("report/report.json").read_text())
    assert [c["name"] for c in record["contenders"]] == ["sgd", "ngd", "tngd"]
    assert record["data"]["train"] == 60
    words = result.stdout
    assert words.count("tuning") >= 6
    assert words.count("running") == 3
    assert "steps to target" in words
    assert "TNGD" in words
    assert "Open report/report.html" in words
    assert "digits: 3 optimizers on" in words
    assert "1 epoch. " in words
    assert "Then 1 run with" in words


def test_a_report_is_never_replaced():
    for _ in range(2):
        assert compare("--optimizers", "sgd").exit_code == 0
    first = contents("tngd-report")
    assert compare("--optimizers", "sgd").exit_code == 0
    assert contents("tngd-report") == first
    assert sorted(path.name for path in Path().iterdir()) == [
        "tngd-report", "tngd-report-2", "tngd-report-3",
    ]  # fmt: skip


def test_nor_is_one_that_another_comparison_made_meanwhile(monkeypatch):
    from tngd import __main__ as command

    def meanwhile(*rows):
        Path("tngd-report/report.json").write_text("another's")
        return original(*rows)

    original = command.summarise
    monkeypatch.setattr(command, "summarise", meanwhile)
    result = compare("--optimizers", "sgd")
    assert result.exit_code == 0
    assert Path("tngd-report/report.json").read_text() == "another's"
    assert set(contents("tngd-report-2")) == FILES
    assert "Open tngd-report-2/report.html" in result.stdout


def test_the_same_seed_gives_the_same_report():
    losses = []
    for seed in ("3", "3", "4"):
        assert compare("--optimizers", "tngd", "--seed", seed, "--out", "a").exit_code == 0
        newest = max(Path().glob("a*/report.json"), key=lambda path: path.stat().st_mtime_ns)
        (contender,) = json.loads(newest.read_text())["contenders"]
        losses.append(contender["trials"][0]["losses"])
    assert losses[0] == losses[1] != losses[2]


def test_all_the_usual_contenders_take_part():
    result = compare()
    assert result.exit_code == 0, result.output
    record = json.loads(Path("tngd-report/report.json").read_text())
    names = {contender["name"] for contender in record["contenders"]}
    assert {"sgd", "adam", "ngd", "tngd", "tngd-adam"} <= names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--optimizers", "newton"], "'newton' is unknown. There are: sgd"),
        (["--optimizers", "sgd,sgd"], "each one once"),
        (["--optimizers", ""], "unknown"),
        (["--optimizers", "tngd:time=-1"], "time"),
        (["--damping", "-1"], "damping"),
        (["--damping", "nan"], "damping"),
        (["--train", "5000"], "there are 1107 training examples at most"),
        (["--data", "mnist", "--folder", "nowhere"], "nowhere"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done(options, words):
    result = compare(*options)
    assert_one_clear_line(result, words)
    assert not list(Path().iterdir()), "no folder is made for it"


@pytest.mark.parametrize("option", ["train", "seeds", "trials", "epochs", "batch", "workers"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_counts_that_cannot_be(option, value):
    result = compare(f"--{option}", value)
    assert result.exit_code == 2
    assert f"Invalid value for '--{option}'" in result.stderr
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("options", "option"), [(["--data", "cifar"], "data"), (["--seed", "-1"], "seed")], ids=str
)
def test_other_values_that_cannot_be(options, option):
    result = compare(*options)
    assert result.exit_code == 2
    assert f"--{option}" in result.stderr


def test_out_is_a_file():
    Path("taken").write_text("mine")
    assert_one_clear_line(compare("--out", "taken"), "taken")
    assert_one_clear_line(compare("--out", "taken/inside"), "taken")
    assert Path("taken").read_text() == "mine"


def test_out_cannot_be_written(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "out")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert_one_clear_line(compare("--out", "out"), "Read-only file system")


def test_a_disk_that_fills_up_at_the_end(monkeypatch):
    """The earlier report stays, and of the new one there is nothing."""
    from tngd.experiments import report

    assert compare("--optimizers", "sgd").exit_code == 0
    before = contents("tngd-report")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def last_picture(comparison):
        monkeypatch.setattr(os, "fsync", full)
        return original(comparison)

    original = report.accuracy_picture
    monkeypatch.setattr(report, "accuracy_picture", last_picture)
    result = compare("--optimizers", "sgd")
    assert_one_clear_line(result, "No space left on device")
    assert "steps to target" in result.stdout, "the numbers are not lost with the files"
    assert contents("tngd-report") == before
    assert contents("tngd-report-2") == {}


def test_an_interrupt(monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("tngd.experiments.comparison.run_trial", interrupted)
    assert_one_clear_line(compare(), "stopped; no report was written", code=130)
    assert not list(Path().iterdir()), "the folder it made goes with it"
    Path("mine").mkdir()
    assert_one_clear_line(compare("--out", "mine"), "stopped", code=130)
    assert contents("mine") == {}, "a folder that was there stays"


def test_help_names_every_option():
    words = CliRunner().invoke(main, ["compare", "--help"]).stdout
    for option in ("data", "folder", "train", "optimizers", "seeds", "trials", "epochs", "out"):
        assert f"--{option}" in words


def test_the_module_can_be_run():
    run = subprocess.run(
        [sys.executable, "-m", "tngd", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "compare" in run.stdout
