"""What the rates of trained networks say of the theory: tables, and sentences that follow them."""

import statistics
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tngd.reproduce.intervals import Interval, difference, interval
from tngd.reproduce.tables import markdown
from tngd.reproduce.welper_table import Table
from tngd.reproduce.welper_targets import TARGETS, linear_errors
from tngd.reproduce.welper_training import Descent

PROVEN, BOUNDED, DRIFT = 1 / 24, 1 / 4, 1 / 3
"""Rates of the error, in general and with a bounded residual, and of the drift."""

MAIN = ("published", "fixed grid", "descent")

HEADINGS = (
    "target", "width", "published", "read off", "fixed grid", "descent", "drift, published",
    "read off", "drift, descent",
)  # fmt: skip

READING = """
All errors are in the continuous L2 norm, at 100 points for each neuron. Rates are slopes of the
median over seeds, with 95 % intervals by bootstrap over seeds; those by time are fitted to each
seed, with 95 % intervals of the mean by Student's t. "Published" is the authors' protocol: Adam,
two points for each neuron. "Fixed grid" is the same on points that do not grow in number with the
width, "descent" is gradient descent there, on half the square of the L2 error and from f = 0:
paired neurons of opposite signs share their biases at first, which is our choice. Only the networks
of one hidden layer on a line are run; the deeper ones on spheres are not. In which norm the drift
has its rate was not read, so both the largest and the root mean square are told. The rate 1/4
supposes a residual that stays bounded in H1; of the targets only the Gaussian is in H1, so the
other two cannot refute it. What smoothness 1/24 asks of a target was not read."""

ABOUT_RATES = (
    "**Rates by width**, and their 95 % intervals. The last rows are the drift of the published "
    "protocol (largest, and root mean square), and the relative Hilbert-Schmidt distance of its "
    "kernel from that of infinite width, before and after training."
)


def words(table: Table) -> str:
    """The findings."""
    common, (low, high) = max(table.widths("fixed grid")), table.window
    smaller = (
        f"Made smaller: {table.protocols['published'].seeds} seeds where the authors have 100."
    )
    parts = [
        f"{READING.strip()}\n\n{smaller}",
        "**Error in L2, and largest drift of a bias, at the end.** Medians over seeds.",
        _medians(table),
        ABOUT_RATES,
        _rates(table, common),
        f"**Rates by time** of gradient descent, time {low:g} to {high:g}, beside infinite width.",
        _times(table),
        "\n".join(f"- {sentence}" for sentence in _answers(table, common)),
    ]
    return "\n\n".join(parts)


def _medians(table: Table) -> str:
    rows: list[tuple[str, ...]] = [HEADINGS]
    for target in TARGETS:
        for width in table.widths("published"):
            errors = [table.median(name, target, width, "error") for name in MAIN]
            drifts = [table.median(name, target, width, "drift") for name in MAIN]
            read = [table.read(kind, target, width) for kind in ("errors", "drifts")]
            shown = [errors[0], read[0], *errors[1:], drifts[0], read[1], drifts[2]]
            rows.append((target, str(width), *map(_shown, shown)))
    return markdown(rows)


def _shown(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3g}"


def _rates(table: Table, common: int) -> str:
    wide = max(table.widths("published"))
    rows: list[tuple[str, ...]] = [("rate of", *TARGETS, "theory")]
    claimed = f"{PROVEN:.3f}, or {BOUNDED:g}"

    def row(what: str, protocol: str, number: str, theory: str, most: int | None = None) -> None:
        found = (table.rate(protocol, target, number, most) for target in TARGETS)
        rows.append((what, *map(str, found), theory))

    row(f"error, published, to {wide}", "published", "error", claimed)
    if wide > common:
        row(f"error, published, to {common}", "published", "error", claimed, common)
    row("error, fixed grid", "fixed grid", "error", claimed)
    row("error, descent", "descent", "error", claimed)
    row("largest drift", "published", "drift", f"{DRIFT:.3f}")
    row("mean square drift", "published", "mean_drift", f"{DRIFT:.3f}")
    row("kernel distance before", "published", "first_distance", "0.5")
    row("kernel distance after", "published", "distance", "-")
    return markdown(rows)


def _linear(table: Table, target: str) -> tuple[float, float]:
    """Rate in the window, and error at the end, of infinite width."""
    protocol, (low, high) = table.protocols["descent"], table.window
    method = protocol.trainer(target)
    times = np.array([low, high, method.time(method.steps)])
    start, end, last = linear_errors(TARGETS[target], times, protocol.points)
    return float(np.log(start / end) / np.log(high / low)), float(last)


def _times(table: Table) -> str:
    widths = table.widths("descent")
    heads = (f"width {width}" for width in widths)
    rows = [("target", *heads, "infinite width", "theory, late")]
    for target, about in TARGETS.items():
        found = [
            interval(table.numbers("descent", target, width)["time_rate"]).says(digits=3)
            for width in widths
        ]
        late = "any" if np.isinf(about.time_rate) else f"{about.time_rate:g}"
        rows.append((target, *found, f"{_linear(table, target)[0]:.3f}", late))
    return markdown(rows)


def _answers(table: Table, common: int) -> Iterator[str]:
    yield from (_proven(table, target) for target in TARGETS)
    yield _order(table)
    yield from (_drift(table, target) for target in TARGETS)
    yield _kernel(table)
    yield from (_grid(table, target, common) for target in TARGETS)
    yield from (_by_time(table, target) for target in TARGETS)
    yield from (_plateau(table, target) for target in TARGETS)
    yield _agreement(table)
    for name, protocol in table.protocols.items():
        if name not in MAIN:
            method = protocol.trainer(next(iter(protocol.steps)))
            assert isinstance(method, Descent)
            yield _step_size(table, name, method)


def _proven(table: Table, target: str) -> str:
    found = {name: table.rate(name, target, "error") for name in MAIN}
    told = "; ".join(
        f"{name}: at least 1/24 {rate.against(PROVEN)}, at least 1/4 {rate.against(BOUNDED)}"
        for name, rate in found.items()
    )
    return f"Error by width, {target}. {told}."


def _order(table: Table) -> str:
    """Is a smoother target learnt at a larger rate?"""
    found = []
    for name in MAIN:
        rates = [table.rate(name, target, "error") for target in TARGETS]
        if all(smooth.low > rough.high for smooth, rough in pairwise(rates)):
            found.append(f"{name}: holds")
        elif any(smooth.high < rough.low for smooth, rough in pairwise(rates)):
            found.append(f"{name}: does not hold")
        else:
            found.append(f"{name}: is not settled")
    return f"That the rates fall in the order {', '.join(TARGETS)} - {'; '.join(found)}."


def _drift(table: Table, target: str) -> str:
    largest, mean = (table.rate("published", target, n) for n in ("drift", "mean_drift"))
    falls = "falls" if largest.low > 0 else "is not seen to fall"
    return (
        f"The largest drift, {target}, {falls} with the width; that its rate is at least 1/3 "
        f"{largest.against(DRIFT)}, and that the mean square drift's is {mean.against(DRIFT)}."
    )


def _kernel(table: Table) -> str:
    wide = max(table.widths("published"))
    ratios = {
        target: table.median("published", target, wide, "distance")
        / table.median("published", target, wide, "first_distance")
        for target in TARGETS
    }
    told = ", ".join(f"{target} {ratio:.2f}" for target, ratio in ratios.items())
    rates = [table.rate("published", target, "distance") for target in TARGETS]
    verdict = "falls for every target" if all(r.low > 0 for r in rates) else "does not always fall"
    return (
        f"Before training the mean square of the kernel distance is 1/m exactly. After it the "
        f"distance {verdict} with the width; at {wide} neurons training changed it by the factors "
        f"{told}."
    )


def _grid(table: Table, target: str, common: int) -> str:
    many = table.rate("published", target, "error", common)
    fixed = table.rate("fixed grid", target, "error")
    if many.low > fixed.high or many.high < fixed.low:
        verdict = "depends on the points"
    else:
        verdict = "is not seen to depend on the points"
    ratio = table.median("published", target, common, "error")
    ratio /= table.median("fixed grid", target, common, "error")
    return (
        f"Discretisation, {target}: the rate to {common} neurons {verdict}, {many} with two for "
        f"each neuron and {fixed} on the fixed grid; the errors at {common} have the ratio "
        f"{ratio:.2f}."
    )


def _by_time(table: Table, target: str) -> str:
    """Does the widest network learn at the rate of infinite width, and of the theory?"""
    wide, infinite = max(table.widths("descent")), _linear(table, target)[0]
    found = interval(table.numbers("descent", target, wide)["time_rate"])
    late = TARGETS[target].time_rate
    told = "" if np.isinf(late) else f", the late {late:g} of the theory {_side(found, late)}"
    return (
        f"By time, {target}: at {wide} neurons the rate is {found.says(digits=3)}; that of "
        f"infinite width in the same window, {infinite:.3f}, is {_side(found, infinite)}{told}."
    )


def _side(found: Interval, rate: float) -> str:
    if found.low <= rate <= found.high:
        return "inside this interval"
    return "above it" if rate > found.high else "below it"


def _plateau(table: Table, target: str) -> str:
    """How far above infinite width the descent ends."""
    wide, last = max(table.widths("descent")), _linear(table, target)[1]
    end = statistics.median(table.numbers("descent", target, wide)["training_error"])
    protocol = table.protocols["descent"]
    method = protocol.trainer(target)
    share = end / last
    state = "above" if share > 1 else "below"
    return (
        f"At the end of the descent, time {method.time(method.steps):g}, {target}: the median "
        f"error of {wide} neurons is {end:.3g}, {state} that of infinite width, {last:.3g}, by "
        f"the factor {share:.3g}."
    )


def _agreement(table: Table) -> str:
    """With what was read off the authors' plots."""
    ratios = {
        (target, width): table.median("published", target, width, "error")
        / table.read("errors", target, width)
        for target in TARGETS
        for width in table.widths("published")
    }
    close = sum(1 / 1.2 < ratio < 1.2 for ratio in ratios.values())
    far = max(ratios, key=lambda key: abs(np.log(ratios[key])))
    return (
        f"Of {len(ratios)} median errors of the published protocol {close} are within 20 % of what "
        f"was read off the plots; the farthest, {far[0]} at {far[1]}, has the "
        f"ratio {ratios[far]:.2f} to it."
    )


def _step_size(table: Table, name: str, method: Descent) -> str:
    """The same starts and the same time, in steps of another length."""
    told = []
    for target in TARGETS:
        for width in table.widths(name):
            logs = [
                np.log10(table.numbers(each, target, width)["training_error"]).tolist()
                for each in (name, "descent")
            ]
            gap = difference(*logs)
            told.append((abs(gap.mean), f"{10**gap.mean:.3g}", target, width, gap.low > 0))
    worst, worse = max(told), sum(each[-1] for each in told)
    norm = 2 / (np.pi / 2) ** 2
    stable = "below" if method.rate * norm < 2 else "above"
    return (
        f"{name}: rate |H_∞| = {method.rate * norm:.2f}, {stable} the bound 2 of stability. At the "
        f"same time its error is larger than that of descent at 95 % in {worse} of {len(told)} "
        f"cases; the geometric mean of the ratio is farthest from 1 for {worst[2]} at {worst[3]} "
        f"neurons: {worst[1]}."
    )
