"""Processes to draw, and what was drawn, read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import scipy.linalg
import scipy.signal

import thermolinalg as tla
from tests import oracles

SHEAR = tla.OU([[1.0, 5.0], [0.0, 2.0]], [1.0, -1.0], np.eye(2))
OSCILLATOR = tla.underdamped([[4.0]], [1.0], friction=0.8)
ONE = tla.OU([[0.5]], [1.0], [[2.0]])
MANY = tla.OU(np.diag(np.linspace(1, 3, 50)) + 0.2 * np.eye(50, k=1), np.zeros(50), np.eye(50))
STILL = tla.OU(np.eye(2), np.zeros(2), np.zeros((2, 2)))
WELL = tla.Nonlinear(lambda x: x - x**3, 0.5 * np.eye(2))
SWING = tla.Langevin(lambda x: -np.sin(x), [1.0])
TIMES = np.linspace(0.0, 4.0, 41)
REST = tla.stationary(SHEAR)


def run_of(process, m=400, chains=3, x0=None, dt=0.1, rng=0):
    return tla.simulate(process, dt * np.arange(m), x0=x0, chains=chains, rng=rng)


def lines(ax, **style):
    """The data (p, 2) of all lines that look like this."""
    wanted = style.items()
    return [
        line.get_xydata()
        for line in ax.lines
        if all(plt.getp(line, key) == value for key, value in wanted)
    ]


def bands(ax):
    """Lower and upper edges, as functions of where, of each band."""
    for band in ax.collections:
        vertices = band.get_paths()[0].vertices
        x, count = np.unique(vertices[:, 0]), len(vertices) // 2
        low, high = vertices[1:count], vertices[count + 1 : -1][::-1]
        assert np.allclose(low[:, 0], x)
        assert np.allclose(high[:, 0], x)
        yield x, low[:, 1], high[:, 1]


def legend_of(ax):
    legend = ax.get_legend()
    entries = [text.get_text() for text in legend.get_texts()]
    return "\n".join([legend.get_title().get_text(), *entries])


def law_at(process, start, cov, t):
    E, shift, C = oracles.law_by_ode(process.A, process.b, process.D, t)
    return E @ start + shift, E @ cov @ E.T + C


def lyapunov(process):
    A, D = np.asarray(process.A), np.asarray(process.D)
    return scipy.linalg.solve_continuous_lyapunov(A, D)
