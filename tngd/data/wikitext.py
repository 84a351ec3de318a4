"""WikiText: articles as lines of words between spaces (Merity et al. 2016).

Between blank lines ` = Title = ` begins an article, ` = = Section = = ` a section, and so on.
Rare words were replaced by `<unk>`, and marks inside words or numbers stand between at-signs:
`1 @,@ 000`. The package does not distribute it.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import final

from thermolinalg.errors import DataError

END_OF_LINE = "<eos>"
HEADING = re.compile(r"(=(?: =)*) ([^= ].*?) \1")
JOINED = re.compile(r" @([^ ])@ ")


@final
@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands, without the spaces at its ends.

    Args:
        text: its words.
        level: 1 for a title, 2 for the heading of a section, and so on; 0 for a paragraph.
    """

    text: str
    level: int = 0

    @property
    def heading(self) -> str:
        """The text without the signs around it that make it a heading."""
        return self.text.strip("= ") if self.level else ""


@final
@dataclass(frozen=True, slots=True)
class Article:
    """One article: all its lines, the first its title."""

    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """What it is about."""
        return self.lines[0].heading

    @property
    def sections(self) -> tuple[str, ...]:
        """Headings of sections and subsections, in order."""
        return tuple(line.heading for line in self.lines if line.level > 1)

    @property
    def text(self) -> str:
        """Paragraphs without headings, one a line."""
        return "\n".join(line.text for line in self.lines if not line.level)


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
    lines = list(_lines(content))
    if not lines or lines[0].level != 1:
        found = repr(lines[0].text[:40]) if lines else "nothing"
        raise DataError(
            f"{path} begins with {found}, but WikiText begins with a title, ' = Title = ', between "
            "blank lines. It is damaged or another kind of file."
        )
    begins = [i for i, line in enumerate(lines) if line.level == 1]
    return [Article(tuple(lines[i:k])) for i, k in pairwise([*begins, len(lines)])]


def tokens(articles: Iterable[Article]) -> Iterator[str]:
    """The words of all lines, headings included, each line closed by `<eos>`."""
    for article in articles:
        for line in article.lines:
            yield from line.text.split()
            yield END_OF_LINE


def joined(line: str) -> str:
    """The line with marks inside words and numbers put back: `1 @,@ 000` is `1,000`."""
    return JOINED.sub(r"\1", line)


def _lines(content: str) -> Iterator[Line]:
    """Lines with words. A heading stands between blank lines, which a line of formulas does not."""
    lines = ["", *(line.strip() for line in content.split("\n")), ""]
    for k, line in enumerate(lines[1:-1], start=1):
        sign = HEADING.fullmatch(line)
        alone = not lines[k - 1] and not lines[k + 1]
        if line:
            yield Line(line, sign[1].count("=") if sign and alone else 0)
