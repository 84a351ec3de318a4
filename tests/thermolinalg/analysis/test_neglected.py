"""What predictions neglect, against the exact law of devices that were drawn to break it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg

from tests.thermolinalg.simulation.steps import law_of, settled
from thermolinalg import errors
from thermolinalg.analysis.problem import Problem
from thermolinalg.analysis.schedule import Schedule
from thermolinalg.device.circuit import RC, RLC, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise, whole
from thermolinalg.device.temperature import Temperatures
from thermolinalg.measurement.converter import Converter
from thermolinalg.measurement.observed import Observed
from thermolinalg.simulation.clocked import Clockwork
from thermolinalg.theory.clocked import SHARE, Clocked
from thermolinalg.theory.inertial import Inertial

LATE = Schedule(1e9, 1e9)


def at_rest(moving, n):
    """The covariance of what a device moves, by its own recursion or a Lyapunov equation."""
    if isinstance(moving, Clocked):
        E, _, C = law_of(Clockwork().prepare(moving, moving.clock), moving.n)
        return settled(E, C)[:n, :n]
    moving = whole(moving) if isinstance(moving, Inertial) else moving
    return scipy.linalg.solve_continuous_lyapunov(moving.A, moving.D)[:n, :n]


def matrix(rng, n, slowest=-1.5):
    U = np.linalg.qr(rng.standard_normal((n, n)))[0]
    A = (U * 10 ** rng.uniform(slowest, 0, n)) @ U.T
    return (A + A.T) / 2


def components(rng, n, s):
    """Some imperfections of what is programmed, of strength s."""
    parts = {
        "quantisation": Quantisation(bits=int(rng.integers(4, 12)), drive_bits=6),
        "mismatch": Mismatch(s, s, s),
        "parasitics": Parasitics(s / 3),
        "temperatures": Temperatures(spread=min(s, 0.2)),
        "dead": DeadNodes(nodes=(int(rng.integers(n)),)),
        "converter": Converter(gain=0.05, offset=0.2, noise=0.2),
    }
    some = {name: part for name, part in parts.items() if rng.random() < 0.4}
    return some | {"chip": int(rng.integers(1000))}


def motion(rng, n, s):
    """A circuit, or dressings."""
    kind = rng.integers(4)
    if kind == 0:
        return {"circuit": MassSpring(friction=float(10 ** rng.uniform(-0.5, 0.5)))}
    if kind == 1:
        R = tuple((1 + min(3 * s, 0.8) * rng.uniform(-1, 1, n)).tolist())
        return {"circuit": RLC(resistances=R)}
    dressings = (
        ColouredNoise(float(10 ** rng.uniform(-3, 0.3))),
        HeldNoise(float(10 ** rng.uniform(-2, 0.3))),
        TransportDelay(float(10 ** rng.uniform(-2, -0.2))),
    )
    return {"dressings": tuple(d for d in dressings if rng.random() < 0.5)}


def truth(problem, device):
    """What the device answers after a long time."""
    real = device.realised(problem.network)
    moving = real.process if isinstance(real, Observed) else real
    n, read, program = problem.network.n, device.converter or Converter(), problem.program
    if problem.solver == "inv":
        S = (1 + read.gain) ** 2 * at_rest(moving, n) + read.offset**2
        return problem.scale * (S + read.noise**2 * np.eye(n))
    x = (1 + read.gain) * np.linalg.solve(moving.A, moving.b[0])[:n] + read.offset
    return program.arrange(program.scale * program.decode(x[None, :]))


@pytest.mark.parametrize("kind", ["solve", "solve in units", "inv", "inv in motion"])
def test_devices_are_no_further_off_than_what_is_neglected(kind):
    rng, bounded = np.random.default_rng(0), 0
    for _ in range(60):
        n, s = int(rng.integers(2, 6)), float(10 ** rng.uniform(-4, -0.5))
        A, parts = matrix(rng, n), components(rng, n, s)
        if kind == "inv in motion":
            parts |= motion(rng, n, s)
            if parts.get("circuit", RC()) != RC() and "mismatch" in parts:
                parts["mismatch"] = Mismatch(s)  # of which a capacitance matrix is symmetric
        units = 10 ** rng.uniform(-1.5, 0, n)
        b = rng.standard_normal(n)
        if kind == "solve in units":
            problem = Problem("solve", (A * np.outer(units, units), b), precondition="diagonal")
        else:
            problem = Problem("inv", A) if kind.startswith("inv") else Problem("solve", (A, b))
        try:
            device = Device(**parts)
            known, exact = problem.predict(device, schedule=LATE), truth(problem, device)
        except errors.DoesNotFit:
            continue
        late = [c.size for c in known.causes if c.title == TransportDelay.title]
        steps = 1e-9 * np.linalg.norm(known.truth) + 2 * SHARE * sum(late)  # of the simulation
        assert np.linalg.norm(exact - known.value) <= known.neglected + steps, device
        bounded += math.isfinite(known.neglected)
    assert bounded >= 40


def test_rates_that_differ_are_counted_in_what_is_left_of_the_start():
    rng = np.random.default_rng(0)
    A = (U := np.linalg.qr(rng.standard_normal((3, 3)))[0]) * np.array([0.05, 0.3, 1]) @ U.T
    for chip in range(20):
        problem = Problem("solve", (A, rng.standard_normal(3)))
        device = Device(mismatch=Mismatch(10 ** rng.uniform(-4, -2)), chip=chip)
        start, time = rng.uniform(20, 150), 40.0
        known = problem.predict(device, schedule=Schedule(start, time))
        real = device.realised(problem.network)
        x = np.linalg.solve(real.A, real.b[0])
        left = scipy.linalg.expm(-real.A * start) - scipy.linalg.expm(-real.A * (start + time))
        exact = problem.scale * (x - np.linalg.solve(real.A, left) @ x / time)
        assert np.linalg.norm(exact - known.value) <= known.neglected


def test_one_rare_reading_where_ten_were_expected_is_no_refutation():
    """Of 32 windows: P(1 or none) is 5e-4, and their spread is that of one alone."""
    problem = Problem("solve", (np.eye(1), np.ones(1)), rtol=0.03)
    plain = problem.run(rng=0)
    at = 1 / problem.scale
    known = problem.predict(schedule=plain)
    width = float(known.std[0]) * 32**0.5 * at
    reach = at - 0.49 * width  # 10 of 32 windows are below
    device = Device(converter=Converter(full_scale=reach))
    known = problem.predict(device, schedule=plain)
    below = (problem.scale * reach - float(known.value[0])) / 10  # what each of ten amounts to
    value = np.array([problem.scale * reach - below])
    estimate = replace(plain, value=value, stderr=np.array([below]))
    assert known.verdict(estimate, along=np.zeros(1)).held
    assert not known.verdict(replace(estimate, value=value * 1.1), along=np.zeros(1)).held


def test_a_floor_of_rows_that_noise_drowns():
    """n right-hand sides, one of them small: its length is that of its noise in 8 windows."""
    n, rng = 4, np.random.default_rng(0)
    A, B = matrix(rng, n, slowest=-0.5), rng.standard_normal((n, n))
    B[:, 0] *= 1e-4
    problem = Problem("solve", (A, B), temperature=1e-3)
    plan = Schedule(1e3, 1e4)
    floor = problem.predict(Device(floor=0.1), schedule=plan).cause("floor")
    a, U = np.linalg.eigh(problem.network.A)
    noise = 2e-3 * (U / a**2) @ U.T / plan.time * 4
    e = rng.multivariate_normal(np.zeros(n), noise, size=20_000)
    x = problem.network.b @ np.linalg.inv(problem.network.A)
    longer = [np.mean(np.linalg.norm(row + e, axis=1)) - np.linalg.norm(row) for row in x]
    assert floor.neglected >= 0.1 * problem.scale * np.linalg.norm(longer) > 0
