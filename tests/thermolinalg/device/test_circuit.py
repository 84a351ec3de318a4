"""What circuits do to a covariance: by the printed equations of the SPU, by theory, and by runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.device.runs import positions, settled
from thermolinalg import testing
from thermolinalg.device.circuit import RC, RLC, MassSpring
from thermolinalg.device.coefficients import Mismatch, Quantisation
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import Temperatures
from thermolinalg.errors import DoesNotFit, InvalidInput, ShapeMismatch
from thermolinalg.measurement.observed import Observed
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU

UNEQUAL = (1.0, 2.0, 3.0, 4.0)
ALL = np.ones((4, 4)) - np.eye(4)
RING = np.roll(np.eye(4), 1, axis=1) + np.roll(np.eye(4), -1, axis=1)
PATH = np.eye(4, k=1) + np.eye(4, k=-1)


def maxwell(couplings, ground=1.0):
    """The capacitance matrix of cells with capacitors to ground and between them."""
    return np.diag(ground + couplings.sum(axis=1)) - couplings


@st.composite
def capacitances(draw, n=4):
    size = st.floats(0.1, 2.0)
    couplings = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            couplings[i, j] = couplings[j, i] = draw(size)
    return maxwell(couplings, np.array([draw(size) for _ in range(n)]))


def printed(C, R, L, kappa):
    """Cov(i, v) of eqs. 4-5 of Melanson et al. 2025, in their order of variables.

    di = L⁻¹ v dt,  dv = -C⁻¹R⁻¹ v dt - C⁻¹ i dt + sqrt(2 kappa) C⁻¹ N(0, I dt): the moments obey
    M S + S M' + N = 0, solved as (2n)² linear equations.
    """
    n, zero, inverse = len(C), np.zeros((len(C), len(C))), np.linalg.inv(C)
    M = np.block([[zero, np.diag(1 / L)], [-inverse, -inverse @ np.diag(1 / R)]])
    N = np.block([[zero, zero], [zero, 2 * kappa * inverse @ inverse.T]])
    one = np.eye(2 * n)
    S = np.linalg.solve(np.kron(M, one) + np.kron(one, M), -N.ravel()).reshape(2 * n, 2 * n)
    return S[:n, :n], S[n:, n:]


@given(
    C=capacitances(),
    R=st.floats(0.2, 5.0),
    L=st.lists(st.floats(0.2, 5.0), min_size=4, max_size=4),
    T=st.floats(0.1, 3.0),
)
def test_equal_resistances_give_the_inverse_exactly(C, R, L, T):
    circuit = RLC(resistances=R, inductances=tuple(L))
    moving = circuit.realise(OU(C, np.zeros(4), 2 * T * np.eye(4)))
    kappa = T / R
    current, voltage = printed(C, np.full(4, R), np.array(L), kappa)
    rest = tla.stationary(moving).cov
    for found in (voltage, rest[:4, :4]):
        truth = kappa * R * np.linalg.inv(C)
        np.testing.assert_allclose(found, truth, atol=1e-9 * np.abs(truth).max())
    for found in (current, rest[4:, 4:]):
        np.testing.assert_allclose(
            found, kappa * R * np.diag(1 / np.array(L)), atol=1e-9 * T / min(L)
        )


@given(C=capacitances(), R=st.lists(st.floats(0.5, 4.0), min_size=4, max_size=4))
def test_any_resistances_give_what_the_printed_equations_give(C, R):
    moving = RLC(resistances=tuple(R), inductances=0.7).realise(OU(C, np.zeros(4), 2 * np.eye(4)))
    voltage = printed(C, np.array(R), np.full(4, 0.7), 1 / np.mean(R))[1]
    found = tla.stationary(moving).cov[:4, :4]
    np.testing.assert_allclose(found, voltage, atol=1e-9 * np.abs(voltage).max())


@given(C=capacitances(), R=st.lists(st.floats(0.5, 4.0), min_size=4, max_size=4))
def test_unequal_resistances_are_unequal_temperatures(C, R):
    """Noise of strength kappa in a resistor R is that of the temperature kappa R: what each node
    has too much of heat can be taken from its noise source, and the inverse is exact again."""
    R = np.array(R)
    noise = 2 * np.diag(np.mean(R) / R)
    moving = RLC(resistances=tuple(R)).realise(OU(C, np.zeros(4), noise))
    truth = np.linalg.inv(C)
    found = tla.stationary(moving).cov[:4, :4]
    np.testing.assert_allclose(found, truth, atol=1e-9 * np.abs(truth).max())


@pytest.mark.parametrize(
    ("couplings", "percent"), [(ALL, 24.1), (RING, 22.4), (PATH, 33.0), (0 * ALL, 44.7)]
)
def test_the_error_of_four_cells_with_resistances_1_to_4(couplings, percent):
    """Each cell has a capacitor of 1 to ground and of 1 to those it is coupled to."""
    C = maxwell(couplings)
    moving = RLC(resistances=UNEQUAL).realise(OU(C, np.zeros(4), 2 * np.eye(4)))
    truth = np.linalg.inv(C)
    error = np.linalg.norm(tla.stationary(moving).cov[:4, :4] - truth) / np.linalg.norm(truth)
    assert 100 * error == pytest.approx(percent, abs=0.05)


def expected(device, C):
    """The inverse that this device tends to, and its error."""
    process, _ = encoded(C)
    realised = device.realised(process)
    cov = tla.stationary(OU(realised.process.A, 0 * realised.process.A[0], realised.process.D)).cov
    return cov[:4, :4]


def encoded(C):
    """The network asked for by `inv`, and the norm that was divided out."""
    problem = tla.inv(C, rng=0).run.program
    return problem.process, 1 / problem.scale


@pytest.mark.parametrize("resistances", [1.0, 2.5, UNEQUAL])
def test_runs_of_an_inverse_on_the_spu(resistances):
    C, device = maxwell(ALL), Device(circuit=RLC(resistances=resistances))
    estimate = tla.inv(C, rtol=0.03, device=device, rng=1)
    if resistances != UNEQUAL:
        testing.assert_agrees(estimate, np.linalg.inv(C))
        return
    _, norm = encoded(C)
    testing.assert_agrees(estimate, expected(device, C) / norm)
    with pytest.raises(AssertionError):
        testing.assert_agrees(estimate, np.linalg.inv(C))


def test_device_run_of_an_rlc_network():
    process, _ = encoded(maxwell(RING))
    device = Device(circuit=RLC(resistances=UNEQUAL, inductances=(1.0, 0.5, 2.0, 1.5)))
    run = device.run(process, windows=400, rng=2)
    truth = expected(device, maxwell(RING))
    testing.assert_agrees((run.mean, run.stderr), truth)
    assert run.windows.shape == (400, 4, 4)


def test_a_bank_of_switched_capacitors():
    """Coefficients are sums of the bank's capacitors: 1/2, 1/4, 1/8 and 1/16 of full scale."""
    bank = [0.5**k for k in range(1, 5)]
    levels = tuple(sum(c for k, c in enumerate(bank) if on >> k & 1) for on in range(16))
    device = Device(circuit=RLC(), quantisation=Quantisation(levels=levels))
    C = maxwell(np.array([[0, 0.9, 0.3, 0], [0.9, 0, 0.2, 0.5], [0.3, 0.2, 0, 0], [0, 0.5, 0, 0]]))
    process, norm = encoded(C)
    held, largest = device.realised(process).process, np.abs(process.A).max()
    capacitance = np.linalg.inv(held.A[:4, 4:])
    share = np.abs(capacitance) / largest
    nearest = np.abs(share[..., None] - np.array(levels)).min(axis=-1)
    np.testing.assert_allclose(nearest, 0, atol=1e-12)
    assert np.abs(share - np.abs(process.A) / largest).max() <= 1 / 16 + 1e-12
    estimate = tla.inv(C, rtol=0.05, device=device, rng=3)
    testing.assert_agrees(estimate, np.linalg.inv(capacitance) / norm)


def test_coils_short_every_drive():
    with pytest.raises(DoesNotFit, match="coils short any drive"):
        tla.solve(maxwell(ALL), np.ones(4), device=Device(circuit=RLC()))
    with pytest.raises(ShapeMismatch, match="resistances are of 2 cells"):
        tla.inv(maxwell(ALL), device=Device(circuit=RLC(resistances=(1.0, 2.0))))
    lopsided = OU(np.array([[1.0, 0.1], [0.0, 1.0]]), np.zeros(2), np.eye(2))
    with pytest.raises(DoesNotFit, match="a capacitance matrix is symmetric"):
        RLC().realise(lopsided)
    for bad in (lambda: RLC(resistances=0.0), lambda: RLC(inductances=(1.0, -1.0))):
        with pytest.raises(InvalidInput):
            bad()


SIDES = np.array([[1.0, 0.0], [-0.5, 1.0], [0.2, 0.0], [0.0, 2.0]])


@pytest.mark.parametrize("friction", [0.4, 1.0])
def test_masses_on_springs_rest_where_the_network_does(friction):
    device = Device(circuit=MassSpring(friction))
    C = maxwell(PATH)
    assert isinstance(device.realised(encoded(C)[0]), Inertial)
    testing.assert_agrees(tla.inv(C, rtol=0.05, device=device, rng=4), np.linalg.inv(C))
    truth = np.linalg.solve(C, SIDES)
    testing.assert_agrees(tla.solve(C, SIDES, rtol=0.05, device=device, rng=5), truth)


def test_masses_on_springs_without_detailed_balance():
    """They move as a general OU over (x, v), whose equilibrium theory knows."""
    device = Device(circuit=MassSpring(0.8), temperatures=Temperatures(nodes=UNEQUAL))
    process, _ = encoded(maxwell(RING))
    realised = device.realised(process)
    assert isinstance(realised, Observed)
    assert isinstance(realised.process, OU)
    run = settled(device, process, 4000, 120.0, seed=6)
    testing.assert_covariance_matches(positions(run, 4), expected(device, maxwell(RING)))
    x = tla.solve(maxwell(RING), SIDES, rtol=0.05, device=device, rng=7)
    testing.assert_agrees(x, np.linalg.solve(maxwell(RING), SIDES))


def test_masses_that_differ_rest_where_all_do():
    device = Device(circuit=MassSpring(0.8), mismatch=Mismatch(nodes=0.2))
    assert isinstance(device.realised(encoded(maxwell(RING))[0]), Inertial)
    x = tla.inv(maxwell(RING), rtol=0.05, device=device, rng=9)
    testing.assert_agrees(x, np.linalg.inv(maxwell(RING)))


def test_an_ideal_circuit_is_the_network_itself():
    process, _ = encoded(maxwell(RING))
    assert Device(circuit=RC()).realised(process) is process


@pytest.mark.parametrize("circuit", [RLC(), MassSpring(0.8)])
def test_chains_and_workers(circuit):
    C, device = maxwell(RING), Device(circuit=circuit, temperatures=Temperatures(spread=0.1))
    one, two = (
        tla.inv(C, rtol=0.2, chains=4, n_jobs=jobs, device=device, rng=8) for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.value, two.value)
    assert one.refine(rtol=0.1).plan.time > one.plan.time
