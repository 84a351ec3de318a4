"""The page on what layers support says what the table of cases implies."""

import models
from tests.models import support


def test_the_page_is_that_of_the_cases():
    assert support.PAGE.read_text() == support.page(), "run python -m tests.models.support"


def test_rows_say_what_their_kind_is():
    dense, norm, relu, tokens, chain = (
        support.row(kind).split(" | ")
        for kind in (
            models.Dense,
            models.LayerNorm,
            models.ReLU,
            models.Embedding,
            models.Sequential,
        )
    )
    assert dense[1:6] == ["yes", "yes", "yes", "yes", "yes"]
    assert (norm[5], chain[5]) == ("exact", "of its parts")
    assert relu[3:6] == ["·", "·", "·"]
    assert tokens[1] == "parameters only"
