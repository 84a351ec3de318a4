"""Experiments by name, each with a file of settings beside it."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any, final

from thermolinalg.errors import DataError, InvalidInput
from tngd.reproduce.contract import Experiment

TRAINING = "tngd.reproduce.training:Training"

EXPERIMENTS: Mapping[str, str] = {
    "egn-control": "tngd.reproduce.egn_control:EGNControl",
    "egn-regression": "tngd.reproduce.egn_regression:EGNRegression",
    "fig2": "tngd.reproduce.scaling:Scaling",
    "fig3": TRAINING,
    "fig4": TRAINING,
    "fig5": "tngd.reproduce.fig5:QuestionAnswering",
    "fig7": TRAINING,
    "fngd-speed": "tngd.reproduce.fngd_speed:FNGDSpeed",
    "kfac-quantisation": TRAINING,
    "mnist-60000": TRAINING,
    "mnist-60000-batch-256": TRAINING,
    "qnewton-breakeven": "tngd.reproduce.qnewton_breakeven:QNewtonBreakeven",
    "welper-rates": "tngd.reproduce.welper_rates:WelperRates",
}
"""Where the class of each is: module, colon, class. A module is imported when it is asked for."""

FILES = Path(__file__).parent / "settings"


@final
@dataclass(frozen=True, slots=True)
class Published:
    """An experiment as somebody published it, and as it is run here.

    Args:
        name: as `tngd reproduce` calls it.
        title: what it is.
        source: where it was published.
        claim: what was said there.
        settings: what it is run with.
        experiment: made from them.
        quick: is this the small version, which shows that it runs and little more?
    """

    name: str
    title: str
    source: str
    claim: str
    settings: Mapping[str, Any]
    experiment: Experiment
    quick: bool = False


def list_published() -> list[str]:
    """Names that `find_published` knows."""
    return list(EXPERIMENTS)


def find_published(name: str, *, quick: bool = False, file: Path | None = None) -> Published:
    """The experiment of this name, with the settings of its own file or of another.

    A file states title, source and claim, a table [settings], and a table [quick] of those that
    differ in the small version.

    Raises:
        InvalidInput: there is no such experiment, or it has no such setting.
        DataError: the file cannot be read.
    """
    if name not in EXPERIMENTS:
        raise InvalidInput(f"experiment {name!r} is unknown. There are: {', '.join(EXPERIMENTS)}.")
    about = _read(file or FILES / f"{name}.toml")
    settings = {**about["settings"], **(about.get("quick", {}) if quick else {})}
    module, _, kind = EXPERIMENTS[name].partition(":")
    make = getattr(import_module(module), kind)
    known = [field.name for field in fields(make)]
    for setting in settings:
        if setting not in known:
            raise InvalidInput(
                f"experiment {name!r} has no setting {setting!r}. It has: {', '.join(known)}."
            )
    missing = [f.name for f in fields(make) if f.default is MISSING and f.name not in settings]
    if missing:
        raise InvalidInput(f"the settings of {name!r} leave out {', '.join(missing)}.")
    words = (about["title"], about["source"], about["claim"])
    return Published(name, *words, settings, make(**_frozen(settings)), quick)


def _read(path: Path) -> dict[str, Any]:
    try:
        about = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no file of settings ({error}).") from error
    missing = {"title", "source", "claim", "settings"} - set(about)
    if missing:
        raise DataError(f"{path} does not state {', '.join(sorted(missing))}.")
    return about


def _frozen(value: Any) -> Any:
    """Lists as tuples, so that a record of them can be compared."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
