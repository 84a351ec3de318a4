"""Extrapolate to no imperfection: ask at several strengths of it, fit, and read the fit at zero.

The answer is taken for a polynomial in s = (strength/own strength)^p, with p = 2 where the error is
even in the strength: rounding and noise of readings, and the tick of held noise. A degree that is
too low shows in the points, once they are known well enough; what it may hide before that is in the
error bar, but for what the points do not show at all.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.knobs import KNOBS
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.mitigation.fitting import FALSE_ALARM, Fitted, fit_at_zero
from thermolinalg.mitigation.mitigated import Mitigated, norm, spent
from thermolinalg.mitigation.question import Question, require_asked
from thermolinalg.streams import RNG, open_streams

METHOD = "extrapolation"


class Controlled(NamedTuple):
    """How a knob is made worse on purpose: the power of its error, and does it count bits?"""

    power: int
    bits: bool = False


CONTROLLED = {
    "bits": Controlled(1, bits=True),
    "adc_bits": Controlled(2, bits=True),
    "read_noise": Controlled(2),
    "temperature_spread": Controlled(1),
    "temperature_offset": Controlled(1),
    "coloured": Controlled(1),
    "tick": Controlled(2),
    "transport": Controlled(1),
}
"""Knobs that the owner of a device can turn up; its mismatch, strays and dead nodes nobody can."""


def extrapolate(
    question: Question,
    device: Device,
    /,
    knob: str,
    *,
    factors: Sequence[float] = (1.0, 2.0, 4.0),
    degree: int = 1,
    rng: RNG = None,
) -> Mitigated:
    """The answer of a device without one of its imperfections, by making that worse.

    It is refused where the points lie on no such polynomial, by a test that calls one that is the
    truth inconsistent with probability 1e-6; and where the bias that it would take away is smaller
    than the error bar that it would leave.

    Args:
        question: what is asked.
        device: it has the imperfection.
        knob: its name, as in `Device.vary`: one of `CONTROLLED`.
        factors: of its strength, from 1 on; for bits they are of the step, and powers of 2.
        degree: of the polynomial; at least degree + 2 factors are needed.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: the knob cannot be controlled, or the device has no such imperfection, or the
            factors cannot be used.
    """
    require_asked(question, device)
    degree = checks.count("degree", degree)
    strengths = _checked(factors, degree)
    control, own = _controlled(knob), _own(device, knob)
    streams = open_streams(rng)
    members = tuple(
        question.run(
            device if f == 1 else device.vary(knob, _turned(control, own, f)),
            rng=streams.child("strength", k).seed,
        )
        for k, f in enumerate(strengths)
    )
    xp = namespace(members[0].value)
    y, s = (xp.stack([getattr(m, name) for m in members]) for name in ("value", "stderr"))
    points, dof = np.asarray(strengths) ** control.power, np.asarray([m.dof for m in members])
    fitted, c = fit_at_zero(points, y, s, dof, degree)
    reason = _misleads(fitted, c, y, s, degree)
    if reason:
        return Mitigated.declined(METHOD, members[0], reason, members, streams.seed)
    moved = norm(members[0].value - fitted.value) / (norm(fitted.value) or 1.0)
    return Mitigated(
        method=METHOD,
        value=fitted.value,
        stderr=fitted.stderr,
        dof=fitted.dof,
        members=members,
        ledger=spent(members),
        did=(
            f"{KNOBS[knob].says} from {own:g} to none, by {len(strengths)} strengths and degree "
            f"{degree}, which moves the answer by {moved:.2g}; the worst point is "
            f"{fitted.worst:.2g} standard errors off"
        ),
        seed=streams.seed,
    )


def _misleads(fitted: Fitted, c: np.ndarray, y: Array, stderr: Array, degree: int) -> str | None:
    """Why the fit is not to be used; None if it is."""
    xp = namespace(y)
    if not fitted.consistent:
        return (
            f"no polynomial of degree {degree} goes through the answers: one is {fitted.worst:.3g} "
            f"standard errors off, and {fitted.allowed:.3g} happens with probability "
            f"{FALSE_ALARM:g}. Take smaller factors, or a higher degree."
        )
    weights = np.eye(1, len(c))[0] - c
    doubt = sum(float(a) ** 2 * float(xp.sum(stderr[i, ...] ** 2)) for i, a in enumerate(weights))
    bias = math.sqrt(max(norm(y[0, ...] - fitted.value) ** 2 - doubt, 0.0))
    if bias <= norm(fitted.stderr):
        return (
            f"the bias of the answer as it is, {bias:.3g}, is no larger than the error bar after "
            f"extrapolation, {norm(fitted.stderr):.3g}. Measure longer, or leave it."
        )
    return None


def _checked(factors: Sequence[float], degree: int) -> list[float]:
    ready = [checks.positive("factors", f) for f in factors]
    if len(ready) < degree + 2 or len(set(ready)) < len(ready) or min(ready) != 1:
        raise InvalidInput(
            f"factors = {tuple(ready)}: 1, and at least {degree + 1} others above it, all "
            f"different, are needed to fit degree {degree} and to see whether it fits."
        )
    return sorted(ready)


def _controlled(knob: str) -> Controlled:
    if knob not in CONTROLLED:
        known = "is fixed in the chip" if knob in KNOBS else "is no knob of a device"
        raise InvalidInput(
            f"{knob!r} {known}, so it cannot be made worse on purpose. There are: "
            f"{', '.join(CONTROLLED)}. Calibrate what is fixed."
        )
    return CONTROLLED[knob]


def _own(device: Device, knob: str) -> float:
    """The strength that the device has.

    Raises:
        InvalidInput: it has none.
    """
    place = KNOBS[knob]
    assert place.kind is not None
    held = getattr(device, place.part)
    parts = [p for p in (held if isinstance(held, tuple) else [held]) if isinstance(p, place.kind)]
    value = getattr(parts[0], place.field) if parts else None
    if not value:
        raise InvalidInput(
            f"the device has no {KNOBS[knob].says} to extrapolate from: {knob} is {value}."
        )
    return float(value)


def _turned(control: Controlled, own: float, factor: float) -> float:
    """The value of the knob at which the strength is so many times the device's own."""
    if not control.bits:
        return own * factor
    fewer = math.log2(factor)
    if fewer != round(fewer) or fewer >= own:
        raise InvalidInput(
            f"a factor of {factor:g} of the step is no whole number of bits below {own:g}. Take "
            "powers of 2."
        )
    return round(own - fewer)
