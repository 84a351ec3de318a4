"""Convolutions: drawn shapes keep the contract, and agree with PyTorch's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models import Conv1D, Conv2D
from tests.models import battery
from tests.models.cases import Case, point
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput, ShapeMismatch

SEVERAL = settings(deadline=None, derandomize=True, max_examples=25)
SAME = 4


@st.composite
def convolutions(draw, axes=None):
    """A convolution, and samples that are large enough for it."""
    axes = draw(st.integers(1, 2)) if axes is None else axes
    per_axis = st.tuples(*[st.integers(1, 3)] * axes)
    kernel, stride, dilation = draw(per_axis), draw(per_axis), draw(per_axis)
    padding = draw(st.tuples(*[st.integers(0, 2)] * axes))
    if draw(st.integers(0, SAME)) == 0:
        stride, padding = 1, "same"
    groups = draw(st.integers(1, 3))
    inputs, outputs = (groups * draw(st.integers(1, 2)) for _ in range(2))
    layer = (Conv1D, Conv2D)[axes - 1](
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    shape = tuple(n + draw(st.integers(0, 2)) for n in reach)
    return Case(f"{layer}", layer, (*shape, inputs))


@SEVERAL
@given(convolutions())
def test_drawn_layers_keep_the_contract(case):
    battery.everything_holds(case)


def channels_first(torch, a, lead=1):
    """An array (b, ..., channels), or (r, b, ..., channels), as PyTorch has it."""
    return torch.tensor(np.moveaxis(a, -1, lead), requires_grad=True)


def channels_last(t, lead=1):
    return np.moveaxis(t.detach().numpy(), lead, -1)


def torch_convolution(torch, layer, x, W, c):
    conv = (torch.nn.functional.conv1d, torch.nn.functional.conv2d)[layer.axes - 1]
    padding = layer.padding
    return conv(x, W, c, layer.stride, padding, layer.dilation, layer.groups)


def as_torch_weight(torch, W):
    """(*kernel, inputs, outputs) as (outputs, inputs, *kernel)."""
    last = W.ndim - 1
    return torch.tensor(W.transpose(last, last - 1, *range(last - 1)).copy(), requires_grad=True)


def as_our_weight(t):
    a = t.detach().numpy()
    return a.transpose(*range(2, a.ndim), 1, 0)


@SEVERAL
@given(convolutions())
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_forward_gradients_and_their_tangents_agree_with_pytorch(case):
    torch = pytest.importorskip("torch")
    layer, at = case.layer, point(case)
    net = models.Network(layer)
    params, v = (net.layout.flatten(tree) for tree in (at.p, at.dp))
    lin = net.linearize(params, at.x)

    x, W = channels_first(torch, at.x), as_torch_weight(torch, at.p["W"])
    c = torch.tensor(at.p["c"], requires_grad=True) if layer.bias else None
    y = torch_convolution(torch, layer, x, W, c)
    assert_close(lin.output, channels_last(y), terms=case.terms)

    # Half of |y|² has the gradient y: its Hessian in W needs both ways once more.
    trained = [W, c] if layer.bias else [W]
    tangents = [as_torch_weight(torch, at.dp["W"])]
    tangents += [torch.tensor(at.dp["c"])] if layer.bias else []
    first = torch.autograd.grad((y**2).sum() / 2, [x, *trained], create_graph=True)
    along = sum((g * t).sum() for g, t in zip(first[1:], tangents, strict=True))
    second = torch.autograd.grad(along, trained)
    gradient = net.parameters(lin.vjp(lin.output))
    curved = net.parameters(lin.vjp_jvp(v, lin.output, lin.jvp(v)))
    for ours, theirs in ((gradient, first[1:]), (curved, second)):
        assert_close(ours["W"], as_our_weight(theirs[0]), terms=case.terms)
        if layer.bias:
            assert_close(ours["c"], theirs[1].detach().numpy(), terms=case.terms)
    back = layer.backward(at.p, lin.saved, lin.output)
    assert_close(back, channels_last(first[0]), terms=case.terms)


def test_padding_has_names():
    image = (5, 4, 2)
    assert Conv2D(2, 3, (4, 3), padding="same").output_shape(image) == (5, 4, 3)
    assert Conv2D(2, 3, (4, 3), padding="valid").output_shape(image) == (2, 2, 3)


@pytest.mark.parametrize("layer", [Conv2D(6, 50, 5), Conv2D(6, 50, 5, groups=2, gain=2.0)])
def test_init_carries_the_variance_of_the_input(layer):
    """Within what the sum of so many squares does by chance, to 7 standard deviations."""
    net = models.Network(layer)
    W = net.parameters(net.init(rng=0, dtype=np.float64))["W"]
    variance = layer.gain**2 / (25 * 6 / layer.groups)
    assert abs(np.mean(W**2) / variance - 1) <= 7 * np.sqrt(2 / W.size)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Conv2D(0, 2, 3), InvalidInput, "inputs = 0"),
        (lambda: Conv2D(2, 2.0, 3), InvalidInput, "outputs = 2.0"),
        (lambda: Conv2D(2, 2, (3, 3, 3)), InvalidInput, "a tuple of 2"),
        (lambda: Conv1D(2, 2, (3, 3)), InvalidInput, "kernel"),
        (lambda: Conv2D(2, 2, 0), InvalidInput, "kernel = 0"),
        (lambda: Conv2D(2, 2, "3"), InvalidInput, "kernel = '3'"),
        (lambda: Conv2D(2, 2, 3, stride=0), InvalidInput, "stride = 0"),
        (lambda: Conv2D(2, 2, 3, dilation=(1, 0)), InvalidInput, "dilation"),
        (lambda: Conv2D(2, 2, 3, padding=-1), InvalidInput, "padding = -1"),
        (lambda: Conv2D(2, 2, 3, padding="full"), InvalidInput, '"same" or "valid"'),
        (lambda: Conv2D(2, 2, 3, padding="same", stride=2), InvalidInput, "stride"),
        (lambda: Conv2D(4, 6, 3, groups=3), InvalidInput, "groups = 3"),
        (lambda: Conv2D(2, 2, 3, gain=0.0), InvalidInput, "gain"),
        (lambda: Conv2D(2, 2, 3).output_shape((2, 5, 5)), ShapeMismatch, "channels last"),
        (lambda: Conv2D(2, 2, 3).output_shape((5, 2)), ShapeMismatch, "3 axes"),
        (lambda: Conv2D(2, 2, 3).output_shape((2, 5, 2)), ShapeMismatch, "do not fit"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
