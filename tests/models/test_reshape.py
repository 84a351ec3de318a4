import numpy as np
import pytest

from models import Dense, Flatten, Network, Reshape, Sequential
from thermolinalg.errors import InvalidInput, ShapeMismatch

X = np.arange(24.0).reshape(2, 12)


def test_numbers_keep_their_order():
    y, _ = Reshape((2, 3, 2)).forward({}, X)
    assert np.array_equal(y, X.reshape(2, 2, 3, 2))
    assert np.array_equal(Flatten().forward({}, y)[0], X)
    assert Reshape([2, 6]).output_shape((12,)) == (2, 6)


def test_a_vector_to_image_to_vector_is_the_identity():
    net = Network(Sequential([Reshape((3, 2, 2)), Flatten(), Dense(12, 3)]))
    bare = Network(Dense(12, 3))
    params = net.init(rng=0, dtype=np.float64)
    lin, truth = net.linearize(params, X), bare.linearize(params, X)
    roots = np.eye(3)[None].repeat(2, axis=0)
    assert np.array_equal(lin.output, truth.output)
    assert np.array_equal(lin.gram(roots), truth.gram(roots))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Reshape((0,)), InvalidInput, r"shape\[0\] = 0"),
        (lambda: Reshape((2, -1)), InvalidInput, r"shape\[1\] = -1"),
        (lambda: Reshape((5,)).output_shape((2, 3)), ShapeMismatch, "samples of 5 numbers"),
    ],
    ids=["zero", "negative", "count"],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_axes_in_another_order_are_refused():
    """Read as (4, 4, 3), images with channels first would become stripes."""
    with pytest.raises(ShapeMismatch, match=r"the same axes in another order.*moveaxis"):
        Reshape((4, 4, 3)).output_shape((3, 4, 4))
    assert Reshape((8, 8, 1)).output_shape((1, 8, 8)) == (8, 8, 1)  # the same image
    assert Reshape((4, 4, 3)).output_shape((48,)) == (4, 4, 3)
