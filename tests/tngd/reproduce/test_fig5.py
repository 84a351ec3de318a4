"""Figure 5 in miniature: rows of questions, a body that is kept, and runs that are compared."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import models
from tests.models.test_distilbert import SIZES, written
from tests.tngd.reproduce.test_training import run
from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.streams import Streams
from tngd.data.squad import Answer, Question
from tngd.reproduce import fig5_body
from tngd.reproduce.contract import Done
from tngd.reproduce.fig5_body import published_body
from tngd.reproduce.fig5_findings import to_target
from tngd.reproduce.fig5_questions import divide, read_rows, scores
from tngd.reproduce.fig5_text import cut_rows, learn_pieces, read_questions, read_texts
from tngd.reproduce.published import FILES, find_published

pytest.importorskip("tokenizers")
pytest.importorskip("safetensors")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TNGD_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def pieces():
    return learn_pieces(read_texts("toy"), 90)


def long_question(k, answer, spaces):
    """An answer behind many words."""
    context = "near " * spaces + answer + " more" * 40
    return Question(f"l{k}", "T", context, "Where?", (Answer(answer, 5 * spaces),))


def test_the_small_version_runs_to_the_end(folder):
    experiment = find_published("fig5", quick=True).experiment
    done = run(experiment)
    text = experiment.findings(done)
    assert text.count("\n| ") == 1 + len(experiment.contenders)
    assert "guessing by frequency" in text
    assert "The order tngd-adam-0.4 < adam < tngd of the final training loss" in text
    assert len(experiment.figure(done).axes) == 3
    tuned = [each for each in done if each.case["phase"] == "tuning"]
    assert all(epoch[2] == np.inf for each in tuned for epoch in each.numbers["epochs"])
    assert len(json.dumps([dict(each.numbers) for each in done])) < 400_000
    assert len(list(folder.iterdir())) == 1, "the body, and nothing unfinished"
    assert_sentences_follow(experiment, done)
    other = {**done[-1].case, "body": "another"}
    with pytest.raises(DataError, match="Delete the runs"):
        experiment.measure(other)


def assert_sentences_follow(experiment, done):
    """Other numbers, other words."""
    order = ["tngd-adam-0.4", "adam", "tngd"]

    def told(losses, **body):
        changed = [Done(done[0].case, {**done[0].numbers, **body})]
        for each in done[1:]:
            loss = losses[order.index(each.case["entry"])] + each.case["seed"] % 7 / 100
            changed.append(Done(each.case, {**each.numbers, "train_loss": loss, "test_loss": loss}))
        return experiment.findings(changed)

    holds = told([1.0, 2.0, 3.0], loss=1.0, loss_by_frequency=1.5, guessing=2.5)
    assert "final training loss holds: " in holds
    assert "0.50 better than guessing by frequency" in holds
    assert "Better than that in the mean: adam, tngd-adam-0.4 do." in holds
    refuted = told([3.0, 2.0, 1.0], loss=2.0, loss_by_frequency=1.5, guessing=0.5)
    assert "final training loss is refuted: " in refuted
    assert "0.50 worse than guessing by frequency" in refuted
    assert "Better than that in the mean: nobody does." in refuted


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"reference": "sdg"}, "name 'sdg', which is no contender"),
        ({"panels": (("adam",), ("sdg",), ())}, "name 'sdg', which is no contender"),
        ({"panels": (("adam",),)}, "panels holds 1 lists"),
        ({"pretraining": {"width": 8}}, "pretraining states width. A miniature needs batch"),
        ({"data": "wikitext"}, "must be"),
    ],
    ids=repr,
)
def test_mistakes_in_settings(setting, words):
    experiment = find_published("fig5", quick=True).experiment
    with pytest.raises(InvalidInput, match=words):
        replace(experiment, **setting).measure({"phase": "pretraining", "seed": 0})


def test_a_body_is_pretrained_once_and_stays_what_it_is(monkeypatch):
    how = replace(find_published("fig5", quick=True).experiment.miniature(), passes=1)
    body = how.body()
    monkeypatch.setattr(fig5_body, "fit", None)
    assert how.body().digest == body.digest
    network, params = body.corrected(2, 32.0, 0.1, Streams(1))
    known = {**network.constants, **network.parameters(params)}
    assert all(np.array_equal(known[name], a) for name, a in body.params.items())
    assert network.size == 4 * 2 * 2 * 8 + 2 * 8 + 2, "four matrices of rank 2 and a head"
    with pytest.raises(TypeError):
        replace(how, rate=1e-3).body()


def test_rows_hold_their_answers(pieces):
    asked = [*read_questions("toy"), *(long_question(k, "Oslo", k) for k in range(60))]
    rows = read_rows(asked, pieces, 24, Streams(0))
    assert len(rows) == len(asked)
    for row in rows:
        first, last = row.span
        start, stop = row.tokens.offsets[first][0], row.tokens.offsets[last][1]
        assert row.question.context[start:stop] == row.question.answers[0].text
        assert len(row.tokens.ids) == 24
    logits = np.zeros((len(rows), 24, 2))
    for z, row in zip(logits, rows, strict=True):
        z[row.span[0], 0] = z[row.span[1], 1] = 1.0
    assert scores(logits, rows).exact_match == scores(logits, rows).f1 == 100.0


def test_what_fits_no_window_is_left_out(pieces):
    wide = long_question(0, "Oslo " * 30 + "Rome", 3)
    silent = replace(wide, question="Where? " * 30)
    assert read_rows([wide, silent, replace(wide, answers=())], pieces, 24, Streams(0)) == []


def test_no_paragraph_is_in_two_parts(pieces):
    (row, *_) = read_rows(read_questions("toy")[:1], pieces, 24, Streams(0))
    rows = [
        replace(row, question=replace(row.question, id=f"{i}.{k}", context=f"context {i}"))
        for i in range(20)
        for k in range(5)
    ]
    parts = divide(rows, [32, 13], Streams(0))
    assert [len(part) for part in parts[:2]] == [32, 13]
    contexts = [{each.question.context for each in part} for part in parts]
    assert sum(map(len, contexts)) == len(set.union(*contexts)) == 20
    with pytest.raises(InvalidInput, match="too few"):
        divide(rows, [90, 10], Streams(0))


def test_rows_of_a_text_are_its_tokens(pieces):
    texts = ["Ada lives near <unk> Oslo.", "Noor likes it more than Rome, and more than Lima."]
    rows = cut_rows(texts, pieces, 8)
    names = [pieces.vocabulary[i] for i in rows[:, 1:].ravel()]
    assert set(rows[:, 0]) == {pieces.numbers["[CLS]"]}
    assert names[3] == "[UNK]"
    assert names[6] == "[SEP]"
    assert pieces.decode(rows[:, 1:].ravel()).startswith("ada lives near oslo . noor likes it")


def test_targets_are_those_of_the_same_seed():
    runs = [{"epochs": [[0, np.inf], [1, a, 10], [2, b, 20]]} for a, b in ((3, 1), (2, 1), (3, 3))]
    assert to_target(runs, [1, 2, 1], 2) == "20 (2/3)"
    assert to_target(runs, [3, 2, 3], 2, 10.0) == "100"
    assert to_target(runs, [0, 0, 0], 2) == "not reached (0/3)"


def test_distilbert_refuses_without_its_weights(monkeypatch, tmp_path):
    file = FILES / "fig5-distilbert.toml"
    experiment = find_published("fig5", file=file).experiment
    (first,) = experiment.cases([])
    monkeypatch.delenv("DISTILBERT", raising=False)
    with pytest.raises(DataError, match=r"DISTILBERT must name the folder .*: it is not set"):
        experiment.measure(first)
    monkeypatch.setenv("DISTILBERT", str(tmp_path))
    with pytest.raises(DataError, match=r"lacks config\.json, model\.safetensors, vocab\.txt"):
        experiment.measure(first)


def test_distilbert_starts_as_the_checkpoint(monkeypatch, tmp_path):
    written(tmp_path)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdef"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    monkeypatch.setenv("DISTILBERT", str(tmp_path))
    body = published_body("DISTILBERT")
    network, params = body.corrected(2, 32.0, 0.1, Streams(1))
    plain, weights = models.load_distilbert(tmp_path, head=None, dtype=np.float32)
    x = np.array([[2, 5, 6, 3, 0]])
    head = SimpleNamespace(
        **{k[5:]: a for k, a in network.parameters(params).items() if "head" in k}
    )
    logits = plain.apply(weights, x) @ head.W + head.c
    assert len(body.pieces) == SIZES["vocab_size"]
    np.testing.assert_array_equal(network.apply(params, x), logits)
