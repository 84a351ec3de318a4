"""What a prepared step does: read off without chance where it is linear, or run with it."""

import numpy as np
import scipy.linalg

from thermolinalg.simulation.walk import walk


def law_of(step, n):
    """E, shift and C of a linear step: what it does to nothing, to unit states and unit kicks.

    Kicks have one entry for each of the step's own coordinates, which may be more than n.
    """
    none = np.zeros((1, n))
    m = step.enter(none).shape[-1]

    def moved(x, z):
        y = step(step.enter(x), step.color(z[:, None, :])[:, 0, :])
        return step.leave(y)

    shift = moved(none, np.zeros((1, m)))[0]
    E = moved(np.eye(n), np.zeros((n, m))) - shift
    F = moved(np.zeros((m, n)), np.eye(m)) - shift
    return E.T, shift, F.T @ F


def assert_same_law(found, truth):
    """E, shift and C agree to 11 digits of their largest entry.

    E and the kicks were read as differences from the shift, and keep its rounding.
    """
    rounding = 8 * np.finfo(float).eps * (1 + np.abs(truth[1]).max())
    for part, right in zip(found, truth, strict=True):
        atol = 1e-11 * np.abs(right).max() + rounding
        np.testing.assert_allclose(part, right, rtol=0, atol=atol)


def settled(E, C):
    """The covariance S = ESE' + C at rest."""
    return scipy.linalg.solve_discrete_lyapunov(E, C)


def order(dts, errors):
    """p where errors shrink as dt^p, from the two shortest steps."""
    return np.log(errors[-2] / errors[-1]) / np.log(dts[-2] / dts[-1])


def run(process, integrator, x0, dt, steps, *, seed):
    """The states (chains, n) after so many steps."""
    x = np.asarray(x0)
    for block in walk(process, x, np.full(steps, dt), integrator, np.random.default_rng(seed)):
        x = block.last
    return x
