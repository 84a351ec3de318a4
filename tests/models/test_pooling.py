"""Pooling: drawn shapes keep the contract, and agree with PyTorch's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import (
    AdaptiveAveragePool1D,
    AdaptiveAveragePool2D,
    AveragePool1D,
    AveragePool2D,
    MaxPool1D,
    MaxPool2D,
)
from tests.models import battery
from tests.models.cases import Case, point
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput, ShapeMismatch

SEVERAL = settings(deadline=None, derandomize=True, max_examples=25)
POOLS = {
    MaxPool1D: "max_pool1d",
    MaxPool2D: "max_pool2d",
    AveragePool1D: "avg_pool1d",
    AveragePool2D: "avg_pool2d",
}
ADAPTIVE = {
    AdaptiveAveragePool1D: "adaptive_avg_pool1d",
    AdaptiveAveragePool2D: "adaptive_avg_pool2d",
}


@st.composite
def pools(draw):
    """Pooling by windows that overlap, tile or leave gaps."""
    kind = draw(st.sampled_from(list(POOLS)))
    window = draw(st.tuples(*[st.integers(1, 3)] * kind.axes))
    stride = draw(st.none() | st.tuples(*[st.integers(1, 3)] * kind.axes))
    padding = tuple(draw(st.integers(0, k // 2)) for k in window)
    shape = tuple(k + draw(st.integers(0, 4)) for k in window)
    layer = kind(window, stride, draw(st.sampled_from([0, padding])))
    return Case(f"{layer}", layer, (*shape, draw(st.integers(1, 2))))


@st.composite
def adaptive(draw):
    """Fewer, as many and more bins than entries."""
    kind = draw(st.sampled_from(list(ADAPTIVE)))
    outputs, shape = (draw(st.tuples(*[st.integers(1, 5)] * kind.axes)) for _ in range(2))
    layer = kind(outputs)
    return Case(f"{layer}", layer, (*shape, draw(st.integers(1, 2))))


@SEVERAL
@given(pools() | adaptive())
def test_drawn_layers_keep_the_contract(case):
    battery.everything_holds(case)


@SEVERAL
@given(pools() | adaptive())
def test_forward_and_backward_agree_with_pytorch(case):
    torch = pytest.importorskip("torch")
    layer, at = case.layer, point(case)
    y, saved = layer.forward({}, at.x)
    x = torch.tensor(np.moveaxis(at.x, -1, 1), requires_grad=True)
    functions = torch.nn.functional
    if type(layer) in ADAPTIVE:
        truth = getattr(functions, ADAPTIVE[type(layer)])(x, layer.outputs)
    else:
        pool = getattr(functions, POOLS[type(layer)])
        truth = pool(x, layer.window, layer.stride, layer.padding)
    assert_close(y, np.moveaxis(truth.detach().numpy(), 1, -1), terms=case.terms)
    (back,) = torch.autograd.grad(truth, x, torch.tensor(np.moveaxis(at.u, -1, 1)))
    back = np.moveaxis(back.numpy(), 1, -1)
    assert_close(layer.backward({}, saved, at.u), back, terms=case.terms)


@pytest.mark.parametrize("stride", [2, 1])
def test_of_equal_entries_the_first_gets_the_cotangent(stride):
    layer = MaxPool2D(2, stride)
    y, saved = layer.forward({}, np.ones((1, 2, 2, 1)))
    back = layer.backward({}, saved, np.full_like(y, 3.0))
    assert back[0, :, :, 0].tolist() == [[3, 0], [0, 0]]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: MaxPool2D(0), InvalidInput, "window = 0"),
        (lambda: MaxPool2D((2, 2, 2)), InvalidInput, "a tuple of 2"),
        (lambda: AveragePool1D(2, 0), InvalidInput, "stride = 0"),
        (lambda: AveragePool1D(2, 1, 2), InvalidInput, "padding alone"),
        (lambda: MaxPool2D(3).output_shape((2, 4, 1)), ShapeMismatch, "do not fit"),
        (lambda: MaxPool2D(3).output_shape((4, 4)), ShapeMismatch, "3 axes"),
        (lambda: AdaptiveAveragePool2D((1, 0)), InvalidInput, "outputs"),
        (lambda: AdaptiveAveragePool1D(2).output_shape((4,)), ShapeMismatch, "2 axes"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
