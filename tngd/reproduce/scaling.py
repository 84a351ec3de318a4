"""Figure 2 of the TNGD paper: time and memory of a step against parameters and outputs."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import models
from thermolinalg.backend import keep_freed_memory
from thermolinalg.streams import Streams
from thermolinalg.threads import one_blas_thread
from tngd.linsolve.formed import Formed, FormedRows
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.systems import NGD
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.entry import read_entries
from tngd.reproduce.exponents import COLUMNS, Column, Fit, claims, exponent_table, fit
from tngd.reproduce.step_cost import Patience, Walk, device_seconds, digital_side, median, peak
from tngd.reproduce.tables import markdown

FORMED, ROWS, MODELLED = "ngd, formed", "woodbury, rows", "tngd, modelled"
SECOND_ORDER = ("ngd-cg", "woodbury", "ngd")
"""How the names begin of those that the paper compares the device with."""

RMS = 0.335
"""Root mean square of MNIST's pixels in [0, 1], whose mean is 0.131 and whose deviation 0.308."""


@final
@dataclass(frozen=True)
class Scaling(Experiment):
    """One step of each contender at each size, on normal numbers of the shape and size of MNIST's.

    All contenders take their turn at all sizes, then all again: what slows the machine down for a
    while slows all of them. BLAS has one thread.

    Args:
        contenders: entries by name, as `read_entries` reads them. Three are added: "ngd, formed",
            "woodbury, rows" and "tngd, modelled".
        hidden: widths of the first dense layer, in the sweep over parameters.
        classes: outputs, in the other.
        at: hidden and classes where they are not turned.
        exponents: of the paper's table by contender: of time in N, of memory in N, of time in d_z,
            of memory in d_z; "" where the table has none.
        batch: rows in a batch.
        filters: of the convolution.
        most: parameters up to which the matrix is formed.
        time: that the modelled device relaxes for, in units of RC.
        turns: of all contenders at all sizes.
        steps: in a turn, after two that are not timed; K-FAC takes as many as it has from one
            inversion to the next.
        patience: seconds after which no further step is timed in a turn.
        fitted: sizes from the largest down, through which an exponent is fitted.
        seed: of everything.
    """

    timed: ClassVar[bool] = True

    contenders: Mapping[str, Any]
    hidden: tuple[int, ...]
    classes: tuple[int, ...]
    at: tuple[int, int]
    exponents: Mapping[str, tuple[str, ...]]
    batch: int = 32
    filters: int = 4
    most: int = 6000
    time: float = 50.0
    turns: int = 5
    steps: int = 9
    patience: float = 0.5
    fitted: int = 4
    seed: int = 0

    @property
    def names(self) -> list[str]:
        """Of all contenders."""
        return [*read_entries(self.contenders), ROWS, FORMED, MODELLED]

    def cases(self, done: Sequence[Done]) -> list[Case]:
        del done
        hidden, classes = self.at
        sizes = [("parameters", h, classes) for h in self.hidden]
        sizes += [("outputs", hidden, c) for c in self.classes]
        cases = [
            {"turn": turn, "sweep": sweep, "hidden": h, "classes": c, "contender": name,
             "seed": self.seed}
            for turn in range(self.turns)
            for sweep, h, c in sizes
            for name in self.names
        ]  # fmt: skip
        return [case for case in cases if not self._too_large(case)]

    def _too_large(self, case: Case) -> bool:
        return bool(case["contender"] == FORMED and self._network(case).size > self.most)

    def _network(self, case: Case) -> models.Network:
        return models.lenet(classes=case["classes"], filters=self.filters, hidden=case["hidden"])

    def measure(self, case: Case) -> Numbers:
        keep_freed_memory()
        at, name = self._objective(case), case["contender"]
        patience, modelled = Patience(self.steps, self.patience), 0.0
        with one_blas_thread():
            if name == MODELLED:
                work, modelled = digital_side(at), device_seconds(at, self.time)
                work()
                seconds = median(patience.times(work))
            else:
                work = Walk(self._optimizer(name), at)
                seconds = work.seconds(patience)
            found = {} if case["turn"] else {"bytes": peak(work)}
        return {
            "parameters": at.network.size,
            "outputs": case["classes"],
            "seconds": seconds.processor + modelled,
            "wall": seconds.wall + modelled,
            "device_seconds": modelled,
            **found,
        }

    def _objective(self, case: Case) -> Objective:
        streams, net = Streams(case["seed"]), self._network(case)
        rng = streams.stream("images")
        x = RMS * rng.standard_normal((self.batch, 784), dtype="f4")
        y = rng.integers(0, case["classes"], self.batch)
        return Objective(net, models.SoftmaxCrossEntropy(), net.init(streams.stream("init")), x, y)

    def _optimizer(self, name: str) -> Optimizer:
        if name == FORMED:
            return NGD(solver=Formed(self.most))
        if name == ROWS:
            return NGD(solver=FormedRows())
        return read_entries(self.contenders)[name].make({})

    def findings(self, done: Sequence[Done]) -> str:
        fits = {
            (name, column): self._fit(done, name, column)
            for name in self.names
            for column in COLUMNS
        }
        parts = [
            exponent_table(self.names, fits, self.exponents),
            claims(fits, self.exponents),
            self._headline(done),
            self._largest(done, "parameters"),
            self._largest(done, "outputs"),
            self._clocks(done),
        ]
        return "\n\n".join(parts)

    def _fit(self, done: Sequence[Done], name: str, column: Column) -> Fit | None:
        x, y = curve(done, column.sweep, name, column.number)
        return fit(x[-self.fitted :], y[-self.fitted :])

    def _headline(self, done: Sequence[Done]) -> str:
        """How many times as long as the modelled device others take, each at its largest N."""
        device, said, ratios = _by_size(done, "parameters", MODELLED, "seconds"), [], []
        for name in self.names:
            if name.startswith(SECOND_ORDER):
                theirs = _by_size(done, "parameters", name, "seconds")
                size = max(theirs)
                ratios.append(theirs[size] / device[size])
                said.append(f"{name} {ratios[-1]:.2g} times (N = {size:,})")
        if not ratios:
            return "No other second-order method took part."
        held = "holds" if min(ratios) >= 100 else "does not hold"
        return (
            f"Beside modelled TNGD the second-order methods take, each at its largest N: "
            f"{'; '.join(said)}. That it is about 100 times as fast as all of them {held} here."
        )

    def _largest(self, done: Sequence[Done], sweep: str) -> str:
        here = [each for each in done if each.case["sweep"] == sweep]
        largest = max(here, key=lambda each: each.numbers[sweep]).numbers
        rows = []
        for name in self.names:
            seconds = _by_size(done, sweep, name, "seconds").get(largest[sweep])
            if seconds is not None:
                device = _by_size(done, sweep, name, "device_seconds")[largest[sweep]]
                memory = _by_size(done, sweep, name, "bytes")[largest[sweep]]
                part = f"{1e3 * device:.1f}" if device else "-"
                rows.append((name, f"{1e3 * seconds:.1f}", part, f"{memory / 1e6:.1f}"))
        head = ("optimizer", "ms a step", "of them modelled", "MB at its peak")
        size = f"N = {largest['parameters']:,} and d_z = {largest['outputs']}"
        return f"At {size}, the largest in {WORDS[sweep]}:\n\n{markdown([head, *rows])}"

    def _clocks(self, done: Sequence[Done]) -> str:
        ratio = statistics.median(each.numbers["wall"] / each.numbers["seconds"] for each in done)
        return READING.format(turns=self.turns, batch=self.batch, ratio=ratio, time=self.time)

    def figure(self, done: Sequence[Done]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.5, 7.5), layout="constrained")
        panels = figure.subplots(2, 2)
        for row, (number, scale, label) in enumerate(
            (("seconds", 1.0, "seconds a step"), ("bytes", 1e-6, "MB at its peak"))
        ):
            for axes, sweep in zip(panels[row], WORDS, strict=True):
                for k, name in enumerate(self.names):
                    x, y = curve(done, sweep, name, number)
                    line = "--" if name == MODELLED else ":" if name.startswith("tngd") else "-"
                    colour = f"C{k % 10}" if k < 10 else "black"
                    axes.loglog(
                        x, [scale * v for v in y], line, marker=".", color=colour, label=name
                    )
                axes.set(xlabel=WORDS[sweep], ylabel=label)
                axes.grid(alpha=0.25)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=8)
        return figure


WORDS = {"parameters": "parameters N", "outputs": "outputs d_z"}

READING = (
    "Seconds are of the processor, with BLAS on one thread: medians over {turns} turns of a median "
    "of steps, of K-FAC a mean from one inversion to the next. Others on the machine do not "
    "lengthen them; by the clock on the wall a step took {ratio:.2f} times as long in the median "
    "here. `tngd` is simulated, and measured. Of `tngd, modelled` the gradient and the rows of the "
    "Jacobian (batch {batch}) are measured, and upload, relaxation for {time:g} RC and read-out "
    "modelled with the paper's prices. Memory is the peak of what a step allocates, without the "
    "parameters, the batch and what the device holds. FNGD is in its second epoch. The sizes of "
    "the paper's net and the time of its device are not stated; its figure was read for its axes "
    "only."
)


def curve(
    done: Sequence[Done], sweep: str, name: str, number: str
) -> tuple[list[float], list[float]]:
    """Sizes, and medians over the turns."""
    found = _by_size(done, sweep, name, number)
    return list(found), list(found.values())


def _by_size(done: Sequence[Done], sweep: str, name: str, number: str) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for each in done:
        here = (each.case["sweep"], each.case["contender"]) == (sweep, name)
        if here and number in each.numbers:
            found.setdefault(each.numbers[sweep], []).append(each.numbers[number])
    return {size: statistics.median(values) for size, values in found.items()}
