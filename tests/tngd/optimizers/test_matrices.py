"""A flat vector as matrices, and what multiplies their sides."""

import numpy as np

import models
from tngd.optimizers.matrices import between, eigen, joined, matrices, second_moments


def test_tensors_are_folded_and_joined():
    layers = [models.Conv2D(2, 4, 3), models.Tanh(), models.Flatten(), models.Dense(16, 3)]
    network = models.Network(models.Sequential(layers))
    v = np.random.default_rng(0).normal(size=network.size)
    parts = matrices(v, network)
    assert [part.shape for part in parts] == [(18, 4), (4,), (16, 3), (3,)]
    assert np.array_equal(joined(parts), v)
    named = network.parameters(v)
    assert np.array_equal(parts[0].reshape(3, 3, 2, 4), named["0.W"])


def test_long_sides_and_vectors_are_left_alone():
    G = np.arange(6.0).reshape(2, 3)
    L, R = second_moments(G, 2)
    assert np.array_equal(L, G @ G.T)
    assert R is None
    assert np.array_equal(between((L, R), G), L @ G)
    assert second_moments(G, 1) == second_moments(G[0], 9) == (None, None)
    assert between((None, None), G[0]) is not None


def test_no_number_gives_no_number():
    values, V = eigen(np.array([[1.0, np.nan], [np.nan, 1.0]]))
    assert np.isnan(values).all()
    assert np.isnan(V).all()
