"""The command line: TNGD beside the optimizers it should be compared with, and on real devices.

`tngd compare` tunes and trains them; `tngd sensitivity` turns one number of a device at a time;
`tngd reproduce` runs published experiments again.
"""

import contextlib
import logging
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

import models
import thermolinalg
from thermolinalg.__main__ import parse_sweep
from thermolinalg.analysis.sensitivity import Point, sensitivity
from thermolinalg.errors import ThermoError
from thermolinalg.files import atomic_write
from tngd.data.dataset import Dataset
from tngd.data.digits import load_digits
from tngd.data.mnist import load_mnist
from tngd.experiments.comparison import SEEDS, TUNING_SEEDS, compare
from tngd.experiments.contender import CONTENDERS, USUAL, Contender, find_contenders
from tngd.experiments.device_cases import Swept, usual_cases
from tngd.experiments.device_report import text, write_training_report
from tngd.experiments.report import conditions, counted, write_report
from tngd.experiments.summary import summarise, table
from tngd.experiments.trial import Setting, Trial
from tngd.experiments.words import verdict
from tngd.reproduce.contract import Done
from tngd.reproduce.page import write_page
from tngd.reproduce.published import find_published, list_published
from tngd.reproduce.runner import run_cases

HIDDEN = {"digits": [64], "mnist": [128]}
DAMPING = {"digits": 0.3, "mnist": 1.0}
TARGET = {"digits": 0.95, "mnist": 0.92}
COUNT = click.IntRange(min=1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(thermolinalg.__version__)
def main() -> None:
    """Thermodynamic natural gradient descent, simulated."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")


@main.command("compare")
@click.option("--data", type=click.Choice(["digits", "mnist"]), default="digits", show_default=True)
@click.option(
    "--folder", type=Path, help="Where the MNIST files are (else $TNGD_DATA, else fetched)."
)
@click.option("--train", type=COUNT, help="Training images (digits: all; mnist: 10000).")
@click.option("--optimizers", default=",".join(USUAL), show_default=True, metavar="NAMES",
              help=f"Comma-separated, from: {', '.join(CONTENDERS)}; with other knobs as in "
              "tngd:damping=0.1:time=50.")  # fmt: skip
@click.option(
    "--seeds", type=COUNT, default=SEEDS, show_default=True, help="Reported runs of each."
)
@click.option("--trials", type=COUNT, default=5, show_default=True, help="Rates tried for each.")
@click.option("--damping", type=float,
              help="Of every natural-gradient contender (digits: 0.3; mnist: 1).")  # fmt: skip
@click.option("--epochs", type=COUNT, default=10, show_default=True)
@click.option("--batch", type=COUNT, default=64, show_default=True)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Repeats a comparison."
)
@click.option("--workers", type=COUNT, help="Processes (default: one a core).")
@click.option("--out", type=Path, default=Path("tngd-report"), show_default=True,
              help="Folder for the report; one that holds a report is numbered on.")  # fmt: skip
def compare_command(
    data: str,
    folder: Path | None,
    train: int | None,
    optimizers: str,
    seeds: int,
    trials: int,
    damping: float | None,
    epochs: int,
    batch: int,
    seed: int,
    workers: int | None,
    out: Path,
) -> None:
    """Tune and train every contender alike; print a table, write a report with pictures."""
    with _one_clear_line(), contextlib.ExitStack() as folders:
        names = [name.strip() for name in optimizers.split(",")]
        contenders = find_contenders(names, DAMPING[data] if damping is None else damping)
        dataset = _load(data, folder, train, seed)
        network = models.mlp([dataset.train.x.shape[1], *HIDDEN[data], dataset.classes])
        setting = Setting(network, models.SoftmaxCrossEntropy(), dataset, batch, epochs)
        folders.enter_context(_reserved(out))
        click.echo(f"{dataset.name}: {counted(len(contenders), 'optimizer')} on\n{network}")
        with _Screen(contenders, trials, seeds) as screen:
            comparison = compare(
                setting,
                contenders,
                seeds=seeds,
                trials=trials,
                target=TARGET[data],
                rng=seed,
                workers=workers,
                watcher=screen.show,
            )
        rows = summarise(comparison)
        click.echo(f"\n{table(rows)}\n\n{conditions(comparison)}\n")
        click.echo("\n".join(verdict(rows, comparison.target)))
        target = _prepared(out)  # another comparison may have taken the folder meanwhile
        write_report(comparison, target, shlex.join(["tngd", *sys.argv[1:]]))
        click.echo(f"\nOpen {target / 'report.html'} (also report.json, loss.png, accuracy.png).")


@main.command("sensitivity")
@click.option("--data", type=click.Choice(["digits", "mnist"]), default="digits", show_default=True)
@click.option(
    "--folder", type=Path, help="Where the MNIST files are (else $TNGD_DATA, else fetched)."
)
@click.option("--train", type=COUNT, help="Training images (digits: all; mnist: 10000).")
@click.option("--sweep", multiple=True, metavar="KNOB=VALUES",
              help="noise=1e-6,1e-3 or bits=3:16, for these knobs at these values instead of "
              "all; may be repeated.")  # fmt: skip
@click.option(
    "--seeds", type=COUNT, default=3, show_default=True, help="Runs at each value, each on a chip."
)
@click.option("--epochs", type=COUNT, default=2, show_default=True)
@click.option("--batch", type=COUNT, default=16, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--workers", type=COUNT, help="Processes (default: one a core).")
@click.option("--out", type=Path, default=Path("tngd-sensitivity"), show_default=True,
              help="Folder of the report and of what is done so far: run again to go on."
              )  # fmt: skip
def sensitivity_command(
    data: str,
    folder: Path | None,
    train: int | None,
    sweep: tuple[str, ...],
    seeds: int,
    epochs: int,
    batch: int,
    seed: int,
    workers: int | None,
    out: Path,
) -> None:
    """Train on many devices, one number of the device turned at a time; write one picture.

    Interrupted, it loses the runs that are not ended; the same command goes on with the others.
    """
    with _one_clear_line(f"stopped; what is done is in {out}: run this again to go on."):
        turned: dict[str, list[float]] = {}
        for knob, values in map(parse_sweep, sweep):
            turned.setdefault(knob, []).extend(values)
        dataset = _load(data, folder, train, seed)
        network = models.mlp([dataset.train.x.shape[1], 32, dataset.classes])
        setting = Setting(network, models.SoftmaxCrossEntropy(), dataset, batch, epochs)
        cases = usual_cases(setting, turned or None)
        swept = []
        for number, case in enumerate(cases, start=1):
            click.echo(f"{number}/{len(cases)}  {case.label}: {', '.join(case.sweep)}")
            with tqdm(unit="run", disable=None, leave=False) as bar:

                def show(_: Point, done: int, total: int, bar: Any = bar) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                result = sensitivity(
                    case.study,
                    sweep=case.sweep,
                    seeds=seeds,
                    rng=seed,
                    folder=out / "runs",
                    workers=workers,
                    watcher=show,
                )
            swept.append(Swept(case, result))
            files = write_training_report(swept, out, shlex.join(["tngd", *sys.argv[1:]]))
        click.echo(f"\n{text(swept)}\n\nOpen {' and '.join(str(path) for path in files)}.")


@main.command("reproduce")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--list", "listing", is_flag=True, help="Print the names, and what each claims.")
@click.option("--quick", is_flag=True, help="The small version: does it run, and little more.")
@click.option("--config", type=Path, help="A file of settings in place of the experiment's own.")
@click.option("--workers", type=COUNT, help="Processes (default: one a core).")
@click.option("--out", type=Path, default=Path("tngd-experiments"), show_default=True,
              help="Folder of the page, its picture and its numbers, and of what is done so far: "
              "run again to go on.")  # fmt: skip
def reproduce_command(
    name: str | None,
    listing: bool,
    quick: bool,
    config: Path | None,
    workers: int | None,
    out: Path,
) -> None:
    """Run a published experiment again; write a page that says what was claimed and found.

    Interrupted, it loses the runs that are not ended; the same command goes on with the others.
    """
    with _one_clear_line(f"stopped; what is done is in {out}: run this again to go on."):
        if listing or name is None:
            for known in list_published():
                published = find_published(known)
                click.echo(f"{known:<20} {published.title}\n{'':<20} {published.source}")
            return
        published = find_published(name, quick=quick, file=config)
        with tqdm(unit="run", desc=name, disable=None, leave=False) as bar:

            def show(done: Done, ended: int, total: int) -> None:
                bar.total = total
                bar.update(ended - bar.n)
                case = ", ".join(f"{key}={value}" for key, value in done.case.items())
                tqdm.write(f"{name} {ended}/{total}  {case}", file=sys.stdout)
                sys.stdout.flush()

            runs = out / "runs" / name
            done = run_cases(published, runs, workers=workers, watcher=show)
        page = write_page(published, done, out, _command(name, quick, config))
        click.echo(f"\n{published.experiment.findings(done)}\n\nOpen {page}.")


def _command(name: str, quick: bool, config: Path | None) -> str:
    """What repeats an experiment, wherever it is written."""
    other = [] if config is None else ["--config", config.name]
    return shlex.join(["tngd", "reproduce", name, *(["--quick"] if quick else []), *other])


def _load(data: str, folder: Path | None, train: int | None, seed: int) -> Dataset:
    if data == "digits":
        return load_digits(train=train, rng=seed)
    return load_mnist(folder, train=10_000 if train is None else train, rng=seed)


def _free(out: Path) -> Path:
    """A folder, there or not, that holds no report yet."""
    target, number = out, 2
    while (target / "report.json").exists():
        target, number = out.with_name(f"{out.name}-{number}"), number + 1
    return target


def _prepared(out: Path) -> Path:
    """A folder that holds no report yet and can be written, made before hours are spent."""
    target = _free(out)
    target.mkdir(parents=True, exist_ok=True)
    probe = target / ".writable"
    atomic_write(probe, "")
    probe.unlink()
    return target


@contextlib.contextmanager
def _reserved(out: Path) -> Iterator[None]:
    """A prepared folder, taken away again if it is new and an interrupt leaves it empty."""
    new = not _free(out).exists()
    target = _prepared(out)
    try:
        yield
    except KeyboardInterrupt:
        if new:
            with contextlib.suppress(OSError):  # not empty: somebody else's, now
                target.rmdir()
        raise


class _Stopped(click.ClickException):
    """By an interrupt; shells know it by this exit code."""

    exit_code = 130


@contextlib.contextmanager
def _one_clear_line(stopped: str = "stopped; no report was written.") -> Iterator[None]:
    """Misuse and bad luck with files end in one line, not in a traceback."""
    try:
        yield
    except ThermoError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.strerror or error}: {error.filename or ''}") from error
    except KeyboardInterrupt:
        raise _Stopped(stopped) from None


class _Screen:
    """Live progress: a bar where a person looks, and a plain line for every run that ends."""

    def __init__(self, contenders: list[Contender], trials: int, seeds: int) -> None:
        runs = len(contenders) * (trials * TUNING_SEEDS + seeds)
        self._bar = tqdm(total=runs, unit="run", disable=None, leave=False)

    def __enter__(self) -> "_Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, phase: str, trial: Trial, done: int, total: int) -> None:
        score = "diverged" if trial.diverged else f"validation {100 * trial.final.accuracy:.1f} %"
        line = (
            f"{phase} {done:3d}/{total}  {trial.contender:<12} rate {trial.rate:<8g} "
            f"{score}, loss {trial.losses[-1]:.4f}, {sum(trial.seconds):.1f} s"
        )
        self._bar.update()
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
