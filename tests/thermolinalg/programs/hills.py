"""Landscapes written down by hand, and their laws by quadrature."""

from itertools import pairwise

import numpy as np
from scipy import stats
from scipy.integrate import quad

from thermolinalg.programs.landscape import Landscape
from thermolinalg.testing import FALSE_ALARM


def quartic(n=1, scale=1.0, temperature=1.0):
    return Landscape(
        lambda x: scale * (x**4).sum(-1),
        lambda x: 4 * scale * x**3,
        lambda x: 12 * scale * x[..., None] ** 2 * np.eye(n),
        n,
        temperature,
    )


def double_well(barrier=1.0, tilt=0.0, temperature=1.0):
    """Wells near -1 and 1; the lower one is at -1 if the tilt is positive."""
    return Landscape(
        lambda x: (barrier * (x**2 - 1) ** 2 + tilt * x).sum(-1),
        lambda x: 4 * barrier * x * (x**2 - 1) + tilt,
        lambda x: barrier * (12 * x[..., None] ** 2 - 4),
        1,
        temperature,
    )


def bent(temperature=1.0):
    """x² + (y - x²)²: not separable, and not symmetric in y."""

    def gradient(p):
        x, y = p[..., 0], p[..., 1]
        return np.stack([2 * x - 4 * x * (y - x**2), 2 * (y - x**2)], axis=-1)

    def hessian(p):
        x, y = p[..., 0], p[..., 1]
        rows = [[2 - 4 * y + 12 * x**2, -4 * x], [-4 * x, 2 + 0 * x]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    return Landscape(
        lambda p: p[..., 0] ** 2 + (p[..., 1] - p[..., 0] ** 2) ** 2,
        gradient,
        hessian,
        2,
        temperature,
        ("x", "y"),
    )


def chain_of_quartics(n, coupling=1.0):
    """Σ x_i⁴ + coupling/2 Σ (x_i - x_{i+1})²."""
    K = coupling * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    K[0, 0] = K[-1, -1] = coupling
    return Landscape(
        lambda x: (x**4).sum(-1) + 0.5 * ((x @ K) * x).sum(-1),
        lambda x: 4 * x**3 + x @ K,
        lambda x: 12 * x[..., None] ** 2 * np.eye(n) + K,
        n,
    )


def log_partition_of_chain(n, coupling=1.0):
    """By transfer matrices on a Gauss-Legendre grid."""
    x, w = np.polynomial.legendre.leggauss(200)
    x, w = 3.5 * x, 3.5 * w
    ends = np.exp(-(x**4))
    step = np.exp(-0.5 * coupling * (x[:, None] - x) ** 2)
    weight = ends
    for _ in range(n - 1):
        weight = ends * (step @ (w * weight))
    return np.log((w * weight).sum())


def quadratic(P, mean, temperature=1.0):
    n = len(P)
    return Landscape(
        lambda x: 0.5 * (((x - mean) @ P) * (x - mean)).sum(-1),
        lambda x: (x - mean) @ P,
        lambda x: np.broadcast_to(P, (*x.shape[:-1], n, n)),
        n,
        temperature,
    )


def integral(landscape, f=lambda _: 1.0, end=np.inf):
    """∫ f exp(-U/T) dx up to an end, in one dimension."""

    def weight(x):
        return f(x) * np.exp(-landscape.energy(np.array([x])) / landscape.temperature)

    pieces = [p for p in (-8.0, -2.0, -1.0, 0.0, 1.0, 2.0, 8.0) if p < end]
    pieces.append(min(end, 8.0))
    ends = pairwise(pieces)
    return sum(quad(weight, a, b, epsabs=1e-12)[0] for a, b in ends)


def assert_expected(measured, expected, *, tests=1, false_alarm=FALSE_ALARM):
    """A measured value is within its error bar of what it should be, in one of so many tests."""
    gap = np.abs(np.asarray(measured.value) - expected)
    limit = stats.norm.isf(false_alarm / (2 * gap.size * tests)) * np.asarray(measured.stderr)
    assert np.all(gap <= limit), (gap, limit)
