"""What a picture of a sweep shows is what the sweep says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.plots.drawn import lines
from thermolinalg.analysis.sensitivity import Point, Sensitivity
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.sensitivity import REFUSED, plot_sensitivity

SAYS = {
    "bits": "bits of a coefficient",
    "drift": "temperature drift",
    "coloured": "memory of the noise",
    "time": "time",
}
VALUES = {"bits": [3, 8, 16], "drift": [0.5], "coloured": [0.0, 0.01, 1.0], "time": [1e2, 1e5]}


def result_of(measured, metric="relative error", refused=()):
    """With `measured(knob, value, seed)`, of three seeds."""
    asked = [(None, None), *((knob, value) for knob in VALUES for value in VALUES[knob])]
    points = [
        Point(knob, value, k, {}, "no room")
        if (knob, value) in refused and k >= 3 - refused[knob, value]
        else Point(knob, value, k, {metric: measured(knob, value, k)})
        for knob, value in asked
        for k in range(3)
    ]
    return Sensitivity("solve, n = 3", metric, tla.Device(), SAYS, tuple(points), 3, 0)


def error(_knob, value, k):
    return 0.001 * (k + 1) * (1 + (value or 0.0))


REFUSALS = {("bits", 3): 3, ("coloured", 1.0): 1}
RESULT = result_of(error, refused=REFUSALS)


@pytest.fixture
def panels():
    figure = plot_sensitivity(RESULT)
    figure.draw_without_rendering()
    return dict(zip(VALUES, figure.axes, strict=True))


def test_a_panel_shows_medians_ranges_and_the_device_as_it_came(panels):
    for knob, ax in panels.items():
        curve = RESULT.curve(knob)
        known = ~np.isnan(curve.median)
        (medians,) = [
            line.get_xydata()
            for line in ax.lines
            if line.get_marker() == "o" and len(line.get_xdata())
        ]
        assert np.array_equal(medians, np.c_[curve.values, curve.median][known])
        (bars,) = [np.array(bars.get_segments()) for bars in ax.collections]
        reach = np.c_[curve.low, curve.high][known]
        assert np.allclose(bars[:, :, 1], reach, rtol=1e-12)
        (reference,) = lines(ax, linestyle="--")
        assert set(reference[:, 1]) == {0.002}


def test_refusals_are_marked_at_their_values(panels):
    for knob, ax in panels.items():
        (crosses,) = lines(ax, marker="x", color=REFUSED)
        assert crosses[:, 0].tolist() == [value for name, value in REFUSALS if name == knob]
    words = [text.get_text() for text in plt.gcf().legends[0].get_texts()]
    assert words == ["median and range of 3 seeds", "device as it came", "refused"]
    plot_sensitivity(result_of(error))
    assert len(plt.gcf().legends[0].get_texts()) == 2


def test_axes_are_logarithmic_where_values_spread_and_in_percent_for_shares(panels):
    assert {knob: ax.get_xscale() for knob, ax in panels.items()} == {
        "bits": "linear", "drift": "linear", "coloured": "symlog", "time": "log"
    }  # fmt: skip
    assert {ax.get_yscale() for ax in panels.values()} == {"log"}
    drift = [text.get_text() for text in panels["drift"].get_xticklabels()]
    assert drift == ["50 %"]
    marks = [text.get_text() for text in panels["bits"].get_yticklabels()]
    assert "1 %" in marks
    assert panels["bits"].get_ylabel() == "relative error"
    assert {panels[knob].get_xlabel() for knob in VALUES} == set(SAYS.values())


def test_an_accuracy_that_hardly_moves_is_drawn_to_scale():
    figure = plot_sensitivity(result_of(lambda *_: 0.9, "test accuracy"))
    figure.draw_without_rendering()
    ax = figure.axes[0]
    assert ax.get_yscale() == "linear"
    assert any(text.get_text() == "90 %" for text in ax.get_yticklabels())


def test_a_sweep_that_is_refused_throughout_is_still_drawn():
    refused = {(knob, value): 3 for knob in VALUES for value in VALUES[knob]} | {(None, None): 3}
    plot_sensitivity(result_of(error, refused=refused)).draw_without_rendering()


def test_misuse_is_one_clear_error_and_opens_no_figure():
    with pytest.raises(InvalidInput, match="result is a int"):
        plot_sensitivity(3)
    with pytest.raises(InvalidInput, match="'joy' was not measured"):
        plot_sensitivity(RESULT, "joy")
    assert plt.get_fignums() == []
