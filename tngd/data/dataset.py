"""A data set is three parts that share no row: train, validation, test.

Pixels are float32 in [0, 1], flattened to one row an image, and not centred: zero stays the
background, no part looks at another, and a model reads the numbers a user would feed it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Split:
    """One part of a data set. `x, y = part` unpacks it.

    Args:
        x: one row an example, (n, ...).
        y: one label or target an example, (n,) or (n, ...).
    """

    x: NumpyArray
    y: NumpyArray

    def __post_init__(self) -> None:
        if self.x.ndim < 1 or self.y.ndim < 1 or len(self.x) != len(self.y):
            raise ShapeMismatch(
                f"x has shape {self.x.shape} and y has shape {self.y.shape}: their first axes must "
                "agree, because row i of y is the label of row i of x."
            )

    def __repr__(self) -> str:
        return f"Split(x {self.x.shape} {self.x.dtype}, y {self.y.shape} {self.y.dtype})"

    def __iter__(self) -> Iterator[NumpyArray]:
        return iter((self.x, self.y))

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.x)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A classification problem, and how it was divided.

    Args:
        name: what reports call it.
        train: to fit parameters.
        validation: to choose rates, damping and when to stop.
        test: to look at once, at the end.
        classes: labels are 0 ... classes - 1.
        seed: `rng=seed` divides the same data in the same way again.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    seed: int

    def __post_init__(self) -> None:
        parts = (self.train, self.validation, self.test)
        if len({part.x.shape[1:] for part in parts}) > 1:
            raise ShapeMismatch(
                f"The parts of {self.name!r} hold examples of different shapes: "
                f"{[part.x.shape for part in parts]}. Only the first axis may differ."
            )
        for part in parts:
            _require_labels(part.y)
            if part.size and not 0 <= part.y.min() <= part.y.max() < self.classes:
                raise InvalidInput(
                    f"{self.name!r} has labels {part.y.min()} ... {part.y.max()}; "
                    f"{self.classes} classes need labels 0 ... {self.classes - 1}."
                )


def split(
    x: NumpyArray, y: NumpyArray, sizes: Sequence[int] | Sequence[float], *, rng: RNG
) -> tuple[Split, ...]:
    """Parts of the given sizes, and as the last one the rest: every row is in exactly one part.

    Each part, and each stretch of rows inside a part, holds the classes in about their shares of
    the whole. Part k depends on the seed and on the sizes up to k only, so
    under one seed a smaller part is the beginning of a larger one.

    Args:
        x: examples, (n, ...).
        y: integer labels, (n,).
        sizes: whole numbers of rows, or fractions of all rows.
        rng: has no default, because a division that cannot be repeated is of little use.

    Raises:
        InvalidInput: labels are not integers, or the sizes do not fit.
    """
    whole = Split(x, y)
    _require_labels(y)
    order = _deal(y, open_streams(rng).stream("split"))
    rows_of_parts = np.split(order, _cuts(sizes, whole.size))
    return tuple(Split(x[rows], y[rows]) for rows in rows_of_parts)


def require_available(train: int | None, most: int) -> None:
    """Are there that many training examples?

    Raises:
        InvalidInput: there are fewer; the message says how many.
    """
    if train is not None and train > most:
        raise InvalidInput(f"train = {train}, but there are {most} training examples at most.")


def unit_interval(raw: Split, *, top: float) -> Split:
    """Images of integer pixels 0 ... top as float32 rows in [0, 1], with int64 labels."""
    pixels = raw.x.reshape(raw.size, int(np.prod(raw.x.shape[1:])))
    return Split(pixels.astype(np.float32) / np.float32(top), raw.y.astype(np.int64))


def _deal(labels: NumpyArray, rng: np.random.Generator) -> NumpyArray:
    """A random order of the rows in which every class is spread evenly.

    A class of m rows cuts [0, 1) into m cells and puts one row, at random, into each.
    """
    place = np.empty(labels.size)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        place[rows] = (rng.permutation(rows.size) + rng.random(rows.size)) / rows.size
    return np.argsort(place, kind="stable")


def _cuts(sizes: Sequence[int] | Sequence[float], n: int) -> list[int]:
    """Where each part ends. Fractions are rounded here, not part by part, so none is lost."""
    if all(isinstance(size, (int, np.integer)) for size in sizes):
        rows: list[float] = list(sizes)
    elif all(isinstance(size, (float, np.floating)) for size in sizes):
        rows = [size * n for size in sizes]
    else:
        raise InvalidInput(
            f"sizes = {list(sizes)} must be all whole numbers of rows or all fractions."
        )
    if not all(0 <= row <= n for row in rows):
        raise InvalidInput(f"sizes = {list(sizes)}: each must be between none and all {n} rows.")
    cuts = [round(end) for end in accumulate(rows)]
    if cuts and cuts[-1] > n:
        raise InvalidInput(
            f"sizes = {list(sizes)} ask for {cuts[-1]} rows but there are only {n}. Ask for less."
        )
    return cuts


def _require_labels(y: NumpyArray) -> None:
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise InvalidInput(
            f"y has shape {y.shape} and dtype {y.dtype}; class labels are one integer an example. "
            "If y is one-hot, pass `y.argmax(axis=1)`."
        )
