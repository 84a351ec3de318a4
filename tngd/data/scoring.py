"""How good answers are, as the official scripts of SQuAD measure it: exact matches and F1.

Both compare words without case, punctuation and English articles (Rajpurkar et al. 2016). No answer
is "", and matches only no answer (Rajpurkar et al. 2018).
"""

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from thermolinalg.errors import InvalidInput
from tngd.data.squad import Question

ARTICLE = re.compile(r"\b(a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@final
@dataclass(frozen=True, slots=True)
class Scores:
    """Means over questions, in percent."""

    exact_match: float
    f1: float
    questions: int


def score(questions: Sequence[Question], predictions: Mapping[str, str]) -> Scores:
    """Scores of the predictions, by question id; a question without one gets 0.

    Raises:
        InvalidInput: there are no questions, or a prediction is for none of them.
    """
    n = len(questions)
    surplus = predictions.keys() - {question.id for question in questions}
    if not n or surplus:
        which = f"there is none with the id {min(surplus)!r}" if surplus else "there are none"
        raise InvalidInput(f"predictions are scored against questions, but {which}.")
    exact, overlap = 0.0, 0.0
    for question in questions:
        if question.id in predictions:
            truths = [answer.text for answer in question.answers]
            exact += exact_match(predictions[question.id], truths)
            overlap += f1(predictions[question.id], truths)
    return Scores(100 * exact / n, 100 * overlap / n, n)


def exact_match(prediction: str, truths: Iterable[str]) -> bool:
    """Is the prediction one of the right answers, in the words that count?"""
    return any(words(prediction) == truth for truth in _counted(truths))


def f1(prediction: str, truths: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of words, with the right answer that fits best."""
    return max(_overlap(words(prediction), truth) for truth in _counted(truths))


def words(answer: str) -> list[str]:
    """Those that count, in order."""
    return ARTICLE.sub(" ", answer.lower().translate(NO_PUNCTUATION)).split()


def _counted(truths: Iterable[str]) -> list[list[str]]:
    """The words of each right answer that has some; of no answer if none has."""
    return [found for truth in truths if (found := words(truth))] or [[]]


def _overlap(ours: list[str], theirs: list[str]) -> float:
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * (Counter(ours) & Counter(theirs)).total() / (len(ours) + len(theirs))
