"""Execute pages in place: what they print and draw is what stands on them.

    python docs/execute.py [page ...]

A page is one program: its snippets run in order, in one namespace. A block ```text right after a
snippet is replaced by what the snippet prints; a picture after a snippet is the figure that is
current then. Without a name the pictures of docs/pictures.md are redrawn.
"""

import contextlib
import io
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
PIECE = re.compile(
    r"(?P<snippet>```python\n(?P<code>.*?)```)(?P<output>\n+```text\n.*?```)?"
    r"|!\[[^\]]*\]\((?P<picture>[^)]+)\)",
    re.DOTALL,
)
DPI = 100
PLAIN = {"Software": None}  # no version: the same picture is the same bytes


def execute(page: Path) -> None:
    """Run a page, and put its output and its pictures where it shows them."""
    known: dict[str, Any] = {}

    def run(piece: re.Match[str]) -> str:
        if piece["picture"]:
            if not plt.get_fignums():  # drawn by a command that the page names
                return piece[0]
            figure = plt.gcf()
            figure.savefig(page.parent / piece["picture"], dpi=DPI, metadata=PLAIN)
            plt.close(figure)
            return piece[0]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(piece["code"], page.name, "exec"), known)
        if not piece["output"]:
            return piece[0]
        return f"{piece['snippet']}\n\n```text\n{printed.getvalue().rstrip()}\n```"

    text = PIECE.sub(run, page.read_text())
    plt.close("all")
    page.write_text(text)
    print(page.name)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))  # the library beside these pages, installed or not
    for name in sys.argv[1:] or [str(HERE / "pictures.md")]:
        execute(Path(name).resolve())
