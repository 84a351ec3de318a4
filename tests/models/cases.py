"""The table of layers that every test of the contract runs over, and what it needs of each."""

import math
from dataclasses import dataclass

import numpy as np

from models import GELU, Dense, Layer, ReLU, Sequential, Tanh
from thermolinalg.streams import Streams

BATCH, COTANGENTS = 3, 2


@dataclass(frozen=True)
class Case:
    """A layer, and the shape of one of its samples."""

    name: str
    layer: Layer
    sample: tuple[int, ...]
    needs_erf: bool = False

    @property
    def terms(self):
        """Roundings that may add up in one entry: each number takes part once or twice, and GELU,
        the longest formula, rounds some twenty times."""
        y = self.layer.output_shape(self.sample)
        numbers = sum(math.prod(shape) for shape in self.layer.shapes().values())
        return 40 * (numbers + BATCH * (math.prod(self.sample) + math.prod(y)))


def _chain(*layers):
    return Sequential(layers)


CASES = [
    Case("dense", Dense(4, 3), (4,)),
    Case("dense-scalar", Dense(1, 1), (1,)),
    Case("dense-sequence", Dense(4, 3), (5, 4)),
    Case("dense-narrow-long-sequence", Dense(2, 1), (11, 2)),
    Case("dense-grid", Dense(2, 3), (2, 3, 2)),
    Case("relu", ReLU(), (4,)),
    Case("tanh", Tanh(), (4,)),
    Case("gelu", GELU(), (4,), needs_erf=True),
    Case("gelu-tanh-form", GELU(approximate=True), (4,)),
    Case("chain", _chain(Dense(4, 5), Tanh(), Dense(5, 3)), (4,)),
    Case(
        "chain-from-activation",
        _chain(GELU(), Tanh(), Dense(4, 3), ReLU(), Dense(3, 2)),
        (4,),
        needs_erf=True,
    ),
    Case("chain-without-parameters", _chain(Tanh(), GELU()), (4,), needs_erf=True),
    Case("chain-in-chain", _chain(Dense(4, 3), _chain(Tanh(), Dense(3, 3)), Tanh()), (4,)),
]


@dataclass(frozen=True)
class Point:
    """Where a layer is differentiated, and along what: everything standard normal."""

    p: dict
    x: np.ndarray
    u: np.ndarray
    dp: dict
    dx: np.ndarray
    du: np.ndarray


def point(case, *, lead=()):
    """A point for the case; u and du carry `lead` axes in front."""
    rng = Streams(0).stream(case.name)

    def normals(shape):
        return rng.standard_normal(shape)

    shapes = case.layer.shapes()
    x, y = (BATCH, *case.sample), (*lead, BATCH, *case.layer.output_shape(case.sample))
    return Point(
        p={name: normals(shape) for name, shape in shapes.items()},
        dp={name: normals(shape) for name, shape in shapes.items()},
        x=normals(x),
        dx=normals(x),
        u=normals(y),
        du=normals(y),
    )
