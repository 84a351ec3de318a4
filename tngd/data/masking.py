"""Token numbers as rows to train language models on, and the labels that go with them."""

from collections.abc import Collection, Sequence

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import RNG, open_streams
from tngd.data.dataset import Split

IGNORED = -100
"""The label of a position that does not count: `SoftmaxCrossEntropy(ignore=IGNORED)`."""


def windows(numbers: NumpyArray, length: int) -> Split:
    """A text (n,) cut into rows x (b, length), with the token that follows each one as y.

    Rows do not overlap; what is left over at the end, less than a row, is left out.

    Raises:
        ShapeMismatch: `numbers` is not one row of integers.
        InvalidInput: the text is shorter than a row and the token after it.
    """
    numbers = _integers(numbers, 1)
    if not 1 <= length < len(numbers):
        raise InvalidInput(
            f"length = {length} must be from 1 to {len(numbers) - 1}, as a row needs the token "
            f"after it and the text has {len(numbers)}."
        )
    whole = (len(numbers) - 1) // length * length
    return Split(numbers[:whole].reshape(-1, length), numbers[1 : whole + 1].reshape(-1, length))


def masked(
    numbers: NumpyArray,
    *,
    mask: int,
    vocabulary: int,
    rng: RNG,
    rate: float = 0.15,
    special: Collection[int] = (),
) -> Split:
    """Rows with some tokens hidden, and those tokens as labels (Devlin et al. 2018).

    Each token is chosen with probability `rate`. Of the chosen, 80 % become the mask, 10 % a random
    token, and 10 % stay. The labels of all others are `IGNORED`.

    Args:
        numbers: (b, T).
        mask: number of the token that hides another.
        vocabulary: number of tokens; random ones are drawn from all that are not special.
        rng: chooses; it has no default, because rows that cannot be had again are of little use.
        rate: probability that a token is chosen.
        special: tokens that are never chosen, such as padding. The mask is one of them.

    Raises:
        ShapeMismatch: `numbers` is not rows of integers.
        InvalidInput: a number is not of the vocabulary, or the rate no probability.
    """
    numbers = _integers(numbers, 2)
    never = sorted({mask, *special})
    ordinary = np.setdiff1d(np.arange(vocabulary), never)
    outside = numbers.size and not 0 <= numbers.min() <= numbers.max() < vocabulary
    if outside or not ordinary.size or not 0 <= mask < vocabulary or not 0 <= rate <= 1:
        raise InvalidInput(
            f"tokens, mask = {mask} and special tokens must be of a vocabulary of {vocabulary} "
            f"tokens with others beside them, and rate = {rate} between 0 and 1."
        )
    stream = open_streams(rng).stream("mask")
    chosen = (stream.random(numbers.shape) < rate) & ~np.isin(numbers, never)
    fate = stream.random(numbers.shape)
    random = stream.choice(ordinary, numbers.shape)
    hidden = np.where(fate < 0.8, mask, np.where(fate < 0.9, random, numbers))
    return Split(np.where(chosen, hidden, numbers), np.where(chosen, numbers, IGNORED))


def padded(
    rows: Sequence[Sequence[int] | NumpyArray], *, padding: int = 0, length: int | None = None
) -> tuple[NumpyArray, NumpyArray]:
    """Rows of different lengths as one array (b, T), and where it is real, (b, T) of True or False.

    Args:
        rows: token numbers.
        padding: what fills the end of a row.
        length: T; None takes the longest row's.

    Raises:
        ShapeMismatch: one is not a row of integers.
        InvalidInput: there are no rows, or one is longer than `length`.
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    longest = int(lengths.max(initial=0))
    if not longest or (length is not None and length < longest):
        raise InvalidInput(
            f"the longest of {len(rows)} rows has {longest} tokens, and length = {length}. Cut "
            "long rows, or leave them out: nothing is cut here."
        )
    real = np.arange(length or longest) < lengths[:, None]
    numbers = np.full(real.shape, padding, np.int64)
    numbers[real] = np.concatenate([_integers(row, 1) for row in rows if len(row)])
    return numbers, real


def _integers(numbers: Sequence[int] | NumpyArray, ndim: int) -> NumpyArray:
    numbers = np.asarray(numbers)
    if numbers.ndim != ndim or numbers.dtype.kind not in "iu":
        axes = "(n,)" if ndim == 1 else "(b, T)"
        raise ShapeMismatch(
            f"numbers has shape {numbers.shape} and dtype {numbers.dtype}, but must be integers "
            f"{axes}."
        )
    return numbers.astype(np.int64)
