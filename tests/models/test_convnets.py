"""Convolutional networks of the zoo keep the contract, and are those of PyTorch's layers."""

import numpy as np
import pytest

import models
from tests.models import battery
from tests.models.cases import Case, point
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput, ShapeMismatch

LENET = Case("lenet", models.lenet((6, 6, 1), 3, filters=2, kernel=3, hidden=3).layer, (36,))
RESNET = Case("resnet", models.resnet((5, 4, 2), 3, widths=(2, 4), groups=2).layer, (5, 4, 2))
each_network = pytest.mark.parametrize("case", [LENET, RESNET], ids=lambda case: case.name)


@each_network
@pytest.mark.parametrize(
    "check", [*battery.CHECKS, *battery.SEPARATE], ids=lambda check: check.__name__
)
def test_the_contract_is_kept(case, check):
    check(case)


def torch_lenet(torch, p, x):
    f = torch.nn.functional
    x = f.relu(f.max_pool2d(convolution(f, p, "1", x.reshape(-1, 1, 6, 6)), 2))
    x = x.permute(0, 2, 3, 1).flatten(1)
    return f.relu(x @ p["5.W"] + p["5.c"]) @ p["7.W"] + p["7.c"]


def torch_resnet(torch, p, x):
    f = torch.nn.functional

    def convolved(name, x, stride=1):
        y = convolution(f, p, f"{name}.conv", x, stride, p[f"{name}.conv.W"].shape[0] // 2)
        return f.group_norm(y, 2, p[f"{name}.norm.scale"], p[f"{name}.norm.shift"])

    def two(name, x, stride=1):
        return convolved(f"{name}.second", f.relu(convolved(f"{name}.first", x, stride)))

    x = f.relu(convolved("stem", x.permute(0, 3, 1, 2)))
    x = f.relu(x + two("block0-0.residual", x))
    beside = "block1-0.residual"
    x = f.relu(two(f"{beside}.f", x, 2) + convolved(f"{beside}.projection", x, 2))
    return x.mean((2, 3)) @ p["dense.W"] + p["dense.c"]


def convolution(f, p, name, x, stride=1, padding=0):
    return f.conv2d(x, p[f"{name}.W"].permute(3, 2, 0, 1), p.get(f"{name}.c"), stride, padding)


@pytest.mark.parametrize(
    ("case", "theirs"), [(LENET, torch_lenet), (RESNET, torch_resnet)], ids=["lenet", "resnet"]
)
def test_outputs_and_gradients_are_those_of_pytorch(case, theirs):
    torch = pytest.importorskip("torch")
    at, net = point(case), models.Network(case.layer)
    lin = net.linearize(net.layout.flatten(at.p), at.x)
    p = {name: torch.tensor(part, requires_grad=True) for name, part in at.p.items()}
    y = theirs(torch, p, torch.tensor(at.x))
    assert_close(lin.output, y.detach().numpy(), terms=case.terms)
    y.backward(torch.tensor(at.u))
    gradient = net.parameters(lin.vjp(at.u))
    assert_close(gradient, {name: t.grad.numpy() for name, t in p.items()}, terms=case.terms)


@pytest.mark.parametrize("network", [models.lenet, models.resnet], ids=["lenet", "resnet"])
def test_flat_rows_are_images_too(network):
    net = network((8, 8, 1), 10)
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 1))
    params = net.init(rng=0)
    assert np.array_equal(net.apply(params, x), net.apply(params, x.reshape(2, 64)))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: models.lenet((28, 28)), InvalidInput, "image"),
        (lambda: models.lenet((0, 28, 1)), InvalidInput, "= 0 must be a positive integer"),
        (lambda: models.lenet((4, 4, 1)), ShapeMismatch, "do not fit"),
        (lambda: models.lenet(activation=np.tanh), InvalidInput, "activation"),
        (lambda: models.lenet(filters=0), InvalidInput, "outputs = 0"),
        (lambda: models.resnet((28, 28)), InvalidInput, "image"),
        (lambda: models.resnet(widths=()), InvalidInput, "at least one stage"),
        (lambda: models.resnet(widths=(16, 12)), InvalidInput, "groups"),
        (lambda: models.resnet(blocks=0), InvalidInput, "blocks = 0"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
