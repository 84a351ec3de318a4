"""Figure 2 of the TNGD paper: time and memory of a step against parameters and outputs."""

import math
import statistics
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar, final

import numpy as np

import models
from thermolinalg.streams import Streams
from tngd.curvature.ggn import GGN
from tngd.linsolve.formed import Formed
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer, State
from tngd.optimizers.directions import NaturalGradient
from tngd.optimizers.systems import TNGD
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.entry import Entry, read_entries
from tngd.reproduce.tables import markdown

FORMED, MODELLED = "ngd, formed", "tngd, modelled"
PLACES = {"parameters": "hidden", "outputs": "classes"}
"""The sweeps, and what each turns."""


@final
@dataclass(frozen=True)
class Scaling(Experiment):
    """One step of each contender at each size, on normal numbers of the shape of MNIST.

    Args:
        contenders: entries by name, as `read_entries` reads them; "ngd, formed" and "tngd,
            modelled" are added to them.
        hidden: widths of the first dense layer, in the sweep over parameters.
        classes: outputs, in the other.
        at: hidden and classes where they are not turned.
        batch: rows in a batch.
        filters: of the convolution.
        most: parameters up to which the matrix is formed.
        steps: timed for a median, after two that are not.
        fitted: sizes from the largest down, through which a slope is fitted.
        exponents: of the paper's table by contender: of time in N, of memory in N, of time in d_z,
            of memory in d_z.
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
    steps: int = 9
    fitted: int = 4
    seed: int = 0

    @property
    def entries(self) -> dict[str, Entry]:
        """The contenders that are plain entries."""
        return read_entries(self.contenders)

    def cases(self, done: Sequence[Done]) -> list[Case]:
        del done
        hidden, classes = self.at
        sizes = [("parameters", h, classes) for h in self.hidden]
        sizes += [("outputs", hidden, c) for c in self.classes]
        named = [*self.entries, FORMED, MODELLED]
        cases = [
            {"sweep": sweep, "hidden": h, "classes": c, "contender": name, "seed": self.seed}
            for sweep, h, c in sizes
            for name in named
        ]
        return [case for case in cases if not self._too_large(case)]

    def _too_large(self, case: Case) -> bool:
        return bool(case["contender"] == FORMED and self._network(case).size > self.most)

    def _network(self, case: Case) -> models.Network:
        return models.lenet(classes=case["classes"], filters=self.filters, hidden=case["hidden"])

    def measure(self, case: Case) -> Numbers:
        streams = Streams(case["seed"])
        rng, net = streams.stream("images"), self._network(case)
        x = rng.standard_normal((self.batch, 784), dtype="f4")
        y = rng.integers(0, case["classes"], self.batch)
        loss = models.SoftmaxCrossEntropy()
        at = Objective(net, loss, net.init(streams.stream("init")), x, y)
        name = case["contender"]
        if name == MODELLED:
            found = _modelled(at, self.steps)
        else:
            made = _formed(self.most) if name == FORMED else self.entries[name].make({})
            found = _step(made, at, self.steps)
        return {"parameters": net.size, "outputs": case["classes"], **found}

    def findings(self, done: Sequence[Done]) -> str:
        parts = [self._slopes(done), self._largest(done, "parameters")]
        return "\n\n".join([*parts, self._largest(done, "outputs"), READING])

    def _slopes(self, done: Sequence[Done]) -> str:
        rows = []
        for name in [*self.entries, FORMED, MODELLED]:
            cells = [name]
            stated = self.exponents.get(name, ("-",) * 4)
            for sweep, places in (("parameters", (0, 1)), ("outputs", (2, 3))):
                for number, place in zip(("seconds", "bytes"), places, strict=True):
                    found = slope(*_curve(done, sweep, name, number), self.fitted)
                    cells.append(f"{found} ({stated[place]})")
            rows.append(cells)
        head = ["optimizer", "time in N", "memory in N", "time in d_z", "memory in d_z"]
        table = markdown([head, *rows])
        return f"Exponents, fitted; in brackets those of the paper's table.\n\n{table}"

    def _largest(self, done: Sequence[Done], sweep: str) -> str:
        here = [each for each in done if each.case["sweep"] == sweep]
        most = max(each.numbers[sweep] for each in here)
        rows = [
            (each.case["contender"], f"{1e3 * n['seconds']:.1f}", f"{n['bytes'] / 1e6:.1f}")
            for each in here
            if (n := each.numbers)[sweep] == most
        ]
        some = here[-1].numbers
        size = f"N = {some['parameters']:,}, d_z = {some['outputs']}"
        table = markdown([("optimizer", "ms a step", "MB at its peak"), *rows])
        return f"At the largest size, {size}:\n\n{table}"

    def figure(self, done: Sequence[Done]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.5, 7), layout="constrained")
        panels = figure.subplots(2, 2)
        words = {"parameters": "parameters N", "outputs": "outputs d_z"}
        for row, (number, scale, label) in enumerate(
            (("seconds", 1.0, "seconds a step"), ("bytes", 1e-6, "MB at its peak"))
        ):
            for axes, sweep in zip(panels[row], words, strict=True):
                for k, name in enumerate([*self.entries, FORMED, MODELLED]):
                    x, y = _curve(done, sweep, name, number)
                    style = "--" if name == MODELLED else "-"
                    axes.loglog(
                        x, scale * np.asarray(y), style, marker=".", color=f"C{k}", label=name
                    )
                axes.set(xlabel=words[sweep], ylabel=label)
                axes.grid(alpha=0.25)
        panels[0][0].legend(fontsize=7)
        return figure


READING = (
    "Seconds are medians of measured steps, of K-FAC their mean, for it inverts in some of them "
    "only; `tngd` is simulated here. Of `tngd, modelled` gradient and rows of the Jacobian are "
    "measured, upload, relaxation and read-out modelled. Memory is the peak of what a step "
    "allocates, without the parameters and the batch."
)


def slope(x: Sequence[float], y: Sequence[float], fitted: int) -> str:
    """Of log y against log x over the last points, with its standard error."""
    if len(x) < 3:
        return "-"
    a, b = np.log(np.asarray(x[-fitted:])), np.log(np.asarray(y[-fitted:]))
    centred = a - a.mean()
    found = float(centred @ b / (centred @ centred))
    left = b - b.mean() - found * centred
    error = math.sqrt(float(left @ left) / max(1, len(a) - 2) / float(centred @ centred))
    return f"{found:.2f} ± {error:.2f}"


def _curve(
    done: Sequence[Done], sweep: str, name: str, number: str
) -> tuple[list[float], list[float]]:
    here = [d.numbers for d in done if (d.case["sweep"], d.case["contender"]) == (sweep, name)]
    return [numbers[sweep] for numbers in here], [numbers[number] for numbers in here]


def _formed(most: int) -> Optimizer:
    made = TNGD(0.1)
    return replace(made, name=FORMED, direction=NaturalGradient(GGN(), Formed(most), 0.1))


def _step(made: Optimizer, at: Objective, repeats: int) -> dict[str, float]:
    """Seconds and peak bytes of a step in the middle of a run; the parameters stay."""
    rng, state = np.random.default_rng(0), State()
    fresh = replace(at, epoch=1)  # what is learnt in a first epoch is known
    state = made.step(replace(at), state, rng).state
    state = made.step(replace(fresh), state, rng).state
    seconds = []
    for _ in range(repeats):
        begun = perf_counter()
        state = made.step(replace(fresh), state, rng).state
        seconds.append(perf_counter() - begun)
    middle = statistics.fmean if "kfac" in made.name else statistics.median
    peak = _peak(lambda: made.step(replace(fresh), state, rng))
    return {"seconds": middle(seconds), "bytes": peak, "device_seconds": 0.0}


def _modelled(at: Objective, repeats: int) -> dict[str, float]:
    """What the digital side of TNGD takes, measured, and the device, modelled."""
    move = TNGD(0.1).step(replace(at), State(), np.random.default_rng(0))
    device = move.cost.device_seconds

    def digital() -> Any:
        fresh = replace(at)
        return fresh.gradient, GGN().at(fresh).rows

    seconds = []
    for _ in range(repeats):
        begun = perf_counter()
        digital()
        seconds.append(perf_counter() - begun)
    whole = statistics.median(seconds) + device
    return {"seconds": whole, "bytes": _peak(digital), "device_seconds": device}


def _peak(work: Callable[[], Any]) -> int:
    """Bytes that were allocated at once, beyond what there was before."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return peak - before
