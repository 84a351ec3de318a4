import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import SoftmaxCrossEntropy, SquaredError, accuracy
from tests.models.oracles import assert_close, autograd_softmax_loss, autograd_squared_loss
from thermolinalg.errors import InvalidInput, NotReal, ShapeMismatch

SOFTMAX, SQUARED = SoftmaxCrossEntropy(), SquaredError()
TABLE = [
    pytest.param(SOFTMAX, autograd_softmax_loss, id="softmax"),
    pytest.param(SQUARED, autograd_squared_loss, id="squared"),
]

over_losses = pytest.mark.parametrize(("loss", "oracle"), TABLE)
over_batches = given(b=st.integers(1, 4), c=st.integers(2, 6), spread=st.sampled_from([0.1, 1, 9]))
few = settings(deadline=None, derandomize=True, max_examples=30)


def batch(loss, b, c, spread=1.0):
    rng = np.random.default_rng([b, c])
    z, v = spread * rng.standard_normal((b, c)), rng.standard_normal((b, c))
    y = rng.integers(c, size=b) if loss is SOFTMAX else rng.standard_normal((b, c))
    return z, y, v


def hessians(oracle, z, y):
    """H_i of each sample, by autograd."""
    return np.stack(
        [
            autograd.hessian(lambda z_i, i=i: oracle(z_i[None], y[i : i + 1])[0])(z[i])
            for i in range(len(z))
        ]
    )


@over_losses
@few
@over_batches
def test_value_and_gradient(loss, oracle, b, c, spread):
    z, y, _ = batch(loss, b, c, spread)
    scale = np.linalg.norm(z) + np.linalg.norm(y)
    assert_close(loss.value(z, y), np.mean(oracle(z, y)), terms=20 * z.size, scale=scale**2)
    truth = autograd.grad(lambda z: anp.sum(oracle(z, y)))(z)
    assert_close(loss.gradient(z, y), truth, terms=20 * z.size, scale=scale)


@over_losses
@few
@over_batches
def test_hessian_and_its_root(loss, oracle, b, c, spread):
    z, y, v = batch(loss, b, c, spread)
    H, R = hessians(oracle, z, y), loss.hessian_root(z)
    truth = np.einsum("nkl,nl->nk", H, v)
    # exp turns an error in z into a relative error as large as z itself
    terms = 20 * c * (1 + np.abs(z).max())
    assert_close(loss.hessian(z, v), truth, terms=terms, scale=np.linalg.norm(v) * np.sqrt(b))
    assert_close(R @ R.swapaxes(1, 2), H, terms=terms, scale=np.sqrt(b * c))


def test_softmax_root_has_no_spare_column():
    assert SOFTMAX.hessian_root(np.zeros((5, 10))).shape == (5, 10, 9)


def test_softmax_hessian_is_the_fisher_information():
    z = np.random.default_rng(0).standard_normal((1, 5))
    scores = np.stack([SOFTMAX.gradient(z, np.array([label]))[0] for label in range(5)])
    p = np.exp(z[0]) / np.exp(z[0]).sum()
    R = SOFTMAX.hessian_root(z)[0]
    assert_close(R @ R.T, scores.T @ np.diag(p) @ scores, terms=100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_are_no_trouble(dtype):
    z = np.array([[3e4, 0, -3e4], [-3e4, 3e4, 0], [0, 0, 3e4]], dtype=dtype)
    y = np.array([1, 1, 2])
    assert SOFTMAX.value(z, y) == 1e4  # one sample is wrong by 3e4, the others are sure and right
    assert SOFTMAX.gradient(z, y).tolist() == [[1, -1, 0], [0, 0, 0], [0, 0, 0]]
    R = SOFTMAX.hessian_root(z)
    assert not np.any(SOFTMAX.hessian(z, np.ones_like(z)))
    assert not np.any(R @ R.swapaxes(1, 2))


def test_gradient_is_not_divided_by_the_batch():
    z, y = np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])
    assert SQUARED.value(np.tile(z, (2, 1)), np.tile(y, (2, 1))) == 2.5
    assert SQUARED.gradient(np.tile(z, (2, 1)), np.tile(y, (2, 1))).tolist() == [[1, 2], [1, 2]]


def test_accuracy():
    z = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], dtype=np.float32)
    assert accuracy(z, np.array([1, 0, 1, 0])) == 0.75


def test_labels_of_a_narrow_integer_type_are_not_wrapped():
    z = np.zeros((1, 300))
    assert SOFTMAX.gradient(z, np.array([7], dtype=np.uint8)).argmin() == 7
    assert (SOFTMAX.gradient(z, np.array([7], dtype=np.uint8)) < 0).sum() == 1


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda z: SOFTMAX.value(z, np.array([0, 3])), InvalidInput, "from 0 to 3"),
        (lambda z: SOFTMAX.value(z, np.array([-1, 0])), InvalidInput, "Renumber"),
        (lambda z: SOFTMAX.value(z, np.array([0.0, 1.0])), InvalidInput, "integers"),
        (lambda z: SOFTMAX.value(z, np.array([0])), ShapeMismatch, r"\(2,\)"),
        (lambda z: SOFTMAX.gradient(z, np.eye(3)[:2]), ShapeMismatch, "one integer label"),
        (lambda z: SOFTMAX.hessian(z, z[:, :2]), ShapeMismatch, r"\(2, 3\)"),
        (lambda z: SOFTMAX.hessian_root(z[:, :1]), ShapeMismatch, "two outputs"),
        (lambda z: SOFTMAX.hessian_root(z[0]), ShapeMismatch, r"\(any, any\)"),
        (lambda z: SOFTMAX.hessian_root(z[:0]), ShapeMismatch, "at least one sample"),
        (lambda z: SOFTMAX.hessian_root(z.astype(int)), InvalidInput, "integers"),
        (lambda z: SQUARED.value(z, np.array([0, 1])), ShapeMismatch, "one-hot"),
        (lambda z: SQUARED.value(z, 1j * z), NotReal, "complex128"),
        (lambda z: SQUARED.hessian_root(z > 0), NotReal, "bool"),
        (lambda z: accuracy(z, np.array([0, 3])), InvalidInput, "Renumber"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call(np.zeros((2, 3)))
