"""Value, gradient and exact Hessian of the mean loss, against autograd and complex steps."""

import autograd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
import tngd
from tests.models.oracles import STEP, assert_close
from tests.tngd.oracles import LOSSES, Dense
from tngd.objective import Objective

over_problems = given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(sorted(LOSSES)),
    activation=st.sampled_from(["Tanh", "ReLU", "GELU"]),
    b=st.integers(1, 4),
)


@over_problems
def test_value_and_gradient(widths, loss, activation, b):
    at = Dense(widths, loss, b=b, activation=activation)
    size = 1 + np.linalg.norm(at.z) + np.linalg.norm(at.y)
    assert_close(at.objective.output, at.z, terms=at.terms, scale=at.size)
    assert_close(at.objective.value, at.value(at.params), terms=at.terms, scale=size**2)
    assert_close(at.objective.gradient, at.gradient, terms=at.terms, scale=at.size * size)


@over_problems
def test_hessian_products(widths, loss, activation, b):
    at = Dense(widths, loss, b=b, activation=activation)
    H, v = autograd.hessian(at.value)(at.params), at.normals()
    size = (at.size**2 + np.linalg.norm(H)) * np.linalg.norm(v)
    assert_close(at.objective.hessian(v), H @ v, terms=at.terms, scale=size)


def test_derivatives_by_complex_steps():
    """tanh and log-sum-exp are analytic: Im l(θ + ihv)/h has no cancellation at all."""
    at = Dense([3, 4, 3])
    v = at.normals()
    moved = at.params + 1j * STEP * v
    z = np.tanh(at.x @ moved[:12].reshape(3, 4) + moved[12:16]) @ moved[16:28].reshape(4, 3)
    z = z + moved[28:]
    loss = np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(at.b), at.y])
    slope = loss.imag / STEP
    size = at.size * np.linalg.norm(v)
    assert_close(at.objective.gradient @ v, slope, terms=at.terms, scale=size)


def test_sizes():
    objective = Dense([3, 4, 5], b=7).objective
    assert (objective.samples, objective.outputs) == (7, 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_parameters_is_kept(dtype):
    objective = Dense([3, 4, 5], dtype=dtype).objective
    v = np.ones(objective.params.shape, dtype)
    assert objective.gradient.dtype == objective.hessian(v).dtype == dtype
    assert isinstance(objective.value, float)


def test_torch_stays_torch():
    torch = pytest.importorskip("torch")
    at = Dense([3, 4, 5])
    ours = at.objective
    theirs = Objective(
        ours.network,
        models.SoftmaxCrossEntropy(),
        *(torch.from_numpy(np.asarray(a)) for a in (ours.params, ours.x, ours.y)),
    )
    assert isinstance(theirs.gradient, torch.Tensor)
    assert_close(theirs.gradient.numpy(), ours.gradient, terms=at.terms, scale=at.size)


def test_repr_is_short():
    net = models.mlp([4, 3])
    x, y = np.zeros((5, 4), np.float32), np.zeros(5, np.int64)
    at = Objective(net, models.SoftmaxCrossEntropy(), net.init(rng=0), x, y)
    assert repr(at).startswith("Objective(5 samples, 15 parameters, SoftmaxCrossEntropy(")
    kinds = [tngd.GGN(), tngd.Hessian(), tngd.BlockDiagonal(), tngd.Kronecker()]
    names = ["Pullback", "HessianMatrix", "DirectSum", "DirectSum"]
    assert [repr(kind.at(at)) for kind in kinds] == [f"{name}(15, 15)" for name in names]
