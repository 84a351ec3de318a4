"""Spans of characters as spans of tokens, and back.

Offsets say of each token from which character to which it reaches, (begin, end), as tokenizers
return them. Tokens that are no part of the text have (0, 0): special ones, padding, and those of
another text, such as the question in front of its context.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch

Offsets: TypeAlias = Sequence[tuple[int, int]]


def align(start: int, text: str, offsets: Offsets) -> tuple[int, int] | None:
    """First and last token that share characters with the text beginning at `start`.

    None if the tokens do not reach over all of it, because the rest was cut off.

    Raises:
        InvalidInput: the text is empty, or begins before the first character.
    """
    if not text.strip() or start < 0:
        raise InvalidInput(f"text = {text!r} at {start} is no span: it must hold a character.")
    begin = start + len(text) - len(text.lstrip())
    end = start + len(text.rstrip())
    tokens = [(i, a, b) for i, (a, b) in enumerate(offsets) if a < b]
    inside = [i for i, a, b in tokens if a < end and begin < b]
    cut = not inside or min(a for _, a, _ in tokens) > begin or max(b for *_, b in tokens) < end
    return None if cut else (inside[0], inside[-1])


def text_of(first: int, last: int, context: str, offsets: Offsets) -> str:
    """The part of the context from the first token to the last, both included.

    Raises:
        InvalidInput: the tokens are not in order, or one is no part of the context.
    """
    if not 0 <= first <= last < len(offsets):
        raise InvalidInput(
            f"tokens {first} to {last} are no span of {len(offsets)} tokens. Ask `best_span` for "
            "one."
        )
    (begin, a), (b, end) = offsets[first], offsets[last]
    if begin >= a or b >= end or end > len(context):
        raise InvalidInput(
            f"tokens {first} to {last} reach from {offsets[first]} to {offsets[last]}, which is no "
            f"part of a context of {len(context)} characters."
        )
    return context[begin:end]


def best_span(z: NumpyArray, offsets: Offsets, *, longest: int = 30) -> tuple[int, int]:
    """The likeliest span of at most so many tokens, all of them of the context.

    Args:
        z: (T, 2), for each token a number to begin there and one to end there.
        offsets: of the T tokens.
        longest: number of tokens.

    Raises:
        ShapeMismatch: `z` is not (T, 2).
        InvalidInput: no token is of the context.
    """
    if z.shape != (len(offsets), 2):
        raise ShapeMismatch(f"z has shape {z.shape}, but must have shape ({len(offsets)}, 2).")
    real = np.array([a < b for a, b in offsets])
    if not real.any() or longest < 1:
        raise InvalidInput("there is no span: every offset is (0, 0), or longest is below 1.")
    run = np.cumsum(~real)  # a span with a token that is not of the context would cross a step
    score = z[:, None, 0] + z[None, :, 1]
    far = np.subtract.outer(np.arange(len(z)), np.arange(len(z)))
    allowed = (far <= 0) & (far > -longest) & real[:, None] & (run[:, None] == run[None, :])
    firsts, lasts = np.nonzero(allowed)
    best = np.argmax(score[allowed])  # also where all are -inf, one of these
    return int(firsts[best]), int(lasts[best])
