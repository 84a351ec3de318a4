"""What an experiment leaves: a page, a picture and all numbers, under its name."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thermolinalg.files import atomic_write_all
from tngd.experiments.report import machine, plain
from tngd.reproduce.contract import Done
from tngd.reproduce.published import Published

SHARPNESS, LARGEST_PICTURE = (100, 85, 70), 120_000  # dots per inch; bytes
PAGE = """# {title}

**Claim.** {claim} ({source})

**What was run.** `{command}`, {cases} cases{small}, with

| setting of `{name}.toml` | value |
|---|---|
{settings}

**What was found.**

{findings}

![{title}]({name}.png)

Made by the command above on {machine}; `{name}.json` has the numbers of every case. The command
goes on where it was interrupted, and `--config` runs it with other settings.
"""


def write_page(published: Published, done: Sequence[Done], folder: Path, command: str) -> Path:
    """Write NAME.md, NAME.png and NAME.json into an existing folder; returns the page.

    Raises:
        OutputError: a file cannot be written; earlier ones are untouched.
    """
    page = folder / f"{published.name}.md"
    atomic_write_all(
        {
            page: text(published, done, command),
            page.with_suffix(".png"): _png(published.experiment.figure(done)),
            page.with_suffix(".json"): json.dumps(
                plain(_record(published, done, command)), allow_nan=False
            ),
        }
    )
    return page


def text(published: Published, done: Sequence[Done], command: str) -> str:
    """The page."""
    settings = [f"| {k} | {_shown(v)} |" for k, v in published.settings.items() if _short(v)]
    system = machine()
    return PAGE.format(
        title=published.title,
        claim=published.claim,
        source=published.source,
        command=command,
        cases=len(done),
        small=" of the small version" if published.quick else "",
        settings="\n".join(settings),
        findings=published.experiment.findings(done).strip(),
        name=published.name,
        machine=f"{system['system']}, Python {system['python']}, NumPy {system['numpy']}",
    )


def _short(value: Any) -> bool:
    """Tables stand in the file of settings, and what they mean in the findings."""
    items = value if isinstance(value, list) else [value]
    return not any(isinstance(item, dict) for item in items)


def _shown(value: Any) -> str:
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def _record(published: Published, done: Sequence[Done], command: str) -> dict[str, Any]:
    return {
        "name": published.name,
        "command": command,
        "source": published.source,
        "quick": published.quick,
        "settings": dict(published.settings),
        "machine": machine(),
        "cases": [{"case": dict(each.case), "numbers": dict(each.numbers)} for each in done],
    }


def _png(figure: Any) -> bytes:
    """As sharp as a repository cares to carry: bands of many curves compress badly."""
    for dpi in SHARPNESS:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        if buffer.tell() < LARGEST_PICTURE:
            break
    return buffer.getvalue()
