"""What results say in a notebook: well-formed, escaped, and the same as their text."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import wishart
from thermolinalg.solvers.entries import Entries, measured

A, B = wishart(4), np.arange(1.0, 5.0)
X = tla.solve(A, B, rng=7)
LINE = tla.gaussian_posterior(np.eye(2), [1.0, 2.0], noise=0.5, prior_cov=1.0, rtol=0.5, rng=0)
CURVE = tla.gaussian_process(
    np.arange(3.0), np.ones(3), [0.5], kernel=tla.RBF(), noise=0.5, rtol=0.1, rng=0
)
PLAN = tla.solve_qp(np.eye(2), [-1.0, -1.0], G=[[1.0, 1.0]], h=[1.0], rng=0)


class Strict(HTMLParser):
    """Fails where a tag is not closed in order, and keeps the text, the tags and the styles."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], set(), set(), []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(result):
    return Strict(result._repr_html_())


@pytest.mark.parametrize("outcome", tla.Outcome)
def test_every_outcome_says_what_it_is_and_the_same_as_the_text(outcome):
    x = replace(X, outcome=outcome)
    digital = x.digital  # timed once: two readings of a clock differ
    x = replace(x, baseline=lambda _: digital)
    shown = read(x)
    words = "".join(shown.text)
    title, *rows = str(x).splitlines()
    assert title == f"solve, n = 4: {outcome.name}, {outcome.value}"
    for row in (outcome.name, outcome.value, *(row[12:] for row in rows)):
        assert row in words
    for label in ("wanted", "planned", "happened", "device", "digital", "repeat"):
        assert label in shown.text


def test_it_loads_nothing_and_runs_nothing():
    for result in (X, LINE, CURVE, PLAN, tla.inv(A, rng=0)):
        shown = read(result)
        assert shown.tags <= {"div", "span", "strong", "table", "tbody", "tr", "td"}
        assert shown.attributes <= {"style"}
        assert "url(" not in result._repr_html_()


def test_hostile_names_are_text():
    name = "<script>alert('x')</script> & \"co\""
    shown = read(replace(X, problem=name))
    assert "script" not in shown.tags
    assert name in shown.text


def test_the_digital_solvers_are_timed_when_it_is_shown_and_not_before():
    asked = []

    def baseline(value):
        asked.append(value)
        return X.digital

    x = replace(X, baseline=baseline)
    repr(x)
    assert not asked
    x._repr_html_()
    assert len(asked) == 1


def test_parts_of_a_result_stand_one_after_the_other():
    for result, parts in ((LINE, ("mean", "covariance")), (CURVE, ("mean", "variance"))):
        words = "".join(read(result).text)
        assert all(f", {part}" in words for part in parts)


def test_a_programme_shows_its_proof():
    words = "".join(read(PLAN).text)
    assert "proved" in words
    assert "at most" in words
    assert f"rng={PLAN.seed}" in words


def test_intervals_are_those_of_the_estimate():
    low, high = X.interval(0.95)
    words = "".join(read(X).text)
    for value, half in zip(X.value, (high - low) / 2, strict=True):
        assert measured(value, half) in words


@pytest.mark.parametrize(
    ("value", "half", "says"),
    [
        (1.23456, 0.0123, "1.235 ± 0.012"),
        (-0.00001, 0.5, "-0.00 ± 0.50"),
        (123.4, 25.0, "123 ± 25"),
        (12345678.0, 1234.0, "1.23457e+07 ± 1.2e+03"),
        (1e-9, 2e-11, "1.000e-09 ± 2.0e-11"),
        (0.0, 1e-30, "0.0e+00 ± 1.0e-30"),
        (1.5, 0.0, "1.5 ± 0"),
        (1.5, float("inf"), "1.5 ± inf"),
        (1.23456789, None, "1.23457"),
    ],
)
def test_a_number_has_the_digits_that_its_error_leaves(value, half, says):
    assert measured(value, half) == says


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [((), 1, 1), ((8,), 8, 2), ((9,), 7, 2), ((3, 4), 3, 4), ((9, 5), 7, 4), ((2, 3, 2), 6, 2)],
)
def test_large_answers_are_shown_by_their_ends(shape, rows, columns):
    value = np.arange(float(np.prod(shape))).reshape(shape)
    entries = Entries.of(value, np.ones(shape), "± one")
    assert len(entries.rows) == rows
    assert {len(row) for row in entries.rows} == {columns}
    assert entries.rows[-1][-1] == f"{value.size - 1:.1f} ± 1.0"
    assert entries.note.endswith("± one")
