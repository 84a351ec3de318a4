"""The exact relaxation by curvature products, for problems with more outputs than parameters.

The state after a time is a sum of functions of C + λI times vectors. Lanczos finds each in as many
products as the function is hard, where `ExactRelaxation` takes the Gram matrix of all outputs and
`EulerRelaxation` a product for every time step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, normals
from thermolinalg.errors import DoesNotFit
from tngd.linsolve.relaxation import Circuit, Relaxation


@final
@dataclass(frozen=True, slots=True)
class KrylovRelaxation(Relaxation):
    """The exact transition, to a tolerance: one curvature product an iteration of Lanczos.

    f(C + λI) v, for f = e^{-at} on the state, (1 - e^{-at})/a on the gradient, and
    sqrt(noise (1 - e^{-2at})/a) on standard normals. It ends where an iteration changes the answer
    by less than `rtol` of it: as Lanczos converges ever faster, the next would change it by less.

    Raises (in relax):
        DoesNotFit: the noise is not the same on all coordinates: no function of C is its law.
    """

    rtol: float = 1e-3

    def __post_init__(self) -> None:
        object.__setattr__(self, "rtol", checks.positive("rtol", self.rtol))

    def relax(self, circuit: Circuit, x: Array | None, t: float, rng: np.random.Generator) -> Array:
        g, noise = circuit.gradient, circuit.noise
        if circuit.temperatures is not None:
            raise DoesNotFit(
                "KrylovRelaxation() has one temperature for all coordinates, and this device has "
                "one for each. Take EulerRelaxation(0.05), say, or temperatures without spread."
            )
        if x is None:  # one vector for both
            moved = self._applied(circuit, g, lambda a: np.exp(-a * t) + _saturation(a, t))
        else:
            moved = self._applied(circuit, x, lambda a: np.exp(-a * t))
            moved = moved + self._applied(circuit, g, lambda a: _saturation(a, t))
        if noise > 0:
            z = normals(rng, tuple(g.shape), g)
            spread = self._applied(circuit, z, lambda a: np.sqrt(noise * _saturation(a, 2 * t)))
            moved = moved + spread
        return moved

    def _applied(self, circuit: Circuit, v: Array, f: Callable[[NumpyArray], NumpyArray]) -> Array:
        """f(C + λI) v. The Krylov basis is kept orthogonal; at most p products are exact."""
        xp, norm = namespace(v), _norm(v)
        if norm == 0.0:
            return v
        basis = (v / norm)[None, :]
        diagonal: list[float] = []
        beside: list[float] = []
        weights: NumpyArray = np.zeros(0)
        for k in range(v.shape[0]):
            u = circuit.curvature.matvec(basis[k, :])
            diagonal.append(float(u @ basis[k, :]))
            for _ in range(2):  # against all of them: twice is enough (Parlett 1998)
                u = u - (basis @ u) @ basis
            length = _norm(u)
            if not math.isfinite(diagonal[-1] + length):
                return math.nan * v
            mu, vectors = scipy.linalg.eigh_tridiagonal(np.array(diagonal), np.array(beside))
            values = f(np.maximum(mu, 0.0) + circuit.damping)
            before, weights = np.append(weights, 0.0), vectors @ (values * vectors[0])
            change = float(np.linalg.norm(weights - before))
            small = k > 0 and change <= self.rtol * float(np.linalg.norm(weights))
            if small or length <= float(xp.finfo(v.dtype).eps) * max(map(abs, diagonal)):
                break
            beside.append(length)
            basis = xp.concat([basis, (u / length)[None, :]])
        return like(norm * weights, v) @ basis[: weights.size, :]


def _saturation(a: NumpyArray, t: float) -> NumpyArray:
    """(1 - e^{-at})/a for a > 0, by which a constant force moves a state in a time t."""
    return -np.expm1(-a * t) / a


def _norm(v: Array) -> float:
    return float(v @ v) ** 0.5
