"""WikiText: articles as lines of words between spaces (Merity et al. 2016).

A line ` = Title = ` begins an article, ` = = Section = = ` a section, and so on. Rare words were
replaced by `<unk>`, and marks inside words or numbers stand between at-signs: `1 @,@ 000`. The
package does not distribute it.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from thermolinalg.errors import DataError

END_OF_LINE = "<eos>"
HEADING = re.compile(r"(=(?: =)*) (?P<text>[^= ].*?) \1")
JOINED = re.compile(r" @([^ ])@ ")


@final
@dataclass(frozen=True, slots=True)
class Article:
    """One article: its title, and its lines as they stand, headings of sections among them."""

    title: str
    lines: tuple[str, ...]

    @property
    def sections(self) -> tuple[str, ...]:
        """Headings of sections and subsections, in order."""
        return tuple(text for level, text in map(heading, self.lines) if level > 1)

    @property
    def text(self) -> str:
        """Paragraphs without headings, one a line."""
        return "\n".join(line for line in self.lines if not heading(line)[0])


def read_wikitext(path: str | os.PathLike[str]) -> list[Article]:
    """The articles of a file; lines without words are left out.

    Raises:
        DataError: the file cannot be read, is not UTF-8, or does not begin with a title.
    """
    path = Path(path)
    try:
        content = path.read_bytes().decode()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}. Copy or download it again.") from error
    lines = [line.strip() for line in content.split("\n") if line.strip()]
    if not lines or heading(lines[0])[0] != 1:
        found = repr(lines[0][:40]) if lines else "nothing"
        raise DataError(
            f"{path} begins with {found}, but WikiText begins with a title, ' = Title = '. It is "
            "damaged or another kind of file."
        )
    return list(_articles(lines))


def tokens(articles: Iterable[Article]) -> Iterator[str]:
    """The words of all lines, titles and headings included, each line closed by `<eos>`."""
    for article in articles:
        for line in (f"= {article.title} =", *article.lines):
            yield from line.split()
            yield END_OF_LINE


def joined(line: str) -> str:
    """The line with marks inside words and numbers put back: `1 @,@ 000` is `1,000`."""
    return JOINED.sub(r"\1", line)


def heading(line: str) -> tuple[int, str]:
    """Level and text of a heading, 1 for a title; (0, "") for a line that is none."""
    found = HEADING.fullmatch(line.strip())
    return (found[1].count("="), found["text"]) if found else (0, "")


def _articles(lines: list[str]) -> Iterator[Article]:
    begins = [i for i, line in enumerate(lines) if heading(line)[0] == 1]
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        yield Article(heading(lines[begin])[1], tuple(lines[begin + 1 : end]))
