"""Does a potential hold its coordinates together, so that exp(-U/T) can be normalised?

Judged along rays from the origin, far out. At the distance r the density weighs, per unit of ln r,

    r Π_i w_i exp(-U/T),   w_i = min(r, sqrt(T/λ_i)),

where w_i is how far it reaches across the ray and λ_i the curvature there. Its integral over ln r
is finite if it falls like any power of r, and infinite if it rises or stays.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import Improper, InvalidInput
from thermolinalg.programs.landscape import Landscape, quiet_energy, unit_vectors
from thermolinalg.streams import open_streams
from thermolinalg.theory.directions import named_direction

RADII = 2.0 ** np.arange(-20.0, 40.25, 0.5)

TAIL = 20
"""Radii, ten octaves, over which the weight must fall, and U must be known beyond its rounding."""

RAYS = 1000
"""Directions that are looked at, at most, and once more the other way."""

PROBES = 4
"""Points whose Hessian says which directions are soft."""

EPS = float(np.finfo(float).eps)

HUGE = 1e100
"""Beyond it, NaN is what is left of numbers that are too large."""

SHARE = 0.25
"""Of a change of U, or of T, that rounding may make up where U still counts as known."""


class Ray(NamedTuple):
    """The end of a ray: radii (TAIL + 1,) and U there; `known` tells whether there is any.

    It leaves the domain of U if U is no real number from some radius on.
    """

    known: bool
    radii: NumpyArray
    U: NumpyArray
    leaves: bool


def require_confining(landscape: Landscape) -> None:
    """Refuse a landscape without an equilibrium, and name the direction that is to blame.

    Looked at are the axes, their pairs, the soft directions of the Hessian, and random directions.
    What falls, stays flat or grows too slowly along none of these, but along others or along a
    valley that is curved out to infinity, is not seen; nor what happens only beyond a radius of
    2^40, or where the rounding of U is larger than its change.

    Raises:
        Improper: exp(-U/T) has no finite integral along a ray.
        InvalidInput: U is no number somewhere.
    """
    ways = _directions(landscape)
    rays = [
        ray for some in np.array_split(ways, -(-len(ways) // 64)) for ray in _ends(landscape, some)
    ]
    for way, ray in zip(ways, rays, strict=True):
        if not ray.known or ray.leaves:
            raise InvalidInput(
                f"the potential is no real number along {named_direction(way, landscape.names)}. "
                "It must be one everywhere: check logarithms, roots and divisions."
            )
    loose = [
        (way, ray)
        for way, ray in zip(ways, rays, strict=True)
        if not _rises(landscape, ray) and not _narrows(landscape, way, ray)
    ]
    if loose:
        way, ray = next((pair for pair in loose if _falls(landscape, pair[1])), loose[0])
        raise Improper(_message(landscape, way, ray))


def _message(landscape: Landscape, way: NumpyArray, ray: Ray) -> str:
    named = named_direction(way, landscape.names)
    remedy = "Add a potential that holds it, such as a weak spring, or clamp a coordinate of it."
    cannot = "so exp(-U/T) cannot be normalised and there is no equilibrium"
    if _falls(landscape, ray):
        return f"the potential falls without bound along {named}, {cannot}. {remedy}"
    rise = ray.U[-1] - ray.U[0]
    if rise <= SHARE * landscape.temperature or (np.diff(ray.U) < 0).any():
        return f"the potential stays flat along {named}, {cannot}. {remedy}"
    return (
        f"the potential grows too slowly along {named} (by {rise:.3g} from a distance of "
        f"{ray.radii[0]:.2g} to {ray.radii[-1]:.2g}, at T = {landscape.temperature:g}), "
        f"{cannot}. {remedy}"
    )


def _directions(landscape: Landscape) -> NumpyArray:
    """Unit vectors (rays, n), the simplest ones first, each followed by its opposite."""
    n, stream = landscape.n, open_streams(0).stream("confinement")
    axes, pairs = np.eye(n), list(combinations(range(n), 2))
    most = max(0, RAYS - (PROBES + 2) * n) // 3
    if len(pairs) > most:
        pairs = [pairs[k] for k in np.sort(stream.choice(len(pairs), most, replace=False))]
    found = [axes, *(np.array([axes[i] + s * axes[j]]) for i, j in pairs for s in (1, -1))]
    soft = _soft_directions(landscape, stream)
    chance = unit_vectors(max(n, min(RAYS, 16 * n)), n, stream) if n > 1 else axes
    ways = np.concatenate([*found, soft, chance])
    ways = ways / np.sqrt((ways * ways).sum(axis=1, keepdims=True))
    return np.stack([ways, -ways], axis=1).reshape(-1, n)


def _soft_directions(landscape: Landscape, stream: np.random.Generator) -> NumpyArray:
    """Eigenvectors (k, n) of the Hessian at the origin and at random points."""
    points = np.concatenate(
        [np.zeros((1, landscape.n)), stream.standard_normal((PROBES, landscape.n))]
    )
    with np.errstate(all="ignore"):
        H = np.asarray(landscape.hessian(points), float)
    H = H[np.isfinite(H).all(axis=(1, 2))]
    vectors = np.linalg.eigh(H)[1]
    return np.swapaxes(vectors, 1, 2).reshape(-1, landscape.n)


def _ends(landscape: Landscape, ways: NumpyArray) -> list[Ray]:
    """The far ends of rays, up to where rounding drowns U.

    How large rounding is shows when all coordinates are moved by some of it.
    """
    stream = open_streams(0).stream("rounding")
    x = ways[:, None, :] * RADII[:, None]
    moved = 1 + 4 * EPS * stream.standard_normal((2, *x.shape))
    U = quiet_energy(landscape, x)
    with np.errstate(invalid="ignore"):
        noise = np.abs(quiet_energy(landscape, x * moved) - U).max(axis=0)
        change = np.abs(np.diff(U, axis=1))
    change = np.concatenate([change[:, :1], change], axis=1)
    known = (noise <= SHARE * np.maximum(change, landscape.temperature)) | np.isinf(U)
    return [_end(*row) for row in zip(U, known, strict=True)]


def _end(U: NumpyArray, known: NumpyArray) -> Ray:
    """The last stretch of TAIL + 1 radii at which U is known."""
    length, leaves = 0, _leaves_its_domain(U)
    for last in range(len(U) - 1, -1, -1):
        length = length + 1 if known[last] else 0
        if length > TAIL:
            return Ray(True, RADII[last : last + length], U[last : last + length], leaves)
    return Ray(False, RADII, U, leaves)


def _leaves_its_domain(U: NumpyArray) -> bool:
    """Does U end in NaN without having grown out of all numbers before?"""
    broken = ~np.isfinite(U)
    first = int(np.argmax(broken))
    grown = first > 0 and abs(U[first - 1]) > HUGE
    return bool(np.isnan(U[first:]).any() and not grown) if broken.any() else False


def _rises(landscape: Landscape, ray: Ray) -> bool:
    """Does U rise faster than n T ln r, with which all directions together would be enough?"""
    if np.isposinf(ray.U).any():
        return True
    if np.isneginf(ray.U).any():
        return False
    least = landscape.n * landscape.temperature * np.log(ray.radii[1:] / ray.radii[:-1])
    return bool((np.diff(ray.U) > (1 + np.sqrt(EPS)) * least).all())


def _falls(landscape: Landscape, ray: Ray) -> bool:
    if np.isneginf(ray.U).any():
        return True
    drop = ray.U[0] - ray.U[-1] > SHARE * landscape.temperature
    return bool(drop and (ray.U[1:] <= ray.U[:-1]).all())


def _narrows(landscape: Landscape, way: NumpyArray, ray: Ray) -> bool:
    """Does the weight per unit of ln r fall, all the way?"""
    if np.isneginf(ray.U).any():
        return False
    across = np.linalg.svd(way[None])[2][1:]
    with np.errstate(all="ignore"):
        H = np.asarray(landscape.hessian(ray.radii[:, None] * way), float)
        curvature = np.linalg.eigvalsh(across @ H @ across.T)
        # r/w_i, squared: 1 where the ray is a ridge.
        ratio = np.maximum(1.0, curvature * ray.radii[:, None] ** 2 / landscape.temperature)
    log_r = np.log(ray.radii)
    weight = landscape.n * log_r - 0.5 * np.log(ratio).sum(axis=1) - ray.U / landscape.temperature
    return bool((np.diff(weight) < -np.sqrt(EPS) * np.diff(log_r)).all())
