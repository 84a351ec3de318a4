import array_api_strict
import numpy as np
import pytest
from scipy.special import ndtr

from models import GELU, ReLU, Tanh
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput

X = np.linspace(-4.0, 4.0, 41)


def value(activation, x):
    return activation.forward({}, x)[0]


def test_relu_has_no_slope_at_its_kink():
    y, saved = ReLU().forward({}, np.array([-1.0, 0.0, 1.0]))
    assert y.tolist() == [0.0, 0.0, 1.0]
    assert ReLU().backward({}, saved, np.ones(3)).tolist() == [0.0, 0.0, 1.0]


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


@pytest.mark.parametrize("activation", [ReLU(), Tanh(), GELU(), GELU(approximate=True)], ids=repr)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_no_overflow_far_from_zero(activation, sign):
    x = np.array([sign * 1e4], dtype=np.float32)
    y, saved = activation.forward({}, x)
    slope = activation.backward({}, saved, np.ones_like(x))
    curvature = activation.backward_jvp({}, saved, np.ones_like(x), {}, np.ones_like(x), 0 * x)
    assert np.isfinite([y, slope, curvature]).all()
