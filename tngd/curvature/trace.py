"""The trace of a matrix that is only multiplied, with its error."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like
from thermolinalg.errors import InvalidInput


@final
@dataclass(frozen=True, slots=True)
class TraceEstimate:
    """An estimate and its standard error."""

    value: float
    stderr: float


def hutchinson(
    matvec: Callable[[Array], Array],
    reference: Array,
    size: int,
    probes: int,
    rng: np.random.Generator,
) -> TraceEstimate:
    """Mean of v'Cv over vectors of random signs: E[v v'] = I (Hutchinson 1990).

    Its variance is 2 (|C|² - |diag C|²) / probes in Frobenius norms: none for a diagonal matrix.

    Raises:
        InvalidInput: a single probe has no standard error.
    """
    if checks.count("probes", probes) < 2:
        raise InvalidInput("probes = 1 leaves no standard error; take 2 or more.")
    found = []
    for _ in range(probes):
        v = like(2.0 * rng.integers(0, 2, size) - 1.0, reference)
        found.append(float(v @ matvec(v)))
    return TraceEstimate(float(np.mean(found)), float(np.std(found, ddof=1)) / math.sqrt(probes))
