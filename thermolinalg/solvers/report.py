"""What a result says of itself: one set of blocks, printed as text or shown by a notebook."""

from dataclasses import dataclass
from enum import Enum
from html import escape
from typing import NamedTuple, final

from thermolinalg.solvers.entries import Entries

COLOURS = {
    "CONVERGED": "#2e7d32",
    "STOPPED": "#1f6390",
    "BUDGET_SPENT": "#8a5a00",
}
"""Of the badge, under white letters; any other outcome asks for a closer look."""

LOOK = "#b3261e"

FAINT = "opacity:0.65"
"""Greys that hold on light and on dark pages: the page's own colour, seen through."""

CELL = "padding:0 0.9em 0 0;text-align:left;border:0;background:none"


class Block(NamedTuple):
    """A few lines under one label."""

    label: str
    lines: tuple[str, ...]

    @staticmethod
    def of(label: str, *texts: object) -> "Block":
        """A label and what is printed of these, line by line."""
        return Block(label, tuple(line for text in texts for line in str(text).splitlines()))


@final
@dataclass(frozen=True, slots=True)
class Report:
    """A title, how it ended, and blocks; a notebook shows some entries of the value as well.

    `html` is a fragment without scripts or anything to load, whose text is escaped.
    """

    problem: str
    outcome: Enum
    blocks: tuple[Block, ...]
    entries: Entries

    def __str__(self) -> str:
        rows = [
            (block.label if i == 0 else "", line)
            for block in self.blocks
            for i, line in enumerate(block.lines)
        ]
        title = f"{self.problem}: {self.outcome.name}, {self.outcome.value}"
        return "\n".join([title, *(f"  {label:<9} {text}" for label, text in rows)])

    @property
    def html(self) -> str:
        """For a notebook."""
        return (
            '<div style="max-width:64em;line-height:1.45;font-size:0.95em">'
            f"{self._title()}{_table(self.entries)}"
            '<div style="display:flex;flex-wrap:wrap;gap:0.5em 2em">'
            f"{''.join(map(_block, self.blocks))}</div></div>"
        )

    def _title(self) -> str:
        colour = COLOURS.get(self.outcome.name, LOOK)
        return (
            f'<div><strong>{escape(self.problem)}</strong> <span style="background:{colour};'
            'color:#fff;border-radius:0.3em;padding:0.05em 0.5em;font-size:0.85em">'
            f"{escape(self.outcome.name)}</span> "
            f'<span style="{FAINT}">{escape(str(self.outcome.value))}</span></div>'
        )


def _block(block: Block) -> str:
    """One line stands beside its label, on a row of its own; others below it, two abreast."""
    label = f'<span style="{FAINT}">{escape(block.label)}</span>'
    if len(block.lines) == 1:
        return f'<div style="flex:1 1 100%">{label}&ensp;{escape(block.lines[0])}</div>'
    lines = "".join(f"<div>{escape(line)}</div>" for line in block.lines)
    return f'<div style="flex:1 1 22em"><div>{label}</div>{lines}</div>'


def _table(entries: Entries) -> str:
    rows = "".join(
        '<tr style="background:none">'
        + "".join(f'<td style="{CELL}">{_cell(text)}</td>' for text in row)
        + "</tr>"
        for row in entries.rows
    )
    return (
        '<table style="margin:0.5em 0 0 0;border:0;border-collapse:collapse;'
        f'font-variant-numeric:tabular-nums;white-space:nowrap"><tbody>{rows}</tbody></table>'
        f'<div style="{FAINT};margin:0 0 0.6em 0">{escape(entries.note)}</div>'
    )


def _cell(text: str) -> str:
    """A value, and fainter what is not its value: an error bar, or dots."""
    value, sign, error = text.partition(" ± ")
    faint = f' <span style="{FAINT}">± {escape(error)}</span>' if sign else ""
    return escape(value) + faint
