import array_api_strict
import numpy as np
import pytest
from scipy.special import expit, ndtr

import models
from models import GELU, Dense, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput

X = np.linspace(-4.0, 4.0, 41)


@pytest.mark.parametrize(
    "layer",
    [
        LeakyReLU(np.float64(0.1)),
        models.Dropout(np.float64(0.1)),
        models.DotProductAttention(2, dropout=np.float64(0.1)),
        models.LayerNorm(6, np.float64(1e-5)),
        models.BatchNorm(6, np.float64(1e-5)),
        models.LoRA(Dense(6, 6), 2, alpha=np.float64(3.0), dropout=np.float64(0.1)),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_hyperparameters_of_numpy_do_not_set_the_dtype(layer, training):
    net = models.Network(models.Sequential([Dense(6, 6), layer])).with_constants(0)
    lin = net.linearize(net.init(0), np.ones((3, 4, 6), np.float32), training=training, rng=0)
    assert lin.output.dtype == np.float32
    assert lin.vjp(lin.output).dtype == np.float32


def test_gelu_keeps_half_precision():
    x = X.astype(np.float16)
    y, (_, slope) = GELU().forward({}, x)
    assert y.dtype == slope.dtype == np.float16


def value(activation, x):
    return activation.forward({}, x)[0]


def test_relu_has_no_slope_at_its_kink():
    y, saved = ReLU().forward({}, np.array([-1.0, 0.0, 1.0]))
    assert y.tolist() == [0.0, 0.0, 1.0]
    assert ReLU().backward({}, saved, np.ones(3)).tolist() == [0.0, 0.0, 1.0]


def test_leaky_relu_has_its_small_slope_at_its_kink():
    y, saved = LeakyReLU(0.25).forward({}, np.array([-1.0, 0.0, 1.0]))
    assert y.tolist() == [-0.25, 0.0, 1.0]
    assert LeakyReLU(0.25).backward({}, saved, np.ones(3)).tolist() == [0.25, 0.25, 1.0]
    assert LeakyReLU(0.0).gain == ReLU().gain


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_logistic_functions_keep_their_precision_in_both_tails(scale):
    for x in scale * X:
        at = np.array([x])
        assert_close(value(Sigmoid(), at), expit(at), terms=10)
        assert_close(value(SiLU(), at), at * expit(at), terms=10)
        assert_close(value(Softplus(), at), np.logaddexp(0.0, at), terms=10)


def test_softmax_does_not_overflow():
    x = np.array([[1e4, 0.0, 1e4], [-1e4, -1e4 + 1.0, -1e4]])
    truth = np.array([[0.5, 0.0, 0.5], np.array([1.0, np.e, 1.0]) / (2.0 + np.e)])
    assert_close(value(Softmax(), x), truth, terms=10)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (LeakyReLU(0.1), "leaky_relu"),
        (SiLU(), "silu"),
        (Sigmoid(), "sigmoid"),
        (Softplus(), "softplus"),
    ],
    ids=repr,
)
def test_derivatives_are_those_of_torch(layer, name):
    torch = pytest.importorskip("torch")
    f = {"leaky_relu": lambda x: torch.nn.functional.leaky_relu(x, 0.1)}.get(
        name, getattr(torch.nn.functional, name)
    )
    at = torch.asarray(X, requires_grad=True)
    (slope,) = torch.autograd.grad(f(at).sum(), at, create_graph=True)
    (curvature,) = torch.autograd.grad((slope * torch.asarray(X)).sum(), at, materialize_grads=True)
    y, saved = layer.forward({}, X)
    one = np.ones_like(X)
    assert_close(y, f(at).detach().numpy(), terms=10)
    assert_close(layer.backward({}, saved, one), slope.detach().numpy(), terms=10)
    moved = layer.backward_jvp({}, saved, one, {}, X, 0 * X)
    assert_close(moved, curvature.numpy(), terms=40)


def test_single_precision_gelu_is_exact_to_rounding_in_both_tails():
    x = np.linspace(-12.0, 12.0, 100_001, dtype=np.float32)
    wide = x.astype(np.float64)
    y, (_, slope) = GELU().forward({}, x)
    assert y.dtype == np.float32
    # 11 terms of size 1 at most, and x²/2 is rounded before it becomes an exponent
    float32 = np.finfo(np.float32)
    bound = float32.eps * (40 + wide**2) * np.abs(wide * ndtr(wide))
    assert np.all(np.abs(y - wide * ndtr(wide)) <= bound + float32.smallest_normal)
    density = np.exp(-0.5 * wide**2) / np.sqrt(2.0 * np.pi)
    assert_close(slope, ndtr(wide) + wide * density, terms=10)


def test_large_arrays_are_taken_by_pieces_to_the_same_end():
    x = np.random.default_rng(0).standard_normal((3, 2**14 + 7))
    y, (_, slope) = Tanh().forward({}, x)
    assert np.array_equal(y, np.tanh(x))
    assert np.array_equal(slope, 1.0 - np.tanh(x) ** 2)
    turned, _ = Tanh().forward({}, x.T)
    assert np.array_equal(turned, y.T)


@pytest.mark.parametrize("slope", [-0.1, 1.0, float("nan")])
def test_leaky_relu_refuses_other_slopes(slope):
    with pytest.raises(InvalidInput, match="slope = "):
        LeakyReLU(slope)


def test_tanh():
    assert_close(value(Tanh(), X), np.expm1(2 * X) / (np.expm1(2 * X) + 2), terms=10)


def test_gelu_is_x_times_the_normal_distribution_function():
    assert_close(value(GELU(), X), X * ndtr(X), terms=10)


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_is_the_one_of_torch(approximate):
    torch = pytest.importorskip("torch")
    form = "tanh" if approximate else "none"
    truth = torch.nn.functional.gelu(torch.asarray(X), approximate=form).numpy()
    assert_close(value(GELU(approximate=approximate), X), truth, terms=10)


def test_gelu_without_erf_says_what_to_do():
    with pytest.raises(InvalidInput, match="approximate=True"):
        value(GELU(), array_api_strict.asarray(X))


@pytest.mark.parametrize(
    "activation",
    [ReLU(), LeakyReLU(), Tanh(), Sigmoid(), SiLU(), Softplus(), GELU(), GELU(approximate=True)],
    ids=repr,
)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_no_overflow_far_from_zero(activation, sign):
    x = np.array([sign * 1e4], dtype=np.float32)
    y, saved = activation.forward({}, x)
    slope = activation.backward({}, saved, np.ones_like(x))
    curvature = activation.backward_jvp({}, saved, np.ones_like(x), {}, np.ones_like(x), 0 * x)
    assert np.isfinite([y, slope, curvature]).all()
