"""Products with the Jacobian of a network: what is done at the visits of one walk back.

u holds cotangents of the output, (..., b, *y.shape[1:]).
"""

from collections.abc import Iterator

from models.gram import parts, taken
from models.layer import Cotangents, Layer, Place, Visit, WayBack
from thermolinalg.backend import Array

ROOM = 2**24
"""Numbers that squares are summed in at a time: many for one thread, few for a memory."""


def visits(layer: Layer, at: Place, us: Cotangents) -> Iterator[Visit]:
    """Every leaf that trains, from the last to the first."""
    return layer.way_back(at, us, to_input=False)


def input_cotangents(layer: Layer, at: Place, us: Cotangents) -> Cotangents:
    """Those of x, for all that is in `us`."""
    return arrived(layer.way_back(at, us, to_input=True))


def arrived(walk: WayBack) -> Cotangents:
    """What a walk that goes back to the input returns; its visits are passed by."""
    while True:
        try:
            next(walk)
        except StopIteration as end:
            return end.value


def gradient(layer: Layer, at: Place, u: Array) -> dict[str, Array]:
    """Cotangent of each parameter, (..., *shape), summed over the samples."""
    return {
        visit.at.name + name: part
        for visit in visits(layer, at, (u,))
        for name, part in visit.leaf.gradient(visit.at.p, visit.at.saved, visit.us[0]).items()
    }


def per_sample(layer: Layer, at: Place, u: Array) -> dict[str, Array]:
    """Cotangent of each parameter from each sample, (..., b, *shape)."""
    return {
        visit.at.name + name: part
        for visit in visits(layer, at, (u,))
        for name, part in visit.leaf.per_sample(visit.at.p, visit.at.saved, visit.us[0]).items()
    }


def gradient_jvp(layer: Layer, at: Place, u: Array, du: Array) -> dict[str, Array]:
    """Tangent of `gradient`, for a place in motion."""
    found: dict[str, Array] = {}
    for visit in visits(layer, at, (u, du)):
        leaf, here, us = visit.leaf, visit.at, visit.us
        parts = leaf.gradient_jvp(here.p, here.saved, us[0], here.dp, here.dsaved, us[1])
        found |= {here.name + name: part for name, part in parts.items()}
    return found


def squares(
    layer: Layer, at: Place, u: Array, *, workspace: int, room: int = ROOM
) -> dict[str, Array]:
    """Squares of the per-sample gradients, summed over samples and cotangents u (r, b, ...).

    As many samples go back at a time as `room` holds with a `workspace` for each cotangent.
    """
    found: dict[str, Array] = {}
    r, b = u.shape[:2]
    for part in parts(b, max(1, room // (r * workspace))):
        here = Place(at.p, taken(at.saved, part), name=at.name)
        for visit in visits(layer, here, (u[:, part, ...],)):
            own = visit.leaf.squares(visit.at.p, visit.at.saved, visit.us[0], room)
            for name, square in own.items():
                full = visit.at.name + name
                found[full] = found[full] + square if full in found else square
    return found
