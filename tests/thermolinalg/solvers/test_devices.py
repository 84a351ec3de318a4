"""Every solver on devices with errors: it answers what the chip really holds.

What a chip holds is compared with the law at rest of the network it moves, by theory. False alarm:
1e-6 for each test, shared among its comparisons.
"""

from dataclasses import replace
from functools import lru_cache

import networkx as nx
import numpy as np
import pytest
import scipy.linalg as sla
import scipy.sparse as sp

import thermolinalg as tla
from tests.thermolinalg.device.runs import farthest
from thermolinalg import (
    RLC,
    ColouredNoise,
    Converter,
    DeadNodes,
    Device,
    HeldNoise,
    Limits,
    MassSpring,
    Mismatch,
    Quantisation,
    TemperatureDrift,
    Temperatures,
)
from thermolinalg.device.driving import driven
from thermolinalg.device.noise import whole
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.measurement.moment import MomentEntries, MomentTrace
from thermolinalg.measurement.observed import Observed
from thermolinalg.streams import Streams
from thermolinalg.testing import assert_agrees
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.inertial import Inertial

RNG = np.random.default_rng(6)
N = 4
G = RNG.standard_normal((N, 3 * N))
A = G @ G.T / (3 * N) + 0.3 * np.eye(N)
B = RNG.standard_normal(N)
SIDES = RNG.standard_normal((N, 2))
DRIFT = A + 0.5 * (np.triu(G[:, :N], 1) - np.triu(G[:, :N], 1).T)
FRAME = np.linalg.qr(G[:, :N])[0]
SADDLE = FRAME @ np.diag([1.0, -0.9, 0.8, -0.7]) @ FRAME.T
TALL = RNG.standard_normal((9, N))
DATA = RNG.standard_normal(9)
SPRINGS = nx.path_graph(N)
for node in SPRINGS:
    SPRINGS.nodes[node]["stiffness"] = 1.0

GAIN = 0.03
MILD = Device(
    quantisation=Quantisation(bits=7, drive_bits=7),
    mismatch=Mismatch(couplings=0.03, drives=0.03),
    temperatures=Temperatures(spread=0.05),
    converter=Converter(bits=14, gain=GAIN),
    chip=1,
)
OTHER = replace(MILD, chip=2)

FINE, COARSE = {"rtol": 5e-3}, {"rtol": 2e-2}
HASTE = {"rtol": 0.2}
"""Of runs whose device is looked at, and not what they measure."""
CASES = {
    "solve": (tla.solve, (A, B), FINE, np.linalg.solve(A, B)),
    "sides": (tla.solve, (A, SIDES), FINE, np.linalg.solve(A, SIDES)),
    "drift": (tla.solve, (DRIFT, B), FINE, np.linalg.solve(DRIFT, B)),
    "saddle": (tla.solve, (SADDLE, B), FINE, np.linalg.solve(SADDLE, B)),
    "scaled": (tla.solve, (A, B), {"precondition": "diagonal", **FINE}, np.linalg.solve(A, B)),
    "swings": (tla.solve, (A, B), {"dynamics": "underdamped", **FINE}, np.linalg.solve(A, B)),
    "lstsq": (tla.lstsq, (TALL, DATA), FINE, np.linalg.lstsq(TALL, DATA, rcond=None)[0]),
    "inv": (tla.inv, (A,), COARSE, np.linalg.inv(A)),
    "swinging": (tla.inv, (A,), {"dynamics": "underdamped", **COARSE}, np.linalg.inv(A)),
    "diagonal": (tla.inv, (A,), {"only": "diagonal", **FINE}, np.diag(np.linalg.inv(A))),
    "trace": (tla.inv, (A,), {"only": "trace", **FINE}, np.trace(np.linalg.inv(A))),
    "entries": (tla.inv, (A,), {"only": [(0, 0), (0, 1)], **COARSE}, np.linalg.inv(A)[0, :2]),
    "mpemba": (tla.inv, (A,), {"prethermalize": 1, **COARSE}, np.linalg.inv(A)),
    "lyapunov": (
        tla.solve_lyapunov,
        (DRIFT, np.eye(N)),
        COARSE,
        sla.solve_continuous_lyapunov(DRIFT, np.eye(N)),
    ),
    "expm": (tla.expm, (-A,), COARSE, sla.expm(-A)),
}
each_case = pytest.mark.parametrize("name", CASES)


def answer(name, device, rng=0):
    solver, problem, knobs, _ = CASES[name]
    return solver(*problem, device=device, rng=rng, **knobs)


known = lru_cache(answer)
"""The same answer for several tests."""


def at_rest(process, readout):
    """What a readout says on average, of one stretch (1, ...), seen through the converter."""
    moving = process.process if isinstance(process, Observed) else process
    seen = process.positions if isinstance(process, Observed | Inertial) else process.n
    gain = 1 + process.converter.gain if isinstance(process, Observed) else 1.0
    moving = whole(moving) if isinstance(moving, Inertial) else moving
    if isinstance(readout, TimeAverage):
        means = [stationary(tla.OU(moving.A, b, moving.D)).mean[:seen] for b in moving.b]
        return gain * np.array(means)[None, ...]
    cov = stationary(tla.OU(moving.A, 0 * moving.A[0], moving.D)).cov
    if isinstance(readout, LaggedMoment):
        cov = sla.expm(-moving.A * readout.lag) @ cov
    cov = gain**2 * cov[:seen, :seen]
    if isinstance(readout, MomentTrace):
        return np.array([np.trace(cov)])
    if isinstance(readout, MomentEntries):
        return np.array([[cov[i, j] for i, j in readout.pairs]])
    return cov[None, ...]


def held(estimate):
    """The answer that the chip's own network has at rest."""
    program, process = estimate.run.program, estimate.run.crew.chains[0].running.process
    decoded = program.decode(at_rest(process, program.readout))[0, ...]
    return program.scale * program.arrange(decoded)


UNEVEN = Device(mismatch=Mismatch(couplings=0.05, drives=0.05), chip=5)


def drawn(name, *shape):
    return Streams(UNEVEN.chip).child("chip", "Mismatch").stream(name).standard_normal(shape)


def uneven(M, *, symmetric=True):
    """The user's own matrix, each entry off by what this chip draws: whatever its units are."""
    z = drawn("couplings", *M.shape)
    return M * (1 + 0.05 * (np.triu(z) + np.triu(z, 1).T if symmetric else z))


def uneven_lyapunov(Q):
    """Two networks side by side, for the parts of Q of each sign."""
    values, V = np.linalg.eigh(Q)
    more = (V * np.clip(values, 0, None)) @ V.T
    beside = uneven(np.kron(np.eye(2), DRIFT), symmetric=False)
    S = sla.solve_continuous_lyapunov(beside, sla.block_diag(more, more - Q))
    return S[:N, :N] - S[N:, N:]


BIG = 50 * A * np.outer([1, 3, 0.3, 2], [1, 3, 0.3, 2])
PUSHED = B * (1 + 0.05 * drawn("drives", N))
SIGNS = np.diag([1.0, -1.0, 2.0, -0.5])
LEAST = TALL.T @ DATA * (1 + 0.05 * drawn("drives", N))
OWN_UNITS = {
    "solve": (tla.solve, (BIG, B), {}, np.linalg.solve(uneven(BIG), PUSHED)),
    "scaled": (
        tla.solve,
        (BIG, B),
        {"precondition": "diagonal"},
        np.linalg.solve(uneven(BIG), PUSHED),
    ),
    "swings": (
        tla.solve,
        (BIG, B),
        {"dynamics": "underdamped"},
        np.linalg.solve(uneven(BIG), PUSHED),
    ),
    "drift": (
        tla.solve,
        (30 * DRIFT, B),
        {},
        np.linalg.solve(30 * uneven(DRIFT, symmetric=False), PUSHED),
    ),
    "tall": (tla.lstsq, (TALL, DATA), {}, np.linalg.solve(uneven(TALL.T @ TALL), LEAST)),
    "wide": (
        tla.lstsq,
        (TALL[:, :2].T, B[:2]),
        {},
        TALL[:, :2]
        @ np.linalg.solve(
            uneven(TALL[:, :2].T @ TALL[:, :2]), B[:2] * (1 + 0.05 * drawn("drives", 2))
        ),
    ),
    "inv": (tla.inv, (BIG,), {"rtol": 0.02}, np.linalg.inv(uneven(BIG))),
    "lyapunov": (tla.solve_lyapunov, (DRIFT, SIGNS), {"rtol": 0.02}, uneven_lyapunov(SIGNS)),
}


@pytest.mark.parametrize("name", OWN_UNITS)
def test_relative_errors_of_components_act_once_in_any_units(name):
    """By the user's own numbers: nothing of the program, its units or its network is asked."""
    solver, problem, knobs, real = OWN_UNITS[name]
    assert_agrees(solver(*problem, device=UNEVEN, rng=0, **{**FINE, **knobs}), real)


def differ(x, y):
    """By how many error bars, at most, in any entry."""
    return np.max(np.abs(np.asarray(x) - np.asarray(y)) / np.asarray(x.stderr))


@each_case
def test_it_answers_what_the_chip_holds(name):
    x, truth = known(name, MILD), CASES[name][-1]
    assert_agrees(x, held(x))
    assert differ(x, truth) > 6  # the errors of the chip are there, and are not noise
    assert np.linalg.norm(held(x) - truth) < 0.5 * np.linalg.norm(truth)


@each_case
def test_chips_differ_and_are_what_they_are(name):
    x, other = known(name, MILD), answer(name, OTHER, rng=1)
    hurried = CASES[name][0](*CASES[name][1], device=MILD, rng=1, **{**CASES[name][2], **HASTE})
    np.testing.assert_array_equal(held(hurried), held(x))
    assert_agrees(other, held(other))
    assert differ(x, held(other)) > 6


@each_case
def test_runs_on_a_device_repeat_and_go_on(name, tmp_path):
    one, other = known(name, MILD), answer(name, MILD)
    np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert one.ledger == other.ledger
    other.save(tmp_path / "run")
    finer = {"rtol": 0.8 * CASES[name][2]["rtol"]}
    again = tla.load(tmp_path / "run").refine(**finer)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(one.refine(**finer)))


def test_workers_do_not_change_an_answer():
    serial, shared = (tla.solve(A, B, device=MILD, chains=2, n_jobs=jobs, rng=3) for jobs in (1, 2))
    np.testing.assert_array_equal(np.asarray(serial), np.asarray(shared))


@each_case
def test_costs_alone_do_not_change_an_answer(name):
    priced = Device(link=1e6, bits=8, time_constant=1.0, chip=7, prices=tla.Prices(power=1.0))
    solver, problem, knobs, _ = CASES[name]
    ideal, dear = (
        solver(*problem, device=device, rng=0, **{**knobs, **HASTE}) for device in (None, priced)
    )
    np.testing.assert_array_equal(np.asarray(ideal), np.asarray(dear))
    assert dear.ledger.seconds("modelled") > ideal.ledger.seconds("modelled")


# ---------------------------------------------------------------- only multiplied

SPARSE = sp.csr_array(np.diag(np.full(9, 2.5)) - np.eye(9, k=1) - np.eye(9, k=-1))
FORCE = np.arange(1.0, 10.0)


def test_a_sparse_network_is_read_through_a_converter_in_the_devices_units():
    """The offset moves each node's reading alike, in units in which the norm and drives are 1."""
    device, norms = Device(converter=Converter(offset=0.5, gain=GAIN)), []
    for scale in (1.0, 64.0):
        x = tla.solve(scale * SPARSE, FORCE, rtol=1e-3, device=device, rng=0)
        exact = np.linalg.solve(scale * SPARSE.toarray(), FORCE)
        norm = x.run.program.unit  # by products: a bound on the norm
        assert norm >= scale * np.linalg.norm(SPARSE.toarray(), 2)
        norms.append(norm / scale)
        assert_agrees(x, (1 + GAIN) * exact + 0.5 * np.sqrt(np.mean(FORCE**2)) / norm)
    assert norms[0] == norms[1]


@pytest.mark.parametrize(("A", "b"), [(SPARSE, FORCE), (SPRINGS, B)], ids=["sparse", "graph"])
def test_entries_that_are_only_multiplied_cannot_be_distorted(A, b):
    with pytest.raises(DoesNotFit, match="mismatch change the entries of A, which of this problem"):
        tla.solve(A, b, device=Device(mismatch=Mismatch(0.1)))


# ---------------------------------------------------------------- posteriors and programs

H = RNG.standard_normal((8, N))
Y = RNG.standard_normal(8)


@pytest.mark.parametrize("circuit", [tla.RC(), MassSpring(1.0)], ids=["rc", "springs"])
def test_a_posterior_on_a_device(circuit):
    device = replace(MILD, circuit=circuit)
    knobs = {"noise": 0.5, "prior_precision": 1.0, "rtol": 0.03}
    found = tla.gaussian_posterior(H, Y, device=device, rng=0, **knobs)
    moving = found.run.crew.chains[0].running.process
    inside = moving.process
    inside = whole(inside) if isinstance(inside, Inertial) else inside
    law = stationary(tla.OU(inside.A, inside.b[0], inside.D))
    mean, cov = (1 + GAIN) * law.mean[:N], (1 + GAIN) ** 2 * law.cov[:N, :N]
    program = found.run.program
    assert_agrees(found.mean, program.mean(mean[None, :])[0])
    assert_agrees(found.cov, program.cov(cov[None, :, :])[0])
    again = tla.gaussian_posterior(H, Y, device=device, rng=0, **knobs)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(found))


def test_a_gaussian_process_on_a_device():
    X = np.linspace(0, 1, 5)[:, None]
    y, points = np.sin(3 * X[:, 0]), np.array([[0.3]])
    knobs = {"kernel": tla.RBF(), "noise": 0.1, "rtol": 1e-2}
    mild, other = (
        tla.gaussian_process(X, y, points, device=device, rng=0, **knobs)
        for device in (MILD, OTHER)
    )
    assert differ(mild.mean, other.mean) > 6


def test_a_quadratic_program_is_proved_whatever_the_device():
    """Its Newton steps are inexact by design, and residuals are computed anew."""
    found = tla.solve_qp(A, B, upper=1.0, device=MILD, rng=0)
    assert found.outcome is tla.QuadraticOutcome.CONVERGED


def test_samples_of_a_model_on_a_device():
    model = tla.Model.from_graph(tla.CouplingGraph(A))
    drawn = [model.sample(1000, device=device, rng=0) for device in (None, MILD, MILD)]
    ideal, mild, again = (np.cov(s.draws.reshape(-1, N).T) for s in drawn)
    np.testing.assert_array_equal(mild, again)
    assert np.max(np.abs(mild / ideal - 1)) > 0.03


# ---------------------------------------------------------------- driven runs

PLAIN = Device(quantisation=Quantisation(bits=6), mismatch=Mismatch(couplings=0.05), chip=3)


def log_determinants(device, A, offset):
    """What works tell on this device, for the free energies of the ends that it programs."""
    run = tla.logdet(A, rng=0, max_samples=400).run
    way = run.question.runs.way.protocol
    real = driven(device, way)
    ends = [np.linalg.slogdet(end)[1] for end in (real.A1, real.A2)]
    return run.question.offset + (1 + offset) * (ends[1] - ends[0])


@pytest.mark.parametrize("method", ["bar", "jarzynski", "integration"])
def test_a_log_determinant_is_that_of_what_the_chip_holds(method):
    x = tla.logdet(A, rtol=2e-3, atol=0, method=method, device=PLAIN, rng=0)
    assert_agrees(x, np.asarray(log_determinants(PLAIN, A, 0.0)))
    assert differ(x, np.linalg.slogdet(A)[1]) > 6
    again = tla.logdet(A, rtol=2e-3, atol=0, method=method, device=PLAIN, rng=0)
    assert float(again) == float(x)


def test_a_hot_bath_and_a_meters_gain_scale_the_free_energy():
    for device, share in (
        (Device(temperatures=Temperatures(offset=0.1)), 0.1),
        (Device(converter=Converter(gain=0.1)), 0.1),
    ):
        x = tla.logdet(A, rtol=1e-2, atol=0, method="integration", device=device, rng=0)
        assert_agrees(x, np.asarray(log_determinants(device, A, share)))


REFUSED = {
    "a circuit of kind 'rlc'": Device(circuit=RLC()),
    "coloured noise": Device(dressings=(ColouredNoise(0.1),)),
    "temperature drift": Device(drift=TemperatureDrift(0.1)),
    "one temperature and one time constant": Device(temperatures=Temperatures(spread=0.1)),
    "time constant, and on this device": Device(mismatch=Mismatch(nodes=0.1)),
    "dead nodes": Device(dead=DeadNodes(nodes=(1,))),
    "takes 4 nodes, and the device has 3": Device(limits=Limits(nodes=3)),
    "16 coefficients, and the device's memory holds 9": Device(limits=Limits(coefficients=9)),
    "a coupling A_ij = ": Device(limits=Limits(couplings="attractive")),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_log_determinant_that_no_work_tells_is_refused(reason):
    with pytest.raises(DoesNotFit, match=reason):
        tla.logdet(A, device=REFUSED[reason], rng=0)


# ---------------------------------------------------------------- a potential of labels

ROWS = RNG.standard_normal((20, 2))
LABELS = (RNG.random(20) < 0.5).astype(float)


def test_labels_on_a_device():
    knobs = {"rtol": 0.1, "rng": 0}
    ideal, same = (
        tla.logistic_posterior(ROWS, LABELS, device=d, **knobs) for d in (None, Device())
    )
    np.testing.assert_array_equal(ideal.draws, same.draws)
    device = Device(
        converter=Converter(gain=0.5), temperatures=Temperatures(offset=0.5), time_constant=1e-3
    )
    mild = tla.logistic_posterior(ROWS, LABELS, device=device, **knobs)
    width, wider = (np.var(x.draws, axis=(0, 1)) for x in (ideal, mild))
    assert np.all(wider > 2 * width)  # of 1.5² 1.5 = 3.4 in a quadratic potential
    cost = {line.activity: line.seconds for line in mild.ledger.lines}
    chains = mild.draws.shape[0]
    assert cost["settle"] + cost["measure"] == pytest.approx(1e-3 * chains * mild.time)
    assert cost["upload"] == pytest.approx(device.transfer(40 + 4 + 20 + 2 + 4 * chains))
    assert mild.ledger.seconds("measured") > 0


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (MILD, "finite bits, mismatch, nodes of unequal temperatures would make of it is known"),
        (Device(circuit=RLC()), "a circuit of kind 'rlc'"),
        (Device(drift=TemperatureDrift(0.1)), "temperature drift"),
        (Device(dressings=(HeldNoise(),)), "held noise"),
        (Device(floor=0.1), "a systematic floor"),
        (Device(limits=Limits(nodes=1)), "takes 2 nodes, and the device has 1"),
        (Device(limits=Limits(coefficients=10)), "44 coefficients, and .* holds 10"),
        (Device(limits=Limits(couplings="attractive")), "only multiplied or not linear"),
    ],
    ids=["mild", "rlc", "drift", "held", "floor", "nodes", "memory", "signs"],
)
def test_labels_that_a_device_cannot_hold_are_refused(device, message):
    with pytest.raises(DoesNotFit, match=message):
        tla.logistic_posterior(ROWS, LABELS, device=device, rng=0)


# ---------------------------------------------------------------- drift and floor


@pytest.mark.parametrize("name", ["solve", "sides", "swings", "inv", "expm"])
def test_a_device_that_warms_up_from_the_start_is_a_hotter_one(name):
    """After a period that is over before it is read, its temperature is 1 + amount for good."""
    warm = Device(drift=TemperatureDrift(amount=0.5, period=1e-3))
    hot = Device(temperatures=Temperatures(offset=0.5))
    x = answer(name, warm)
    assert_agrees(x, held(answer(name, hot)))


def test_several_sides_of_a_sparse_network_share_a_clock_that_drifts():
    sides = np.stack([FORCE, FORCE[::-1]], axis=1)
    device = Device(drift=TemperatureDrift(amount=0.5, period=1e-3))
    x = tla.solve(SPARSE, sides, device=device, rng=0)
    assert_agrees(x, np.linalg.solve(SPARSE.toarray(), sides))


@pytest.mark.parametrize("name", ["solve", "sides", "drift", "swings", "inv", "entries", "trace"])
def test_a_floor_stays_however_long_is_read(name):
    floor = 0.1
    solver, problem, knobs, truth = CASES[name]
    x = solver(*problem, device=Device(floor=floor), rng=0, **knobs)
    off = np.linalg.norm(np.asarray(x) - truth)
    assert abs(off - floor * np.linalg.norm(truth)) < (1 + floor) * farthest(x)
    if np.ndim(truth) == 2 and name == "inv":
        np.testing.assert_allclose(np.asarray(x), np.asarray(x).T)


def test_a_floor_does_not_average_out_over_copies():
    x = tla.solve(SPARSE, FORCE, rtol=5e-3, device=Device(floor=0.1), rng=0)
    exact = np.linalg.solve(SPARSE.toarray(), FORCE)
    off = np.linalg.norm(np.asarray(x) - exact)
    assert abs(off - 0.1 * np.linalg.norm(exact)) < 1.1 * farthest(x) < 0.1 * np.linalg.norm(exact)


def test_a_floor_moves_both_answers_of_a_posterior():
    device = Device(floor=0.2)
    knobs = {"noise": 0.5, "prior_precision": 1.0, "rtol": 0.02, "rng": 0}
    off, right = (tla.gaussian_posterior(H, Y, device=d, **knobs) for d in (device, None))
    for one, other in ((off.mean, right.mean), (off.cov, right.cov)):
        moved = np.linalg.norm(np.asarray(one) - np.asarray(other))
        size = np.linalg.norm(np.asarray(other))
        assert abs(moved - 0.2 * size) < 1.2 * (farthest(one) + farthest(other)) < 0.2 * size
    np.testing.assert_allclose(np.asarray(off.cov), np.asarray(off.cov).T)


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_a_models_units_are_not_the_devices(size):
    """What noise a reading adds does not depend on how stiff the springs are."""
    device = Device(converter=Converter(noise=1.0), circuit=MassSpring(1.0))
    law = tla.Model.from_graph(tla.CouplingGraph(size * A))
    drawn = law.sample(20000, device=device, rng=0).draws.reshape(-1, N)
    expected = np.linalg.inv(A) + np.eye(N) / np.linalg.norm(A, 2)
    trace = size * np.sum(drawn**2, axis=1)
    assert_agrees((trace.mean(), trace.std() / np.sqrt(len(trace))), np.asarray(np.trace(expected)))


def test_a_plan_is_for_circuits_whose_rates_it_knows():
    tla.plan(tla.inv, A, device=MILD)
    with pytest.raises(InvalidInput, match="one of kind 'mass-spring'"):
        tla.plan(tla.inv, A, device=Device(circuit=MassSpring()))


@pytest.mark.parametrize(
    ("converter", "stuck"),
    [
        (tla.Converter(full_scale=0.01), True),  # every reading is at the end
        (tla.Converter(bits=2, full_scale=8.0), True),  # steps wider than all noise
        (tla.Converter(bits=12, full_scale=8.0), False),
    ],
    ids=["range", "steps", "fine"],
)
def test_readings_that_never_change_are_no_convergence(converter, stuck):
    A, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -2.0])
    device = tla.Device(converter=converter)
    x = tla.solve(A, b, temperature=1e-3, device=device, rng=0)
    assert (x.outcome is tla.Outcome.STUCK) == stuck
