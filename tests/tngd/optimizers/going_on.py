"""What every optimizer owes whose state is more than a number."""

import pickle

import numpy as np
import pytest

from tests.tngd.oracles import Dense
from tngd.objective import Objective
from tngd.optimizers.contract import State

STEPS = 4


def walked(optimizer, objective, state=None, steps=STEPS):
    """Where some steps on one batch lead to, and the state there."""
    state = state or State()
    for _ in range(steps):
        move = optimizer.step(objective, state, np.random.default_rng(0))
        objective, state = objective.moved(move.params), move.state
    return objective, state


def assert_goes_on_from_a_pickle(optimizer):
    """Bit for bit as if it had not stopped; and the state that was handed in stays as it was."""
    objective, state = walked(optimizer, Dense([4, 5, 3], b=9).objective)
    stored = pickle.dumps(state)
    further, last = walked(optimizer, objective, state)
    assert pickle.dumps(state) == stored
    again, also = walked(optimizer, objective, pickle.loads(stored))
    assert again.params.tobytes() == further.params.tobytes()
    assert pickle.dumps(also) == pickle.dumps(last)


def assert_keeps_float32(optimizer):
    objective, _ = walked(optimizer, Dense([4, 5, 3], b=9, dtype=np.float32).objective)
    assert objective.params.dtype == np.float32


def assert_on_torch_as_on_numpy(optimizer, within):
    """Two steps, to a fraction of the way that is given."""
    torch = pytest.importorskip("torch")
    ours = Dense([4, 5, 3], b=9).objective
    arrays = (torch.from_numpy(a) for a in (ours.params, ours.x, ours.y))
    theirs, _ = walked(optimizer, Objective(ours.network, ours.loss, *arrays), steps=2)
    assert isinstance(theirs.params, torch.Tensor)
    truth, _ = walked(optimizer, ours, steps=2)
    way = np.linalg.norm(truth.params - ours.params)
    assert np.linalg.norm(theirs.params.numpy() - truth.params) <= within * way
