"""What a device's way of moving does to an answer: circuit, dressings, a drifting temperature."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.linalg

from thermolinalg.analysis.cause import Cause
from thermolinalg.analysis.finite_time import sampling_variance, scatter_ratio
from thermolinalg.analysis.setting import Setting
from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.device.circuit import RC, RLC
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.noise import ColouredNoise, Dressing, HeldNoise, dense
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.delayed import delayed_variance
from thermolinalg.theory.equilibrium import stationary_covariance
from thermolinalg.theory.held import clipped_variance, filtered_variance, held_variance


def motion_causes(setting: Setting) -> Iterator[Cause]:
    """Of the circuit, of each dressing, and of the drift of the temperature."""
    circuit = setting.device.circuit
    if isinstance(circuit, RLC) and _unequal(circuit):
        yield _components(setting, circuit)
    for dressing in setting.device.dressings:
        yield _dressed(setting, dressing)
    if setting.device.drift is not None:
        yield _drifting(setting)


def spectral_factor(
    dressing: Dressing, filtered: float = 0.0
) -> Callable[[NumpyArray], NumpyArray]:
    """By how much the variance of a mode changes, as a function of its rate a.

    Of held noise that a filter of some memory follows: beyond what the filter does to white noise.
    """
    if filtered and isinstance(dressing, HeldNoise) and dressing.tick:
        h, bound = dressing.tick, dressing.bound
        white = spectral_factor(ColouredNoise(filtered))
        return lambda a: 1 + 2 * a * filtered_variance(a, filtered, h, bound) - white(a)
    if isinstance(dressing, ColouredNoise):
        return lambda a: 1 / (1 + a * dressing.correlation_time)
    if isinstance(dressing, HeldNoise):
        if dressing.tick == 0:
            return lambda a: clipped_variance(dressing.bound) + 0 * a
        return lambda a: 2 * a * held_variance(a, dressing.tick, dressing.bound)
    assert isinstance(dressing, TransportDelay)
    return lambda a: 2 * a * delayed_variance(a, dressing.time)


def _unequal(circuit: RLC) -> bool:
    return any(np.ptp(getattr(circuit, x)) > 0 for x in ("resistances", "inductances"))


def _components(setting: Setting, circuit: RLC) -> Cause:
    """Resistances that differ: the covariance solves the Lyapunov equation of the whole circuit."""
    first = setting.at_rest(setting.left) - setting.covariance
    R = np.asarray(circuit.resistances, dtype=float)
    spread = float(np.std(R) / np.mean(R))
    share = float(np.linalg.norm(first) / np.linalg.norm(setting.covariance))
    return Cause(
        name="circuit",
        title="unequal resistances",
        bias=setting.answer(first),
        variance=_of_ratio(setting, first),
        coupling=share,
        strength=spread,
        knob="relative spread",
        remedy="resistors that match, or calibration of the noise sources",
        note="exact: the law of voltages and currents together",
    )


def _dressed(setting: Setting, dressing: Dressing) -> Cause:
    """Of an overdamped network exact, mode by mode; means stay what they are."""
    first, coupling = 0 * setting.law, 0.0
    if not setting.mean and not isinstance(setting.device.circuit, RC):
        first = _whole(setting, dressing)
        coupling = float(np.linalg.norm(first) / np.linalg.norm(setting.law))
    elif not setting.mean:
        a = setting.rates
        factor = spectral_factor(dressing, _memory(setting))(a) - 1
        first, coupling = (
            setting.function(setting.temperature / a * factor),
            float(max(abs(factor))),
        )
    return Cause(
        name="dressings",
        title=dressing.title,
        bias=setting.answer(first),
        variance=_at_low_frequency(setting, dressing, first),
        coupling=coupling,
        **_strengths(dressing),
        remedy=dressing.remedy,
    )


def _strengths(dressing: Dressing) -> dict[str, Any]:
    """Its knob, and how the bias goes with that; of bounded noise it does not go with the tick."""
    if isinstance(dressing, HeldNoise) and not math.isinf(dressing.bound):
        acting = ("tick", "bound") if dressing.tick else ("bound",)
        values = tuple(getattr(dressing, name) for name in acting)
        return {"knob": ", ".join(acting), "strength": values, "order": 0.0}
    order = 2.0 if isinstance(dressing, HeldNoise) else 1.0
    return {"knob": dressing.knob, "strength": dressing.strength, "order": order}


def _memory(setting: Setting) -> float:
    """That of the filter of the noise; 0 of none."""
    filters = (d for d in setting.device.dressings if isinstance(d, ColouredNoise))
    return sum(d.correlation_time for d in filters)


def _whole(setting: Setting, dressing: Dressing) -> NumpyArray:
    """Of a circuit with states of its own: by the Lyapunov equation of all of them."""
    circuit: Any = setting.device.circuit.realise(setting.left)
    before = _covariance(setting, circuit)
    if isinstance(dressing, ColouredNoise):
        return _covariance(setting, dressing.dress(circuit)) - before
    if isinstance(dressing, HeldNoise):
        for filtering in setting.device.dressings:
            if isinstance(filtering, ColouredNoise):
                circuit = filtering.dress(circuit)
        return _held(setting, circuit, dressing) - _covariance(setting, circuit)
    raise DoesNotFit(
        f"{dressing.title} is predicted for an RC network, and this circuit is of the kind "
        f"{setting.device.circuit.kind!r}. Predict the two apart, by replace(device, dressings=()) "
        "and replace(device, circuit=RC()); `sensitivity` simulates both together."
    )


def _covariance(setting: Setting, moving: Any) -> NumpyArray:
    """Of what is read of a process at rest."""
    n = setting.asked.n
    whole = dense(moving, "a circuit")
    return np.asarray(stationary_covariance(whole)[:n, :n])


def _held(setting: Setting, moving: Any, noise: HeldNoise) -> NumpyArray:
    """The same at ticks, where the noise is held: S = E S E' + G D G' v/h, G = A⁻¹(I - E)."""
    whole, n, v = dense(moving, noise.title), setting.asked.n, clipped_variance(noise.bound)
    if noise.tick == 0:
        return v * _covariance(setting, whole)
    A, D = to_numpy(whole.A), to_numpy(whole.D)
    E = scipy.linalg.expm(-A * noise.tick)
    G = np.linalg.solve(A, np.eye(len(A)) - E)
    S = scipy.linalg.solve_discrete_lyapunov(E, G @ D @ G.T * (v / noise.tick))
    return np.asarray(S[:n, :n])


def _drifting(setting: Setting) -> Cause:
    """The covariance follows the mean temperature of the time in which it is read.

    It lags behind by a relaxation time of its slowest mode at most: that is neglected.
    """
    drift, plan = setting.device.drift, setting.schedule
    assert drift is not None
    begin, end = plan.start, plan.start + plan.each
    factor = drift.factor(begin, end) - 1
    rise = abs(drift.factor(end, end) - drift.factor(begin, begin))
    neglected = 0.0
    if setting.mean:
        first = 0 * setting.law
        variance = setting.answer_variance(sampling_variance(setting) * factor)
    else:
        first = factor * setting.law
        lag = rise / (2 * float(setting.rates[0]) * plan.each)
        neglected = setting.gain * lag * float(np.linalg.norm(setting.law))
        variance = _of_ratio(setting, first)
    return Cause(
        name="drift",
        title=drift.title,
        bias=setting.answer(first),
        neglected=neglected,
        variance=variance,
        coupling=0.0 if setting.mean else abs(factor),
        strength=drift.amount,
        knob=drift.knob,
        remedy=drift.remedy,
    )


def _at_low_frequency(setting: Setting, dressing: Dressing, first: NumpyArray) -> NumpyArray:
    """Means see noise of low frequency, of which a bound alone leaves less."""
    if setting.mean and isinstance(dressing, HeldNoise):
        less = clipped_variance(dressing.bound) - 1
        return setting.answer_variance(sampling_variance(setting) * less)
    return _of_ratio(setting, first)


def _of_ratio(setting: Setting, first: NumpyArray) -> NumpyArray:
    """What a shift of the covariance adds to the variance of its average; of means nothing."""
    if setting.mean:
        return setting.answer_variance(0 * setting.law)
    ratio = scatter_ratio(setting, setting.covariance + first)
    return setting.answer_variance(sampling_variance(setting) * (ratio - 1))
