"""What the pictures show: the lines themselves, not their pixels."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.tngd.experiments.cases import comparison, comparison_with_a_diverged_contender
from tngd.experiments import pictures
from tngd.experiments.trial import Look

PICTURES = (pictures.loss_picture, pictures.accuracy_picture)


@pytest.fixture
def drawn(monkeypatch):
    """The axes of a picture."""

    def axes_of(picture, made):
        kept = []
        original = pictures._png

        def keep(figure, *rest):
            kept.append(figure)
            return original(figure, *rest)

        monkeypatch.setattr(pictures, "_png", keep)
        picture(made)
        return kept[0].axes

    return axes_of


def with_an_early_end():
    """The first run of sgd ends after step 3, the others go on to 10."""
    made = comparison()
    first, *others = made.results[0].trials
    looks = (*(look for look in first.looks if look.step < 3), Look(3, 1.0, 0.5, 0.003, 0.0))
    early = replace(
        first, losses=(*first.losses[:2], np.nan), seconds=first.seconds[:3], looks=looks,
        diverged=True,
    )  # fmt: skip
    result = replace(made.results[0], trials=(early, *others))
    return replace(made, results=(result, *made.results[1:]))


@pytest.mark.parametrize("picture", PICTURES)
def test_one_run_that_ends_early_cuts_no_other(drawn, picture):
    by_step, by_time = drawn(picture, with_an_early_end())
    assert by_step.lines[0].get_xdata()[-1] == 10
    assert by_step.lines[0].get_label().endswith(", 1 of 2 diverged")
    survivor = comparison().results[0].trials[1]
    if picture is pictures.accuracy_picture:
        last = 100 * survivor.final.accuracy
        assert by_step.lines[0].get_ydata()[-1] == last
        assert by_time.lines[0].get_ydata()[-1] == last


@pytest.mark.parametrize("picture", PICTURES)
def test_a_short_run_shows_its_points(drawn, picture):
    by_step, by_time = drawn(picture, comparison())
    for axes in (by_step, by_time):
        for line in axes.lines[:3]:
            assert line.get_marker() == "."
            assert len(line.get_xdata()) >= 5


@pytest.mark.parametrize("picture", PICTURES)
def test_the_legend_says_what_line_and_band_are(drawn, picture):
    by_step, _ = drawn(picture, comparison())
    assert by_step.get_legend().get_title().get_text() == "line: median, band: range over seeds"


@pytest.mark.parametrize("picture", PICTURES)
def test_seconds_begin_at_the_data(drawn, picture):
    _, by_time = drawn(picture, comparison())
    first = min(line.get_xdata()[0] for line in by_time.lines[:3])
    assert 0 < by_time.get_xlim()[0] <= first < 10 * by_time.get_xlim()[0]
    assert min(t.seconds[0] for r in comparison().results for t in r.trials) <= first


@pytest.mark.parametrize("factor", [1.0, 0.01, 1e4])
def test_labels_of_seconds_do_not_overlap(drawn, factor):
    made = comparison()
    results = tuple(
        replace(r, trials=tuple(replace(t, seconds=tuple(1e-3 * factor**k * 2.0**j for j in
                                                         range(len(t.seconds)))) for t in r.trials))
        for k, r in enumerate(made.results)
    )  # fmt: skip
    _, by_time = drawn(pictures.loss_picture, replace(made, results=results))
    low, high = by_time.get_xlim()
    renderer = FigureCanvasAgg(by_time.figure).get_renderer()
    boxes = sorted(
        (label.get_window_extent(renderer) for at, label in zip(by_time.get_xticks(),
         by_time.get_xticklabels(), strict=True) if low <= at <= high), key=lambda box: box.x0,
    )  # fmt: skip
    assert len(boxes) >= 2
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert not any(label.get_text() for label in by_time.get_xticklabels(minor=True))


@pytest.mark.parametrize("picture", PICTURES)
def test_exact_solutions_lie_on_top_of_thermodynamic_ones(drawn, picture):
    by_step, _ = drawn(picture, comparison())
    _, ngd, tngd = by_step.lines[:3]
    assert ngd.get_zorder() > tngd.get_zorder()
    assert (ngd.get_linestyle(), tngd.get_linestyle()) == (":", "-")


@pytest.mark.parametrize("picture", PICTURES)
def test_a_contender_that_never_gets_anywhere_stays_in_the_legend(drawn, picture):
    by_step, _ = drawn(picture, comparison_with_a_diverged_contender())
    labels = [text.get_text() for text in by_step.get_legend().get_texts()]
    assert labels[-1].startswith("sgd, rate 1")
    assert labels[-1].endswith("2 of 2 diverged")
