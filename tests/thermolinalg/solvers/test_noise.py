"""How noisy readouts are said to be, against sums of autocovariances over lags.

The oracle knows no rates: it adds up what Isserlis' theorem says of products, entry by entry, from
`autocovariance`, or takes the law of a mean of samples from `covariance_of_mean`.
"""

import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg.solvers import noise
from thermolinalg.solvers.network import as_sides
from thermolinalg.solvers.outlook import _of_scattered
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU

NETWORK = tla.overdamped([[2.0, -1.0, 0.0], [-1.0, 2.5, 0.4], [0.0, 0.4, 1.0]], np.zeros(3))
SHEARED = OU(np.array([[1.0, 3.0], [0.0, 2.0]]), np.zeros(2), 2 * np.eye(2))
UNEVEN = OU(np.array([[1.0, 2.0], [-0.5, 1.0]]), np.zeros(2), np.array([[1.0, 0.3], [0.3, 2.0]]))
LONG, FINE = 2**22, 2e-3
"""Samples, and time between them, whose mean is a time average to 1e-3 and better."""


def noise_of_products(process, step, lag=0.0, reach=60.0):
    """T times the covariance (n², n²) of the average of x_i(t + lag) x_j(t), `step` apart."""
    n, count = process.n, int(reach / step)
    times = step * np.arange(-count, count + 1)
    C, ahead, behind = (tla.autocovariance(process, times + s) for s in (0.0, lag, -lag))
    total = np.einsum("tik,tjl->ijkl", C, C) + np.einsum("til,tjk->ijkl", ahead, behind)
    return step * total.reshape(n * n, n * n)


def with_velocities(friction):
    """NETWORK with mass, an OU over (x, v) that knows nothing of modes."""
    return tla.underdamped(NETWORK.A, NETWORK.b, friction=friction)


def eigenvalues(M, size):
    """The largest so many, increasing."""
    return np.linalg.eigvalsh((M + M.T) / 2)[-size:]


def entries(pairs, n):
    return [i * n + j for i, j in pairs]


@pytest.mark.parametrize("process", [NETWORK, SHEARED], ids=["network", "sheared"])
def test_means(process):
    weights, _ = noise.directions(process, lambda windows: as_sides(windows, matrix=False))
    C = tla.covariance_of_mean(process, FINE, LONG) * (FINE * LONG)
    assert np.sort(weights) == pytest.approx(np.linalg.eigvalsh(C), rel=1e-3)


def test_means_that_are_decoded():
    M = np.array([[1.0, 2.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    weights, each = noise.directions(NETWORK, lambda w: w[:, 0, :] @ M.T)
    C = tla.covariance_of_mean(NETWORK, FINE, LONG) * (FINE * LONG)
    assert np.sort(weights) == pytest.approx(np.linalg.eigvalsh(M @ C @ M.T)[-3:], rel=1e-3)
    assert each.sum() == pytest.approx(np.trace(M @ C @ M.T), rel=1e-3)


@pytest.mark.parametrize("step", [0.05, 0.8, 3.0])
def test_second_moments(step):
    n, C = 3, noise_of_products(NETWORK, step)
    f = noise.pairs_of(noise.rates_of(NETWORK), 2.0, step)
    _assert_second_moments(f, C, n)


def _assert_second_moments(f, C, n):
    found = noise.of_matrix(f)
    law = np.sort(np.repeat(found.law.weights, found.law.counts.astype(int)))
    assert law == pytest.approx(eigenvalues(C, n * (n + 1) // 2), rel=1e-6)
    along = entries([(i, i) for i in range(n)], n)
    trace = noise.of_trace(f)
    assert trace.total == pytest.approx(C[np.ix_(along, along)].sum(), rel=1e-6)
    diagonal = noise.of_diagonal(f)
    part = C[np.ix_(along, along)]
    assert diagonal.total >= np.trace(part) * (1 - 1e-9)
    assert diagonal.largest >= np.linalg.eigvalsh(part)[-1] * (1 - 1e-9)


@pytest.mark.parametrize("friction", [0.4, 1.2, 2.4, 4.0])
def test_means_with_inertia(friction):
    """Of modes that swing or creep alike: the friction times the noise without mass."""
    weights, _ = noise.directions(
        Inertial(NETWORK, friction), lambda windows: as_sides(windows, matrix=False)
    )
    C = tla.covariance_of_mean(with_velocities(friction), FINE, LONG) * (FINE * LONG)
    assert np.sort(friction * weights) == pytest.approx(np.linalg.eigvalsh(C[:3, :3]), rel=1e-3)


@pytest.mark.parametrize("friction", [0.4, 2.4, 4.0])
@pytest.mark.parametrize("step", [0.2, 0.8, 3.0])
def test_second_moments_with_inertia(friction, step):
    """Modes that swing, modes that creep, and some of both."""
    C = noise_of_products(with_velocities(friction), step, reach=80.0)
    positions = entries([(i, j) for i in range(3) for j in range(3)], 6)
    rates = noise.rates_of(Inertial(NETWORK, friction))
    f = noise.swinging_pairs(rates, friction, 2.0, step)
    _assert_second_moments(f, C[np.ix_(positions, positions)], 3)
    for pairs in ([(0, 1)], [(0, 1), (1, 0), (2, 2)]):
        at = entries(pairs, 6)
        found = noise.of_entries(np.array(pairs), f.diagonal().max())
        assert found.total >= np.trace(C[np.ix_(at, at)])
        assert found.largest >= np.linalg.eigvalsh(C[np.ix_(at, at)])[-1]


def test_the_square_of_a_swinging_mode_forgets_as_a_closed_form_says():
    """Its time average has the relative variance (2/T)(1/friction + friction/a)."""
    for a, friction in ((1.0, 0.5), (4.0, 1.0), (0.3, 0.2)):
        f = noise.swinging_pairs(np.array([a]), friction, 2.0, 1e-4).item()
        assert 2 * f * a**2 == pytest.approx(2 * (1 / friction + friction / a), rel=1e-6)


def test_the_noise_of_a_diagonal_is_no_less_where_it_is_all_there_is():
    free = OU(np.diag([0.5, 1.0, 3.0]), np.zeros(3), 2 * np.eye(3))
    C, along = noise_of_products(free, 0.3), entries([(i, i) for i in range(3)], 3)
    found = noise.of_diagonal(noise.pairs_of(np.array([0.5, 1.0, 3.0]), 2.0, 0.3))
    assert found.total == pytest.approx(np.trace(C[np.ix_(along, along)]), rel=1e-6)
    assert found.largest == pytest.approx(C[np.ix_(along, along)].max(), rel=1e-6)


@pytest.mark.parametrize("pairs", [[(0, 0)], [(0, 1)], [(0, 1), (1, 0), (2, 2)], [(1, 2), (1, 2)]])
def test_entries_are_bounded(pairs):
    at = entries(pairs, 3)
    C = noise_of_products(NETWORK, 0.8)[np.ix_(at, at)]
    most = noise.pairs_of(np.array([NETWORK.slowest]), 2.0, 0.8).item()
    found = noise.of_entries(np.array(pairs), most)
    assert found.total >= np.trace(C)
    assert found.largest >= np.linalg.eigvalsh(C)[-1]


@pytest.mark.parametrize("step", [0.1, 1.0])
@pytest.mark.parametrize(
    "process", [NETWORK, SHEARED, UNEVEN], ids=["network", "sheared", "uneven"]
)
def test_covariances_of_any_process_are_bounded(process, step):
    C, norm = noise_of_products(process, step), np.linalg.norm(tla.stationary(process).cov)
    found = noise.of_covariance(process, step).scaled(norm**2)
    assert found.total >= np.trace(C)
    assert found.largest >= eigenvalues(C, 1)[0]


@pytest.mark.parametrize("M", [[[1.0]], [[0.5, 0.0], [0.0, 2.0]], [[1.0, 0.8], [-0.2, 0.7]]])
def test_lagged_products_are_bounded(M):
    M = np.array(M)
    process = OU(M, np.zeros(len(M)), M + M.T)
    C = noise_of_products(process, 1.0, lag=1.0)
    contraction = np.linalg.eigvalsh(M + M.T)[0] / 2
    found = noise.of_lag(np.linalg.eigvals(M).real, contraction)
    assert found.total >= np.trace(C) * (1 - 1e-9)
    assert found.largest >= eigenvalues(C, 1)[0] * (1 - 1e-9)
    if len(M) == 1:  # nothing is lost
        assert found.total == pytest.approx(C.item(), rel=1e-9)
        assert found.largest == pytest.approx(C.item(), rel=1e-9)


def test_entries_of_modes_that_point_anywhere():
    """In two dimensions: products of four entries of a rotation are sums of 4 angles at most."""
    rates, step = np.array([0.5, 2.0]), 0.7
    noises, squares = [], []
    for angle in np.arange(16) * np.pi / 8:
        U = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        process = tla.overdamped((U * rates) @ U.T, np.zeros(2))
        noises.append(np.diag(noise_of_products(process, step)))
        squares.append(tla.stationary(process).cov.ravel() ** 2)
    variance, square = np.mean(noises, axis=0), np.mean(squares, axis=0)
    for on, off, total, norm in (
        (1, 0, variance[0], square[0]),
        (0, 1, variance[1], square[1]),
        (2, 2, variance.sum(), square.sum()),
    ):
        found = _of_scattered(1 / rates, noise.pairs_of(rates, 2.0, step), on, off)
        assert found.noise.total == pytest.approx(total, rel=1e-6)
        assert found.norm**2 == pytest.approx(norm, rel=1e-9)


def test_levels():
    assert noise.level(NETWORK) == 2
    assert noise.level(UNEVEN) is None
    assert noise.level(OU(np.eye(2), np.zeros(2), np.diag([1.0, 2.0]))) is None
    assert noise.level(OU(np.eye(2), np.zeros(2), np.zeros((2, 2)))) is None


def test_sources_say_whether_the_law_is_known():
    exact, bound = noise.Noise.exact(np.ones(3)), noise.Noise(3.0, 1.0)
    assert "quantile" in exact.source
    assert "bound" in bound.source
    for confidence in (0.5, 0.95):
        assert exact.quantile(confidence) <= bound.quantile(confidence) <= bound.markov(confidence)
    assert exact.scaled(2.0).quantile(0.9) == pytest.approx(2 * exact.quantile(0.9))
    assert bound.quantile(0.95) <= noise.Noise(3.0).quantile(0.95)


def test_singular_values_keep_their_digits():
    """A drift of condition 10^12 whose singular values are known."""
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    drift = turn @ np.diag([1.0, 1e-12])
    found = noise.singular_values(OU(drift + 0.0, np.zeros(2), np.eye(2)))
    assert found == pytest.approx([1e-12, 1.0], rel=1e-3)
