"""Averages of networks over a window: their law, against the moment equations stepped in time."""

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.measurement.test_integral import UnitKicks
from thermolinalg.measurement.network_average import NetworkAverage, _excess
from thermolinalg.theory.operator import Network

N = 4
SPRINGS = np.array([[3.0, -1, 0, -1], [-1, 2.5, -1, 0], [0, -1, 2.2, -1], [-1, 0, -1, 4]])
FORCE = np.arange(1.0, N + 1)
FRICTION = np.array([1.0, 0.5, 2.0, 4.0])
NETWORKS = {
    "sparse": tla.overdamped(sp.csr_array(SPRINGS), FORCE, temperature=0.7, bounds=(0.05, 8.0)),
    "friction": tla.overdamped(sp.csr_array(SPRINGS), FORCE, friction=FRICTION, bounds=(0.05, 8.0)),
    "no noise": Network(sp.csr_array(SPRINGS), FORCE, 0.0, bounds=(0.05, 8.0)),
    "low rank": tla.overdamped(tla.LowRank(0.5 * np.ones(N), SPRINGS[:, :2]), FORCE),
    "uneven low rank": tla.overdamped(tla.LowRank(FRICTION, SPRINGS[:, :2]), FORCE),
}


class Chosen:
    """In place of a random stream: for the two draws of a window, the kicks (chains, n) given."""

    def __init__(self, *kicks):
        self.kicks = list(kicks)

    def standard_normal(self, shape, dtype=float):
        return self.kicks.pop(0).reshape(shape).astype(dtype)


def law_of(network, window):
    """E, shift and C of one window as a map from x(0) to (x(T), average)."""
    none = np.zeros((1, N))

    def moved(x, *kicks):
        values, last = NetworkAverage().windows(network, x, window, 1, Chosen(*kicks))
        return np.concatenate([last, values[0]], axis=-1)

    shift = moved(none, none, none)[0]
    E = moved(np.eye(N), np.zeros((N, N)), np.zeros((N, N))) - shift
    kicks = UnitKicks().standard_normal((2, 2 * N + 1, N))
    F = moved(np.zeros((2 * N + 1, N)), *kicks) - shift
    return E.T, shift, F.T @ F


def dense(network):
    A = np.asarray(network.A @ np.eye(N))
    return A, network.b, np.diag(np.broadcast_to(network.diffusion, N))


@pytest.mark.parametrize("window", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_joint_law_of_state_and_average(name, window):
    A, b, D = dense(NETWORKS[name])
    E, shift, C = oracles.law_by_ode(*oracles.averaged(A, b, D, window), window)
    mean = np.linalg.solve(A, b)  # what a short window is driven by, less what it forgets
    wanted, wholes = (E[:, :N], shift, C), (1.0, np.abs(mean).max(), 0.0)
    for part, truth, whole in zip(law_of(NETWORKS[name], window), wanted, wholes, strict=True):
        # Some hundred terms of a series, or a few forms of modes, each of which rounds once.
        rounding = 400 * np.finfo(float).eps * whole + 1e-9 * np.abs(truth).max()
        np.testing.assert_allclose(part, truth, rtol=0, atol=rounding)


@pytest.mark.parametrize("name", ["sparse", "low rank"])
def test_windows_in_a_row_go_on_where_the_last_ended(name):
    network, kicks = NETWORKS[name], np.random.default_rng(0).standard_normal((4, 3, N))
    x = np.ones((3, N))
    both, last = NetworkAverage().windows(network, x, 0.7, 2, Chosen(*kicks))
    first, middle = NetworkAverage().windows(network, x, 0.7, 1, Chosen(*kicks[:2]))
    second, end = NetworkAverage().windows(network, middle, 0.7, 1, Chosen(*kicks[2:]))
    np.testing.assert_array_equal(both, np.concatenate([first, second]))
    np.testing.assert_array_equal(last, end)


@pytest.mark.parametrize("name", ["sparse", "friction", "low rank"])
def test_each_drive_adds_what_it_amounts_to_alone(name):
    """After `lead` of pulling, window after window; and the noise is that of one."""
    network = NETWORKS[name]
    still = Network(network.A, 0 * network.b, network.diffusion, network.bounds)
    drives, lead, window = np.stack([network.b, -2 * network.b]), 1.3, 0.6
    kicks = np.random.default_rng(1).standard_normal((4, 3, N))
    x = np.zeros((3, N))
    noise, end = NetworkAverage().windows(still, x, window, 2, Chosen(*kicks))
    values, last = NetworkAverage(drives, lead).windows(still, x, window, 2, Chosen(*kicks))
    np.testing.assert_array_equal(last, end)
    A, b, D = dense(network)
    state = oracles.law_by_ode(A, b, D, lead).shift
    law = oracles.law_by_ode(*oracles.averaged(A, b, D, window), window)
    for k in range(2):
        moved = law.E[:, :N] @ state + law.shift
        state, alone = moved[:N], moved[N:]
        for j, share in enumerate((1, -2)):
            rounding = 1e-10 * np.abs(alone).max()
            np.testing.assert_allclose(
                values[k, :, j] - noise[k], share * alone + 0 * x, atol=rounding
            )


def test_time_is_that_of_a_run_for_each_drive():
    readout = NetworkAverage(np.ones((5, N)), lead=2.0)
    assert readout.time(3.0, 4) == 5 * (2 + 12)
    assert NetworkAverage().time(3.0, 4) == 12
    assert readout.numbers(NETWORKS["sparse"], 3.0) == 5 * N


def test_noise_costs_no_more_for_more_drives():
    """Each side adds a column of its own to the products, and none to those of the noise."""
    columns = []

    class Counted:
        shape = (N, N)

        def __matmul__(self, x):
            columns.append(x.shape[1])
            return SPRINGS @ x

    def spent(k):
        columns.clear()
        readout = NetworkAverage(np.ones((k, N)), lead=1.0)
        network = Network(Counted(), np.zeros(N), 1.0, bounds=(0.05, 8.0))
        readout.windows(network, np.zeros((32, N)), 2.0, 1, np.random.default_rng(0))
        return columns.count(32), columns.count(k)

    noise, sides = spent(2)
    assert spent(50) == (noise, sides)
    assert noise > sides > 0


@given(exponent=st.floats(-12, 3))
def test_what_is_left_of_a_mode_once_its_end_is_known(exponent):
    u = 10.0**exponent
    with mpmath.workdps(60):
        exact = float(mpmath.mpf(u) - 2 * mpmath.tanh(mpmath.mpf(u) / 2))
    found = float(_excess(np.array([u]))[0])
    assert found == pytest.approx(exact, rel=8 * np.finfo(float).eps)
