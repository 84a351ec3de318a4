"""Questions whose answers are spans of a text, in the JSON layout of SQuAD 1.1 and 2.0.

SQuAD is by Rajpurkar et al. 2016 and 2018, XQuAD (the same layout) by Artetxe et al. 2020. The
package distributes neither.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, final

from thermolinalg.errors import DataError

Record: TypeAlias = dict[str, Any]


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """A stretch of a context: `context[start : start + len(text)] == text`."""

    text: str
    start: int


@final
@dataclass(frozen=True, slots=True)
class Question:
    """A question about a context. Without answers, the context has none.

    Args:
        id: unique within the file.
        title: of the article that the context is from.
        context: the text.
        question: what is asked.
        answers: any of which is right; readers may differ.
    """

    id: str
    title: str
    context: str
    question: str
    answers: tuple[Answer, ...]

    @property
    def impossible(self) -> bool:
        """Does the context hold no answer?"""
        return not self.answers


def read_squad(path: str | os.PathLike[str]) -> list[Question]:
    """All questions of a file, in its order.

    Raises:
        DataError: the file cannot be read, is not of this layout, an answer does not stand where it
            says, a question has none but is not marked impossible, or two have the same id.
    """
    path = Path(path)
    questions = list(_questions(_content(path), path))
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise DataError(f"{path}: two questions have the id {question.id!r}. Remove one.")
        seen.add(question.id)
    return questions


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # not JSON, or not UTF-8
        raise DataError(f"{path} is not JSON: {error}. Copy or download it again.") from error


def _questions(content: Any, path: Path) -> Iterator[Question]:
    place = str(path)
    for i, article in enumerate(_field(content, "data", list, place)):
        title = _field(article, "title", str, f"{place}, article {i}")
        for k, paragraph in enumerate(_field(article, "paragraphs", list, f"{place}, {title!r}")):
            here = f"{place}, {title!r}, paragraph {k}"
            context = _field(paragraph, "context", str, here)
            for record in _field(paragraph, "qas", list, here):
                yield _question(record, title, context, here)


def _question(record: Record, title: str, context: str, place: str) -> Question:
    name = _field(record, "id", str, place)
    place = f"{place}, question {name!r}"
    text = _field(record, "question", str, place)
    answers = tuple(
        _answer(answer, context, place) for answer in _field(record, "answers", list, place)
    )
    impossible = record.get("is_impossible", False) is True
    if impossible == bool(answers):
        fault = "marked impossible but has" if impossible else "not marked impossible but has no"
        raise DataError(f"{place}: it is {fault} answers. Correct the mark or leave it out.")
    return Question(name, title, context, text, answers)


def _answer(record: Record, context: str, place: str) -> Answer:
    text = _field(record, "text", str, place)
    start = _field(record, "answer_start", int, place)
    if not text or start < 0 or not context.startswith(text, start):
        raise DataError(
            f"{place}: the answer {text!r} does not stand at character {start}, where the context "
            f"reads {context[max(start, 0) :][: len(text) or 20]!r}. Was the context changed, or "
            "the offset counted in bytes?"
        )
    return Answer(text, start)


def _field(record: Any, name: str, kind: type, place: str) -> Any:
    if not isinstance(record, dict) or name not in record:
        raise DataError(f"{place}: there is no {name!r}, so it is not of SQuAD's layout.")
    value = record[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(f"{place}: {name!r} is a {type(value).__name__}, not a {kind.__name__}.")
    return value
