"""The systematic floor: an error of unknown cause that no averaging removes."""

from thermolinalg.backend import Array, namespace
from thermolinalg.device.imperfection import specimen
from thermolinalg.streams import Streams


def systematic(chip: int, shape: tuple[int, ...], like: Array) -> Array:
    """The direction, of length 1, in which a chip errs always: symmetric of a second moment."""
    way = specimen(Streams(chip).stream("floor"), shape, like)
    if len(shape) == 2 and shape[0] == shape[1]:
        way = way + way.T
    return way / float(namespace(way).sum(way**2)) ** 0.5
