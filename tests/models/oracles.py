"""Answers by other mathematics: complex steps, autograd, and how far rounding may carry us."""

from itertools import pairwise

import autograd.numpy as anp
import numpy as np
from autograd.scipy.special import erf

STEP = 1e-100
"""Complex steps do not cancel, so the step may be as small as numbers go."""


def complex_step(f, at, along):
    """Tangent of an analytic f at a tuple of arguments, along a tuple of tangents."""
    moved = [moved_by(value, tangent) for value, tangent in zip(at, along, strict=True)]
    return tangent_part(f(*moved))


def moved_by(value, tangent):
    if isinstance(value, dict):
        return {name: moved_by(value[name], tangent[name]) for name in value}
    return value + 1j * STEP * tangent


def tangent_part(value):
    if isinstance(value, dict):
        return {name: tangent_part(part) for name, part in value.items()}
    return np.imag(value) / STEP


def assert_close(actual, expected, *, terms, scale=None):
    """Fail where the difference exceeds what rounding can do.

    A sum of n products of numbers rounded to relative precision eps errs by at most n eps times
    the sum of their magnitudes (Higham 2002, section 3.1), of which `scale` is a bound in norm.

    Args:
        actual, expected: numbers, arrays, or dicts of them.
        terms: how many roundings may add up on the way to one entry.
        scale: size of what is summed; without it, the norm of what is expected.
    """
    if isinstance(expected, dict):
        assert set(actual) == set(expected)
        for name in expected:
            assert_close(actual[name], expected[name], terms=terms, scale=scale)
        return
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    eps = max(np.finfo(a.dtype).eps for a in (actual, expected))
    scale = np.linalg.norm(expected) if scale is None else scale
    error = np.linalg.norm(actual.astype(np.float64) - expected)
    assert error <= terms * eps * scale, (
        f"off by {error:.1e}, rounding allows {terms * eps * scale:.1e}"
    )


ACTIVATIONS = {
    "ReLU": lambda x: anp.maximum(x, 0.0),
    "Tanh": anp.tanh,
    "GELU": lambda x: x * 0.5 * (1.0 + erf(x / anp.sqrt(2.0))),
}


def autograd_mlp(widths, activation):
    """The network as autograd sees it: a function of one flat array and a batch."""

    def f(params, x):
        start = 0
        for layer, (inputs, outputs) in enumerate(pairwise(widths)):
            if layer:
                x = activation(x)
            middle, stop = start + inputs * outputs, start + (inputs + 1) * outputs
            x = anp.dot(x, anp.reshape(params[start:middle], (inputs, outputs)))
            x = x + params[middle:stop]
            start = stop
        return x

    return f


def autograd_softmax_loss(z, y):
    """Each sample's cross-entropy."""
    log_p = z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))
    return -log_p[anp.arange(len(y)), y]


def autograd_squared_loss(z, y):
    return 0.5 * anp.sum((z - y) ** 2, axis=1)
