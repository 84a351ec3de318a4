"""What a run of finite time is off by: the noise that it averages, the start that it remembers."""

import math

import numpy as np

from thermolinalg.analysis.setting import Setting
from thermolinalg.backend import NumpyArray
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.measurement.observed import Observed
from thermolinalg.solvers.noise import pairs_of, swinging_pairs
from thermolinalg.theory.evolution import propagate
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU

FORGOTTEN = 40.0
"""Relaxation times after which e^{-t} is below the last digit."""


def sampling_variance(setting: Setting) -> NumpyArray:
    """Variance of each entry of what is read, of the ideal noise: (k, n) or (n, n)."""
    if setting.mean:
        return mean_variance(setting, np.asarray(setting.left.A), np.asarray(setting.left.D))
    G = _memory(setting) / setting.schedule.time
    U = setting.U
    apart = U**2 @ G @ (U**2).T
    together = np.stack([((U * row) @ G * (U * row)).sum(axis=1) for row in U])
    return np.asarray(apart + together)


def mean_variance(setting: Setting, A: NumpyArray, D: NumpyArray) -> NumpyArray:
    """The diagonal of A⁻¹DA⁻ᵀ/time for each drive (k, n): the variance of a long average.

    Inertia multiplies it by the friction.
    """
    circuit = setting.device.circuit
    friction = circuit.friction if isinstance(circuit, MassSpring) else 1.0
    G = np.linalg.inv(A)
    each = np.diag(G @ D @ G.T) * friction / setting.schedule.time
    return np.broadcast_to(each, setting.law.shape)


def scatter_ratio(setting: Setting, S: NumpyArray) -> NumpyArray:
    """By how much more each entry of a second moment scatters, with S for the covariance."""
    old, new = (np.outer(np.diag(M), np.diag(M)) + M**2 for M in (setting.covariance, S))
    return np.asarray(np.divide(new, old, out=np.ones_like(old), where=old > 0))


def start_bias(setting: Setting) -> tuple[NumpyArray, float]:
    """What is left of the start from zero, on average over the time that is read; and a bound.

    A mean is short of itself by e^{-at} in each mode, a covariance by e^{-(a + a')t}. Of other
    circuits only the slowest rate is asked, which bounds it.
    """
    start, time = setting.schedule.start, setting.schedule.each
    process = setting.device.nominal(setting.problem.network)
    if isinstance(process, OU):
        rates = setting.rates if setting.mean else 2 * setting.rates
        share = np.exp(-rates * start) * -np.expm1(-rates * time) / (rates * time)
        return -setting.law @ setting.function(share), 0.0
    rate = setting.problem.program.readout.correlation_rate(process)
    left = float(np.exp(-rate * start)) / (rate * time)
    return 0 * setting.law, left * float(np.linalg.norm(setting.law))


def start_doubt(setting: Setting, coupling: float) -> float:
    """A bound on what coefficients that differ by |A⁻¹dA| <= coupling change of that.

    |e^{-(A + dA)t} - e^{-At}| <= |dA| t e^{-rt}, with r = (1 - coupling) times the slowest rate.
    """
    if coupling == 0:
        return 0.0
    if coupling >= 1:  # then no rate is known, but that it is of the same size
        return math.inf if setting.schedule.start * float(setting.rates[0]) < FORGOTTEN else 0.0
    sides = 1 if setting.mean else 2
    start, time = setting.schedule.start, setting.schedule.each
    rate = sides * (1 - coupling) * float(setting.rates[0])
    left = math.exp(-rate * start) * (start + 1 / rate) / (rate * time)
    change = sides * coupling * float(setting.rates[-1])
    return change * left * float(np.linalg.norm(setting.law))


def _memory(setting: Setting) -> NumpyArray:
    """G with (1 + δ_kl) G_kl/time the variance of the average of y_k y_l, of modes y."""
    process, step = setting.device.nominal(setting.problem.network), setting.step
    c = 2 * setting.temperature
    if isinstance(process, Inertial):
        return swinging_pairs(setting.rates, process.friction, c, step)
    if isinstance(process, Observed):
        return _oscillating(setting, process, step)
    return pairs_of(setting.rates, c, step)


def _oscillating(setting: Setting, process: Observed, step: float) -> NumpyArray:
    """Of an RLC network with equal components: φ_k(t) of each pair (v_k, i_k), summed over lags."""
    lags = step * np.arange(1 + int(FORGOTTEN / (step * process.slowest)))
    circuit = setting.device.circuit
    assert isinstance(circuit, RLC)
    R, L = float(np.mean(circuit.resistances)), float(np.mean(circuit.inductances))
    memory = []
    for a in setting.rates:
        pair = np.array([[1 / (a * R), 1 / a], [-1 / L, 0.0]])
        one = propagate(pair, np.zeros(2), np.zeros((2, 2)), step).E
        E, values = np.eye(2), []
        for _ in lags:
            values.append(E[0, 0])
            E = one @ E
        memory.append(values)
    phi = np.array(memory)
    c = setting.temperature / setting.rates
    return np.asarray(np.outer(c, c) * step * (2 * phi @ phi.T - 1))
