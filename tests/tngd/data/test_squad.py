"""A file of SQuAD's layout is read whole, or refused by naming what is wrong."""

import json
from copy import deepcopy

import pytest

from thermolinalg.errors import DataError
from tngd.data import Answer, Question, read_squad

CONTEXT = "The 10½ naïve cats sat."
QAS = [
    {"id": "a", "question": "Who?", "answers": [{"text": "naïve cats", "answer_start": 8}]},
    {"id": "b", "question": "Why?", "answers": [], "is_impossible": True},
]
FILE = {
    "version": "2.0",
    "data": [{"title": "Cats", "paragraphs": [{"context": CONTEXT, "qas": QAS}]}],
}


def written(tmp_path, content):
    path = tmp_path / "squad.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_both_versions(tmp_path):
    sure, hard = read_squad(written(tmp_path, FILE))
    assert sure == Question("a", "Cats", CONTEXT, "Who?", (Answer("naïve cats", 8),))
    assert hard == Question("b", "Cats", CONTEXT, "Why?", ())
    assert (sure.impossible, hard.impossible) == (False, True)


def test_order_is_that_of_the_file(tmp_path):
    content = deepcopy(FILE)
    for i in range(5):
        paragraph = deepcopy(FILE["data"][0]["paragraphs"][0])
        for record in paragraph["qas"]:
            record["id"] += str(i)
        content["data"][0]["paragraphs"].append(paragraph)
    ids = [question.id for question in read_squad(written(tmp_path, content))]
    assert ids == ["a", "b", *(f"{name}{i}" for i in range(5) for name in "ab")]


def changed(place, value):
    """The file with the entry at a place replaced, or left out if the value is None."""
    content = deepcopy(FILE)
    *way, last = place
    here = content
    for step in way:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return content


PARAGRAPH = ("data", 0, "paragraphs", 0)
FIRST = (*PARAGRAPH, "qas", 0)
ANSWER = (*FIRST, "answers", 0)
DAMAGE = {
    "cut": (b'{"data": [', "not JSON"),
    "not text": (b"\xff\xfe\xfa", "not JSON"),
    "a list": ([], "no 'data'"),
    "no data": ({"version": "1.1"}, "no 'data'"),
    "no context": (changed((*PARAGRAPH, "context"), None), "paragraph 0: there is no 'context'"),
    "no title": (changed(("data", 0, "title"), None), "article 0: there is no 'title'"),
    "no answers": (changed((*FIRST, "answers"), None), "question 'a': there is no 'answers'"),
    "empty answers": (changed((*FIRST, "answers"), []), "'a': it is not marked impossible"),
    "impossible": (changed((*FIRST, "is_impossible"), True), "'a': it is marked impossible"),
    "number as text": (changed((*FIRST, "question"), 3), "'question' is a int, not a str"),
    "start as text": (changed((*ANSWER, "answer_start"), "8"), "'answer_start' is a str"),
    "start is true": (changed((*ANSWER, "answer_start"), True), "'answer_start' is a bool"),
    "moved": (changed((*ANSWER, "answer_start"), 9), "does not stand at character 9"),
    "before": (changed((*ANSWER, "answer_start"), -15), "does not stand at character -15"),
    "beyond": (changed((*ANSWER, "answer_start"), 900), "does not stand at character 900"),
    "empty answer": (changed((*ANSWER, "text"), ""), "the answer '' does not stand"),
    "same id": (changed((*PARAGRAPH, "qas", 1, "id"), "a"), "two questions have the id 'a'"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(name, tmp_path):
    content, says = DAMAGE[name]
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=says) as error:
        read_squad(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_squad(tmp_path / "none.json")
