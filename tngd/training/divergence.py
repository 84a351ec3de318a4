"""When a training run is given up: the loss or the parameters are no numbers, or the loss exploded.

Where the loss is no number any more, no step is left to take. Where it exploded, it may still come
down, but hardly to anything of use: this is a limit, and can be set.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from tngd.training.loop import Progress

EXPLODED = 2.0**23
"""Times the first loss where float32 numbers are as far apart as the first loss is large."""


def until_divergence(
    moments: Iterator[Progress],
    *,
    good: Array,
    first: float | None = None,
    explode: float | None = EXPLODED,
) -> Iterator[tuple[Progress, str | None]]:
    """Steps, each with None; if the run diverges, its last one, with the reason.

    The loss has exploded if it is above `explode` times the first, or above `explode` where the
    first is less than 1 in size. `Progress.good` then are the last parameters before that.

    Args:
        moments: what `steps` yields.
        good: the parameters to go back to if the very next step is bad.
        first: loss of the first step, if the run goes on; None takes it from the next one.
        explode: above 1; None lets the loss be as large as it is, for as long as it is a number.
    """
    for moment in moments:
        loss = moment.record.loss
        first = loss if first is None else first
        reason = _of_the_loss(moment, first, explode)
        if reason is not None:
            moment = replace(moment, good=good)
        elif not moment.finite:
            reason = f"the parameters after step {moment.record.step} are no numbers"
        yield moment, reason
        if reason is not None:
            return
        good = moment.good


def checked_limit(explode: object) -> float | None:
    """The limit, ready for use.

    Raises:
        InvalidInput: it is no number above 1, and not None.
    """
    if explode is None:
        return None
    limit = checks.positive("explode", explode)
    if not limit > 1:
        raise InvalidInput(
            f"explode = {limit:g} must be above 1, the first loss itself; None sets no limit."
        )
    return limit


def _of_the_loss(moment: Progress, first: float, explode: float | None) -> str | None:
    step, loss = moment.record.step, moment.record.loss
    if not math.isfinite(loss):
        return f"the loss of step {step} was {loss}"
    if explode is not None and loss > explode * max(abs(first), 1.0):
        return (
            f"the loss of step {step} was {loss:.3g}, above explode = {explode:g} times the first, "
            f"{first:.3g}"
        )
    return None
