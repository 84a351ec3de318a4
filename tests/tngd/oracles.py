"""Training problems in dense form, made by autograd, and what is known of them in closed form.

Here the Jacobian and the curvature are formed, and processes are solved by e^{-At} and Lyapunov's
equation; the code under test forms neither, and works in sample space.
"""

import autograd
import autograd.numpy as anp
import numpy as np
import scipy.linalg

import models
from tests.models.oracles import (
    ACTIVATIONS,
    autograd_mlp,
    autograd_softmax_loss,
    autograd_squared_loss,
)
from tests.oracles import law_by_lyapunov
from tngd.objective import Objective

LOSSES = {
    "softmax": (models.SoftmaxCrossEntropy(), autograd_softmax_loss),
    "squared": (models.SquaredError(), autograd_squared_loss),
}


class Dense:
    """A perceptron on a random batch: our objective, and autograd's value, gradient, J, H and G.

    Parameters are standard normal times `scale`: with a large one, softmax is sure of its labels.
    """

    def __init__(
        self,
        widths,
        loss="softmax",
        *,
        b=4,
        activation="Tanh",
        seed=0,
        scale=1.0,
        dtype=np.float64,
    ):
        rng = np.random.default_rng([seed, b, *widths])
        net = models.mlp(widths, activation=getattr(models, activation)())
        params, x = scale * rng.standard_normal(net.size), rng.standard_normal((b, widths[0]))
        y = (
            rng.integers(widths[-1], size=b)
            if loss == "softmax"
            else rng.normal(size=(b, widths[-1]))
        )
        ours, self.sample_loss = LOSSES[loss]
        f = autograd_mlp(widths, ACTIVATIONS[activation])
        self.rng, self.b, self.c, self.p, self.y = rng, b, widths[-1], net.size, y
        self.objective = Objective(net, ours, params.astype(dtype), x.astype(dtype), y)
        self.params, self.x, self.f = params, x, f
        self.z = f(params, x)
        self.J = autograd.jacobian(f)(params, x)
        self.H = np.stack([self._output_hessian(i) for i in range(b)])
        self.G = np.einsum("nkp,nkl,nlq->pq", self.J, self.H, self.J) / b
        self.gradient = autograd.grad(self.value)(params)

    def value(self, params):
        return anp.mean(self.sample_loss(self.f(params, self.x), self.y))

    def _output_hessian(self, i):
        one = self.y[i : i + 1]
        return autograd.hessian(lambda z: self.sample_loss(z[None], one)[0])(self.z[i])

    def normals(self, *shape):
        return self.rng.standard_normal(shape or self.p)

    @property
    def terms(self):
        """Roundings on the way there and back: every parameter and input takes part once each way,
        and the longest activation rounds some twenty times."""
        return 40 * (self.p + self.x.size)

    @property
    def size(self):
        """Bound of J's norm, and of what is summed in a product with it."""
        return 1.0 + np.linalg.norm(self.J)


class Rows:
    """The curvature S'S of a given S (q, p): no network, no loss."""

    samples, outputs = 1, 1

    def __init__(self, S):
        self.S = S
        self.gram = S @ S.T

    @property
    def rows(self):
        return self.S.copy()

    def matvec(self, v):
        return self.S.T @ (self.S @ v)

    def root(self, v):
        return self.S @ v

    def root_adjoint(self, w):
        return self.S.T @ w


def random_rows(q, p, *, rank=None, seed=0, dtype=np.float64):
    """S (q, p) of a given rank; the largest eigenvalue of S'S is about 4."""
    rng = np.random.default_rng([seed, q, p])
    rank = min(q, p) if rank is None else rank
    S = rng.standard_normal((q, rank)) @ rng.standard_normal((rank, p))
    return (2 * S / max(np.linalg.norm(S, 2), 1e-300)).astype(dtype)


def relaxed(C, damping, gradient, x, t, noise=0.0):
    """Mean and covariance of the device after t, from state x, by tests.oracles."""
    A = np.asarray(C, float) + damping * np.eye(len(C))
    law = law_by_lyapunov(A, gradient, 2 * noise * np.eye(len(C)), t)
    return law.E @ x + law.shift, law.C


def relaxation_error(C, damping, gradient, x, t, *, terms, dtype=np.float64):
    """What rounding may do to a relaxed state.

    A curvature known to relative precision eps moves f(C + λI) v by at most eps |C| max|f'| |v|,
    with |f'| <= min(t, 1/(eλ)) for e^{-at} and min(t²/2, 1/λ²) for (1 - e^{-at})/a. The oracle's
    e^{-At}, by repeated squaring, loses eps |A| t, and its solve eps |A|/λ.
    """
    eps, size = float(np.finfo(dtype).eps), np.linalg.norm(C)
    of_state = 1.0 + size * min(t, 1 / (np.e * damping))
    of_gradient = min(t, 1 / damping) + size * min(t**2 / 2, damping**-2)
    ours = of_state * np.linalg.norm(x) + of_gradient * np.linalg.norm(gradient)
    whole = size + damping
    theirs = (whole * t + whole / damping) * (
        np.linalg.norm(x) + np.linalg.norm(gradient) / damping
    )
    return terms * (eps * ours + np.finfo(np.float64).eps * theirs)


def solved(C, damping, gradient):
    """(C + λI)⁻¹ g by a dense solve."""
    return scipy.linalg.solve(C + damping * np.eye(len(C)), gradient, assume_a="sym")


def solve_error(C, damping, gradient, *, terms, dtype=np.float64):
    """What rounding may do to it: relative error eps (|C| + λ)/λ of an answer below |g|/λ."""
    condition = (np.linalg.norm(C) + damping) / damping
    return terms * float(np.finfo(dtype).eps) * condition * np.linalg.norm(gradient) / damping


def assert_within(actual, expected, bound):
    """Fail where the 2-norm of the difference exceeds the bound."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    error = np.linalg.norm(actual.astype(float) - expected)
    assert error <= bound, f"off by {error:.2e}, the bound is {bound:.2e}"
