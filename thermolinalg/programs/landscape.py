"""A potential energy of any shape, and what it looks like along rays from the origin.

At rest at temperature T the density is exp(-U(x)/T)/Z. Nothing else is known of U here: its unit of
length, its wells and the height of its barriers are read off rays, at radii from 2^-40 to 2^40.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch

Field: TypeAlias = Callable[[NumpyArray], NumpyArray]
"""What is known of every point (..., n)."""

OCTAVES = np.arange(-40.0, 40.5, 0.5)
"""Logarithms, to base 2, of the radii at which rays are looked at."""

RAYS = 4
"""So many rays are looked at for each start."""

RANK = 0.75

HOT = 10.0
"""A hot start is at so many times the temperature, or at the height of the barriers seen."""


@final
@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Landscape:
    """A potential energy U over n coordinates, and a temperature. All arrays are of NumPy, float64.

    Args:
        energy: U, (..., n) -> (...).
        gradient: (..., n) -> (..., n).
        hessian: (..., n) -> (..., n, n).
        n: the number of coordinates.
        temperature: in units of energy.
        names: of the coordinates, for messages; None is x_0, x_1, ...

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    energy: Field
    gradient: Field
    hessian: Field
    n: int
    temperature: float = 1.0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = checks.count("n", self.n)
        names = tuple(map(str, self.names or [f"x_{i}" for i in range(n)]))
        if len(set(names)) != n:
            raise InvalidInput(f"names = {names} must be {n} different names, one per coordinate.")
        temperature = checks.positive("temperature", self.temperature)
        for field, value in (("n", n), ("names", names), ("temperature", temperature)):
            object.__setattr__(self, field, value)
        for field, shape in (("energy", ()), ("gradient", (n,)), ("hessian", (n, n))):
            _try_out(field, getattr(self, field), n, shape)

    def at(self, temperature: float) -> "Landscape":
        """The same landscape at another temperature."""
        return replace(self, temperature=temperature)

    def __repr__(self) -> str:
        return f"Landscape(n={self.n}, temperature={self.temperature:g})"


class Starts(NamedTuple):
    """Points (count, n) spread over all that rays see, and a temperature that crosses barriers."""

    points: NumpyArray
    temperature: float


def quiet_energy(landscape: Landscape, x: NumpyArray) -> NumpyArray:
    """U (...) at points (..., n), infinite or NaN where it is out of range, without a warning."""
    with np.errstate(all="ignore"):
        return np.asarray(landscape.energy(x), float)


def unit_vectors(count: int, n: int, stream: np.random.Generator) -> NumpyArray:
    """Directions (count, n) from everywhere alike."""
    z = stream.standard_normal((count, n))
    return z / np.sqrt((z * z).sum(axis=1, keepdims=True))


def spread_starts(landscape: Landscape, count: int, stream: np.random.Generator) -> Starts:
    """Starts that are wider apart than the law at rest, as far as rays from the origin see.

    The temperature is that of the barriers that rays cross, and at least `HOT` times the
    landscape's. A start lies anywhere on its ray within the radius at which U has risen by n times
    this above the lowest energy seen there. Of barriers and radii the upper quartile counts: a ray
    that meets a curved valley far out would be no guide.
    """
    ways = unit_vectors(RAYS * count, landscape.n, stream)
    radii = np.concatenate([[0.0], 2.0**OCTAVES])
    U = quiet_energy(landscape, ways[:, None, :] * radii[:, None])
    U = np.where(np.isnan(U), np.inf, U)
    hot = max(HOT * landscape.temperature, float(np.quantile(_barriers(U), RANK)))
    ceiling = U.min(axis=1, keepdims=True) + landscape.n * hot
    inside = np.isfinite(U) & (ceiling >= U)
    reach = np.where(inside, radii, 0.0).max(axis=1)
    reach = np.minimum(reach, np.quantile(reach, RANK))
    points = ways * (reach * stream.random(reach.size))[:, None]
    return Starts(points[::RAYS], hot)


def _barriers(U: NumpyArray) -> NumpyArray:
    """How far U (rays, radii) comes down again at most, as one goes outwards along each ray."""
    climbed = np.maximum.accumulate(np.where(np.isfinite(U), U, -np.inf), axis=1)
    with np.errstate(invalid="ignore"):
        drop = np.where(np.isfinite(U), climbed - U, 0.0)
    return drop.max(axis=1)


def _try_out(name: str, field: Field, n: int, shape: tuple[int, ...]) -> None:
    """Is it a function of points, point by point?"""
    if not callable(field):
        raise InvalidInput(f"{name} = {field!r} cannot be called. Pass a function of points.")
    points = np.arange(1.0, 6 * n + 1).reshape(2, 3, n) / (6 * n + 1)
    with np.errstate(all="ignore"):
        found = np.shape(field(points))
    if found != (2, 3, *shape):
        raise ShapeMismatch(
            f"{name} of points of shape (2, 3, {n}) has shape {found}; {(2, 3, *shape)} is needed: "
            "one answer for each point, over any leading axes."
        )
