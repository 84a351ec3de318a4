import numpy as np
import pytest
from scipy import stats

import models
from models import Dense, Dropout, Network, Sequential
from models.setting import Setting
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams

NET = Network(Sequential([Dense(4, 6), models.Tanh(), Dropout(0.5), Dense(6, 3)]))
PARAMS = NET.init(rng=0, dtype=np.float64)
X = np.random.default_rng(0).standard_normal((5, 4))


def outputs(rng):
    return NET.linearize(PARAMS, X, training=True, rng=rng).output


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_entries_are_dropped_at_the_rate_and_the_mean_is_kept(rate):
    """Wrong once in a million seeds."""
    x = np.ones((200, 50), dtype=np.float32)
    y, _ = Dropout(rate).forward({}, x, Setting(True, Streams(0)))
    kept = np.count_nonzero(y)
    low, high = stats.binom(x.size, 1 - rate).interval(1 - 1e-6)
    assert low <= kept <= high
    assert y.dtype == x.dtype
    assert_close(y[y != 0], np.full(kept, 1 / (1 - rate)), terms=2)


def test_all_products_share_one_mask():
    """The thinned network is linear from the mask on: its last layer sees what the output shows."""
    lin = NET.linearize(PARAMS, X, training=True, rng=1)
    named = NET.parameters(PARAMS)
    h = NET.parameters(lin.vjp(lin.output))["3.W"]
    seen = lin.saved[3]  # what Dense saves: its input, masked
    assert (seen == 0).any()
    assert_close(lin.output, seen @ named["3.W"] + named["3.c"], terms=10 * PARAMS.size)
    assert_close(h, seen.T @ lin.output, terms=10 * PARAMS.size)
    v = np.random.default_rng(1).standard_normal(NET.size)
    assert_close(lin.jvp(v), lin.jacobian() @ v, terms=10 * PARAMS.size)
    rows = lin.per_sample(lin.output)
    assert_close(rows.sum(axis=0), lin.vjp(lin.output), terms=10 * PARAMS.size)


def test_rng_repeats_the_mask_and_none_draws_another():
    assert np.array_equal(outputs(3), outputs(3))
    assert not np.array_equal(outputs(3), outputs(4))
    assert not np.array_equal(outputs(None), outputs(None))


def test_two_dropouts_draw_masks_of_their_own():
    net = Network(Sequential([Dense(4, 60), Dropout(0.5), Dropout(0.5), Dense(60, 1)]))
    (_, once, twice, _) = net.linearize(net.init(rng=0), X, training=True, rng=0).saved
    assert not np.array_equal(once, twice)


def test_nothing_is_dropped_in_evaluation():
    bare = Network(Sequential([Dense(4, 6), models.Tanh(), Dense(6, 3)]))
    assert np.array_equal(NET.apply(PARAMS, X, rng=0), bare.apply(PARAMS, X))
    x = np.ones((2, 3))
    assert Dropout(0.0).forward({}, x, Setting(True, Streams(0)))[0] is x
    assert Dropout(0.5).forward({}, x, Setting(True))[0] is x  # no streams, so nothing random


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_misuse_is_named(rate):
    with pytest.raises(InvalidInput, match="rate = "):
        Dropout(rate)
