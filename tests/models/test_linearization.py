"""The Jacobian as an operator, against autograd, which forms it."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from tests.models.oracles import (
    ACTIVATIONS,
    assert_close,
    autograd_mlp,
    autograd_softmax_loss,
    autograd_squared_loss,
)
from thermolinalg.backend import to_numpy

widths = st.lists(st.integers(1, 4), min_size=2, max_size=4)
names = st.sampled_from(sorted(ACTIVATIONS))
over_networks = given(widths=widths, name=names, b=st.integers(1, 3))
few = settings(deadline=None, derandomize=True, max_examples=30)


class Problem:
    """A perceptron at a random point, with its Jacobian by autograd."""

    def __init__(self, widths, name, b, *, dtype=np.float64):
        self.net = models.mlp(widths, activation=getattr(models, name)())
        self.f = autograd_mlp(widths, ACTIVATIONS[name])
        self.rng = np.random.default_rng([*widths, b])
        self.params, self.x = self.normals(self.net.size), self.normals(b, widths[0])
        self.lin = self.net.linearize(self.params.astype(dtype), self.x)
        self.z = self.f(self.params, self.x)
        self.J = autograd.jacobian(self.f)(self.params, self.x)
        # every parameter and input takes part in an entry at most once on the way there and back,
        # and GELU rounds some twenty times
        self.terms = 40 * (self.net.size + self.x.size)
        self.size = 1.0 + np.linalg.norm(self.J)

    def normals(self, *shape):
        return self.rng.standard_normal(shape)

    def close(self, actual, expected, *, size=1.0):
        assert_close(actual, expected, terms=self.terms, scale=self.size * size)


@few
@over_networks
def test_first_order_products(widths, name, b):
    at = Problem(widths, name, b)
    v, u = at.normals(at.net.size), at.normals(*at.z.shape)
    at.close(at.lin.output, at.z, size=1 + np.linalg.norm(at.z))
    at.close(at.lin.jacobian(), at.J)
    at.close(at.lin.jvp(v), at.J @ v, size=np.linalg.norm(v))
    at.close(at.lin.vjp(u), np.tensordot(u, at.J, 2), size=np.linalg.norm(u))
    at.close(at.lin.per_sample(u), np.einsum("nk,nkp->np", u, at.J), size=np.linalg.norm(u))


@few
@over_networks
def test_gram_in_sample_space(widths, name, b):
    at = Problem(widths, name, b)
    roots = at.normals(*at.z.shape, 2)
    S = np.einsum("nkr,nkp->nrp", roots, at.J).reshape(2 * b, -1)
    at.close(at.lin.gram(roots), S @ S.T, size=at.size * np.linalg.norm(roots) ** 2)
    by_column = np.einsum("nkr,nkp->rnp", roots, at.J).reshape(2 * b, -1)
    at.close(at.lin.rows(roots), by_column, size=np.linalg.norm(roots))


@pytest.mark.parametrize("loss", ["softmax", "squared"])
@settings(parent=few)
@over_networks
def test_hessian_of_the_mean_loss(loss, widths, name, b):
    at = Problem([*widths, 3], name, b)
    if loss == "softmax":
        ours, theirs, y = models.SoftmaxCrossEntropy(), autograd_softmax_loss, np.arange(b) % 3
    else:
        ours, theirs, y = models.SquaredError(), autograd_squared_loss, at.normals(b, 3)
    H = autograd.hessian(lambda params: anp.mean(theirs(at.f(params, at.x), y)))(at.params)
    v, z = at.normals(at.net.size), at.lin.output
    Hv = at.lin.vjp_jvp(v, ours.gradient(z, y), ours.hessian(z, at.lin.jvp(v))) / b
    at.close(Hv, H @ v, size=(at.size + np.linalg.norm(H)) * np.linalg.norm(v))


def test_root_gram_and_gauss_newton_share_their_spectrum():
    at = Problem([4, 5, 3], "Tanh", 6)
    H = autograd.hessian(lambda z: autograd_softmax_loss(z[None], np.array([0]))[0])
    G = sum(J.T @ H(z) @ J for J, z in zip(at.J, at.z, strict=True))
    K = at.lin.gram(models.SoftmaxCrossEntropy().hessian_root(at.lin.output))
    assert K.shape == (12, 12)
    at.close(np.linalg.eigvalsh(K), np.linalg.eigvalsh(G)[-12:], size=at.size)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_float32_is_kept_and_as_exact_as_float32_can_be(name):
    at = Problem([6, 5, 4], name, 7, dtype=np.float32)
    v, u, roots = at.normals(at.net.size), at.normals(7, 4), at.normals(7, 4, 3)
    S = np.einsum("nkr,nkp->nrp", roots, at.J).reshape(21, -1)
    answers = [at.lin.output, at.lin.jvp(v), at.lin.vjp(u), at.lin.gram(roots)]
    assert {answer.dtype for answer in answers} == {np.dtype(np.float32)}
    truths = [at.z, at.J @ v, np.tensordot(u, at.J, 2), S @ S.T]
    for answer, truth in zip(answers, truths, strict=True):
        at.close(answer, truth, size=1 + np.linalg.norm(truth))


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_other_libraries_give_what_numpy_gives(library):
    xp = pytest.importorskip(library)
    at = Problem([4, 5, 3], "Tanh", 6)
    v, u, du, y = at.normals(at.net.size), at.normals(6, 3), at.normals(6, 3), np.arange(6) % 3

    def answers(convert):
        lin = at.net.linearize(convert(at.params), convert(at.x))
        loss, z, labels = models.SoftmaxCrossEntropy(), lin.output, convert(y)
        return {
            "jvp": lin.jvp(convert(v)),
            "vjp": lin.vjp(convert(u)),
            "per_sample": lin.per_sample(convert(u)),
            "vjp_jvp": lin.vjp_jvp(convert(v), convert(u), convert(du)),
            "jacobian": lin.jacobian(),
            "gram": lin.gram(loss.hessian_root(z)),
            "squared gram": lin.gram(models.SquaredError().hessian_root(z)),
            "gradient": loss.gradient(z, labels),
            "hessian": loss.hessian(z, convert(u)),
            "value": xp.asarray(loss.value(z, labels)),
            "accuracy": xp.asarray(models.accuracy(z, labels)),
        }

    truth = answers(np.asarray)
    for name, answer in answers(xp.asarray).items():
        assert type(answer) is type(xp.asarray(0.0)), name
        at.close(to_numpy(answer), truth[name], size=1 + np.linalg.norm(truth[name]))


def test_products_leave_the_linearization_as_it_was():
    at = Problem([4, 5, 3], "ReLU", 6)
    roots, u = at.normals(6, 3, 2), at.normals(6, 3)
    before = [at.lin.output.copy(), at.lin.gram(roots), at.lin.vjp(u)]
    at.lin.gram(roots)
    at.lin.vjp_jvp(at.params, u, u)
    after = [at.lin.output, at.lin.gram(roots), at.lin.vjp(u)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_repr_says_how_large_it_is():
    lin = Problem([4, 5, 3], "ReLU", 6).lin
    assert repr(lin) == "Linearization(6 samples, 3 outputs, 43 parameters)"
