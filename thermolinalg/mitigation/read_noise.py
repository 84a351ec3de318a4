"""Subtract what the converter adds to a covariance: its noise, and its rounding.

A reading x + σz, rounded to steps h, has the covariance S + (σ² + h²/12) I (Sheppard 1898), if
nodes and their differences move by more than a step; what is off, where they do not, belongs to the
error bar.
"""

import math
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from thermolinalg.backend import like, namespace
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.mitigation.fitting import satterthwaite
from thermolinalg.mitigation.mitigated import Mitigated
from thermolinalg.mitigation.question import (
    COVARIANCE,
    Question,
    network_asked,
    require_asked,
    stated,
)
from thermolinalg.mitigation.rounded_readings import left_in_covariance
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.streams import RNG, Streams, open_streams
from thermolinalg.theory.process import OU

METHOD = "subtraction of read-out noise"

WINDOWS = 32
"""In which the noise of a network at rest is read: its error bar has 31 degrees of freedom."""


class Added(NamedTuple):
    """The variance that a converter adds to each node, its error bar, and their freedom."""

    variance: float
    stderr: float
    dof: float
    noise: float  # standard deviation, without what rounding adds


def subtract_read_noise(
    question: Question,
    device: Device,
    /,
    *,
    noise: Literal["described", "measured"] = "described",
    rng: RNG = None,
) -> Mitigated:
    """A covariance without the variance that reading it adds.

    It is refused where it would leave a variance of zero or less in some direction; and where a
    converter sets its range anew for each block, so that nobody knows its step.

    Args:
        question: for the covariance of a network: `inv`.
        device: it reads through a converter.
        noise: by the device's description; or "measured", which programs it once more without
            noise of its own and reads what is left.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: the device reads exactly, or the question is another one.
    """
    require_asked(question, device)
    if noise not in {"described", "measured"}:
        raise InvalidInput(f"noise = {noise!r} must be 'described' or 'measured'.")
    converter = device.converter
    if converter is None or (converter.noise == 0 and converter.bits is None):
        raise InvalidInput("the device reads without noise and without rounding: nothing to do.")
    streams = open_streams(rng)
    answer = question.run(device, rng=streams.child("answer").seed)
    program = stated(answer, COVARIANCE, METHOD)
    if converter.bits is not None and converter.full_scale is None:
        reason = (
            "the converter sets its range anew for each block of readings, so that its step is "
            "not known. Give it a full_scale."
        )
        return Mitigated.declined(METHOD, answer, reason, (answer,), streams.seed)
    step = converter.step(answer.value) if converter.bits is not None else 0.0
    if noise == "described":
        variance = converter.noise**2 + step**2 / 12
        added, cost = Added(variance, 0.0, answer.dof, converter.noise), Ledger()
    else:
        added, cost = _measured(network_asked(question, program, METHOD), device, step, streams)
    return _subtracted(answer, added, step, program.scale, cost, streams.seed)


def _measured(network: OU, device: Device, step: float, streams: Streams) -> tuple[Added, Ledger]:
    """What is read of the network without noise: the variance, less what all nodes share.

    Noise below a step hides in rounding, and is not what it is beside a signal.
    """
    silent = OU(network.A, 0 * network.A[0, :], 0 * network.D)
    run = device.run(silent, SecondMoment(), windows=WINDOWS, rng=streams.child("noise").seed)
    xp, n, moments = namespace(run.windows), network.n, run.windows
    diagonal = xp.sum(xp.linalg.diagonal(moments), axis=-1)
    shared = (xp.sum(moments, axis=(-2, -1)) - diagonal) / max(n * (n - 1), 1)
    each = diagonal / n - shared
    variance = max(float(xp.mean(each)), 0.0)
    chance = float(xp.std(each, correction=1.0)) / WINDOWS**0.5
    noise = max(variance - step**2 / 12, 0.0) ** 0.5
    hidden = float(left_in_covariance(network.D[:1, :1] * 0, noise, step)[0, 0])
    return Added(variance, math.hypot(chance, hidden), WINDOWS - 1, noise), run.ledger


def _subtracted(
    answer: Estimate, added: Added, step: float, scale: float, cost: Ledger, seed: int
) -> Mitigated:
    xp = namespace(answer.value)
    eye = like(xp.eye(answer.value.shape[0]), answer.value)
    value = answer.value - scale * added.variance * eye
    ledger, apart = answer.ledger + cost, int(bool(cost.lines))
    lowest = float(xp.linalg.eigvalsh(value)[0])
    if lowest <= 0:
        reason = (
            f"{scale * added.variance:.3g} on the diagonal is more than there is: it would leave "
            f"a variance of {lowest:.3g} in some direction. Measure the answer longer, or the "
            "noise anew."
        )
        plain = Mitigated.declined(METHOD, answer, reason, (answer,), seed)
        return replace(plain, ledger=ledger, apart=apart)
    left = left_in_covariance(value / scale, added.noise, step)
    sizes = float(xp.mean(xp.linalg.diagonal(answer.stderr)))
    parts = np.asarray([sizes**2, (scale * added.stderr) ** 2])
    return Mitigated(
        method=METHOD,
        value=value,
        stderr=xp.sqrt(answer.stderr**2 + scale**2 * (added.stderr**2 * eye + left**2)),
        dof=satterthwaite(parts, np.asarray([answer.dof, added.dof])),
        members=(answer,),
        ledger=ledger,
        did=f"{scale * added.variance:.3g} ± {scale * added.stderr:.2g} taken off the diagonal",
        seed=seed,
        apart=apart,
    )
