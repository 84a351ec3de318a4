"""A Gram matrix keeps to its limit of memory, whatever the limit, and never forms a Jacobian."""

import re
import tracemalloc

import numpy as np
import pytest

import models
from tests.models.oracles import assert_close
from thermolinalg.backend import keep_freed_memory
from thermolinalg.errors import MemoryLimit

BATCH, COLUMNS = 48, 6

NETWORKS = {
    "perceptron": (models.mlp([60, 40, 40, 10]), (60,)),
    "narrow layer, long sequence": (models.Network(models.Dense(2, 1)), (60, 2)),
    "wide layer, long sequence": (models.Network(models.Dense(6, 4)), (50, 6)),
    "perceptron at every position": (models.mlp([6, 12, 5]), (9, 6)),
    "convolutions": (models.lenet((8, 8, 1), 4, filters=2, kernel=3, hidden=6), (8, 8, 1)),
    "transformer block": (models.Network(models.transformer_block(4, 2, 3)), (3, 4)),
}
each_network = pytest.mark.parametrize(("net", "sample"), NETWORKS.values(), ids=NETWORKS)


def at(net, sample, b=BATCH):
    """A linearization, and roots of its outputs."""
    rng = np.random.default_rng(0)
    lin = net.linearize(net.init(0, dtype=np.float64), rng.standard_normal((b, *sample)))
    return lin, rng.standard_normal((*lin.output.shape, COLUMNS))


def peak(task):
    """What a task returns, and the bytes it had in use at a time."""
    keep_freed_memory()  # once for the process: an array that nobody fills
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        answer = task()
        return answer, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def least(lin, roots):
    """The lowest limit that does, as the error says."""
    with pytest.raises(MemoryLimit, match="is too low") as caught:
        lin.gram(roots, memory_limit=1)
    takes, needs = map(int, re.findall(r"(\d+) bytes", str(caught.value))[-2:])
    assert takes == (len(roots) * COLUMNS) ** 2 * 8
    with pytest.raises(MemoryLimit, match="is too low"):
        lin.gram(roots, memory_limit=needs - 1)
    return needs


@each_network
def test_no_more_than_the_limit_is_in_use(net, sample):
    lin, roots = at(net, sample)
    truth, lowest = lin.gram(roots), least(lin, roots)
    terms = 40 * (net.size + BATCH * (np.prod(sample) + lin.output[0].size))
    for times in (1.1, 1.5, 3.0):
        limit = int(times * lowest)
        K, used = peak(lambda limit=limit: lin.gram(roots, memory_limit=limit))
        assert used <= limit
        assert_close(K, truth, terms=terms)


@pytest.mark.parametrize("name", ["perceptron", "narrow layer, long sequence", "convolutions"])
def test_the_least_that_the_error_names_is_kept(name):
    lin, roots = at(*NETWORKS[name])
    lowest = least(lin, roots)
    K, used = peak(lambda: lin.gram(roots, memory_limit=lowest))
    assert used <= lowest
    terms = 40 * (lin.layout.size + lin.output.size)
    assert_close(K, lin.gram(roots), terms=terms)


def test_nothing_as_large_as_the_jacobian_is_formed():
    """b c p numbers, of which one sample's share is already more than all that is in use."""
    net = models.mlp([1500, 200, 10])
    lin, roots = at(net, (1500,), b=8)
    (K, used), jacobian = peak(lambda: lin.gram(roots)), 8 * 10 * net.size * 8
    assert used < jacobian / 8
    assert K.shape == (8 * COLUMNS, 8 * COLUMNS)
