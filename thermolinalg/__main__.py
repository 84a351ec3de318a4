"""The command line: `thermolinalg solve A.mtx b.npy`, `inv`, `logdet`, `expm`, and more.

`plan` says what a run would take, and `sensitivity` what a device's numbers do to the answer.
"""

import contextlib
import math
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
import numpy as np
import scipy.io
import scipy.sparse
from tqdm import tqdm

import thermolinalg as tla
from thermolinalg.errors import DataError, InvalidInput, OutputError, ThermoError
from thermolinalg.files import atomic_write

MOST = 10_000
"""Values of one range of a sweep."""

DENSE = 2000
"""Unknowns up to which a sparse matrix is solved as an array, whose eigenvalues are computed."""

KINDS = ".mtx, .mtx.gz, .npy, .npz"
SOLVERS = ("solve", "lstsq", "inv", "solve_lyapunov", "expm", "logdet")
FILE = click.Path(path_type=Path)
PRESETS: dict[str, Callable[[], tla.Device]] = {
    "ideal": tla.Device.ideal,
    "tngd_paper": tla.Device.tngd_paper,
    "spu": tla.Device.spu,
    "breadboard": tla.Device.breadboard,
}
MACHINE = f"What runs it: a description in TOML, or {', '.join(PRESETS)} (the default is ideal)."
UNREADABLE = (OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile)

Command = Callable[..., None]


def target(command: Command) -> Command:
    """Options that say how well the answer is wanted."""
    for option in (
        click.option("--rtol", type=float, help="Wanted relative error (else the solver's own)."),
        click.option("--atol", type=float, help="Wanted absolute error (else the solver's own)."),
        click.option("--confidence", type=float, default=0.95, show_default=True),
        click.option("--device", metavar="PATH|PRESET", help=MACHINE),
    ):
        command = option(command)
    return command


def running(command: Command) -> Command:
    """Options of a run."""
    for option in (
        click.option("--max-time", type=float, default=math.inf, help="Most analog time, in RC."),
        click.option("--seed", type=click.IntRange(min=0), help="Repeats a run."),
        click.option("--out", type=FILE, help="Where to write the answer: .npy; .npz with errors."),
    ):
        command = option(command)
    return target(command)


def linear(command: Command) -> Command:
    """Options of a linear system."""
    for option in (
        click.option("--temperature", type=float, default=1.0, show_default=True),
        click.option("--precondition", type=click.Choice(["diagonal"])),
        click.option("--bounds", type=(float, float), metavar="LOW HIGH",
                     help="Numbers between which all eigenvalues of A lie."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tla.__version__)
def main() -> None:
    """Linear algebra by letting a noisy physical system settle, simulated."""


@main.command("solve")
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@click.option("--chains", type=int, default=1, show_default=True)
@linear
@running
def solve_command(a: Path, b: Path, out: Path | None, **options: Any) -> None:
    """Solve A x = b, A and b read from files."""
    A, side = read(a), dense(read(b))
    A = A if options["bounds"] else small(A)
    answer(out, tla.solve, A, flat(side), **options)


@main.command("inv")
@click.argument("a", type=FILE)
@click.option("--only", type=click.Choice(["diagonal", "trace"]), help="A part of the inverse.")
@click.option("--chains", type=int, default=1, show_default=True)
@running
def inv_command(a: Path, out: Path | None, **options: Any) -> None:
    """Invert a symmetric positive definite A."""
    answer(out, tla.inv, dense(read(a)), **options)


@main.command("logdet")
@click.argument("a", type=FILE)
@click.option("--method", default="bar", show_default=True)
@running
def logdet_command(a: Path, out: Path | None, **options: Any) -> None:
    """Find ln det A of a symmetric positive definite A."""
    answer(out, tla.logdet, dense(read(a)), **options)


@main.command("expm")
@click.argument("a", type=FILE)
@click.option("--time", "t", type=float, default=1.0, show_default=True)
@click.option("--chains", type=int, default=1, show_default=True)
@running
def expm_command(a: Path, t: float, out: Path | None, **options: Any) -> None:
    """Find e^{At} of any square A."""
    answer(out, tla.expm, dense(read(a)), t, **options)


@main.command("plan")
@click.argument("a", type=FILE)
@click.argument("b", type=FILE, required=False)
@click.option("--solver", type=click.Choice(SOLVERS), help="By default solve with b, inv without.")
@click.option("--time", "t", type=float, help="Of expm.")
@click.option("--chains", type=int, default=1, show_default=True)
@click.option("--temperature", type=float)
@click.option("--precondition", type=click.Choice(["diagonal"]))
@click.option("--ridge", type=float)
@click.option("--only", type=click.Choice(["diagonal", "trace"]))
@click.option("--method")
@click.option("--bounds", type=(float, float), metavar="LOW HIGH")
@target
def plan_command(
    a: Path, b: Path | None, solver: str | None, t: float | None, **options: Any
) -> None:
    """Say what a run would take, before any run. B is the right side, or Q of solve_lyapunov."""
    with one_clear_line():
        name = solver or ("inv" if b is None else "solve")
        wants_b = name in {"solve", "lstsq", "solve_lyapunov"}
        if wants_b != (b is not None):
            raise InvalidInput(f"{name} takes {'A and B' if wants_b else 'A alone'}.")
        if t is not None and name != "expm":
            raise InvalidInput(f"{name} takes no --time; that is of expm.")
        A = read(a)
        sparse = name == "solve" and options["bounds"] is not None
        problem = [A if sparse else small(A) if name == "solve" else dense(A)]
        if b is not None:
            problem.append(flat(dense(read(b))))
        options["device"] = machine_of(options["device"])
        given = {key: value for key, value in options.items() if value is not None}
        times = [] if t is None else [t]
        click.echo(str(tla.plan(getattr(tla, name), *problem, *times, **given)))


@main.command("sensitivity")
@click.argument("solver", type=click.Choice(["solve", "inv"]))
@click.argument("a", type=FILE)
@click.argument("b", type=FILE, required=False)
@click.option(
    "--sweep",
    multiple=True,
    required=True,
    metavar="KNOB=VALUES",
    help="bits=3:16, mismatch=0:0.2:0.05 or mismatch=0,0.05,0.2; may be repeated.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Runs at each value, each on a chip of its own.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", metavar="PATH|PRESET", help=MACHINE)
@click.option("--temperature", type=float, help="Of solve.")
@click.option("--max-time", type=float, help="Most analog time of a run, in RC.")
@click.option("--rtol", type=float, help="Wanted relative error (else the solver's own).")
@click.option("--workers", type=click.IntRange(min=1), help="Processes (default: one a core).")
@click.option(
    "--out",
    type=FILE,
    default=Path("sensitivity"),
    show_default=True,
    help="Folder of the report, and of what is done so far: run again to go on.",
)
def sensitivity_command(
    solver: str,
    a: Path,
    b: Path | None,
    sweep: tuple[str, ...],
    device: str | None,
    out: Path,
    **options: Any,
) -> None:
    """Turn one number of a device at a time, and see what that does to the answer.

    Bits 3-16, mismatch 0-20 %: thermolinalg sensitivity solve A.mtx b.npy --sweep bits=3:16
    --sweep mismatch=0,0.05,0.1,0.2
    """
    with one_clear_line(f"stopped; what is done is kept in {out}: run this again to go on."):
        if (solver == "solve") != (b is not None):
            raise InvalidInput(f"{solver} takes {'A and B' if solver == 'solve' else 'A alone'}.")
        turned: dict[str, list[float]] = {}
        for knob, values in map(parse_sweep, sweep):
            turned.setdefault(knob, []).extend(values)
        machine = machine_of(device)
        rest = {key: options.pop(key) for key in ("seeds", "seed", "workers")}
        given = {key: value for key, value in options.items() if value is not None}
        problem = (dense(read(a)), *([] if b is None else [flat(dense(read(b)))]))
        with tqdm(unit="run", disable=None, leave=False) as bar:

            def show(_: Any, done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            result = tla.sensitivity(
                tla.Problem(solver, problem, **given),
                machine,
                turned,
                seeds=rest["seeds"],
                rng=rest["seed"],
                workers=rest["workers"],
                folder=out / "runs",
                watcher=show,
            )
        click.echo(str(result))
        for path in tla.write_sensitivity(result, out):
            click.echo(f"written: {path}")


def machine_of(text: str | None) -> tla.Device | None:
    """The device that a file describes, or a preset by its name; a file comes first.

    Raises:
        InvalidInput: it is neither.
    """
    if text is None:
        return None
    if text in PRESETS and not Path(text).exists():
        return PRESETS[text]()
    return tla.Device.from_toml(Path(text))


def parse_sweep(text: str) -> tuple[str, list[float]]:
    """The knob and its values, of which a range first:last:step has both ends.

    Raises:
        InvalidInput: it is no sweep.
    """
    knob, _, values = text.partition("=")
    try:
        parts = [part for piece in values.split(",") for part in parse_range(piece)]
    except InvalidInput:
        raise
    except (InvalidOperation, ValueError, OverflowError):
        raise InvalidInput(
            f"--sweep {text} is not understood. Write bits=3:16, drift=0:0.5:0.1 or drift=0,0.5."
        ) from None
    return knob, parts


def parse_range(text: str) -> list[float]:
    """One number, or those of a range; decimal steps add up exactly."""
    first, *others = map(Decimal, text.split(":"))
    last, step = [*others, Decimal(1)][:2] if others else (first, Decimal(1))
    if len(others) > 2 or step <= 0 or last < first:
        raise ValueError(text)
    if last.is_finite() and (last - first) / step >= MOST:
        raise InvalidInput(f"{text} is {(last - first) / step:.3g} values. Take a longer step.")
    values = [first + k * step for k in range(int((last - first) / step) + 1)]
    return [int(x) if x == x.to_integral_value() else float(x) for x in values]


def answer(
    out: Path | None, solver: Callable[..., tla.Estimate], *problem: Any, **knobs: Any
) -> None:
    """Run a solver, print its report, and write or print the answer."""
    with one_clear_line():
        require_writable(out)
        knobs["rng"], knobs["device"] = knobs.pop("seed"), machine_of(knobs["device"])
        x = solver(*problem, **{k: value for k, value in knobs.items() if value is not None})
        click.echo(str(x))
        if out is None:
            click.echo(np.array2string(np.asarray(x), threshold=20))
            return
        atomic_write(out, lambda file: save(file, out, x))
        click.echo(f"written: {out}")


def read(path: Path) -> Any:
    """The matrix or vector in a file: an array, or a scipy.sparse array.

    Raises:
        DataError: there is no such file, or it holds no array of a kind that is read here.
    """
    with one_clear_line():
        reader = next((r for end, r in READERS.items() if path.name.endswith(end)), None)
        if reader is None:
            raise DataError(f"{path} is of no kind that is read here: {KINDS}.")
        try:
            return reader(path)
        except UNREADABLE as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise DataError(f"{path} could not be read: {why}.") from error


def read_archive(path: Path) -> Any:
    """A sparse matrix as scipy.sparse.save_npz writes it, or the only array of a file."""
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        if "format" not in names and len(names) == 1:
            return archive[names[0]]
    if "format" in names:
        return scipy.sparse.csr_array(scipy.sparse.load_npz(path))
    raise ValueError(f"it holds the arrays {', '.join(names) or '(none)'}, and one is needed")


def read_market(path: Path) -> Any:
    """A Matrix Market file: sparse, or an array."""
    matrix = scipy.io.mmread(str(path))
    return scipy.sparse.csr_array(matrix) if scipy.sparse.issparse(matrix) else matrix


READERS: dict[str, Callable[[Path], Any]] = {
    ".mtx": read_market,
    ".mtx.gz": read_market,
    ".npy": lambda path: np.load(path, allow_pickle=False),
    ".npz": read_archive,
}


def dense(A: Any) -> Any:
    """The same as an array."""
    return A.toarray() if scipy.sparse.issparse(A) else A


def small(A: Any) -> Any:
    """A sparse matrix stays sparse where its eigenvalues would take too long."""
    return dense(A) if max(A.shape, default=0) <= DENSE else A


def flat(b: Any) -> Any:
    """A single column, as Matrix Market has it, is a vector."""
    return b[:, 0] if b.ndim == 2 and b.shape[1] == 1 else b


def save(file: Any, out: Path, x: tla.Estimate) -> None:
    """The value; in an archive its standard error too."""
    value, stderr = np.asarray(x), np.asarray(x.stderr)
    if out.suffix == ".npz":
        np.savez(file, value=value, stderr=stderr)
    else:
        np.save(file, value)


def require_writable(out: Path | None) -> None:
    """Asked before hours are spent.

    Raises:
        OutputError: the answer could not be written there.
    """
    if out is None:
        return
    if out.suffix not in {".npy", ".npz"}:
        raise OutputError(f"{out} must end in .npy, or in .npz for the standard error too.")
    if not out.parent.is_dir():
        raise OutputError(f"there is no folder {out.parent}. Make it first.")


@contextlib.contextmanager
def one_clear_line(stopped: str = "stopped; nothing was written.") -> Iterator[None]:
    """Misuse and bad luck with files end in one line, not in a traceback."""
    try:
        yield
    except ThermoError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException(stopped) from None


if __name__ == "__main__":
    main(prog_name="thermolinalg")
