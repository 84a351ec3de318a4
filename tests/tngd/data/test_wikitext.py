"""Articles, sections and words of a small file in WikiText's layout."""

import pytest

from thermolinalg.errors import DataError
from tngd.data import joined, read_wikitext, tokens

FILE = """
 = First <unk> =

 One 1 @,@ 000 @-@ word line .
 Another

 = = Section = =

 = = = Below it = = =

 Where
 = 1 and a nominal k =
 is a formula .

 = Second =

 Last line"""


@pytest.fixture
def articles(tmp_path):
    path = tmp_path / "wiki.txt"
    path.write_text(FILE)
    return read_wikitext(path)


def test_articles_and_their_sections(articles):
    assert [article.title for article in articles] == ["First <unk>", "Second"]
    assert articles[0].sections == ("Section", "Below it")
    assert [line.level for line in articles[0].lines] == [1, 0, 0, 2, 3, 0, 0, 0]
    assert articles[1].text == "Last line"
    assert articles[0].text.split("\n")[2:] == [
        "Where",
        "= 1 and a nominal k =",
        "is a formula .",
    ]


def test_words_are_those_of_the_file(articles):
    stream = list(tokens(articles))
    assert [word for word in stream if word != "<eos>"] == FILE.split()
    assert stream[:6] == ["=", "First", "<unk>", "=", "<eos>", "One"]
    assert stream.count("<eos>") == sum(len(article.lines) for article in articles)


def test_marks_are_put_back():
    assert joined("1 @,@ 000 @.@ 5 and low @-@ pass @ home") == "1,000.5 and low-pass @ home"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "begins with nothing"),
        (b" \n \n", "begins with nothing"),
        (b"no title\n", "begins with 'no title'"),
        (b" = = Section = = \n", "begins with '= = Section = ='"),
        (b"\xff", "not UTF-8"),
    ],
    ids=["empty", "blank", "text", "section", "bytes"],
)
def test_damage_is_named(content, says, tmp_path):
    path = tmp_path / "wiki.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_wikitext(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_wikitext(tmp_path / "none.txt")
