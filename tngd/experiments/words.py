"""What a comparison says, in sentences made from its rows alone.

Variants of TNGD are judged together: the best of them against the best of all others.
"""

import math
from collections.abc import Sequence

from tngd.experiments.contender import THERMODYNAMIC
from tngd.experiments.summary import Row

FIRST_ORDER = ("sgd", "momentum", "nesterov", "adam", "adamw")
"""Plainest first: its step is the measured price of a gradient."""


def verdict(rows: Sequence[Row], target: float) -> list[str]:
    """What the thermodynamic computer bought, sentence by sentence."""
    variants = _of(rows, THERMODYNAMIC)
    if not variants:
        return ["TNGD did not take part."]
    modelled = (
        "Measured seconds of TNGD are those of simulating the device digitally. Device seconds are "
        "modelled: upload of J, H and J' over the link, relaxation and read-out; computing J and H "
        "is not in them."
    )
    return [
        *_accuracy(variants, [row for row in rows if row not in variants]),
        *_speed(rows, variants, target),
        *_whole_step(variants, _of(rows, FIRST_ORDER), _exact(rows)),
        modelled,
    ]


def _of(rows: Sequence[Row], systems: Sequence[str]) -> list[Row]:
    """The rows of these optimizers, whatever their names and knobs, in the order of the systems."""
    return [row for system in systems for row in rows if row.system == system]


def _exact(rows: Sequence[Row]) -> list[Row]:
    """Natural gradient descent with the solver that `ngd` has unless it is given another."""
    return [row for row in _of(rows, ("ngd",)) if "solver=" not in row.knobs]


def _best(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: row.test_accuracy)


def _accuracy(variants: Sequence[Row], others: Sequence[Row]) -> list[str]:
    ours = _best(variants)
    title = f", the best of {len(variants)} TNGD variants," if len(variants) > 1 else ""
    reached = f"{ours.name}{title} reached {_percent(ours):.2f} % test accuracy"
    if not others:
        return [f"{reached}. Nobody else took part."]
    other = _best(others)
    return [
        f"{reached}; the best of the others, {other.name}, {_percent(other):.2f} %.",
        _gap(ours, other),
    ]


def _percent(row: Row) -> float:
    """The test accuracy as tables print it, so that gaps agree with them."""
    return round(100 * row.test_accuracy, 2)


def _gap(ours: Row, other: Row) -> str:
    gap = round(_percent(ours) - _percent(other), 2)
    if gap == 0:
        return "To the digits shown, the two are equal."
    side = f"{ours.name} is {abs(gap):.2f} points {'above' if gap > 0 else 'below'}"
    error = 100 * math.hypot(*(row.test_spread / math.sqrt(row.runs) for row in (ours, other)))
    if math.isnan(error):
        return f"{side}; with one seed there is no saying how much of this is chance."
    within = "within" if abs(gap) < 2 * error else "more than"
    return f"{side}, standard error {error:.2f}: {within} the spread of the seeds."


def _speed(rows: Sequence[Row], variants: Sequence[Row], target: float) -> list[str]:
    goal = f"{100 * target:g} % validation accuracy"
    if not any(row.reached for row in rows):
        return [f"No run reached {goal}."]
    sentences = [_quickest("TNGD variant", variants, goal)]
    first_order = _of(rows, FIRST_ORDER)
    if first_order:
        sentences.append(_quickest("first-order method", first_order, goal))
    ours, others = _arrived(variants), _arrived(first_order)
    if ours and others:
        sentences.append(_with_a_device(ours, others, first_order[0]))
    return sentences


def _arrived(rows: Sequence[Row]) -> list[Row]:
    """Those whose median over seeds is a number."""
    return [row for row in rows if not math.isnan(row.steps_to_target)]


def _quickest(kind: str, rows: Sequence[Row], goal: str) -> str:
    if not (arrived := _arrived(rows)):
        return f"No {kind} reached {goal} in more than half of its runs."
    by_steps = min(arrived, key=lambda row: (row.steps_to_target, row.seconds_to_target))
    by_wall = min(arrived, key=lambda row: (row.seconds_to_target, row.steps_to_target))
    if by_steps is by_wall:
        return (
            f"To {goal} the quickest {kind}, by steps and by measured seconds, is "
            f"{_took(by_steps)}."
        )
    return (
        f"To {goal} the quickest {kind} by steps is {_took(by_steps)}; by measured seconds it is "
        f"{_took(by_wall)}."
    )


def _took(row: Row) -> str:
    some = "" if row.reached == row.runs else f", {row.reached} of {row.runs} runs"
    return f"{row.name} ({row.steps_to_target:g} steps, {row.seconds_to_target:.3g} s{some})"


def _with_a_device(ours: Sequence[Row], others: Sequence[Row], plainest: Row) -> str:
    """Seconds to the target if a device solved: digital gradient, measured, and device, modelled.

    The step of the plainest first-order contender stands for the gradient.
    """
    gradient = plainest.step_seconds

    def total(row: Row) -> float:
        return row.steps_to_target * (gradient + row.device_step_seconds)

    row, rival = min(ours, key=total), min(others, key=lambda row: row.seconds_to_target)
    return (
        f"With a device, {row.name} would take {row.steps_to_target:g} steps x "
        f"({1e3 * gradient:.2f} ms for the gradient, a measured step of {plainest.name}, + "
        f"{1e3 * row.device_step_seconds:.2f} ms of modelled device) = {total(row):.3g} s, against "
        f"{rival.seconds_to_target:.3g} s measured for {rival.name}: "
        f"{_compared(total(row), rival.seconds_to_target)}."
    )


def _compared(device: float, digital: float) -> str:
    """Which of two positive times is shorter, and how many times."""
    long, short = max(device, digital), min(device, digital)
    if long <= 1.05 * short:
        return "the device would be about as quick"
    return f"the device would be {long / short:.2g} times " + (
        "slower" if device > digital else "quicker"
    )


def _whole_step(
    variants: Sequence[Row], first_order: Sequence[Row], exact: Sequence[Row]
) -> list[str]:
    """Like with like: whole steps on both sides, or no comparison of times at all."""
    if not exact:
        return []
    ours, ngd = _best(variants), _best(exact)
    measured = (
        f"Exact natural gradient descent ({ngd.name}, by Woodbury) reached {_percent(ngd):.2f} % "
        f"test accuracy at {1e3 * ngd.step_seconds:.2f} ms a step, gradient and solve together."
    )
    if not first_order:
        device = (
            f"For {ours.name} the modelled device takes {1e3 * ours.device_step_seconds:.2f} ms a "
            "step, and the gradient comes on top; no first-order method here measured its time."
        )
        return [measured, device]
    step = first_order[0].step_seconds + ours.device_step_seconds
    whole = (
        f"A step of {ours.name} with a device, gradient included, is modelled at "
        f"{1e3 * step:.2f} ms: {_compared(step, ngd.step_seconds)}."
    )
    return [measured, whole]
