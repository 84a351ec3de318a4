"""Which cause is blamed, what is bought first, and that buying it helps as it says."""

import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

from tests.thermolinalg.analysis.imperfect import matrix, problem_of
from thermolinalg.analysis.problem import Problem
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.coefficients import Mismatch, Parasitics, Quantisation
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.measurement.converter import Converter
from thermolinalg.plots.budget import plot_budget

MANY = Device(
    quantisation=Quantisation(bits=6),
    mismatch=Mismatch(0.01),
    drift=TemperatureDrift(0.02),
    converter=Converter(bits=8, noise=0.05),
)


def capacitances():
    """The Maxwell matrix of four cells that are all coupled."""
    couplings = np.array([[0, 1, 2, 1], [1, 0, 1, 3], [2, 1, 0, 1], [1, 3, 1, 0]]) / 4
    return np.diag(couplings.sum(axis=1) + 1) - couplings


def printed_covariance(C, R, kappa0):
    """cov(v) of di = v dt, dv = -C⁻¹R⁻¹v dt - C⁻¹i dt + C⁻¹N(0, 2 kappa0 dt), by Kronecker."""
    n, G = len(C), np.linalg.inv(C)
    A = np.block([[G / R, G], [-np.eye(n), np.zeros((n, n))]])
    D = np.zeros((2 * n, 2 * n))
    D[:n, :n] = 2 * kappa0 * G @ G
    one = np.eye(2 * n)
    S = np.linalg.solve(np.kron(A, one) + np.kron(one, A), D.ravel())
    return S.reshape(2 * n, 2 * n)[:n, :n]


def test_equal_resistances_invert_exactly_and_unequal_ones_are_blamed():
    C, R = capacitances(), np.array([1.0, 2.0, 3.0, 4.0])
    problem = Problem("inv", C, rtol=0.02)
    equal = problem.error_budget(Device(circuit=RLC(resistances=(2.5,) * 4)))
    assert [part.name for part in equal.parts] == ["time"]
    np.testing.assert_allclose(printed_covariance(C, np.full(4, 2.5), 0.4), np.linalg.inv(C))

    device = Device(circuit=RLC(resistances=tuple(R)), converter=Converter(noise=0.05))
    budget = device.error_budget(problem)
    assert budget.dominant.name == "circuit"
    assert "resistances" in budget.advice
    norm = problem.network.A[0, 0] / C[0, 0]  # the network is C in units of its norm
    exact = printed_covariance(C * norm, R, 1 / R.mean()) * norm
    np.testing.assert_allclose(budget.dominant.bias, exact - np.linalg.inv(C), atol=1e-9)

    estimate = problem.run(device, rng=0)
    known = problem.predict(device, schedule=estimate)
    assert known.verdict(estimate).held


def test_an_ideal_device_only_has_too_little_time():
    budget = problem_of("solve", 4).error_budget()
    assert [part.name for part in budget.parts] == ["time"]
    assert budget.share(budget.dominant) == 1
    assert budget.enough(budget.dominant) is None
    assert "nothing else is wrong" in str(budget)
    assert budget.total == pytest.approx(np.linalg.norm(budget.prediction.std))


@pytest.mark.parametrize("solver", ["solve", "inv"])
def test_shares_add_up_and_the_largest_comes_first(solver):
    budget = problem_of(solver, 6).error_budget(MANY)
    assert sum(budget.share(part) for part in budget.parts) == pytest.approx(1)
    squares = [part.square for part in budget.parts]
    assert squares == sorted(squares, reverse=True)


BOUGHT = {
    "mismatch": replace(MANY, quantisation=None, mismatch=Mismatch(0.05)),
    "drift": replace(MANY, quantisation=None, drift=TemperatureDrift(0.3)),
    "stray": Device(parasitics=Parasitics(0.02), mismatch=Mismatch(0.005)),
    "read_noise": Device(converter=Converter(noise=0.5), mismatch=Mismatch(0.01)),
    "temperature_offset": Device(temperatures=Temperatures(offset=0.2)),
    "coloured": Device(dressings=(ColouredNoise(0.3),)),
    "tick": Device(dressings=(HeldNoise(1.0),)),
}


@pytest.mark.parametrize("knob", BOUGHT)
def test_what_is_bought_brings_the_cause_down_to_all_others(knob):
    """Predicted again with what is advised: to first order, so up to a share of what was there."""
    problem, device = problem_of("inv", 6, rtol=0.03), BOUGHT[knob]
    before = problem.error_budget(device)
    cause = before.dominant
    assert cause.name != "time"
    after = problem.error_budget(device.vary(knob, before.enough(cause)))
    same = after.prediction.cause(cause.title)
    first = max(cause.coupling, cause.size / before.norm)
    assert math.sqrt(same.square) == pytest.approx(before.others(cause), rel=first)
    assert before.others(cause) < math.sqrt(cause.square)


def test_all_strengths_of_a_cause_are_bought():
    problem = problem_of("solve", 6, rtol=1e-3)
    device = Device(mismatch=Mismatch(couplings=0.002, drives=0.02), floor=1e-3)
    before = problem.error_budget(device)
    cause = before.dominant
    enough = before.enough(cause)
    assert len(enough) == 2
    after = problem.error_budget(replace(device, mismatch=Mismatch(*enough)))
    assert after.prediction.cause("mismatch").size == pytest.approx(before.others(cause), rel=0.02)
    assert "couplings, drives 0.002, 0.02 ->" in before.advice


@pytest.mark.parametrize(
    ("device", "knob"),
    [
        (Device(mismatch=Mismatch(drives=0.05)), "drives"),
        (Device(quantisation=Quantisation(drive_bits=4)), "drive_bits"),
        (Device(dressings=(HeldNoise(0.0, bound=1.0),)), "bound"),
        (Device(temperatures=Temperatures(offset=0.2)), "offset"),
    ],
    ids=["drives", "bits of drives", "bound", "offset"],
)
def test_no_knob_is_named_that_is_at_zero(device, knob):
    solver = "solve" if "driv" in knob else "inv"
    budget = problem_of(solver, 4, rtol=0.01).error_budget(device)
    assert budget.dominant.knob == knob
    assert knob in str(budget)
    assert "-> 0 " not in budget.advice


def test_time_does_not_help_where_all_that_is_wrong_falls_with_it():
    device = Device(converter=Converter(noise=1e-3))
    budget = problem_of("solve", 4, rtol=0.02).error_budget(device)
    assert budget.dominant.name == "time"
    assert budget.enough(budget.dominant) is None


def test_each_bit_that_is_bought_halves_what_is_rounded_off():
    budget = problem_of("inv", 6, rtol=0.03).error_budget(MANY)
    cause = budget.dominant
    assert cause.title == "finite bits"
    more = budget.enough(cause) - 6
    assert 2.0 ** (-more) <= budget.cut(cause) < 2.0 ** (1 - more)


def test_time_is_bought_where_noise_is_most():
    problem = problem_of("inv", 6, rtol=0.1)
    device = Device(mismatch=Mismatch(0.002))
    budget = problem.error_budget(device)
    assert budget.dominant.name == "time"
    factor = budget.enough(budget.dominant) / budget.dominant.strength
    assert factor > 1
    longer = budget.prediction.schedule.lasting(factor)
    after = problem.error_budget(device, schedule=longer)
    time = after.prediction.cause("time")
    # Windows hold 40 samples or more, and a whole number of them.
    assert time.spread == pytest.approx(after.others(time), rel=1 / 40)
    assert f"{factor:.3g} times as long" in budget.advice


def test_a_change_that_is_too_large_is_said_to_be():
    budget = problem_of("inv", 6).error_budget(Device(parasitics=Parasitics(0.5)))
    assert "beyond first order" in str(budget)
    assert "simulate it" in str(budget)


def test_table_names_every_cause_once():
    text = str(problem_of("inv", 4).error_budget(MANY))
    for title in ("finite bits", "mismatch", "temperature drift", "read-out noise", "finite time"):
        assert sum(line.strip().startswith(title) for line in text.splitlines()) == 1
    assert max(map(len, text.splitlines())) <= 120


def test_bars_are_the_squares_and_noise_falls():
    budget = Problem("inv", matrix(4), rtol=0.1).error_budget(MANY)
    ax = plot_budget(budget)
    rows = {}
    for bar in ax.patches:
        rows.setdefault(round(bar.get_y(), 6), []).append(bar.get_width())
    totals = np.array([sum(rows[y]) for y in sorted(rows)]) * budget.norm**2
    biases = sum(part.size**2 for part in budget.parts)
    noise = sum(part.spread**2 for part in budget.parts)
    np.testing.assert_allclose(totals, [biases + noise / f for f in (1, 10, 100)])
    labels = " ".join(text.get_text() for text in ax.get_legend().get_texts())
    assert all(part.title in labels for part in budget.parts)
    assert plot_budget(budget, ax=ax) is ax
    plt.close("all")


def test_the_preset_of_the_spu_has_a_budget_that_its_runs_keep():
    """Rounded, mismatched, held and clipped on coils: all at once, within what is neglected."""
    coupled = np.array([[0, 3, 5, 2], [3, 0, 3, 7], [5, 3, 0, 2], [2, 7, 2, 0]]) / 10
    problem, board = Problem("inv", 2 * np.eye(4) - coupled, rtol=0.02), Device.spu(2)
    budget = board.error_budget(problem)
    assert budget.dominant.title == "finite bits"
    assert "held noise" in {cause.title for cause in budget.parts}
    assert problem.predict(board).verdict(problem.run(board, rng=0)).held


@pytest.mark.parametrize("circuit", [RLC(inductances=0.5), MassSpring(0.7)], ids=["rlc", "masses"])
def test_held_noise_of_a_circuit_with_states_of_its_own(circuit):
    """At ticks, by the map of a tick; the runs know nothing of it. False alarms 1e-6."""
    coupled = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]]) / 5
    problem = Problem("inv", np.eye(3) - coupled, rtol=0.02)
    device = Device(circuit=circuit, dressings=(HeldNoise(1.0, 1.5), ColouredNoise(0.2)))
    prediction, run = problem.predict(device), problem.run(device, rng=0)
    assert prediction.verdict(run).held
    blind = problem.predict(Device(circuit=circuit))
    assert not blind.verdict(run).held
