"""Random search: draws of knobs, evenly spread over logarithmic ranges."""

import math
from collections.abc import Mapping

import numpy as np

Range = tuple[float, float]


def draws(
    ranges: Mapping[str, Range], trials: int, rng: np.random.Generator
) -> list[dict[str, float]]:
    """A Latin hypercube: of each knob, every one of `trials` equal parts of its range has one draw.

    Args:
        ranges: smallest and largest value of each knob, both above 0; spread evenly in logarithms.
        trials: how many draws.
        rng: chooses.
    """
    columns = {}
    for knob, (low, high) in ranges.items():
        places = (rng.permutation(trials) + rng.random(trials)) / trials
        columns[knob] = [
            float(f"{low * math.exp(place * math.log(high / low)):.3g}") for place in places
        ]
    return [{knob: column[k] for knob, column in columns.items()} for k in range(trials)]
