"""Q-learning of a linear-quadratic regulator, beside the exact answer."""

import math
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import final

import numpy as np

import models
from thermolinalg.backend import NumpyArray
from thermolinalg.streams import Streams
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer, State
from tngd.reproduce.contract import Numbers

IMPROVE = 10
"""Steps from one improvement of the policy to the next."""


@final
@dataclass(frozen=True, eq=False)
class Plant:
    """s <- A s + B a at the cost s'Q s + a'R a, the next step's counting `discount` as much.

    Two masses in a row, each on a spring, a damper and a third spring between them; a force
    pushes the first. States are places and velocities, in steps of a tenth.
    """

    discount: float = 0.95

    @cached_property
    def A(self) -> NumpyArray:
        stiffness, friction, step = np.array([[2.0, -1.0], [-1.0, 2.0]]), 0.2, 0.1
        eye, none = np.eye(2), np.zeros((2, 2))
        rates = np.block([[none, eye], [-stiffness, -friction * eye]])
        backward: NumpyArray = np.linalg.inv(np.eye(4) - step * rates)  # implicit Euler: stable
        return backward

    @cached_property
    def B(self) -> NumpyArray:
        pushed: NumpyArray = self.A @ np.array([[0.0], [0.0], [0.5], [0.0]])
        return pushed

    @cached_property
    def cost(self) -> NumpyArray:
        """Of (s, a): the block matrix of Q and R."""
        return np.diag([1.0, 1.0, 0.1, 0.1, 0.1])

    @cached_property
    def best(self) -> NumpyArray:
        """H of the best policy's Q(s, a) = z'H z with z = (s, a), from the Riccati equation."""
        from scipy.linalg import solve_discrete_are

        root = math.sqrt(self.discount)
        n = self.A.shape[0]
        P = solve_discrete_are(root * self.A, root * self.B, self.cost[:n, :n], self.cost[n:, n:])
        both = np.hstack([self.A, self.B])
        H: NumpyArray = self.cost + self.discount * both.T @ P @ both
        return H


def regulate(optimizer: Optimizer, steps: int, batch: int, seed: int) -> Numbers:
    """Learn Q, improving the policy every so many steps; the error is that of H at the end."""
    plant, streams = Plant(), Streams(seed)
    rng, states = streams.stream("optimizer"), streams.stream("states")
    n, m = plant.B.shape
    net, loss, state = models.mlp([(n + m) * (n + m + 1) // 2, 1]), models.SquaredError(), State()
    params = np.zeros(net.size)
    policy, seconds, errors = np.zeros((m, n)), 0.0, []

    def values(z: NumpyArray) -> NumpyArray:
        found: NumpyArray = Objective(net, loss, params, squares(z), np.zeros((len(z), 1))).output
        return found

    with np.errstate(all="ignore"):  # divergence is data
        for step in range(steps):
            z = states.standard_normal((batch, n + m))
            after = z[:, :n] @ plant.A.T + z[:, n:] @ plant.B.T
            price = np.einsum("bi,ij,bj->b", z, plant.cost, z)[:, None]
            target = price + plant.discount * values(np.hstack([after, after @ policy.T]))
            begun = perf_counter()
            move = optimizer.step(Objective(net, loss, params, squares(z), target), state, rng)
            seconds += perf_counter() - begun
            if not np.isfinite(move.params).all():
                break
            params, state = move.params, move.state
            H = matrix(params, n + m)
            if step % IMPROVE == IMPROVE - 1 and np.linalg.eigvalsh(H[n:, n:])[0] > 0:
                policy = -np.linalg.solve(H[n:, n:], H[n:, :n])
            errors.append(float(np.linalg.norm(H - plant.best) / np.linalg.norm(plant.best)))
    error = min(errors[-1], 1e6) if len(errors) == steps else 1e6
    return {
        "judged": error,
        "score": error,
        "steps": len(errors),
        "seconds": seconds,
        "diverged": len(errors) < steps,
    }


def squares(z: NumpyArray) -> NumpyArray:
    """Products z_i z_j, i <= j, of each row: z'H z is a linear layer of them."""
    i, j = np.triu_indices(z.shape[1])
    products: NumpyArray = z[:, i] * z[:, j]
    return products


def matrix(params: NumpyArray, size: int) -> NumpyArray:
    """H of the weights of `squares`; the bias stands for nothing."""
    H, (i, j) = np.zeros((size, size)), np.triu_indices(size)
    H[i, j] = params[: len(i)]
    whole: NumpyArray = (H + H.T) / 2
    return whole
