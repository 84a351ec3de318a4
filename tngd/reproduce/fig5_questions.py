"""Questions as rows of tokens of one length, divided by paragraphs, and how well they are answered.

A context that is too long is read in overlapping windows; of those that hold the whole answer one
is drawn, in training and elsewhere. So it is asked where the answer stands, not whether it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from models.tokens import Encoded, WordPiece, stacked
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams
from tngd.data.scoring import Scores, score
from tngd.data.spans import align, best_span, text_of
from tngd.data.squad import Question

OVERLAP = 0.75
"""Part of a window that the next one shows again: longer answers may be whole in none."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """A question with the part of its context that is read, and its first and last token."""

    question: Question
    tokens: Encoded
    span: tuple[int, int]

    @property
    def readable(self) -> int:
        """Tokens of the context."""
        return int(np.sum(self.tokens.which == 1))


def read_rows(
    questions: Sequence[Question], pieces: WordPiece, length: int, streams: Streams
) -> list[Row]:
    """A row for each question whose first answer is whole in some window of `length` tokens."""
    rows = (_row(question, pieces, length, streams) for question in questions)
    return [row for row in rows if row is not None]


def divide(rows: Sequence[Row], sizes: Sequence[int], streams: Streams) -> list[list[Row]]:
    """Parts of these sizes, and one of all that is left. No paragraph is in two of them.

    Paragraphs are taken in random order, and what is too much of the last one is left out.

    Raises:
        InvalidInput: there are too few rows.
    """
    paragraphs: dict[str, list[Row]] = {}
    for row in rows:
        paragraphs.setdefault(row.question.context, []).append(row)
    order = streams.stream("paragraphs").permutation(len(paragraphs))
    waiting = [list(paragraphs.values())[k] for k in order]
    parts = []
    for size in sizes:
        part: list[Row] = []
        while len(part) < size and waiting:
            part += waiting.pop()
        parts.append(part[:size])
    rest = [row for paragraph in waiting for row in paragraph]
    if not rest:
        raise InvalidInput(
            f"{len(rows)} questions can be read, too few for parts of {', '.join(map(str, sizes))} "
            "and some more to tune with. Ask for smaller parts, or for longer rows."
        )
    return [*parts, rest]


def arrays(rows: Sequence[Row]) -> tuple[NumpyArray, NumpyArray]:
    """Token numbers (n, T) and spans (n, 2)."""
    ids, _ = stacked([row.tokens for row in rows])
    return ids, np.array([row.span for row in rows])


def scores(logits: NumpyArray, rows: Sequence[Row]) -> Scores:
    """Of the likeliest spans under logits (n, T, 2)."""
    said = {}
    for z, row in zip(logits, rows, strict=True):
        offsets: Any = row.tokens.offsets_in(1)
        first, last = best_span(z, offsets)
        said[row.question.id] = text_of(first, last, row.question.context, offsets)
    return score([row.question for row in rows], said)


def _row(question: Question, pieces: WordPiece, length: int, streams: Streams) -> Row | None:
    room = length - len(pieces.encode(question.question).ids) - 1
    overlap = int(OVERLAP * room)
    if question.impossible or not 0 <= overlap < room:
        return None
    answer, found = question.answers[0], []
    for window in pieces.windows(
        question.question, question.context, length=length, overlap=overlap
    ):
        offsets: Any = window.offsets_in(1)
        span = align(answer.start, answer.text, offsets)
        if span is not None:
            found.append(Row(question, window, span))
    if not found:
        return None
    return found[streams.stream("window", question.id).integers(len(found))]
