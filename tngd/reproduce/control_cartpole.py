"""Deep Q-learning of a pole on a cart, from gymnasium."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import Any, final

import numpy as np

import models
from models.network import Network
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError
from thermolinalg.streams import Streams
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer, State
from tngd.reproduce.contract import Numbers

DISCOUNT, RENEW, FIRST = 0.99, 100, 200
"""Of rewards; training steps from one copy of the target network to the next; steps at random."""
EXPLORED = 0.4
"""Share of the steps over which the chance of a random action falls from 1 to 0.05."""
LOOKS, EPISODES, LONGEST = 5, 4, 500
"""Looks at the policy in the second half, episodes in each, and steps of the longest one."""


@final
@dataclass(slots=True)
class Agent:
    """Q(s, a) by a perceptron of the state and the action, which is one of two."""

    net: Network
    params: NumpyArray

    def values(self, s: NumpyArray) -> NumpyArray:
        """Q (b, 2) of both actions in states (b, 4)."""
        both = np.concatenate([with_action(s, np.full(len(s), a)) for a in (0, 1)])
        nothing = np.zeros((len(both), 1), np.float32)
        output = Objective(self.net, models.SquaredError(), self.params, both, nothing).output
        found: NumpyArray = output.reshape(2, len(s)).T
        return found

    def greedy(self, s: NumpyArray) -> int:
        """The action of the larger value."""
        return int(np.argmax(self.values(s[None])[0]))


@final
@dataclass(slots=True)
class Replay:
    """Everything that happened: states, actions, rewards, next states, and whether it went on."""

    s: list[NumpyArray] = field(default_factory=list)
    a: list[int] = field(default_factory=list)
    after: list[NumpyArray] = field(default_factory=list)
    goes_on: list[bool] = field(default_factory=list)

    def batch(self, target: Agent, size: int, rng: np.random.Generator) -> tuple[Any, Any]:
        """Inputs and targets of rows drawn at random."""
        rows = rng.integers(0, len(self.a), size)
        s, a, after = (np.array([kept[k] for k in rows]) for kept in (self.s, self.a, self.after))
        later = np.max(target.values(after), axis=1) * np.array([self.goes_on[k] for k in rows])
        return with_action(s, a), (1.0 + DISCOUNT * later).astype(np.float32)[:, None]


def balance(optimizer: Optimizer, steps: int, batch: int, seed: int) -> Numbers:
    """One step of the cart and one of the optimizer, in turn.

    The score is one less the mean length of greedy episodes over 500, at five looks in the second
    half; tuning is judged by the same.
    """
    cart, streams = _cart(), Streams(seed)
    net = models.mlp([6, 32, 32, 1])
    agent = Agent(net, net.init(streams.stream("init")))
    target, replay, state = Agent(net, agent.params), Replay(), State()
    rng, choices = streams.stream("optimizer"), streams.stream("choices")
    looks = np.linspace(steps // 2, steps - 1, LOOKS).astype(int)
    s, seconds, taken, lengths = _start(cart, choices), 0.0, 0, []
    with np.errstate(all="ignore"):  # divergence is data
        for step in range(steps):
            chance = max(0.05, 1.0 - step / (EXPLORED * steps))
            random = step < FIRST or choices.random() < chance
            a = int(choices.integers(2)) if random else agent.greedy(s)
            s = _happens(cart, s, a, replay, choices)
            if step >= FIRST:
                x, y = replay.batch(target, batch, choices)
                begun = perf_counter()
                at = Objective(net, models.SquaredError(), agent.params, x, y)
                move = optimizer.step(at, state, rng)
                seconds, taken = seconds + perf_counter() - begun, taken + 1
                if not np.isfinite(move.params).all():
                    break
                agent.params, state = move.params, move.state
                if taken % RENEW == 0:
                    target.params = agent.params
            if step in looks:
                lengths += [episode(agent.greedy, seed, k) for k in range(EPISODES)]
    lengths += [0] * (LOOKS * EPISODES - len(lengths))  # a run that diverged held nothing up
    error = 1.0 - float(np.mean(lengths)) / LONGEST
    return {
        "judged": error,
        "score": error,
        "steps": taken,
        "seconds": seconds,
        "diverged": taken < steps - FIRST,
    }


def with_action(s: NumpyArray, a: NumpyArray) -> NumpyArray:
    """States (b, 4) and actions (b,) as inputs (b, 6)."""
    joined: NumpyArray = np.concatenate([s, np.eye(2, dtype=np.float32)[a]], axis=1)
    return joined


def episode(policy: Callable[[NumpyArray], int], seed: int, k: int) -> int:
    """Steps until the pole falls, 500 at most."""
    cart = _cart()
    s = _start(cart, Streams(seed).stream("episode", k))
    for length in range(1, LONGEST + 1):
        s, _, fell, ended, _ = cart.step(policy(s))
        if fell or ended:
            return length
    return LONGEST


def _happens(
    cart: Any, s: NumpyArray, a: int, replay: Replay, rng: np.random.Generator
) -> NumpyArray:
    """One step of the cart, remembered; the next state, of a new episode if this one is over."""
    after, _, fell, ended, _ = cart.step(a)
    replay.s.append(s)
    replay.a.append(a)
    replay.after.append(after)
    replay.goes_on.append(not fell)
    return _start(cart, rng) if fell or ended else after


def _start(cart: Any, rng: np.random.Generator) -> NumpyArray:
    s: NumpyArray = cart.reset(seed=int(rng.integers(2**31)))[0]
    return s


def _cart() -> Any:
    try:
        gymnasium = import_module("gymnasium")
    except ImportError as error:
        raise DataError(
            "the cart comes with gymnasium, which is not installed: "
            'pip install "thermolinalg[control]".'
        ) from error
    return gymnasium.make("CartPole-v1")
