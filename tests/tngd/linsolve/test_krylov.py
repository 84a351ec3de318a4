"""Relaxation by curvature products against e^{-At} and Lyapunov's equation on the dense matrix."""

import numpy as np
import pytest

from tests.tngd.oracles import Rows, random_rows, relaxed
from thermolinalg.errors import DoesNotFit, InvalidInput
from tngd.linsolve.krylov import KrylovRelaxation
from tngd.linsolve.relaxation import Circuit, ExactRelaxation

RTOL = 1e-6


class UnitNoise:
    """Its "normals" are the i-th unit vector, which shows the noise one column at a time."""

    def __init__(self, i):
        self.i = i

    def standard_normal(self, shape, dtype=float):
        (n,) = shape
        return np.eye(n, dtype=dtype)[self.i]


def circuit(q=12, p=8, noise=0.0, **other):
    S = random_rows(q, p, rank=min(q, p), dtype=np.float64)
    g, x = np.random.default_rng(3).standard_normal((2, p))
    return Circuit(Rows(S), 0.3, g, noise, **other), S.T @ S, x


@pytest.mark.parametrize("time", [0.0, 0.1, 2.0, 100.0])
@pytest.mark.parametrize("carried", [False, True])
def test_the_mean_at_any_time(time, carried):
    asked, C, x = circuit()
    start = x if carried else None
    found = KrylovRelaxation(RTOL).relax(asked, start, time, np.random.default_rng(0))
    truth, _ = relaxed(C, 0.3, asked.gradient, x if carried else asked.gradient, time)
    largest = np.linalg.norm(asked.gradient) / 0.3 + np.linalg.norm(x)  # of any answer
    assert np.linalg.norm(found - truth) <= 2 * RTOL * largest, "changes fall faster than 1/2^k"


def test_noise_has_the_covariance_of_the_process():
    noise, time = 0.2, 0.7
    asked, C, x = circuit(noise=noise)
    calm, _, _ = circuit()
    mean = KrylovRelaxation(RTOL).relax(calm, x, time, None)
    root = np.array(
        [KrylovRelaxation(RTOL).relax(asked, x, time, UnitNoise(i)) - mean for i in range(8)]
    )
    a, V = np.linalg.eigh(C + 0.3 * np.eye(8))
    truth = (V * noise * (1 - np.exp(-2 * a * time)) / a) @ V.T
    error = 2 * RTOL * np.linalg.norm(root)  # of the root, and twice in its square
    assert np.linalg.norm(root.T @ root - truth) <= 2 * error * np.linalg.norm(root)


def test_few_products_are_enough_where_little_time_passes():
    asked, _, _ = circuit(q=400, p=300)
    products = []

    class Counted:
        def matvec(self, v):
            products.append(1)
            return asked.curvature.matvec(v)

    largest = np.linalg.norm(asked.curvature.S, 2) ** 2
    counted = Circuit(Counted(), asked.damping, asked.gradient, 0.0)
    time = 2.0 / largest
    found = KrylovRelaxation().relax(counted, None, time, np.random.default_rng(0))
    exact = ExactRelaxation().relax(asked, None, time, np.random.default_rng(0))
    assert np.linalg.norm(found - exact) <= 1e-3 * np.linalg.norm(exact)
    assert len(products) < 10


@pytest.mark.parametrize("start", [0.0, np.nan])
def test_nothing_and_no_number(start):
    asked, _, _ = circuit()
    odd = Circuit(asked.curvature, 0.3, start * asked.gradient, 0.0)
    found = KrylovRelaxation().relax(odd, None, 1.0, np.random.default_rng(0))
    assert np.array_equal(found, start * asked.gradient, equal_nan=True)


def test_mistakes():
    with pytest.raises(InvalidInput, match="rtol"):
        KrylovRelaxation(0.0)
    uneven, _, _ = circuit(temperatures=np.ones(8))
    with pytest.raises(DoesNotFit, match="one temperature"):
        KrylovRelaxation().relax(uneven, None, 1.0, np.random.default_rng(0))
