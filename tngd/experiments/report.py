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
from tngd.experiments.comparison import TUNING_SEEDS, Comparison, Tuned
from tngd.experiments.pictures import accuracy_picture, loss_picture
from tngd.experiments.summary import HEADINGS, cells, summarise
from tngd.experiments.trial import LOOKS, Trial
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
            folder / "report.json": json.dumps(plain(everything), indent=1, allow_nan=False),
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
        tuning=_html_table(TUNING, _tuning(comparison)),
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
    workers = comparison.workers
    return (
        f"{data.train.size:,} training, {data.validation.size:,} validation and "
        f"{data.test.size:,} test images; batches of {setting.batch}, "
        f"{counted(setting.epochs, 'epoch')}. {_how_tuned(first)} "
        f"Then {counted(len(first.trials), 'run')} with fresh seeds; the test set was looked at "
        "once, at the end of each. ± is the standard deviation over seeds. The target is "
        f"{100 * comparison.target:g} % validation accuracy, looked at {LOOKS} times an epoch. "
        + (
            "One run at a time."
            if workers == 1
            else f"{workers} runs at a time shared the machine."
        )
    )


def _how_tuned(result: Tuned) -> str:
    by_hand = "damping, analog time and other knobs are fixed by hand, as the report's table shows"
    rates = len({trial.rate for trial in result.search})
    if rates == 1:
        return f"Nothing was tuned: one rate for each contender, and {by_hand}."
    return (
        f"Of each contender the rate alone was tuned, all by the same budget: {rates} rates, "
        f"{TUNING_SEEDS} runs each, and kept is the rate whose worst run ends with the best "
        "validation accuracy (* marks a rate at the edge of its search). The rate around which the "
        f"search is centred was chosen by hand; {by_hand}."
    )


def counted(number: int, noun: str) -> str:
    """As in "1 run" and "2 runs"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


TUNING = (
    "optimizer", "fixed knobs", "search centred at",
    "rates tried: final validation accuracy % of the worst run (of the mean)",
)  # fmt: skip


def _tuning(comparison: Comparison) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for result in comparison.results:
        tried = []
        for rate in dict.fromkeys(trial.rate for trial in result.search):
            runs = [trial for trial in result.search if trial.rate == rate]
            tried.append(f"[{_scores(runs)}]" if rate == result.rate else _scores(runs))
        contender = result.contender
        rows.append((contender.name, contender.describe(), f"{contender.rate:g}", ", ".join(tried)))
    return rows


def _scores(runs: Sequence[Trial]) -> str:
    """The rate with the number that it was judged by; a run that diverged is the worst there is."""
    scores = [100 * run.final.accuracy for run in runs]
    worst = "diverged" if any(run.diverged for run in runs) else f"{min(scores):.1f}"
    return f"{runs[0].rate:g}: {worst} ({float(np.mean(scores)):.1f})"


def _html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag: str, texts: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"

    return "<table>" + line("th", headings) + "".join(line("td", row) for row in rows) + "</table>"


def plain(value: Any) -> Any:
    """The value with numbers that JSON does not know (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
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
<h2>Rates tried, and knobs fixed by hand</h2>
<div class="wide">$tuning</div>
<h2>To repeat it</h2>
<pre>$command
seed $seed, made $made</pre>
<pre>$network</pre>
<pre>$machine</pre>
</body></html>
""")
