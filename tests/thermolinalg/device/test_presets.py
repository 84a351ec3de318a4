"""Devices that were built or modelled: published numbers, marked guesses, and whole runs."""

from dataclasses import replace

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.device.runs import farthest
from thermolinalg import Device, HeldNoise
from thermolinalg.errors import DoesNotFit, InvalidInput

PRESETS = {
    "ideal": Device.ideal(),
    "tngd": Device.tngd_paper(),
    "spu": Device.spu(),
    "breadboard": Device.breadboard(),
}
each_preset = pytest.mark.parametrize("name", PRESETS)


@each_preset
def test_a_preset_survives_toml_and_names_its_source(name):
    device = PRESETS[name]
    assert Device.from_toml(device.to_toml()) == device
    assert bool(device.source) == (name != "ideal")
    assert ("(assumed)" in device.describe()) == bool(device.assumed)


@pytest.mark.parametrize(("numbers", "seconds"), [(1e4, 4.2e-3), (1e5, 41e-3)])
def test_the_papers_uploads(numbers, seconds):
    """b d (b d + 2 N) resistors of 16 bits at 50 Gb/s, for b = 32 and d = 20."""
    outputs = 32 * 20
    upload = Device.tngd_paper().transfer(outputs * (outputs + 2 * numbers))
    assert float(f"{upload:.2g}") == seconds
    assert 50 * Device.tngd_paper().time_constant == pytest.approx(50e-6)


def test_the_boards_of_the_spu_are_chips():
    boards = [Device.spu(board) for board in (1, 2, 3)]
    assert len({board.chip for board in boards}) == 3
    with pytest.raises(InvalidInput, match="board = 4 must be 1 to 3"):
        Device.spu(4)
    (noise,) = boards[0].dressings
    assert isinstance(noise, HeldNoise)
    assert noise.tick * boards[0].time_constant == pytest.approx(1 / 12e6)


def capacitances(n):
    """Cells coupled each to each, as the SPU's are."""
    return np.eye(n) * (1 + (n - 1) * 0.2) - 0.2 * (1 - np.eye(n))


@pytest.mark.parametrize("n", [4, 8])
def test_the_inverse_on_the_spu_saturates_above_zero_error(n):
    """As in the paper's demonstration; without the noise's clock, which is tested by itself."""
    C, spu = capacitances(n), replace(Device.spu(), dressings=())
    exact, errors = np.linalg.inv(C), []
    for rtol in (0.2, 0.05, 0.0125):
        X = tla.inv(C, rtol=rtol, device=spu, rng=0)
        errors.append(np.linalg.norm(np.asarray(X) - exact) / np.linalg.norm(exact))
    ideal = tla.inv(C, rtol=0.0125, rng=0)
    free = np.linalg.norm(np.asarray(ideal) - exact) / np.linalg.norm(exact)
    assert errors[1] < errors[0]
    assert errors[2] > 2 * free


def test_the_spu_refuses_what_it_cannot_hold():
    spu = replace(Device.spu(), dressings=())
    with pytest.raises(DoesNotFit, match="takes 9 nodes, and the device has 8"):
        tla.inv(capacitances(9), device=spu)
    with pytest.raises(DoesNotFit, match="a coupling A_ij"):
        tla.inv(np.array([[2.0, 1.0], [1.0, 2.0]]), device=spu)
    with pytest.raises(DoesNotFit, match="coils short any drive"):
        tla.solve(capacitances(4), np.ones(4), device=spu)


def test_the_breadboard_reaches_ten_per_cent_in_twenty_milliseconds():
    """By the model that its builder gives: time = 2 condition tau/(error² - floor²)."""
    board = Device.breadboard()
    time = 2 * 3.0 * board.time_constant / (0.1**2 - board.floor**2)
    assert time == pytest.approx(0.020)
    conductances = np.array([[2.0, -1.0], [-1.0, 2.0]])
    X, exact = tla.inv(conductances, rtol=2e-3, device=board, rng=0), np.linalg.inv(conductances)
    error, size = np.linalg.norm(np.asarray(X) - exact), np.linalg.norm(exact)
    assert abs(error - board.floor * size) < (1 + board.floor) * farthest(X) < board.floor * size
