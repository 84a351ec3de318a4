"""Redraw the pictures of docs/pictures.md: `python docs/draw.py`.

A page is one program: its snippets run in order, in one namespace. The picture that follows a
snippet is the figure of the `ax` that the snippet leaves.
"""

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
PIECE = re.compile(r"```python\n(?P<code>.*?)```|!\[[^\]]*\]\((?P<picture>[^)]+)\)", re.DOTALL)
DPI = 100
PLAIN = {"Software": None}  # no version: the same picture is the same bytes


def draw(page: Path) -> None:
    """Run a page and save its pictures where it shows them."""
    known: dict[str, Any] = {}
    for piece in PIECE.finditer(page.read_text()):
        if code := piece["code"]:
            exec(compile(code, page.name, "exec"), known)
            continue
        # No software version in the file, so that the same picture is the same bytes.
        known["ax"].figure.savefig(
            page.parent / piece["picture"], dpi=DPI, metadata={"Software": None}
        )
        plt.close(known["ax"].figure)
        print(piece["picture"])


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))  # the library beside this page, installed or not
    draw(HERE / "pictures.md")
