"""The exact law of one mode with inertia, and of its integral, over any time and at any friction.

    dx = v dt,   dv = -(a x - f) dt - friction v dt + N(0, friction dt),   dI = x dt.

All of it follows from the velocity kick's echo s(t), s'' + friction s' + a s = 0 with s(0) = 0 and
s'(0) = 1, whose closed form divides by the distance from critical damping and cancels near it. So
a short time is a power series of s, and longer times are doubled up to: right at, and on both sides
of, critical damping. Many modes are done at once, each in steps of its own length.
"""

from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.theory.batches import transpose

TERMS = 24
"""Of the series of s over a step of |λ| <= 1.7, whose k-th term is below 1.7ᵏ/k!: 5e-19."""

NODES, WEIGHTS = (x / 2 for x in np.polynomial.legendre.leggauss(16))
NODES = NODES + 0.5
"""Of Gauss's rule on [0, 1], exact for the products of the terms that count."""


class Oscillation(NamedTuple):
    """(x, v, I) after a time from (x, v, 0): flow (x, v) + f response + root z, of n modes.

    z are three standard normals of each.
    """

    flow: NumpyArray  # (3, 2, n)
    response: NumpyArray  # (3, n)
    root: NumpyArray  # (3, 3, n), lower triangular


class _Law(NamedTuple):
    """The same mode by mode: a flow of (x, v, I), what a force of one adds, and a covariance."""

    E: NumpyArray  # (n, 3, 3)
    shift: NumpyArray  # (n, 3)
    C: NumpyArray  # (n, 3, 3)


def oscillation(rates: NumpyArray, friction: float, t: float) -> Oscillation:
    """The law over t >= 0 of modes of stiffness `rates` (n,) > 0, in float64."""
    fastest = np.maximum(np.sqrt(rates), friction) * t
    doublings = np.ceil(np.log2(np.maximum(fastest, 1.0))).astype(int)
    h = t / 2.0**doublings
    law = _short(rates * h**2, friction * h)
    for k in range(int(doublings.max())):
        again = doublings > k
        for part, value in zip(law, _doubled(_Law(*(x[again] for x in law))), strict=True):
            part[again] = value
    # From units in which a step lasts 1: v is larger by h there, and the integral smaller.
    E, S = law.E, law.E[:, 0, 1] * h
    flow = np.array(
        [
            [E[:, 0, 0], S],
            [-rates * S, E[:, 0, 0] - friction * S],
            [E[:, 2, 0] * h, E[:, 2, 1] * h**2],
        ]
    )
    response = np.array([law.shift[:, 0] * h**2, law.shift[:, 1] * h, law.shift[:, 2] * h**3])
    widths = np.sqrt(friction * h**3) * np.array([np.ones_like(h), 1 / np.where(h > 0, h, 1.0), h])
    return Oscillation(flow, response, _root(law.C) * widths[:, None, :])


def _short(a: NumpyArray, c: NumpyArray) -> _Law:
    """The law over a time of one, for stiffness a <= 1 and friction c <= 1."""
    series = [0 * a, 1 + 0 * a]
    for k in range(TERMS - 2):
        series.append(-(c * (k + 1) * series[-1] + a * series[-2]) / ((k + 2) * (k + 1)))
    s = np.array(series)
    powers = np.arange(TERMS)
    after = powers[:, None] + 1
    slope, area = s[1:] * after[:-1], s / after
    S, V, P = s.sum(axis=0), slope.sum(axis=0), area.sum(axis=0)
    one, zero = 1 + 0 * a, 0 * a
    E = np.array([[V + c * S, S, zero], [-a * S, V, zero], [c * P + S, P, one]])
    shift = np.array([P, S, (area / (after + 1)).sum(axis=0)])
    nodes = NODES[:, None] ** powers
    # What a kick at the time 1 - u has become of it at 1.
    echo = np.array([nodes @ s, nodes[:, :-1] @ slope, NODES[:, None] * (nodes @ area)])
    C = np.einsum("q,iqn,jqn->nij", WEIGHTS, echo, echo)
    return _Law(np.moveaxis(E, -1, 0).copy(), shift.T.copy(), C)


def _doubled(law: _Law) -> _Law:
    E, shift, C = law
    ahead = (E @ shift[:, :, None])[:, :, 0]
    return _Law(E @ E, shift + ahead, C + E @ C @ transpose(E))


def _root(C: NumpyArray) -> NumpyArray:
    """L (3, 3, n), lower triangular, with LL' = C for each C (n, 3, 3)."""
    L = np.zeros((3, 3, len(C)))
    for i in range(3):
        for j in range(i + 1):
            rest = C[:, i, j] - (L[i, :j] * L[j, :j]).sum(axis=0)
            L[i, j] = np.sqrt(np.maximum(rest, 0.0)) if i == j else rest / L[j, j]
    return L
