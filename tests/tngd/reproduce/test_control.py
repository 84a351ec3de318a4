"""Learning to control: the exact Q-function obeys Bellman's equation, and is learnt."""

import numpy as np
import pytest

import tngd
from tngd.reproduce.control_linear import Plant, matrix, regulate, squares


def test_a_quadratic_form_is_linear_in_squares():
    rng = np.random.default_rng(0)
    z, w = rng.standard_normal((7, 5)), rng.standard_normal(16)
    np.testing.assert_allclose(
        squares(z) @ w[:15], np.einsum("bi,ij,bj->b", z, matrix(w, 5), z), atol=1e-12
    )


def test_the_exact_q_function_is_the_cost_of_the_best_policy():
    """By running the plant, under the policy and under others; no Riccati equation."""
    plant, rng = Plant(), np.random.default_rng(1)
    H, n = plant.best, 4
    best = -np.linalg.solve(H[n:, n:], H[n:, :n])

    def run(s, a, policy):
        total, weight = 0.0, 1.0
        for _ in range(1500):
            z = np.concatenate([s, a])
            total, weight = total + weight * z @ plant.cost @ z, weight * plant.discount
            s = plant.A @ s + plant.B @ a
            a = policy @ s
        return total

    for _ in range(3):
        z = rng.standard_normal(5)
        exact = z @ H @ z
        assert run(z[:n], z[n:], best) == pytest.approx(exact, rel=1e-10)
        other = best + 0.1 * rng.standard_normal(best.shape)
        assert run(z[:n], z[n:], other) > exact


def test_exact_directions_learn_the_q_function():
    optimizer = tngd.EGN(rate=0.5, damping=1e-6)
    errors = [regulate(optimizer, steps, 64, 3)["score"] for steps in (10, 100, 400)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_divergence_is_told():
    numbers = regulate(tngd.SGD(rate=1e3), 400, 32, 0)
    assert numbers["diverged"]
    assert numbers["score"] == 1e6


def test_the_cart_runs_and_repeats():
    pytest.importorskip("gymnasium")
    from tngd.reproduce.control_cartpole import balance

    first = balance(tngd.Adam(rate=1e-3), 260, 16, 5)
    again = balance(tngd.Adam(rate=1e-3), 260, 16, 5)
    assert {**first, "seconds": 0.0} == {**again, "seconds": 0.0}
    assert 0 < first["score"] < 1
    assert first["steps"] == 60
