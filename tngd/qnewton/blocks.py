"""Blocks of the exact Hessian along its diagonal, formed by products: for small networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from models.parameters import Layout
from thermolinalg.backend import NumpyArray, to_numpy, zeros
from thermolinalg.errors import InvalidInput
from tngd.curvature.matrix import CurvatureMatrix

Blocks = Literal["tensor", "layer", "full"]


@final
@dataclass(frozen=True, eq=False, slots=True)
class DenseBlock:
    """A block (n, n), and where its parameters are in the flat array (n,)."""

    name: str
    places: NumpyArray
    matrix: NumpyArray


def partition(layout: Layout, blocks: Blocks) -> dict[str, NumpyArray]:
    """The places of each block's parameters, by its name.

    Args:
        layout: of the parameters that train.
        blocks: "tensor", one for each weight and each bias; "layer", for each layer; or "full".
    """
    parts: dict[str, list[NumpyArray]] = {}
    for tensor, place in layout.places():
        name = {"tensor": tensor, "layer": tensor.rpartition(".")[0], "full": "all"}[blocks]
        parts.setdefault(name, []).append(np.arange(place.start, place.stop))
    return {name: np.concatenate(places) for name, places in parts.items()}


def dense_blocks(
    C: CurvatureMatrix, parts: dict[str, NumpyArray], most: int
) -> Sequence[DenseBlock]:
    """The blocks in double precision, symmetrised; p products whatever the blocks.

    Raises:
        InvalidInput: there are more than `most` parameters.
    """
    if C.size > most:
        raise InvalidInput(
            f"the network has {C.size} parameters, and its Hessian is formed by a product for each "
            f"only up to most = {most}. Raise most, take a smaller network, or an optimizer that "
            "only multiplies by its curvature, such as NGDCG()."
        )
    return [DenseBlock(name, places, _formed(C, places)) for name, places in parts.items()]


def _formed(C: CurvatureMatrix, places: NumpyArray) -> NumpyArray:
    H = np.empty((len(places), len(places)))
    for column, place in enumerate(places):
        unit = zeros((C.size,), C.reference)
        unit[int(place)] = 1.0
        H[:, column] = to_numpy(C.matvec(unit))[places]
    return (H + H.T) / 2
