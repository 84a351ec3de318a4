"""What the picture of a timeline shows: its boxes, not its pixels."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest

from thermolinalg.errors import InvalidInput
from tngd.timeline.contract import Durations, Overlap
from tngd.timeline.picture import COLOURS, plot_timeline, unit_of
from tngd.timeline.simulation import simulate_timeline

D = Durations(gradient=4.0, upload=2.0, time=3.0, read=0.5, update=0.5, time_constant=1.0)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("mode", ["synchronous", "asynchronous", "pipelined"])
def test_every_activity_is_a_box_in_its_lane(mode):
    timeline = simulate_timeline(D, Overlap(mode))
    ax = plot_timeline(timeline)
    drawn = [(box.get_x(), box.get_width(), round(box.get_y() + 0.35)) for box in ax.patches]
    rows = {"digital": 0, "device": 1}
    assert drawn == [(each.begin, each.seconds, rows[each.machine]) for each in timeline.activities]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["digital", "device"]
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_title(loc="left") == mode


def test_the_legend_has_what_is_drawn():
    waits = plot_timeline(simulate_timeline(D, Overlap("synchronous")))
    labels = [text.get_text() for text in waits.get_legend().get_texts()]
    assert labels == [kind for kind in COLOURS if kind != "relax (old problem)"]
    assert len(set(COLOURS.values())) == len(COLOURS)


@pytest.mark.parametrize(
    ("seconds", "unit"), [(90.0, "s"), (1.0, "s"), (0.5, "ms"), (2e-5, "µs"), (1e-12, "ns")]
)
def test_the_unit_is_the_largest_that_fits(seconds, unit):
    assert unit_of(seconds)[1] == unit


def test_what_takes_no_time_is_drawn_empty():
    ax = plot_timeline(simulate_timeline(Durations(0.0, time=0.0)))
    assert not ax.patches


def test_axes_must_be_axes():
    with pytest.raises(InvalidInput, match="one matplotlib Axes is needed"):
        plot_timeline(simulate_timeline(D), "here")
