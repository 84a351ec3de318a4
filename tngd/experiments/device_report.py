"""The files of a sensitivity study of training: one picture, one JSON, and the same in words."""

import io
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thermolinalg.files import atomic_write_all
from thermolinalg.plots.canvas import GREY, PALETTE
from tngd.experiments.device_cases import Swept

TITLES = {
    "bits": "bits of the arrays",
    "gradient_bits": "bits of the gradient",
    "adc_bits": "bits of the read-out",
    "mismatch": "mismatch of the arrays (%)",
    "dead": "dead nodes (%)",
    "drift": "temperature drift (%)",
    "noise": "noise κ₀",
    "delay": "delay (units of t)",
}
"""Panels, in their order."""

SHARES = {"mismatch", "dead", "drift"}
COLUMNS = 4


def write_training_report(swept: Sequence[Swept], folder: Path, command: str) -> list[Path]:
    """Write sensitivity.json and sensitivity.png into a folder that is there.

    Raises:
        OutputError: they cannot be written.
    """
    contents: dict[str | os.PathLike[str], Any] = {
        folder / "sensitivity.json": json.dumps(_record(swept, command), indent=1, allow_nan=False),
        folder / "sensitivity.png": picture(swept),
    }
    atomic_write_all(contents)
    return [Path(path) for path in contents]


def text(swept: Sequence[Swept]) -> str:
    """Every curve as a line of medians, with the lowest and highest of the seeds."""
    lines = []
    for each in swept:
        ideal = each.result.reference()
        lines.append(f"{each.case.label}: {_told(ideal.median, ideal.low, ideal.high)} % as it is")
        for knob in each.result.knobs:
            lines.append(f"  {TITLES.get(knob, knob)}")
            for value, *level, missing in zip(*each.result.curve(knob), strict=True):
                shown = 100 * value if knob in SHARES else value
                told = f"{missing} refused" if missing else f"{_told(*level)} %"
                lines.append(f"    {shown:>8g}  {told}")
    return "\n".join(lines)


def picture(swept: Sequence[Swept]) -> bytes:
    """Test accuracy against each knob, a panel each: median and range over the seeds, as PNG."""
    from matplotlib.figure import Figure

    knobs = sorted({k for each in swept for k in each.result.knobs}, key=_place)
    columns = min(COLUMNS, len(knobs))
    rows = math.ceil(len(knobs) / columns)
    size = (max(2.9 * columns, 5.0), 2.5 * rows + 0.8)
    figure = Figure(figsize=size, layout="constrained", dpi=110)
    panels = figure.subplots(rows, columns, squeeze=False)
    colours = _colours(swept)
    for ax, knob in zip(panels.flat, knobs, strict=False):
        for each in swept:
            if knob in each.result.knobs:
                _draw(ax, each, knob, colours[each.case.label])
        _scale(ax, knob)
    for ax in panels.flat[len(knobs) :]:
        ax.remove()
    _one_scale([ax for ax, knob in zip(panels.flat, knobs, strict=False) if knob != "noise"])
    for row in panels:
        row[0].set_ylabel("test accuracy (%)")
    handles = {label: handle for ax in figure.axes for handle, label in zip(
        *ax.get_legend_handles_labels(), strict=True)}  # fmt: skip
    seeds = swept[0].result.seeds
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=3,
        fontsize="small",
        frameon=False,
        title=f"line: median of {seeds} seeds, bars: their range, dotted: nothing turned",
        title_fontsize="small",
    )
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


def _draw(ax: Any, each: Swept, knob: str, colour: str) -> None:
    x, median, low, high, _ = each.result.curve(knob)
    order = np.argsort(x)
    x, median, low, high = (100 * v[order] for v in (x, median, low, high))
    x = x if knob in SHARES else x / 100
    reach = [median - low, high - median]
    style: dict[str, Any] = {"lw": 1.4, "marker": "o", "ms": 3.5, "capsize": 2, "elinewidth": 1}
    ax.errorbar(x, median, reach, color=colour, label=each.case.label, **style)
    ax.axhline(100 * each.result.reference().median, color=colour, lw=1, ls=":")


def _scale(ax: Any, knob: str) -> None:
    if knob == "noise":
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    ax.set_xlabel(TITLES.get(knob, knob), fontsize="small")
    ax.grid(color=GREY, alpha=0.15)


def _one_scale(panels: Sequence[Any]) -> None:
    """For all but the noise, which takes everything."""
    ends = [y for ax in panels for y in ax.get_ylim()]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    for ax in panels:
        ax.set_ylim(low, high + 0.05 * (high - low))


def _colours(swept: Sequence[Swept]) -> dict[str, str]:
    labels = dict.fromkeys(each.case.label for each in reversed(swept))
    return {label: PALETTE[k % len(PALETTE)] for k, label in enumerate(labels)}


def _place(knob: str) -> tuple[int, str]:
    known = list(TITLES)
    return known.index(knob) if knob in known else len(known), knob


def _told(median: float, low: float, high: float) -> str:
    return f"{100 * median:6.2f} ({100 * low:.2f} ... {100 * high:.2f})"


def _record(swept: Sequence[Swept], command: str) -> dict[str, Any]:
    return {"command": command, "cases": [_one(each) for each in swept]}


def _one(each: Swept) -> dict[str, Any]:
    study, setting = each.case.study, each.case.study.setting
    names = ("rate", "damping", "time", "start", "noise")
    return {
        "label": each.case.label,
        "study": each.result.study,
        "metric": each.result.metric,
        "optimizer": {name: getattr(study, name) for name in names},
        "network": repr(setting.network).splitlines(),
        "train": setting.dataset.train.size,
        "test": setting.dataset.test.size,
        "batch": setting.batch,
        "epochs": setting.epochs,
        "device": repr(each.result.device),
        "seeds": each.result.seeds,
        "seed": each.result.seed,
        "points": list(_points(each)),
    }


def _points(each: Swept) -> Iterator[dict[str, Any]]:
    """What JSON cannot say, NaN and infinity, is null there."""
    for p in each.result.points:
        numbers = {name: x if math.isfinite(x) else None for name, x in p.numbers.items()}
        yield {"knob": p.knob, "value": p.value, "seed": p.seed, "refusal": p.refusal, **numbers}
