"""Average over random roundings: the error of the answer falls from O(step) to O(step²).

Let event k program A + E_k. Means and covariances at rest are then X_k = (A + E_k)⁻¹B, and

    X_k - X = -A⁻¹ E_k X + A⁻¹ E_k A⁻¹ E_k X - ...,     E[E_k] = 0,

so that the mean of M events errs by -A⁻¹ Ē X, which falls with M, and by the remainder
-A⁻¹ E[E_k (X_k - X)] of second order, which does not (Aifer et al. 2024, 2401.16231). The digital
side rounds, so it knows each E_k. With it products alone tell both:

* the share of the members' spread that is left in their mean is |Ē X̄|² over the mean |E_k X̄|²;
* the remainder is at most |mean of E_k (X_k - X̄)|/a in norm, a the slowest rate.

Events in a row share their random numbers, shifted by 1/M, so that Ē is of size step/M.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.coefficients import Quantisation
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.mitigation.fitting import satterthwaite
from thermolinalg.mitigation.mitigated import Mitigated, norm, spent
from thermolinalg.mitigation.question import (
    COVARIANCE,
    MEAN,
    Question,
    least_gain,
    network_asked,
    require_asked,
    stated,
)
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.process import OU

METHOD = "a rounding ensemble"


def rounding_ensemble(
    question: Question, device: Device, /, *, members: int = 16, rng: RNG = None
) -> Mitigated:
    """The mean answer of one chip, programmed again and again with other random roundings.

    It is refused where a rounding is as large as the slowest rate: the orders above say nothing
    then, and some events may not settle at all.

    Args:
        question: for the mean or the covariance of a network: `solve` or `inv`.
        device: it rounds coefficients to bits; whether to the nearest does not matter.
        members: how often it is programmed, at least 2.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: the device does not round to bits, or the question is another one.
    """
    require_asked(question, device)
    members = checks.count("members", members, least=2)
    rounding = device.quantisation
    if rounding is None or rounding.bits is None:
        raise InvalidInput(
            "the device has coefficients without bits, so there is nothing to round at random. "
            'Take device.vary("bits", 8), say; a bank of levels is for calibration.'
        )
    streams = open_streams(rng)
    events = [
        replace(rounding, rounding="stochastic", event=k, events=members) for k in range(members)
    ]

    def asked(k: int) -> Estimate:
        seed = streams.child("member", k).seed
        return question.run(replace(device, quantisation=events[k]), rng=seed)

    def declined(reason: str, *made: Estimate) -> Mitigated:
        plain = question.run(device, rng=streams.child("plain").seed)
        return Mitigated.declined(METHOD, plain, reason, made, streams.seed)

    try:
        first = asked(0)
    except DoesNotFit as error:
        return declined(str(error))
    network = network_asked(question, stated(first, (MEAN, COVARIANCE), METHOD), METHOD)
    try:
        errors = _errors(network, device, events)
    except DoesNotFit as error:
        return declined(str(error), first)
    largest, slowest = max(map(_size, errors)), least_gain(network)
    if largest >= slowest:
        return declined(
            f"rounding moves the coefficients by {largest:.3g} of the matrix's norm and the "
            f"slowest rate is {slowest:.3g} of it: it may all but vanish, and averages of such "
            "answers are no better than one. Take more bits, or add a ridge.",
            first,
        )
    return _averaged((first, *map(asked, range(1, members))), errors, slowest, streams.seed)


def _errors(network: OU, device: Device, events: Sequence[Quantisation]) -> list[Array]:
    """E_k of each event.

    Raises:
        DoesNotFit: with one of them the network does not settle.
    """
    return [event.distort(network, device.specimen(event)).A - network.A for event in events]


def _averaged(
    members: tuple[Estimate, ...], errors: list[Array], slowest: float, seed: int
) -> Mitigated:
    xp, M = namespace(errors[0]), len(members)
    values = xp.stack([member.value for member in members])
    mean = xp.mean(values, axis=0)
    spread = xp.sum((values - mean) ** 2, axis=0) / (M - 1)
    sampling = xp.sum(xp.stack([member.stderr for member in members]) ** 2, axis=0) / M**2
    left = norm(sum(errors) @ mean / M) ** 2
    share = left / (sum(norm(E @ mean) ** 2 for E in errors) / M or 1.0)
    second = sum(E @ (m.value - mean) for E, m in zip(errors, members, strict=True)) / (M - 1)
    remainder = norm(second) / slowest / float(xp.sum(0 * mean + 1)) ** 0.5
    chance, apart = M * float(xp.sum(sampling)), float(xp.sum(spread))
    share *= max(1 - chance / apart, 0.0) if apart > 0 else 0.0  # of the spread by roundings alone
    stderr = xp.sqrt(sampling + share * spread + remainder**2)
    parts = [float(xp.mean(sampling)), share * float(xp.mean(spread)) + remainder**2]
    freedom = [sum(member.dof for member in members), M - 1]
    size = norm(mean) or 1.0
    return Mitigated(
        method=METHOD,
        value=mean,
        stderr=stderr,
        dof=satterthwaite(np.asarray(parts), np.asarray(freedom)),
        members=members,
        ledger=spent(members),
        did=(
            f"{M} random roundings averaged; they differ by {norm(spread**0.5) / size:.2g} of the "
            f"answer, and leave at most {norm(second) / slowest / size:.2g} that averages keep"
        ),
        seed=seed,
    )


def _size(E: Array) -> float:
    """The 2-norm."""
    return float(namespace(E).linalg.eigvalsh(E.T @ E)[-1]) ** 0.5
