"""Cases are run once, whatever interrupts them, and come back in their order."""

import json

import pytest

from tests.tngd.reproduce.cases import squares, times_run
from tngd.reproduce.page import write_page
from tngd.reproduce.runner import find_kept, run_cases


def numbers(done):
    return [(each.case["n"], each.numbers["square"]) for each in done]


def test_cases_that_follow_from_results_are_run_after_them(tmp_path):
    seen = []

    def watch(done, ended, total):
        seen.append((done.case["n"], ended, total))

    done = run_cases(squares(tmp_path), tmp_path / "runs", workers=1, watcher=watch)
    assert numbers(done) == [(1, 1), (2, 4), (3, 9), (14, 196)]
    assert seen == [(1, 1, 3), (2, 2, 3), (3, 3, 3), (14, 4, 4)]


def test_an_interrupted_run_goes_on(tmp_path):
    runs = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt):
        run_cases(squares(tmp_path, fails=3), runs, workers=1)
    assert times_run(tmp_path) == {1: 1, 2: 1}
    done = run_cases(squares(tmp_path), runs, workers=1)
    assert numbers(done) == [(1, 1), (2, 4), (3, 9), (14, 196)]
    assert times_run(tmp_path) == {1: 1, 2: 1, 3: 1, 14: 1}


def test_workers_change_nothing(tmp_path):
    alone = run_cases(squares(tmp_path), tmp_path / "alone", workers=1)
    assert run_cases(squares(tmp_path), tmp_path / "two", workers=2) == alone


def test_a_damaged_file_is_run_again(tmp_path):
    runs = tmp_path / "runs"
    run_cases(squares(tmp_path), runs, workers=1)
    damaged, lost, other = sorted(runs.iterdir())[:3]
    damaged.write_bytes(damaged.read_bytes()[:-20])
    lost.unlink()
    changed = json.loads(other.read_text())
    other.write_text(json.dumps({**changed, "numbers": '{"square": 5}'}))
    assert [find_kept(path) for path in (damaged, lost, other)] == [None, None, None]
    done = run_cases(squares(tmp_path), runs, workers=1)
    assert numbers(done) == [(1, 1), (2, 4), (3, 9), (14, 196)]
    assert sorted(times_run(tmp_path).values()) == [1, 2, 2, 2]


def test_the_page_says_claim_settings_command_and_findings(tmp_path):
    published = squares(tmp_path, numbers=(2, 5))
    done = run_cases(published, tmp_path / "runs", workers=1)
    page = write_page(published, done, tmp_path, "tngd reproduce squares")
    text = page.read_text()
    for words in ("They grow.", "a book", "`tngd reproduce squares`, 3 cases", "4 25 841"):
        assert words in text
    kept = json.loads((tmp_path / "squares.json").read_text())
    assert [case["numbers"]["square"] for case in kept["cases"]] == [4, 25, 841]
    assert (tmp_path / "squares.png").read_bytes().startswith(b"\x89PNG")
