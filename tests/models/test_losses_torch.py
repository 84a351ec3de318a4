"""PyTorch's losses, with the reductions that its users know: values, gradients, Hessians."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from tests.models.losses import IGNORED, ROWS
from tests.models.oracles import assert_close

torch = pytest.importorskip("torch")
F = torch.nn.functional


def cross_entropy(**knobs):
    def loss(z, y):
        return F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1), **knobs)

    return loss


def span(z, y):
    """As in transformers: an end beyond the text is clamped to T, which is ignored."""
    T = z.shape[1]
    first, last = (
        F.cross_entropy(z[..., k], y[:, k].clamp(0, T), ignore_index=T) for k in range(2)
    )
    return (first + last) / 2


THEIRS = {
    "softmax": cross_entropy(),
    "smoothed": cross_entropy(label_smoothing=0.2),
    "masked": cross_entropy(label_smoothing=0.1, ignore_index=IGNORED),
    "span": span,
    "squared": lambda z, y: F.mse_loss(z, y, reduction="sum") / (2 * len(z)),
    "huber": lambda z, y: F.huber_loss(z, y, reduction="sum", delta=0.8) / len(z),
    "binary": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(z),
    "poisson": lambda z, y: F.poisson_nll_loss(z, y.double(), reduction="sum") / len(z),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@settings(deadline=None, derandomize=True, max_examples=20)
@given(data=st.data(), b=st.integers(1, 4), spread=st.sampled_from([0.1, 1.0, 9.0]))
def test_value_gradient_and_hessian(row, data, b, spread):
    shape = data.draw(st.sampled_from(row.shapes))
    z, y, v = row.draw(b, shape, spread)
    at, along, targets = torch.tensor(z, requires_grad=True), torch.tensor(v), torch.tensor(y)
    value = THEIRS[row.name](at, targets)
    (gradient,) = torch.autograd.grad(value, at, create_graph=True)
    Hv = torch.zeros_like(at)
    if gradient.requires_grad:
        (Hv,) = torch.autograd.grad((gradient * along).sum(), at)
    terms = 20 * z.size * (1 + np.abs(z).max())
    size = 1 + np.linalg.norm(z) ** 2 + (np.linalg.norm(y) ** 2 if y.shape == z.shape else 0)
    value, gradient = value.item(), gradient.detach().numpy() * b
    assert_close(row.loss.value(z, y), value, terms=terms, scale=size + abs(value))
    scale = size + np.linalg.norm(gradient)
    assert_close(row.loss.gradient(z, y), gradient, terms=terms, scale=scale)
    scale = (1 + np.linalg.norm(np.exp(z)) * (row.name == "poisson")) * np.linalg.norm(v)
    assert_close(row.loss.hessian(z, v, y), Hv.numpy() * b, terms=terms, scale=scale)


def test_sigmoid_keeps_its_digits_at_both_ends():
    z = np.linspace(-40, 40, 81)[None]
    ours = models.BinaryCrossEntropy().gradient(z, np.zeros_like(z))
    theirs = torch.sigmoid(torch.tensor(z)).numpy()
    assert np.all(np.abs(ours / theirs - 1) <= 8 * np.finfo(float).eps)  # a few roundings each
