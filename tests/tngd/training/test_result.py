"""A result survives the disk, says what it is, and can be drawn."""

import contextlib
import errno
import os

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tngd
from tests.tngd.training.cases import LOSS, NET, points
from thermolinalg.errors import DataError, OutputError
from tngd.plots import moving_average


@pytest.fixture(scope="module")
def result():
    return tngd.fit(
        NET,
        LOSS,
        points(),
        optimizer=tngd.TNGD(),
        epochs=2,
        validation=points(12, seed=1),
        progress=False,
        rng=2**70,
    )


@pytest.fixture(scope="module")
def saved(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "run.npz"
    result.save(path)
    return path.read_bytes()


def test_round_trip(result, tmp_path):
    result.save(tmp_path / "run")
    again = tngd.load_result(str(tmp_path / "run"))
    assert again.params.tobytes() == result.params.tobytes()
    assert again.params.dtype == result.params.dtype
    assert again.history == result.history
    assert (again.optimizer, again.ending, again.seed) == ("tngd", result.ending, 2**70)


def test_losses_that_are_no_numbers_survive(tmp_path):
    diverged = tngd.fit(
        NET, LOSS, points(), optimizer=tngd.SGD(1e30), progress=False, rng=0, batch=30
    )
    assert diverged.ending is tngd.Ending.DIVERGED
    diverged.save(tmp_path / "run")
    again = tngd.load_result(tmp_path / "run")
    assert again.ending is tngd.Ending.DIVERGED
    truth = diverged.history.column("loss")
    assert not np.isfinite(truth[-1])
    np.testing.assert_array_equal(again.history.column("loss"), truth)


@given(
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
)
def test_a_damaged_file_says_so(saved, cut, flips, tmp_path_factory):
    """Or is read: some bytes of a zip archive mean nothing."""
    damaged = bytearray(saved)
    for place, change in flips:
        damaged[round(place * (len(saved) - 1))] ^= change
    path = tmp_path_factory.mktemp("damaged") / "run"
    path.write_bytes(damaged[: round(cut * len(saved))])
    with contextlib.suppress(DataError):
        tngd.load_result(path)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_what_is_no_result(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match="a holds no saved training result"):
        tngd.load_result(tmp_path / "a")


def test_arrays_that_are_no_result(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    np.savez(tmp_path / "c.npz", about="[]", history="3", params=np.zeros(3))
    pickled = np.array([{}], dtype=object)
    np.savez(tmp_path / "d.npz", about=pickled, history="3", params=np.zeros(3))
    for path in (*tmp_path.iterdir(), tmp_path / "missing", tmp_path):
        with pytest.raises(DataError):
            tngd.load_result(path)


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_an_interrupted_save_leaves_the_old_file(result, tmp_path, monkeypatch, function):
    path = tmp_path / "run.npz"
    result.save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OutputError):
        result.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_repr(result):
    words = repr(result)
    assert words.startswith("TrainingResult(tngd, FINISHED, 2 steps, loss ")
    assert f"validation accuracy {result.history.epochs[-1].accuracy:.4f})" in words


@pytest.fixture
def backend():
    before = plt.get_backend()
    plt.switch_backend("Agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.mark.usefixtures("backend")
def test_plot(result):
    axes = result.plot()
    measured, average, held_out = axes.lines
    assert np.array_equal(measured.get_ydata(), result.history.column("loss"))
    assert list(held_out.get_xdata()) == [1, 2]
    assert held_out.get_ydata()[0] == result.history.epochs[0].loss
    assert np.array_equal(average.get_ydata(), result.history.column("loss")), (
        "too short to average"
    )
    assert measured.get_marker() == average.get_marker() == "."
    axes.figure.canvas.draw()
    _, given_axes = plt.subplots()
    assert result.plot(given_axes) is given_axes


@pytest.mark.parametrize(("steps", "width"), [(0, 1), (1, 1), (9, 1), (30, 6), (100, 20)])
def test_a_moving_average_leaves_a_curve(steps, width):
    values = np.arange(steps, dtype=float) ** 2
    at, means = moving_average(values)
    assert at.tolist() == list(range(width, steps + 1))
    truth = [values[last - width : last].mean() for last in at]
    np.testing.assert_allclose(means, truth, rtol=2 * width * np.finfo(float).eps)
