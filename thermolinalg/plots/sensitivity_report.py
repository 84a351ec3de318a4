"""A sweep on disk: every number in JSON and CSV, and the picture."""

import csv
import io
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thermolinalg.analysis.sensitivity import Sensitivity
from thermolinalg.errors import OutputError
from thermolinalg.files import Content, atomic_write_all
from thermolinalg.plots.sensitivity import plot_sensitivity

DPI = 120


def write_sensitivity(result: Sensitivity, folder: str | os.PathLike[str]) -> list[Path]:
    """Write sensitivity.json, .csv and .png into a folder, which is made; the files written.

    Raises:
        OutputError: they cannot be written.
    """
    import matplotlib.pyplot as plt

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}.") from error
    figure = plot_sensitivity(result)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=DPI, metadata={"Software": None})
    plt.close(figure)
    contents: dict[str | os.PathLike[str], Content] = {
        Path(folder, "sensitivity.json"): json.dumps(_record(result), indent=1, allow_nan=False),
        Path(folder, "sensitivity.csv"): _table(result),
        Path(folder, "sensitivity.png"): picture.getvalue(),
    }
    atomic_write_all(contents)
    return [Path(path) for path in contents]


def _record(result: Sensitivity) -> dict[str, Any]:
    return {
        "study": result.study,
        "metric": result.metric,
        "device": result.device.to_toml(),
        "knobs": dict(result.knobs),
        "seeds": result.seeds,
        "seed": result.seed,
        "points": list(_rows(result)),
    }


def _table(result: Sensitivity) -> str:
    names = sorted({name for point in result.points for name in point.numbers})
    table = io.StringIO()
    writer = csv.DictWriter(table, ["knob", "value", "seed", "refusal", *names])
    writer.writeheader()
    writer.writerows(_rows(result))
    return table.getvalue()


def _rows(result: Sensitivity) -> Iterator[dict[str, Any]]:
    """What JSON cannot say, NaN and infinity, is null there."""
    for p in result.points:
        numbers = {name: x if math.isfinite(x) else None for name, x in p.numbers.items()}
        yield {"knob": p.knob, "value": p.value, "seed": p.seed, "refusal": p.refusal, **numbers}
