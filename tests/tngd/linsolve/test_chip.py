"""What a described device does to a solve, against dense matrices that were spoilt by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from tests.tngd.oracles import (
    Dense,
    Rows,
    assert_within,
    random_rows,
    relaxation_error,
    relaxed,
)
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.ledger import Prices
from thermolinalg.device.limits import Limits
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.measurement.converter import Converter
from tngd.curvature.ggn import GGN
from tngd.linsolve.chip import programmed
from tngd.linsolve.relaxation import Circuit, EulerRelaxation
from tngd.linsolve.thermodynamic import Thermodynamic
from tngd.optimizers.registry import optimizer
from tngd.optimizers.systems import TNGD, TNGDAdam

FALSE_ALARM = 1e-6
EPS = np.finfo(float).eps
Q, P, DAMPING, TIME = 6, 11, 0.2, 2.0
S, G = random_rows(Q, P), np.random.default_rng(7).standard_normal(P)


def rng(seed=0):
    return np.random.default_rng(seed)


def answer(device=None, *, curvature=None, g=G, memory=None, seed=0, **knobs):
    device = {} if device is None else {"device": device}
    solver = Thermodynamic(**{"time": TIME, **knobs, **device})
    return solver.solve(curvature or Rows(S), DAMPING, g, memory, rng(seed))


def held(device, *, rows=S, g=G, noise=0.0, seed=0):
    return programmed(Circuit(Rows(rows), DAMPING, g, noise), device, rng(seed))


class Unformed(Rows):
    @property
    def rows(self):
        raise AssertionError("an ideal device forms no array")


@pytest.mark.parametrize("start", ["gradient", "zero", "carried"])
@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(
    "device",
    [
        Device(name="slow", link=1.0, chip=5),
        Device(quantisation=Quantisation()),
        Device(mismatch=Mismatch(), dead=DeadNodes(), temperatures=Temperatures()),
        Device(parasitics=Parasitics(), converter=Converter()),
        Device(limits=Limits(nodes=P)),
    ],
    ids=["ideal", "bits", "mismatch", "converter", "limits"],
)
def test_a_device_without_strength_changes_no_bit(device, noise, start):
    plain = answer(noise=noise, start=start)
    ours = answer(device, noise=noise, start=start, curvature=Unformed(S))
    assert ours.value.tobytes() == plain.value.tobytes()
    assert (ours.memory is None) == (plain.memory is None)


def test_of_an_ideal_device_the_circuit_is_the_one_asked_for():
    circuit = Circuit(Rows(S), DAMPING, G, 0.1)
    assert programmed(circuit, Device(), rng()) is circuit


@given(bits=st.integers(1, 12))
def test_nearest_rounding(bits):
    step = 2 * abs(S).max() / 2**bits
    ours = held(Device().vary("bits", bits)).curvature.S
    assert abs(ours - S).max() <= step / 2 * (1 + 1e3 * EPS)
    assert abs(ours / step - np.round(ours / step)).max() <= 2**bits * EPS
    C = ours.T @ ours
    truth, _ = relaxed(C, DAMPING, G, G, TIME)
    bound = relaxation_error(C, DAMPING, G, G, TIME, terms=20 * (Q + P))
    assert_within(answer(Device().vary("bits", bits)).value, truth, bound)


def test_many_bits_are_exact():
    """S off by d moves the answer by at most 2 |S| d |f'| |g|, as in relaxation_error."""
    step = 2 * abs(S).max() / 2**40
    off = step / 2 * math.sqrt(Q * P) * 2 * np.linalg.norm(S)
    of_state = min(TIME, 1 / (math.e * DAMPING)) + min(TIME**2 / 2, DAMPING**-2)
    bound = off * of_state * np.linalg.norm(G) + 1e-13
    assert_within(answer(Device().vary("bits", 40)).value, answer().value, bound)


def test_stochastic_rounding_is_right_on_average():
    """Each of K uploads is its own event, each entry within a step: Hoeffding, over all entries."""
    bits, K = 3, 400
    device = Device(quantisation=Quantisation(bits=bits, rounding="stochastic"))
    step = 2 * abs(S).max() / 2**bits
    draws = np.stack([held(device, seed=k).curvature.S for k in range(K)])
    assert abs(draws - S).max() < step * (1 + 1e3 * EPS)
    allowed = step * math.sqrt(math.log(2 * S.size / FALSE_ALARM) / (2 * K))
    assert abs(draws.mean(axis=0) - S).max() <= allowed
    assert np.array_equal(draws[0], held(device, seed=0).curvature.S)
    other = replace(device, quantisation=replace(device.quantisation, event=1))
    assert not np.array_equal(draws[0], held(other, seed=0).curvature.S)


@pytest.mark.parametrize("bits", [2, 5])
def test_bits_of_the_gradient(bits):
    circuit = held(Device(quantisation=Quantisation(drive_bits=bits)))
    step = 2 * abs(G).max() / 2**bits
    np.testing.assert_allclose(circuit.gradient, step * np.round(G / step), rtol=10 * EPS)
    assert isinstance(circuit.curvature, Rows), "the array is not formed for it"


def test_components_are_off_once_and_for_all():
    """Relative errors are normal, of one chip, by position; chi-square with Q P degrees."""
    device = Device(mismatch=Mismatch(couplings=0.1), chip=3)
    errors = held(device).curvature.S / S - 1
    other = random_rows(Q, P, seed=9)
    np.testing.assert_allclose(held(device, rows=other).curvature.S / other - 1, errors, atol=1e-12)
    fewer = held(device, rows=other[:2]).curvature.S / other[:2] - 1
    np.testing.assert_allclose(fewer, errors[:2], atol=1e-12)
    assert not np.allclose(held(device.vary("chip", 4)).curvature.S / S - 1, errors)
    square = np.sum((errors / 0.1) ** 2)
    low, high = chi2.ppf([FALSE_ALARM / 4, 1 - FALSE_ALARM / 4], Q * P)
    assert low < square < high
    assert abs(errors.sum() / 0.1) < norm.isf(FALSE_ALARM / 4) * math.sqrt(Q * P)


@given(chip=st.integers(0, 50), spread=st.floats(0.01, 3.0))
def test_on_any_chip_the_curvature_stays_positive_semidefinite(chip, spread):
    device = Device(mismatch=Mismatch(couplings=spread), chip=chip)
    ours = held(device).curvature
    C = np.stack([ours.matvec(e) for e in np.eye(P)])
    assert np.linalg.eigvalsh((C + C.T) / 2).min() >= -100 * P * EPS * np.linalg.norm(C)
    np.testing.assert_allclose(C, C.T, rtol=0, atol=100 * EPS * np.linalg.norm(C))


def test_the_answer_of_a_mismatched_chip_is_that_of_its_own_matrix():
    device = Device(mismatch=Mismatch(couplings=0.2, drives=0.1), chip=1)
    circuit = held(device)
    C, g = circuit.curvature.S.T @ circuit.curvature.S, circuit.gradient
    assert not np.allclose(g, G)
    truth, _ = relaxed(C, DAMPING, g, g, TIME)
    bound = relaxation_error(C, DAMPING, g, g, TIME, terms=20 * (Q + P))
    assert_within(answer(device).value, truth, bound)


@pytest.mark.parametrize("start", ["gradient", "carried"])
def test_dead_nodes_read_zero_and_the_others_solve_without_them(start):
    dead = (0, 4, 5)
    device = Device(dead=DeadNodes(nodes=dead))
    alive = [i for i in range(P) if i not in dead]
    x = answer(device, noise=0.1, start=start).value
    assert not x[list(dead)].any()
    x = answer(device, start=start).value
    C = S[:, alive].T @ S[:, alive]
    truth, _ = relaxed(C, DAMPING, G[alive], G[alive], TIME)
    bound = relaxation_error(C, DAMPING, G, G, TIME, terms=20 * (Q + P))
    assert_within(x[alive], truth, bound)


def test_a_share_of_dead_nodes_is_chosen_by_the_chip():
    zeros = [
        set(np.flatnonzero(answer(Device(chip=chip).vary("dead", 3 / P)).value == 0))
        for chip in (0, 0, 1, 2, 3)
    ]
    assert all(len(z) == 3 for z in zeros)
    assert zeros[0] == zeros[1]
    assert len({frozenset(z) for z in zeros}) > 1


def test_an_offset_of_temperature_scales_the_noise():
    hot = answer(Device(temperatures=Temperatures(offset=0.5)), noise=0.1).value
    assert hot.tobytes() == answer(noise=0.1 * 1.5).value.tobytes()


def test_unequal_temperatures_under_euler():
    """One Euler step adds sqrt(2 κ dt T_i) z_i to the step without noise."""
    T = tuple(np.linspace(0.0, 3.0, P))
    device = Device(temperatures=Temperatures(nodes=T))
    how = {"time": 0.01, "relaxation": EulerRelaxation(0.01)}
    still = answer(**how).value
    even, uneven = (answer(d, noise=0.3, **how).value - still for d in (None, device))
    np.testing.assert_allclose(uneven, np.sqrt(T) * even, atol=10 * EPS)


def test_the_drift_goes_on_from_step_to_step():
    drift = TemperatureDrift(amount=2.0, period=3.0)
    memory, clock = None, 0.0
    for step in range(3):
        x = answer(Device(drift=drift), noise=0.1, memory=memory, seed=step)
        factor = drift.factor(clock, clock + TIME)
        assert x.value.tobytes() == answer(noise=0.1 * factor, seed=step).value.tobytes()
        memory, clock = x.memory, clock + TIME
    assert factor > 2.5, "by then it is warm"


def test_a_carried_state_and_the_clock_are_carried_together():
    drift = TemperatureDrift(amount=2.0, period=3.0)
    how = {"start": "carried", "delay": 1.0, "noise": 0.1}
    first = answer(Device(drift=drift), **how)
    second = answer(Device(drift=drift), memory=first.memory, seed=1, **how)
    state, clock = first.memory
    assert clock == TIME + 1.0
    factor = drift.factor(clock, clock + TIME)
    plain = answer(memory=state, seed=1, **(how | {"noise": 0.1 * factor, "delay": 0.0}))
    assert second.value.tobytes() == plain.value.tobytes()


def test_what_is_read_is_rounded_and_what_goes_on_is_not():
    device = Device(converter=Converter(bits=4))
    x, plain = (answer(d, start="carried") for d in (device, None))
    unit = math.sqrt(G @ G / P)
    step = device.converter.step(plain.value / unit) * unit
    np.testing.assert_allclose(x.value, step * np.round(plain.value / step), atol=1e3 * EPS)
    assert not np.array_equal(x.value, plain.value)
    assert x.memory.tobytes() == plain.memory.tobytes()


def test_noise_and_offset_of_a_reading_are_in_units_of_the_drive():
    plain, unit = answer().value, math.sqrt(G @ G / P)
    off = answer(Device(converter=Converter(offset=0.25))).value - plain
    np.testing.assert_allclose(off, 0.25 * unit, rtol=1e3 * EPS)
    noisy = answer(Device(converter=Converter(noise=0.5)), seed=3).value - plain
    np.testing.assert_allclose(noisy, 0.5 * unit * rng(3).standard_normal(P), rtol=1e4 * EPS)


def test_the_floor_is_a_fixed_relative_error():
    x, y = answer().value, answer(g=2 * G).value
    off_x, off_y = answer(Device(floor=0.1)).value - x, answer(Device(floor=0.1), g=2 * G).value - y
    assert np.linalg.norm(off_x) == pytest.approx(0.1 * np.linalg.norm(x))
    np.testing.assert_allclose(off_y, 2 * off_x, atol=1e-12)
    assert not np.allclose(answer(Device(floor=0.1, chip=1)).value - x, off_x)


def test_a_network_is_programmed_by_its_rows():
    """On a real network the rounded array is that of G's own root."""
    at = Dense([3, 4, 3], b=5)
    curvature, g = GGN().at(at.objective), at.objective.gradient
    S = curvature.rows
    step = 2 * abs(S).max() / 2**3
    rounded = step * np.round(S / step)
    C = rounded.T @ rounded
    x = answer(Device().vary("bits", 3), curvature=curvature, g=g).value
    truth, _ = relaxed(C, DAMPING, g, g, TIME)
    assert_within(x, truth, relaxation_error(C, DAMPING, g, g, TIME, terms=at.terms))
    assert np.linalg.norm(truth - relaxed(at.G, DAMPING, g, g, TIME)[0]) > 1e-6


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (Device(circuit=RLC()), "circuit"),
        (Device(circuit=MassSpring()), "circuit"),
        (Device(parasitics=Parasitics(coupling=0.1)), "parasitics"),
        (Device(dressings=(ColouredNoise(1.0),)), "memory"),
        (Device(quantisation=Quantisation(levels=(0.0, 1.0))), "levels"),
        (Device(quantisation=Quantisation(bits=8, full_scale=1.0)), "full_scale"),
        (Device(mismatch=Mismatch(nodes=0.1)), "mismatch of nodes"),
        (Device(limits=Limits(couplings="attractive")), "signs"),
        (Device(temperatures=Temperatures(spread=0.1)), "EulerRelaxation"),
    ],
    ids=str,
)
def test_parts_that_are_refused(device, words):
    for make in (Thermodynamic, TNGD, TNGDAdam):
        with pytest.raises(DoesNotFit, match=words):
            make(noise=0.1, device=device)


def test_a_device_must_be_one():
    with pytest.raises(InvalidInput, match="no Device"):
        Thermodynamic(device="ideal")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(nodes=P - 1), f"takes {P} nodes, and the device has {P - 1}"),
        (Limits(coefficients=22), "23 coefficients, and the device's memory holds 22"),
        (Limits(drive=0.5), "largest drive"),
    ],
    ids=["nodes", "coefficients", "drive"],
)
def test_limits_are_refused_with_the_number_exceeded(limits, words):
    """One sample of one output: 1 (1 + 2 x 11) components."""
    with pytest.raises(DoesNotFit, match=words):
        answer(Device(limits=limits))


# what it costs


class Sized(Rows):
    samples, outputs = 32, 20


@pytest.mark.parametrize(("p", "upload"), [(10**4, "4.2 ms"), (10**5, "41 ms")])
def test_the_ledger_is_that_of_the_paper(p, upload):
    """b = 32, c = 20: b c (b c + 2 p) components and p drives of 16 bits over 50 Gb/s; 50 RC."""
    g = np.zeros(p, np.float32)
    ledger = answer(Device(), curvature=Sized(np.zeros((1, p))), g=g, time=50.0).cost.ledger
    seconds = {line.activity: line.seconds for line in ledger.lines}
    assert list(seconds) == ["upload", "settle", "read"]
    assert seconds["upload"] == pytest.approx((640 * (640 + 2 * p) + p) * 16 / 50e9, rel=1e-12)
    assert f"{1e3 * seconds['upload']:.2g} ms" == upload
    assert seconds["settle"] == pytest.approx(50e-6, rel=1e-12)
    assert seconds["read"] == pytest.approx(p * 16 / 50e9, rel=1e-12)
    assert ledger.joules is None


def test_forming_the_array_is_digital_work():
    lines = answer(Device().vary("bits", 4)).cost.ledger.lines
    assert [(line.activity, line.source) for line in lines][-1] == ("digital", "measured")


def test_joules_where_prices_are_stated():
    prices = Prices(coefficient=2.0, reading=3.0, bit=0.5, power=7.0)
    device = Device(prices=prices, bits=4, time_constant=0.25)
    cost = answer(device).cost
    numbers = 1 * (1 + 2 * P) + P
    upload, settle, read = numbers * (2 + 4 * 0.5), 7 * P * TIME * 0.25, P * (3 + 4 * 0.5)
    assert [line.joules for line in cost.ledger.lines] == [upload, settle, read]
    assert cost.joules == upload + settle + read
    assert answer(replace(device, prices=replace(prices, power=None))).cost.joules is None


@pytest.mark.parametrize("name", ["tngd", "tngd-carried", "tngd-adam"])
def test_every_tngd_takes_a_device(name):
    device = Device(name="mine", link=1e9)
    assert optimizer(name, device=device).direction.solver.device is device
