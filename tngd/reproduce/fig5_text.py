"""What the miniature of figure 5 reads: encyclopaedia articles, and questions; or a toy of both."""

import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from models.tokens import WordPiece
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError, InvalidInput
from tngd.data.mnist import FOLDER_VARIABLE
from tngd.data.squad import Answer, Question, read_squad
from tngd.data.wikitext import joined, read_wikitext

UNKNOWN = "<unk>"
"""What WikiText puts in the place of rare words."""


def read_texts(data: str) -> list[str]:
    """Paragraphs to learn a language from: WikiText-2's test.txt and valid.txt, or toys."""
    if data == "toy":
        return [context for context, *_ in _toys()]
    folder = _folder(data) / "wikitext-2"
    articles = [a for name in ("valid", "test") for a in read_wikitext(folder / f"{name}.txt")]
    return [joined(line.text) for a in articles for line in a.lines if not line.level]


def read_questions(data: str) -> list[Question]:
    """Questions of XQuAD in English, or toys."""
    if data == "toy":
        return [Question(f"q{k}", "Toys", c, q, (a,)) for k, (c, q, a) in enumerate(_toys())]
    return read_squad(_folder(data) / "xquad" / "xquad.en.json")


def learn_pieces(texts: Sequence[str], size: int) -> WordPiece:
    """The vocabulary of the texts."""
    return WordPiece.learn([text.replace(UNKNOWN, " ") for text in texts], size)


def cut_rows(texts: Sequence[str], pieces: WordPiece, length: int) -> NumpyArray:
    """Rows (n, length) that each begin with [CLS]; paragraphs end with [SEP]."""
    unknown, begin, end = (pieces.numbers[name] for name in ("[UNK]", "[CLS]", "[SEP]"))
    stream: list[int] = []
    for text in texts:
        for k, part in enumerate(text.split(UNKNOWN)):
            stream += [unknown] if k else []
            stream += pieces.encode(part).ids[1:-1].tolist()
        stream.append(end)
    whole = len(stream) // (length - 1) * (length - 1)
    rows = np.reshape(stream[:whole], (-1, length - 1))
    return np.column_stack([np.full(len(rows), begin), rows])


def _folder(data: str) -> Path:
    if data != "wikitext-2, xquad":
        raise InvalidInput(f'data = {data!r} must be "wikitext-2, xquad" or "toy".')
    if not (named := os.environ.get(FOLDER_VARIABLE)):
        raise DataError(
            f"{FOLDER_VARIABLE} names no folder. Set it to one with wikitext-2/valid.txt, "
            "wikitext-2/test.txt and xquad/xquad.en.json, which the package does not distribute."
        )
    return Path(named).expanduser()


def _toys() -> list[tuple[str, str, Answer]]:
    """Context, question, answer."""
    names, places = ["Ada", "Emil", "Noor", "Sofia"], ["Oslo", "Lima", "Pune", "Rome"]
    toys = []
    for name, place, other in product(names, places, places):
        if place != other:
            context = f"{name} lives near {place}, and likes it more than {other}."
            question = f"Where does {name} live?"
            toys.append((context, question, Answer(place, context.index(place))))
    return toys
