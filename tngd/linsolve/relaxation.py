"""How a device state relaxes: dx = -((C + damping I) x - g) dt + N(0, 2 noise dt), over a time t.

    exact   the transition of this process, in sample space: no step size, no Gram eigenvectors
    euler   Euler-Maruyama on curvature products, as the TNGD paper simulates it

(Donatella et al. 2024, equations 15-16, with the damping of equation 22 and the signs corrected.)
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, normals
from thermolinalg.errors import DoesNotFit, UnstableStep
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.lanczos import apply_function


@final
@dataclass(frozen=True, eq=False, slots=True)
class Circuit:
    """What a device is programmed with: a curvature, its damping, a gradient, and noise kappa0.

    `temperatures` are factors of kappa0, one a coordinate; None are all 1.
    """

    curvature: CurvatureAt
    damping: float
    gradient: Array
    noise: float
    temperatures: Array | None = None


class Relaxation(ABC):
    """A way to simulate the device."""

    @abstractmethod
    def relax(self, circuit: Circuit, x: Array | None, t: float, rng: np.random.Generator) -> Array:
        """The state (p,) after time t (in units of RC) from state x; None is the gradient."""


@final
@dataclass(frozen=True, slots=True)
class ExactRelaxation(Relaxation):
    """The exact transition: f(C + λI) v = f(λ) v + S' q(K) S v with K = SS'.

    q(μ) = (f(λ + μ) - f(λ))/μ, applied by Lanczos, for f = e^{-at} on the state, (1 - e^{-at})/a on
    the gradient, and sqrt(noise (1 - e^{-2at})/a) on standard normals. Costs a Gram matrix, a jvp
    for each of these vectors that is not zero, and one vjp.

    Raises (in relax):
        DoesNotFit: the noise is not the same on all coordinates: no function of C is its law.
    """

    def relax(self, circuit: Circuit, x: Array | None, t: float, rng: np.random.Generator) -> Array:
        g = circuit.gradient
        if circuit.temperatures is not None:
            raise DoesNotFit(
                "ExactRelaxation() has one temperature for all coordinates, and this device has "
                "one for each. Take EulerRelaxation(0.05), say, or temperatures without spread."
            )
        if x is None:  # one vector for both, and so one jvp
            terms = [(g, _from_gradient(circuit.damping, t))]
        else:
            terms = [(x, _decay(circuit.damping, t)), (g, _drift(circuit.damping, t))]
        if circuit.noise > 0:
            z = normals(rng, tuple(g.shape), g)
            terms.append((z, _diffusion(circuit.damping, t, circuit.noise)))
        curvature = circuit.curvature
        moved, weights = 0.0 * g, None
        for v, f in terms:
            moved = moved + f.at_damping * v
            falling = t > 0 and f.at_damping > 0  # f falls, so where f(λ) = 0 nothing is left
            if falling and bool(namespace(v).any(v != 0)):
                w = apply_function(curvature.gram, curvature.root(v), f.quotient)
                weights = w if weights is None else weights + w
        return moved if weights is None else moved + curvature.root_adjoint(weights)


@final
@dataclass(frozen=True, slots=True)
class EulerRelaxation(Relaxation):
    """Euler-Maruyama with a step in units of RC: one curvature product a step.

    Raises (in relax):
        UnstableStep: the step is longer than twice the fastest relaxation time.
    """

    step: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", checks.positive("step", self.step))

    def relax(self, circuit: Circuit, x: Array | None, t: float, rng: np.random.Generator) -> Array:
        x = circuit.gradient if x is None else x
        steps = math.ceil(t / self.step)
        if steps == 0:
            return x
        dt = t / steps
        _require_stability(circuit, x, dt)
        curvature, damping, spread = circuit.curvature, circuit.damping, 2 * circuit.noise * dt
        hot = circuit.temperatures
        width = 1.0 if hot is None else namespace(hot).sqrt(hot)
        for _ in range(steps):
            x = x - dt * (curvature.matvec(x) + damping * x - circuit.gradient)
            if spread > 0:
                x = x + math.sqrt(spread) * width * normals(rng, tuple(x.shape), x)
        return x


@final
@dataclass(frozen=True, slots=True)
class _Function:
    """A function f of the curvature: f(λ), and μ -> (f(λ + μ) - f(λ))/μ without cancellation."""

    at_damping: float
    quotient: Callable[[NumpyArray], NumpyArray]


def _decay(damping: float, t: float) -> _Function:
    """f(a) = e^{-at}."""
    rest = math.exp(-damping * t)
    return _Function(rest, lambda mu: -rest * _saturation(mu, t))


def _drift(damping: float, t: float) -> _Function:
    """f(a) = (1 - e^{-at})/a."""
    rest, whole = math.exp(-damping * t), float(_saturation(np.array(damping), t))
    return _Function(whole, lambda mu: (rest * _saturation(mu, t) - whole) / _above(damping + mu))


def _from_gradient(damping: float, t: float) -> _Function:
    """f(a) = e^{-at} + (1 - e^{-at})/a: the state starts as the gradient."""
    decay, drift = _decay(damping, t), _drift(damping, t)
    return _Function(
        decay.at_damping + drift.at_damping, lambda mu: decay.quotient(mu) + drift.quotient(mu)
    )


def _diffusion(damping: float, t: float, noise: float) -> _Function:
    """f(a) = sqrt(noise (1 - e^{-2at})/a)."""
    square = _drift(damping, 2 * t)
    here = math.sqrt(noise * square.at_damping)

    def quotient(mu: NumpyArray) -> NumpyArray:
        slope = noise * square.quotient(mu)
        there = np.sqrt(np.maximum(here**2 + mu * slope, 0.0))
        return slope / _above(there + here)

    return _Function(here, quotient)


def _saturation(a: NumpyArray, t: float) -> NumpyArray:
    """(1 - e^{-at})/a, which is t at a = 0."""
    return np.where(a > 0, -np.expm1(-a * t) / _above(a), t)


def _above(a: NumpyArray) -> NumpyArray:
    """a, with zeros replaced by the smallest normal number, to divide by."""
    return np.maximum(a, np.finfo(np.float64).tiny)


def _require_stability(circuit: Circuit, x: Array, dt: float) -> None:
    """Power iterations estimate the fastest rate from below, to within a per cent or two."""
    v, rate = circuit.gradient + x, 0.0
    for _ in range(30):
        length = float(v @ v) ** 0.5
        if length == 0.0:
            return
        v = circuit.curvature.matvec(v / length)
        rate = float(v @ v) ** 0.5
    if dt * (rate + circuit.damping) >= 2:
        raise UnstableStep(
            f"an Euler step of {dt:.3g} RC diverges: the curvature has an eigenvalue {rate:.3g}. "
            f"Use a step under {2 / (rate + circuit.damping):.3g} RC, or ExactRelaxation()."
        )
