"""Records that cannot say what they are worth: they do not move, or are too short."""

import warnings

import numpy as np

from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import ShortRecord, StuckRecord

ROUNDING = 64
"""A spread of so many units in the last place of the numbers themselves may all be rounding."""


def is_stuck(lowest: Array, highest: Array, eps: float) -> Array:
    """Where numbers between these two do not differ by more than rounding.

    Only their own size counts, not the unit: a record of size 1e-30 may move as well as any.
    """
    size = abs(lowest) + abs(highest)
    return highest - lowest <= ROUNDING / 2 * eps * size


def warn_of_stuck(stuck: NumpyArray, stacklevel: int = 3) -> None:
    """Name the coordinates (n,) that are stuck, if there are any."""
    if stuck.any():
        named = np.flatnonzero(stuck).tolist()
        listed = ", ".join(map(str, named[:10])) + (" and more" if len(named) > 10 else "")
        warnings.warn(
            f"coordinates {listed} do not move in at least one chain, or by no more than rounding: "
            "their effective size is 0 and their error unknown. Look whether noise reaches them.",
            StuckRecord,
            stacklevel=stacklevel,
        )


def warn_of_short(samples: int, least: int, stacklevel: int = 3) -> None:
    """Say that chains have too few samples."""
    warnings.warn(
        f"{samples} samples in a chain say nothing about their correlation: the effective size is "
        f"NaN. At least {least} are needed, and a few hundred for a fair error bar.",
        ShortRecord,
        stacklevel=stacklevel,
    )


def warn_of_memory(likeness: float, stacklevel: int = 4) -> None:
    """Say that batches are too short to be independent."""
    warnings.warn(
        f"neighbouring batches are correlated, by up to {likeness:.2g}: the run is short against "
        "the memory of the process, and the error bar of its mean too small. Run longer, or keep "
        "the states and `diagnose` them.",
        ShortRecord,
        stacklevel=stacklevel,
    )
