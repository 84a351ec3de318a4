"""The files of a comparison: report.json with everything, report.html to look at, two pictures.

All four are complete on disk under temporary names before the first takes its place.
"""

import base64
import html
import json
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from thermolinalg.files import atomic_write_all
from tngd.experiments.comparison import TUNING_SEEDS, Comparison
from tngd.experiments.pictures import accuracy_picture, loss_picture
from tngd.experiments.summary import HEADINGS, cells, summarise
from tngd.experiments.trial import LOOKS
from tngd.experiments.words import verdict

PACKAGES = ("thermolinalg", "numpy", "scipy", "matplotlib", "joblib")


def write_report(comparison: Comparison, folder: Path, command: str) -> None:
    """Write the four files into an existing folder, replacing those of an earlier report.

    Raises:
        OutputError: a file cannot be written; an earlier report is untouched.
    """
    pictures = {"loss.png": loss_picture(comparison), "accuracy.png": accuracy_picture(comparison)}
    everything = record(comparison, command)
    atomic_write_all(
        {
            **{folder / name: png for name, png in pictures.items()},
            folder / "report.json": json.dumps(_plain(everything), indent=1, allow_nan=False),
            folder / "report.html": page(comparison, everything, pictures),
        }
    )


def record(comparison: Comparison, command: str) -> dict[str, Any]:
    """Everything a reader needs to judge or repeat the comparison."""
    setting = comparison.setting
    return {
        "command": command,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": comparison.seed,
        "machine": machine(),
        "data": {
            "name": setting.dataset.name,
            "train": setting.dataset.train.size,
            "validation": setting.dataset.validation.size,
            "test": setting.dataset.test.size,
            "division_seed": setting.dataset.seed,
        },
        "network": repr(setting.network).splitlines(),
        "loss": type(setting.loss).__name__,
        "batch": setting.batch,
        "epochs": setting.epochs,
        "target_validation_accuracy": comparison.target,
        "workers": comparison.workers,
        "tuning_seeds": TUNING_SEEDS,
        "looks_per_epoch": LOOKS,
        "summary": [asdict(row) for row in summarise(comparison)],
        "contenders": [
            {
                "name": result.contender.name,
                "knobs": dict(result.contender.knobs),
                "rate": result.rate,
                "rate_at_edge_of_search": result.at_edge,
                "search": [asdict(trial) for trial in result.search],
                "trials": [asdict(trial) for trial in result.trials],
            }
            for result in comparison.results
        ],
    }


def machine() -> dict[str, str]:
    """The machine, and the versions of what ran on it."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    found["processor"] = platform.processor() or platform.machine()
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def page(comparison: Comparison, everything: dict[str, Any], pictures: dict[str, bytes]) -> str:
    """A web page that needs nothing but itself."""
    rows, data = summarise(comparison), everything["data"]
    embedded = {
        name.removesuffix(".png"): "data:image/png;base64," + base64.b64encode(png).decode()
        for name, png in pictures.items()
    }
    sentences = [html.escape(sentence) for sentence in verdict(rows, comparison.target)]
    return PAGE.substitute(
        data=html.escape(f"{data['name']}, {data['train']:,} training images"),
        verdict="".join(f"<p>{sentence}</p>" for sentence in sentences),
        table=_html_table(HEADINGS, [cells(row) for row in rows]),
        tuning=_html_table(
            ("optimizer", "fixed knobs", "rates tried (validation accuracy %)"), _tuning(comparison)
        ),
        conditions=html.escape(conditions(comparison)),
        network=html.escape("\n".join(everything["network"])),
        machine=html.escape("\n".join(f"{k}: {v}" for k, v in everything["machine"].items())),
        command=html.escape(everything["command"]),
        seed=comparison.seed,
        made=everything["made"],
        **embedded,
    )


def conditions(comparison: Comparison) -> str:
    """Under which conditions the contenders met, in words."""
    setting, first = comparison.setting, comparison.results[0]
    data = setting.dataset
    rates, workers = len({trial.rate for trial in first.search}), comparison.workers
    return (
        f"{data.train.size:,} training, {data.validation.size:,} validation and "
        f"{data.test.size:,} test images; batches of {setting.batch}, {setting.epochs} epochs. "
        f"Each contender's rate was tuned by the same budget: {rates} rates, {TUNING_SEEDS} runs "
        "each, judged on the validation set (* marks a rate at the edge of its search). Then "
        f"{len(first.trials)} runs with fresh seeds; the test set was looked at once, at the end "
        "of each. ± is the standard deviation over seeds. The target is "
        f"{100 * comparison.target:g} % validation accuracy, looked at {LOOKS} times an epoch. "
        + (
            "One run at a time."
            if workers == 1
            else f"{workers} runs at a time shared the machine."
        )
    )


def _tuning(comparison: Comparison) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for result in comparison.results:
        tried = []
        for rate in dict.fromkeys(trial.rate for trial in result.search):
            scores = [t.final.accuracy for t in result.search if t.rate == rate]
            text = f"{rate:g} ({100 * float(np.mean(scores)):.1f})"
            tried.append(f"[{text}]" if rate == result.rate else text)
        rows.append((result.contender.name, result.contender.describe(), ", ".join(tried)))
    return rows


def _html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag: str, texts: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"

    return "<table>" + line("th", headings) + "".join(line("td", row) for row in rows) + "</table>"


def _plain(value: Any) -> Any:
    """The value with numbers that JSON does not know (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tngd compare: $data</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
.wide { overflow-x: auto; } img { max-width: 100%; height: auto; }
th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #ddd; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; }
</style></head><body>
<h1>What did the thermodynamic computer buy? $data</h1>
$verdict
<div class="wide">$table</div>
<p>$conditions</p>
<img src="$loss" alt="Training loss by step and by wall time">
<img src="$accuracy" alt="Validation accuracy by step and by wall time">
<h2>How the rates were tuned</h2>
<div class="wide">$tuning</div>
<h2>To repeat it</h2>
<pre>$command
seed $seed, made $made</pre>
<pre>$network</pre>
<pre>$machine</pre>
</body></html>
""")
