"""Every solver on devices with errors: it answers what the chip really holds.

What a chip holds is compared with the law at rest of the network it moves, by theory. False alarm:
1e-6 for each test, shared among its comparisons.
"""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import scipy.linalg as sla
import scipy.sparse as sp

import thermolinalg as tla
from thermolinalg import (
    Converter,
    Device,
    MassSpring,
    Mismatch,
    Quantisation,
    Temperatures,
)
from thermolinalg.device.noise import whole
from thermolinalg.errors import DoesNotFit
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.measurement.moment import MomentEntries, MomentTrace
from thermolinalg.measurement.observed import Observed
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
SADDLE = A - 0.8 * np.eye(N)
TALL = RNG.standard_normal((9, N))
DATA = RNG.standard_normal(9)
SPRINGS = nx.path_graph(N)
STIFF = nx.laplacian_matrix(SPRINGS).toarray() + np.eye(N)
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
CASES = {
    "solve": (tla.solve, (A, B), FINE, np.linalg.solve(A, B)),
    "sides": (tla.solve, (A, SIDES), FINE, np.linalg.solve(A, SIDES)),
    "drift": (tla.solve, (DRIFT, B), FINE, np.linalg.solve(DRIFT, B)),
    "saddle": (tla.solve, (SADDLE, B), FINE, np.linalg.solve(SADDLE, B)),
    "scaled": (tla.solve, (A, B), {"precondition": "diagonal", **FINE}, np.linalg.solve(A, B)),
    "swings": (tla.solve, (A, B), {"dynamics": "underdamped", **FINE}, np.linalg.solve(A, B)),
    "graph": (tla.solve, (SPRINGS, B), FINE, np.linalg.solve(STIFF, B)),
    "lstsq": (tla.lstsq, (TALL, DATA), FINE, np.linalg.lstsq(TALL, DATA, rcond=None)[0]),
    "inv": (tla.inv, (A,), COARSE, np.linalg.inv(A)),
    "swinging": (tla.inv, (A,), {"dynamics": "underdamped", **COARSE}, np.linalg.inv(A)),
    "diagonal": (tla.inv, (A,), {"only": "diagonal", **COARSE}, np.diag(np.linalg.inv(A))),
    "trace": (tla.inv, (A,), {"only": "trace", **COARSE}, np.trace(np.linalg.inv(A))),
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


def at_rest(process, readout):
    """What a readout says on average, of one stretch (1, ...), seen through the converter."""
    moving = process.process if isinstance(process, Observed) else process
    seen = process.positions if isinstance(process, Observed | Inertial) else process.n
    gain = 1 + process.converter.gain if isinstance(process, Observed) else 1.0
    moving = whole(moving) if isinstance(moving, Inertial) else moving
    if isinstance(readout, TimeAverage):
        means = [stationary(tla.OU(moving.A, b, moving.D)).mean[:seen] for b in moving.b]
        return gain * np.array(means)[None, ...]
    cov = stationary(moving).cov
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


def differ(x, y):
    """By how many error bars, at most, in any entry."""
    return np.max(np.abs(np.asarray(x) - np.asarray(y)) / np.asarray(x.stderr))


@each_case
def test_it_answers_what_the_chip_holds(name):
    x, truth = answer(name, MILD), CASES[name][-1]
    assert_agrees(x, held(x))
    assert differ(x, truth) > 6  # the errors of the chip are there, and are not noise
    assert np.linalg.norm(held(x) - truth) < 0.5 * np.linalg.norm(truth)


@each_case
def test_chips_differ_and_are_what_they_are(name):
    x, other = answer(name, MILD), answer(name, OTHER, rng=1)
    np.testing.assert_array_equal(held(answer(name, MILD, rng=1)), held(x))
    assert_agrees(other, held(other))
    assert differ(x, held(other)) > 6


@each_case
def test_runs_on_a_device_repeat_and_go_on(name, tmp_path):
    one, other = answer(name, MILD), answer(name, MILD)
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
    ideal, dear = answer(name, None), answer(name, priced)
    np.testing.assert_array_equal(np.asarray(ideal), np.asarray(dear))
    assert dear.ledger.seconds("modelled") > ideal.ledger.seconds("modelled")


# ---------------------------------------------------------------- only multiplied

SPARSE = sp.csr_array(np.diag(np.full(9, 2.5)) - np.eye(9, k=1) - np.eye(9, k=-1))
FORCE = np.arange(1.0, 10.0)


def test_a_sparse_network_is_read_through_a_converter_in_the_devices_units():
    """The offset moves each node's reading alike, in units in which the norm and drives are 1."""
    device = Device(converter=Converter(offset=0.5, gain=GAIN))
    for scale in (1.0, 64.0):
        x = tla.solve(scale * SPARSE, FORCE, rtol=1e-3, device=device, rng=0)
        exact = np.linalg.solve(scale * SPARSE.toarray(), FORCE)
        unit = np.sqrt(np.mean(FORCE**2)) / (scale * np.linalg.norm(SPARSE.toarray(), 2))
        offsets = (np.asarray(x) - (1 + GAIN) * exact) / unit
        errors = np.asarray(x.stderr) / unit
        assert np.all(np.abs(offsets - 0.5) < 0.05 + 8 * errors)


def test_entries_that_are_only_multiplied_cannot_be_distorted():
    with pytest.raises(DoesNotFit, match="mismatch change the entries of A, which of this problem"):
        tla.solve(SPARSE, FORCE, device=Device(mismatch=Mismatch(0.1)))


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
    law = stationary(whole(inside) if isinstance(inside, Inertial) else inside)
    mean, cov = (1 + GAIN) * law.mean[..., :N].reshape(N), (1 + GAIN) ** 2 * law.cov[:N, :N]
    program = found.run.program
    assert_agrees(found.mean, program.mean(mean[None, :])[0])
    assert_agrees(found.cov, program.cov(cov[None, :, :])[0])
    again = tla.gaussian_posterior(H, Y, device=device, rng=0, **knobs)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(found))


def test_a_gaussian_process_on_a_device():
    X = np.linspace(0, 1, 5)[:, None]
    y, points = np.sin(3 * X[:, 0]), np.array([[0.3]])
    knobs = {"noise": 0.1, "rtol": 1e-2}
    mild, other = (
        tla.gaussian_process(X, y, points, device=device, rng=0, **knobs)
        for device in (MILD, OTHER)
    )
    assert differ(mild.mean, other.mean) > 6


def test_a_quadratic_program_is_proved_whatever_the_device():
    """Its Newton steps are inexact by design, and residuals are computed anew."""
    found = tla.solve_qp(A, B, C=np.eye(N), d=np.ones(N), device=MILD, rng=0)
    assert found.outcome is tla.QuadraticOutcome.CONVERGED


def test_samples_of_a_model_on_a_device():
    model = tla.Model()
    x = model.coordinates("x", 2)
    model.energy(x[0] ** 2 + x[1] ** 2 + x[0] * x[1])
    ideal, mild = (model.sample(64, device=device, rng=0) for device in (None, MILD))
    assert not np.allclose(ideal.draws, mild.draws)
