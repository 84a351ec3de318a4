"""Four files that hold everything and need nothing, written all or not at all."""

import base64
import errno
import html
import io
import json
import os
import re
from dataclasses import asdict, replace

import matplotlib.image
import numpy as np
import pytest

from tests.tngd.experiments.cases import comparison, comparison_with_a_diverged_contender
from thermolinalg.errors import OutputError
from tngd.experiments.report import conditions, write_report
from tngd.experiments.summary import cells, summarise
from tngd.experiments.words import verdict

FILES = {"report.json", "report.html", "loss.png", "accuracy.png"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("report")
    write_report(comparison(), made, "tngd compare --out '<b>&'")
    return made


def strict(text):
    """JSON as its standard has it: Python would read NaN and Infinity as well."""

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_four_files_and_no_remains(folder):
    assert {path.name for path in folder.iterdir()} == FILES


def test_the_json_file_holds_everything(folder):
    record = strict((folder / "report.json").read_text())
    made = comparison()
    assert record["command"] == "tngd compare --out '<b>&'"
    assert record["seed"] == made.seed
    assert record["data"] == {
        "name": "toy", "train": 30, "validation": 30, "test": 30, "division_seed": 0,
    }  # fmt: skip
    assert (record["batch"], record["epochs"], record["workers"]) == (7, 2, 1)
    assert record["target_validation_accuracy"] == 0.8
    assert record["network"] == repr(made.setting.network).splitlines()
    assert {"python", "system", "processor", "numpy", "scipy"} <= set(record["machine"])
    assert [row["name"] for row in record["summary"]] == ["sgd", "ngd", "tngd"]
    for kept, result in zip(record["contenders"], made.results, strict=True):
        assert kept["knobs"] == dict(result.contender.knobs)
        assert (kept["rate"], kept["rate_at_edge_of_search"]) == (result.rate, result.at_edge)
        for name in ("search", "trials"):
            truth = [asdict(trial) for trial in getattr(result, name)]
            assert kept[name] == json.loads(json.dumps(truth))


def test_numbers_that_are_none_become_null(tmp_path):
    write_report(comparison_with_a_diverged_contender(), tmp_path, "")
    record = strict((tmp_path / "report.json").read_text())
    diverged = record["contenders"][-1]["trials"][0]
    assert diverged["diverged"]
    assert record["summary"][-1]["steps_to_target"] is None


def test_the_page_needs_nothing_but_itself(folder):
    page = (folder / "report.html").read_text()
    assert not re.search(
        r"https?:|//|<script|<link|@import|url\(", re.sub(r'"data:[^"]*"', "", page)
    )
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 2
    for source, name in zip(sources, ("loss.png", "accuracy.png"), strict=True):
        head, _, body = source.partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(body) == (folder / name).read_bytes()


def test_the_page_says_what_the_terminal_says(folder):
    page, rows = (folder / "report.html").read_text(), summarise(comparison())
    for sentence in verdict(rows, 0.8):
        assert html.escape(sentence) in page
    for row in rows:
        assert "".join(f"<td>{cell}</td>" for cell in cells(row)) in page
    assert html.escape(conditions(comparison())) in page
    assert "&lt;b&gt;&amp;" in page, "what the user typed is text, not markup"
    assert page.count("[") == 3, "each chosen rate is in brackets"


def test_conditions_are_those_of_the_comparison():
    words = conditions(comparison())
    assert "30 training, 30 validation and 30 test images; batches of 7, 2 epochs" in words
    assert "the rate alone was tuned, all by the same budget: 3 rates, 2 runs each" in words
    assert "whose worst run ends with the best validation accuracy" in words
    assert "fixed by hand" in words
    assert "2 runs with fresh seeds" in words
    assert "80 % validation accuracy" in words


def test_one_rate_was_not_tuned():
    made = comparison()
    results = tuple(replace(r, search=r.search[:2]) for r in made.results)
    words = conditions(replace(made, results=results, setting=replace(made.setting, epochs=1)))
    assert "Nothing was tuned" in words
    assert "alone was tuned" not in words
    assert "batches of 7, 1 epoch." in words


def test_rates_are_shown_with_what_they_were_judged_by(folder):
    page = (folder / "report.html").read_text()
    for result in comparison().results:
        for rate in {trial.rate for trial in result.search}:
            scores = [100 * t.final.accuracy for t in result.search if t.rate == rate]
            text = f"{rate:g}: {min(scores):.1f} ({np.mean(scores):.1f})"
            assert (f"[{text}]" if rate == result.rate else text) in page


def test_a_rate_that_diverged_says_so(tmp_path):
    write_report(comparison_with_a_diverged_contender(), tmp_path, "")
    assert "1e+38: diverged" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("make", [comparison, comparison_with_a_diverged_contender])
def test_pictures_are_pictures(make, tmp_path):
    write_report(make(), tmp_path, "")
    for name in ("loss.png", "accuracy.png"):
        content = (tmp_path / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        pixels = matplotlib.image.imread(io.BytesIO(content))
        assert pixels.shape[:2] == (504, 1200)
        assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 50, "not blank"


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_full_disk_leaves_the_earlier_report(tmp_path, monkeypatch, failing):
    for name in FILES:
        (tmp_path / name).write_text("earlier")
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_report(comparison(), tmp_path, "")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        FILES, "earlier"
    )
