"""Laplace's method: the wells of a landscape, and the normal law that fills each of them.

Near a minimum m with Hessian H, exp(-U/T) is close to a normal density N(m, T H⁻¹), and

    ln Z ≈ -U(m)/T + n/2 ln(2πT) - 1/2 ln det H,

with an error that falls in proportion to T (Laplace 1774; MacKay 2003, chapter 27). Of several
wells that are far apart the densities add.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.programs.landscape import Landscape, quiet_energy, spread_starts
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.directions import named_axis
from thermolinalg.theory.gaussian import Gaussian

STARTS = 32

POLISH = 60
"""Newton steps that follow the search: enough for all digits where the Hessian is definite."""

EPS = float(np.finfo(float).eps)

OCTAVES = 2.0 ** np.arange(-60.0, 60.5, 0.5)
"""Distances, in units of sqrt(T/λ), at which the walls of a well are looked for."""


@final
@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Well:
    """A minimum: where it is, its energy and its Hessian (n, n)."""

    position: NumpyArray
    energy: float
    hessian: NumpyArray

    def __repr__(self) -> str:
        return f"Well(energy={self.energy:.6g}, position={self.position})"


@final
@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Laplace:
    """A mixture of normal laws, one for each well, the heaviest first."""

    wells: tuple[Well, ...]
    laws: tuple[Gaussian, ...]
    weights: NumpyArray  # (wells,)
    log_partition: float

    @property
    def law(self) -> Gaussian:
        """The normal law of the heaviest well."""
        return self.laws[0]

    @property
    def mean(self) -> NumpyArray:
        """The mean (n,) of the mixture."""
        return self.weights @ np.array([law.mean for law in self.laws])

    @property
    def cov(self) -> NumpyArray:
        """The covariance (n, n) of the mixture."""
        gaps = np.array([law.mean for law in self.laws]) - self.mean
        within = sum(w * law.cov for w, law in zip(self.weights, self.laws, strict=True))
        return within + (self.weights[:, None] * gaps).T @ gaps

    def __repr__(self) -> str:
        lines = [
            f"  weight {weight:.4g}: {well!r}"
            for weight, well in zip(self.weights, self.wells, strict=True)
        ]
        return "\n".join([f"Laplace(log_partition={self.log_partition:.6g})", *lines])


def find_wells(
    landscape: Landscape,
    /,
    *,
    starts: int | NumpyArray = STARTS,
    rng: RNG = None,
) -> tuple[Well, ...]:
    """The minima that descents from many starts end in, the deepest first.

    A minimum whose basin no start lies in is not found.

    Args:
        landscape: where to look.
        starts: how many, spread as those of `sample_landscape`; or points (count, n).
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotPositiveDefinite: a minimum is flat along some direction: it has no normal law.
        InvalidInput: no descent ends, or an argument cannot be used.
    """
    points = _points(landscape, starts, rng)
    wells: list[Well] = []
    for x in points:
        found = _descend(landscape, x)
        if found is not None and not any(_same(landscape, found, well) for well in wells):
            wells.append(found)
    if not wells:
        raise InvalidInput(
            "no descent of the landscape ends in a minimum. Look whether its gradient is that of "
            "its energy, and whether it is bounded from below: `require_confining` tells."
        )
    for well in wells:
        _require_curved(landscape, well)
    return tuple(sorted(wells, key=lambda well: well.energy))


def laplace(landscape: Landscape, wells: Well | tuple[Well, ...], /) -> Laplace:
    """The normal laws N(m, T H⁻¹) of wells, their weights, and ln Z.

    Raises:
        NotPositiveDefinite: a well is flat or a saddle along some direction.
    """
    wells = (wells,) if isinstance(wells, Well) else tuple(wells)
    if not wells:
        raise InvalidInput("wells is empty; pass what `find_wells` returns, or one of it.")
    for well in wells:
        _require_curved(landscape, well)
    T, n = landscape.temperature, landscape.n
    volume = [n * math.log(2 * math.pi * T) - np.linalg.slogdet(w.hessian)[1] for w in wells]
    parts = np.array([0.5 * v - w.energy / T for v, w in zip(volume, wells, strict=True)])
    order = np.argsort(-parts, kind="stable")
    total = float(logsumexp(parts))
    chosen = tuple(wells[i] for i in order)
    laws = tuple(
        Gaussian.from_precision(well.hessian / T, well.hessian @ well.position / T)
        for well in chosen
    )
    return Laplace(chosen, laws, np.exp(parts[order] - total), total)


def _points(landscape: Landscape, starts: int | NumpyArray, rng: RNG) -> NumpyArray:
    if np.ndim(starts) == 0:
        count = checks.count("starts", starts)
        stream = open_streams(rng).stream("wells")
        return spread_starts(landscape, count, stream).points
    points = np.asarray(checks.real_array("starts", starts), float)
    if points.ndim != 2 or points.shape[1] != landscape.n or not len(points):
        raise ShapeMismatch(f"starts has shape {points.shape}; (count, {landscape.n}) is needed.")
    return points


def _descend(landscape: Landscape, x: NumpyArray) -> Well | None:
    """The minimum below x, with all its digits; None if the descent does not end in one."""
    with np.errstate(all="ignore"):
        try:
            found = minimize(
                landscape.energy, x, jac=landscape.gradient, hess=landscape.hessian,
                method="trust-exact", options={"gtol": 0.0, "maxiter": 200 + 20 * landscape.n},
            )  # fmt: skip
        except UnboundLocalError:  # scipy's own, where the Hessian is zero
            return None
        x = _polished(landscape, found.x)
        H = np.asarray(landscape.hessian(x), float)
    energy = float(quiet_energy(landscape, x))
    if not (np.isfinite(energy) and np.isfinite(H).all()):
        return None
    return Well(x, energy, (H + H.T) / 2)


def _polished(landscape: Landscape, x: NumpyArray) -> NumpyArray:
    """Newton's method, while it lowers the gradient."""
    slope = landscape.gradient(x)
    for _ in range(POLISH):
        step = np.linalg.lstsq(landscape.hessian(x), slope, rcond=None)[0]
        after = landscape.gradient(x - step)
        if not np.linalg.norm(after) < np.linalg.norm(slope):
            break
        x, slope = x - step, after
    return x


def _same(landscape: Landscape, one: Well, other: Well) -> bool:
    """Are two minima so close that noise does not tell them apart, by half of all digits?"""
    gap = one.position - other.position
    cost = abs(gap @ one.hessian @ gap) + abs(gap @ other.hessian @ gap)
    near = np.abs(gap).max() <= math.sqrt(EPS) * np.abs(one.position).max()
    return bool(near or cost <= math.sqrt(EPS) * landscape.temperature)


def _require_curved(landscape: Landscape, well: Well) -> None:
    """Refuse a well whose curvature, along some direction, has nothing to do with its width.

    The width r is where U has risen by T. In a normal well λ r²/2 = T; if λ r² is below half of all
    digits of T, the walls are those of a higher power.
    """
    unit = np.sqrt(np.maximum(np.abs(well.hessian).max(axis=0), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(well.hessian)
    T = landscape.temperature
    for value, vector in zip(values, vectors.T, strict=True):
        distances = OCTAVES * math.sqrt(T) / np.linalg.norm(unit * vector)
        rise = quiet_energy(landscape, well.position + distances[:, None] * vector) - well.energy
        over = rise >= T
        width = distances[int(np.argmax(over))] if over.any() else math.inf
        if not value * width**2 > math.sqrt(EPS) * T or math.isinf(width):
            vector *= np.sign(vector[np.abs(vector).argmax()])
            kind = "flat" if value >= -math.sqrt(EPS) * T / width**2 else "a saddle"
            raise NotPositiveDefinite(
                f"the well at {well.position} is {kind} along "
                f"{named_axis(vector, landscape.names)}: the Hessian there is {value:.3g}, "
                "so no normal law fits it. Sample it, or integrate its log partition function."
            )
