import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models import Dense, LoRA, Network, ReLU, Residual, Sequential, Tanh
from models.setting import Setting
from tests.models.battery import everything_holds
from tests.models.cases import Case
from tests.models.oracles import assert_close
from thermolinalg.backend import like, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams

NET = Network(
    Sequential(
        {
            "in": Dense(4, 6),
            "block": Residual(Sequential({"a": Dense(6, 5), "t": Tanh(), "b": Dense(5, 6)})),
            "head": Dense(6, 2),
        }
    )
)
PARAMS = NET.init(rng=0, dtype=np.float64)
X = np.random.default_rng(0).standard_normal((3, 4))


@settings(deadline=None, derandomize=True, max_examples=15)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([0.0, 0.4]),
    st.lists(st.integers(1, 3), max_size=2),
)
def test_every_lora_keeps_the_contract(inputs, outputs, rank, bias, rate, positions):
    layer = LoRA(Dense(inputs, outputs, bias=bias), rank, alpha=3.0, dropout=rate)
    everything_holds(Case("drawn", layer, (*positions, inputs), setting=Setting(True, Streams(1))))


def test_it_is_the_formula_that_torch_differentiates():
    """With the mask of dropout, and twice."""
    torch = pytest.importorskip("torch")
    layer = LoRA(Dense(4, 3), 2, alpha=5.0, dropout=0.5)
    net = Network(layer).with_constants(rng=0, dtype=np.float64)
    rng = np.random.default_rng(1)
    params, v = rng.standard_normal((2, net.size))
    x = rng.standard_normal((6, 7, 4))
    lin = net.linearize(params, x, training=True, rng=0)
    y = rng.standard_normal(lin.output.shape)
    _, mask, _ = lin.saved
    assert 0 < np.count_nonzero(mask) < mask.size

    W, c, m, t, u = map(torch.tensor, (*net.constants.values(), mask, x, y))
    p = torch.tensor(params, requires_grad=True)
    A, B = p[:8].reshape(4, 2), p[8:].reshape(2, 3)
    z = t @ W + c + 5.0 / 2 * (m * t) @ A @ B
    loss = 0.5 * ((z - u) ** 2).sum() / len(x)
    (g,) = torch.autograd.grad(loss, p, create_graph=True)
    (Hv,) = torch.autograd.grad(g @ torch.tensor(v), p)

    terms = 10 * x.size
    assert_close(lin.output, z.detach().numpy(), terms=terms)
    assert_close(lin.vjp((lin.output - y) / len(x)), g.detach().numpy(), terms=terms)
    assert_close(lin.hvp(_Squares(), y, v), Hv.numpy(), terms=terms)


class _Squares:
    """Half the squared error, for outputs of any shape."""

    def gradient(self, z, y):
        return z - y

    def hessian(self, _z, v, _y=None):
        return v


def test_it_starts_as_the_layer_that_it_adapts():
    net, params = models.add_lora(NET, PARAMS, ["in", "block.b"], rank=2, train=["head"], rng=0)
    assert np.array_equal(net.apply(params, X), NET.apply(PARAMS, X))
    assert list(net.layout.shapes) == [
        "in.A", "in.B", "block.b.A", "block.b.B", "head.W", "head.c",
    ]  # fmt: skip
    assert set(net.constants) == {
        "in.W", "in.c", "block.a.W", "block.a.c", "block.b.W", "block.b.c",
    }  # fmt: skip


def test_factors_are_those_of_init_and_the_kept_layers_are_those_there_were():
    net, params = models.add_lora(NET, PARAMS, ["in"], train=["block.a"], rng=3)
    drawn = net.parameters(net.init(rng=3, dtype=np.float64))
    parts, before = net.parameters(params), NET.parameters(PARAMS)
    assert np.array_equal(parts["in.A"], drawn["in.A"])
    assert parts["in.A"].any()
    assert np.abs(parts["in.A"]).max() <= 4**-0.5
    assert not parts["in.B"].any()
    assert np.array_equal(parts["block.a.W"], before["block.a.W"])


def test_more_can_be_adapted_later():
    """The corrections that there are go on training if asked to, and stay as they are if not."""
    net, params = models.add_lora(NET, PARAMS, ["in"], rng=0)
    params = params + 1.0
    for train in ([], ["in"]):
        more, theta = models.add_lora(net, params, ["head"], train=train, rng=1)
        assert ("in.A" in more.layout.shapes) is bool(train)
        assert np.array_equal(more.apply(theta, X), net.apply(params, X))


def test_merging_keeps_the_function():
    net, params = models.add_lora(NET, PARAMS, ["in", "block.b"], train=["head"], rng=0)
    params = params + np.random.default_rng(1).standard_normal(params.shape)
    plain, theta = models.merge_lora(net, params)
    assert set(plain.layout.shapes) == {
        "in.W", "in.c", "block.b.W", "block.b.c", "head.W", "head.c",
    }  # fmt: skip
    assert_close(plain.apply(theta, X), net.apply(params, X), terms=20 * net.size)


def test_a_single_layer_is_adapted_and_merged():
    net = Network(Dense(4, 2))
    lora, params = models.add_lora(net, np.arange(10.0), [""], rng=0)
    plain, theta = models.merge_lora(lora, params)
    assert np.array_equal(plain.apply(theta, X), net.apply(np.arange(10.0), X))


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_it_stays_in_the_library_of_the_parameters(library):
    xp = pytest.importorskip(library)
    one = xp.zeros(1, dtype=xp.float32)
    net, params = models.add_lora(NET, like(PARAMS, one), ["in"], train=["head"], rng=0)
    truth, theta = models.add_lora(NET, PARAMS.astype(np.float32), ["in"], train=["head"], rng=0)
    assert type(params) is type(one)
    assert params.dtype == one.dtype
    assert np.array_equal(to_numpy(params), theta)
    answer = to_numpy(net.apply(params, like(X, one)))
    assert_close(answer, truth.apply(theta, X), terms=20 * NET.size)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: LoRA(ReLU()), "must be a Dense"),
        (lambda: LoRA(Dense(2, 2), 0), "rank = 0"),
        (lambda: LoRA(Dense(2, 2), alpha=0.0), "alpha = 0.0"),
        (lambda: LoRA(Dense(2, 2), dropout=1.0), "rate = 1.0"),
        (lambda: models.add_lora(NET, PARAMS, ["haed"]), "'haed'.* in, block.a, block.b, head"),
        (lambda: models.add_lora(NET, PARAMS, ["in"], train=["hat"]), "'hat'"),
        (lambda: models.add_lora(NET, PARAMS, ["in"], train=["in"]), "'in' is in names and in tr"),
        (lambda: models.add_lora(NET, PARAMS, ["block"]), "only a Dense layer"),
        (lambda: models.add_lora(NET, PARAMS, ["block.t"]), "only a Dense layer"),
        (lambda: models.add_lora(NET, PARAMS, [], rng=0), "nothing can train"),
    ],
    ids=range(10),
)
def test_misuse_is_named(call, says):
    with pytest.raises(InvalidInput, match=says):
        call()
