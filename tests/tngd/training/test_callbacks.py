import io
import logging

import pytest

from tngd.optimizers.contract import State
from tngd.training.callbacks import Bar, Lines, watched
from tngd.training.loop import Progress, StepRecord


def at(step, accuracy=0.5):
    record = StepRecord(step, step / 4, 0.25, accuracy, 0.1, 0.0, 0.0, 0.001)
    return Progress(None, State(), record, None)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_come_seldom_and_at_the_end(caplog):
    lines = Lines("sgd", 10)
    with caplog.at_level(logging.INFO, logger="tngd"):
        for step in range(1, 11):
            assert not lines(at(step))
    assert [record.message for record in caplog.records] == [
        "sgd: step 10 of 10, loss 0.2500, accuracy 0.500"
    ]


def test_lines_come_when_their_time_has_come(caplog):
    lines = Lines("sgd", 10, every=0.0)
    with caplog.at_level(logging.INFO, logger="tngd"):
        for step in (1, 2):
            lines(at(step, accuracy=None))
    assert [record.message for record in caplog.records] == [
        "sgd: step 1 of 10, loss 0.2500",
        "sgd: step 2 of 10, loss 0.2500",
    ]


def test_a_bar_counts_and_vanishes(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    bar = Bar("sgd", 3)
    for step in (1, 2, 3):
        assert not bar(at(step))
    bar.close()
    shown = screen.getvalue()
    assert "sgd" in shown
    assert shown.endswith("\r"), "the line is free again"


@pytest.mark.parametrize(("screen", "kind"), [(Terminal(), Bar), (io.StringIO(), Lines)])
def test_a_bar_only_where_a_person_looks(screen, kind, monkeypatch):
    monkeypatch.setattr("sys.stderr", screen)
    with watched("sgd", 3) as watcher:
        assert isinstance(watcher, kind)
