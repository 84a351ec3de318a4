"""What all pictures of a run share: axes, legends, libraries and errors."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.plots.drawn import (
    MANY,
    ONE,
    OSCILLATOR,
    REST,
    SHEAR,
    STILL,
    SWING,
    WELL,
    legend_of,
    run_of,
)
from thermolinalg import errors
from thermolinalg.plots.canvas import FEW

PICTURES = [
    tla.plot_trajectories,
    tla.plot_ellipses,
    tla.plot_autocovariance,
    tla.plot_spectrum,
]
each_picture = pytest.mark.parametrize("plot", PICTURES, ids=lambda plot: plot.__name__)


@each_picture
@pytest.mark.parametrize("process", [SHEAR, OSCILLATOR, MANY, STILL, WELL, SWING])
def test_every_picture_says_what_it_shows_and_leaves_the_rest_alone(plot, process):
    if process is STILL and plot is tla.plot_spectrum:
        return  # refused below
    run = run_of(process)
    before, figure = dict(plt.rcParams), plt.figure()
    given = figure.add_subplot()
    ax = plot(process, run, ax=given)
    assert ax is given
    assert plt.get_fignums() == [figure.number]
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= ax.get_window_extent().x1, "the legend lies beside the data"
    assert dict(plt.rcParams) == before
    if process is MANY and plot is not tla.plot_ellipses:
        assert f"{FEW} of 50 coordinates" in legend_of(ax)


@each_picture
def test_one_chain_of_any_library_will_do(plot):
    torch = pytest.importorskip("torch")
    process = tla.OU(*(torch.tensor(np.asarray(M)) for M in (SHEAR.A, SHEAR.b, SHEAR.D)))
    for some in (process, WELL):
        plot(some, run_of(some, chains=1))


def test_a_single_precision_run_is_evenly_spaced_all_the_same():
    process = tla.OU(*(np.asarray(M, np.float32) for M in (SHEAR.A, SHEAR.b, SHEAR.D)))
    run = run_of(process, m=5000, dt=0.01)
    assert run.times.dtype == np.float32
    tla.plot_autocovariance(process, run)
    tla.plot_spectrum(process, run)


def test_one_coordinate_has_all_pictures_but_ellipses():
    run = run_of(ONE)
    for plot in PICTURES:
        if plot is not tla.plot_ellipses:
            plot(ONE, run)
    with pytest.raises(errors.InvalidInput, match="coordinates"):
        tla.plot_ellipses(ONE, run)


RUN = run_of(SHEAR)
SHORT = RUN.states[:1, :30]
OTHER = tla.stationary(ONE)
AT_REST = run_of(SHEAR, x0=REST)
UNEVEN = tla.simulate(SHEAR, [0.0, 1.0, 3.0], rng=0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: tla.plot_trajectories(SHEAR, RUN.states), errors.InvalidInput, "a Trajectory is"),
        (lambda: tla.plot_trajectories(REST, RUN), errors.InvalidInput, "process is a Gaussian"),
        (lambda: tla.plot_trajectories(ONE, RUN), errors.ShapeMismatch, "states have shape"),
        (lambda: tla.plot_trajectories(SHEAR, AT_REST), errors.InvalidInput, "pass x0="),
        (lambda: tla.plot_trajectories(SHEAR, RUN, x0=[1, 1]), errors.InvalidInput, "not begin"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, x0=[1]), errors.ShapeMismatch, "x0 has shape"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, x0=OTHER), errors.ShapeMismatch, "x0"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, paths=-1), errors.InvalidInput, "paths"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, ax=[1]), errors.InvalidInput, "ax is a list"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates=2), errors.InvalidInput, "0 to 1"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates=[]), errors.InvalidInput, "0 to 1"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates="x"), errors.InvalidInput, "0 to 1"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates=[0, 0]), errors.InvalidInput, "0 "),
        (lambda: tla.plot_ellipses(SHEAR, RUN, coordinates=[0]), errors.InvalidInput, "two"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, coordinates=1), errors.InvalidInput, "two"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times="a"), errors.InvalidInput, "times"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times=None), errors.InvalidInput, "times"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times=[0.123]), errors.InvalidInput, "not read at"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times=["a"]), errors.InvalidInput, "times"),
        (lambda: tla.plot_ellipses(SHEAR, times=[1.0]), errors.InvalidInput, "pass x0="),
        (lambda: tla.plot_ellipses(SHEAR, times=[-1.0], x0=[0, 0]), errors.InvalidInput, ">= 0"),
        (lambda: tla.plot_ellipses(SHEAR, times=[1.0], x0=[0]), errors.ShapeMismatch, "start"),
        (lambda: tla.plot_ellipses(WELL), errors.InvalidInput, "pass a run"),
        (lambda: tla.plot_autocovariance(SHEAR, UNEVEN), errors.InvalidInput, "evenly"),
        (lambda: tla.plot_autocovariance(SHEAR, RUN.states), errors.InvalidInput, "pass dt="),
        (lambda: tla.plot_autocovariance(SHEAR, RUN.states, dt=0), errors.InvalidInput, "dt = 0"),
        (lambda: tla.plot_autocovariance(SHEAR, RUN, dt=0.1), errors.InvalidInput, "leave dt out"),
        (lambda: tla.plot_autocovariance(SHEAR, RUN, longest=99), errors.InvalidInput, "longest"),
        (lambda: tla.plot_autocovariance(SHEAR, [[np.nan, 0]], dt=1), errors.NotFinite, "states"),
        (lambda: tla.plot_autocovariance(SHEAR, [[1, 0]], dt=1), errors.InvalidInput, "one time"),
        (lambda: tla.plot_spectrum(SHEAR, UNEVEN), errors.InvalidInput, "evenly"),
        (lambda: tla.plot_spectrum(SHEAR, SHORT, dt=1), errors.InvalidInput, "too few"),
        (lambda: tla.plot_spectrum(SHEAR, RUN, segment=999), errors.InvalidInput, "longer than"),
        (lambda: tla.plot_spectrum(STILL, run_of(STILL)), errors.Degenerate, "stay at their mean"),
        (lambda: tla.plot_spectrum(SHEAR, RUN, segment=2), errors.InvalidInput, "segment"),
    ],
)  # fmt: skip
def test_bad_input_has_one_clear_error_and_opens_no_figure(call, error, says):
    with pytest.raises(error, match=says):
        call()
    assert plt.get_fignums() == []
