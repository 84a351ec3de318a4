"""Scale and offsets of a device, from reference networks whose answers are known.

Of the network A = I driven by +1 and by -1, node i reads ± (1 + g_i) + o_i. Of a network whose
stiffnesses are 1 at every other node and 1/2 at the others, and of the one with the two exchanged,
it reads the second moments (1 + h_i) T/a + v_i at a = 1 and 1/2, and o² between nodes. So

    mean:        gain g and offset o;         A⁻¹b = (answer - o)/(1 + g)
    covariance:  heat h, noise v, offset o²;  A⁻¹  = (answer - v I - o² (11' - I))/(1 + h)

What a converter does to a scale is common to all nodes, and so is an error of the temperature: the
mean over nodes is what is applied, with the error bar that the nodes' differences give it.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np
from scipy.special import ndtr, stdtrit

from thermolinalg import checks
from thermolinalg.backend import NumpyArray, like, namespace, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter
from thermolinalg.mitigation.fitting import satterthwaite
from thermolinalg.mitigation.mitigated import Mitigated
from thermolinalg.mitigation.question import COVARIANCE, MEAN, stated
from thermolinalg.mitigation.rounded_readings import left_in_covariance, left_in_mean
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.inverse import inv
from thermolinalg.solvers.linear import solve
from thermolinalg.solvers.run import Run
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.held import clipped_variance

METHOD = "calibration"

SIGNIFICANT = 0.95
"""Confidence at which one of the corrections must differ from none, for them to be applied."""


class Shared(NamedTuple):
    """What nodes have in common: the mean over nodes, its error bar, and their scatter."""

    value: float
    stderr: float
    scatter: float  # standard deviation of the nodes, beyond what was measured by chance
    dof: float

    @property
    def significant(self) -> bool:
        """Is it certainly not zero?"""
        return abs(self.value) > _reach(self.dof) * self.stderr

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.stderr:.2g}"


def _reach(dof: float) -> float:
    """By how many error bars something must differ from none to be significant."""
    return float(stdtrit(dof, 0.5 + SIGNIFICANT / 2))


@final
@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """What reference networks tell of a device: node by node (n,), and in common.

    `gain` is the relative error of the scale of means, or of covariances, `offset` what is added to
    each mean or variance, in the device's units; `beside` is what is added between nodes.
    """

    quantity: Literal["mean", "covariance"]
    gain: NumpyArray
    gain_stderr: NumpyArray
    offset: NumpyArray
    offset_stderr: NumpyArray
    shared_gain: Shared
    shared_offset: Shared
    beside: Shared
    references: tuple[Estimate, ...]
    converter: Converter | None
    seed: int

    def apply(self, answer: Estimate, /) -> Mitigated:
        """An answer of the same device, corrected; refused if no correction is significant.

        If one is, all are made: to leave out a part for being uncertain would hide that it is.
        Refused too is what no scale and offset can say: a node that does not answer, and readings
        beyond the converter's range.

        Raises:
            InvalidInput: the answer is no mean, or no covariance, of a network, or it is of another
                device, or of another chip.
        """
        kind = MEAN if self.quantity == "mean" else COVARIANCE
        program = stated(answer, kind, f"a calibration of a {self.quantity}")
        if isinstance(answer.run, Run) and answer.run.device != self.device:
            raise InvalidInput(
                f"the answer is of {answer.run.device!r}, and what was calibrated is "
                f"{self.device!r}. What one chip is wrong about says nothing of another: calibrate "
                "the one that answers."
            )
        gain, offset, beside = self.shared_gain, self.shared_offset, self.beside
        members = (answer, *self.references)
        if reason := self._misleads(answer, program.scale):
            return Mitigated.declined(METHOD, answer, reason, members, self.seed)
        xp, x = namespace(answer.value), answer.value
        eye = like(xp.eye(x.shape[0]), x) if self.quantity == "covariance" else 0 * x + 1
        scale, g = program.scale, 1 + gain.value
        value = (x - scale * (offset.value * eye + beside.value * (1 - eye))) / g
        variances = [
            (answer.stderr / g) ** 2,
            (value * gain.stderr / g) ** 2,
            (scale * offset.stderr * eye / g) ** 2 + (scale * beside.stderr * (1 - eye) / g) ** 2,
        ]
        variance = sum(variances)
        if self.quantity == "covariance":
            width = xp.sqrt(xp.clip(xp.linalg.diagonal(value), 0.0, None))
            variance = variance + (self.shared_gain.scatter * width[:, None] * width) ** 2
        freedom = np.asarray([answer.dof, gain.dof, offset.dof])
        ledger = sum((e.ledger for e in self.references), start=answer.ledger)
        return Mitigated(
            method=METHOD,
            value=value,
            stderr=xp.sqrt(variance),
            dof=satterthwaite(np.asarray([float(xp.mean(v)) for v in variances]), freedom),
            members=members,
            ledger=ledger,
            did=f"scale {gain} and offset {offset} of the {self.quantity} corrected",
            seed=self.seed,
        )

    @property
    def device(self) -> Device:
        """What was calibrated."""
        run = self.references[0].run
        assert isinstance(run, Run)
        return run.device

    def _misleads(self, answer: Estimate, scale: float) -> str | None:
        """Why it is not to be applied; None if it is."""
        silent = np.flatnonzero(np.abs(1 + self.gain) <= _reach(self.shared_gain.dof) * self.doubt)
        if len(silent):
            return (
                f"nodes {', '.join(map(str, silent))} do not answer: their scale is zero within "
                "its error bar. Leave dead nodes out; no common scale makes up for them."
            )
        for estimate, unit in ((answer, scale), *((r, self.unit) for r in self.references)):
            lost = _beyond(estimate, unit, self.converter, self.quantity)
            if lost > 1:
                return (
                    f"readings of {estimate.problem} reach the converter's full_scale, which moves "
                    f"an entry by {lost:.3g} error bars: no scale and no offset does that. Widen "
                    "full_scale."
                )
        if not any(p.significant for p in (self.shared_gain, self.shared_offset, self.beside)):
            return (
                f"scale {self.shared_gain} and offset {self.shared_offset} do not differ from "
                "none by more than their error bars, and would move the answer at random. Measure "
                "the references longer, or leave it."
            )
        return None

    @property
    def doubt(self) -> NumpyArray:
        """The error bar of each node's scale, what all of them share included."""
        return np.hypot(self.gain_stderr, self.shared_gain.stderr)

    @property
    def unit(self) -> float:
        """What a reading of 1 of the references stands for."""
        kind = MEAN if self.quantity == "mean" else COVARIANCE
        return stated(self.references[0], kind, METHOD).scale

    def __str__(self) -> str:
        return (
            f"calibration of a {self.quantity} on {len(self.gain)} nodes\n"
            f"  scale    {self.shared_gain}, nodes scatter by {self.shared_gain.scatter:.2g}\n"
            f"  offset   {self.shared_offset}, nodes scatter by {self.shared_offset.scatter:.2g}"
        )


NOTHING = Shared(0.0, 0.0, 0.0, 1.0)
"""No correction."""


def calibrate(
    device: Device,
    nodes: int,
    /,
    *,
    quantity: Literal["mean", "covariance"] = "mean",
    rtol: float = 1e-2,
    rng: RNG = None,
) -> Calibration:
    """Measure scale and offset of a device on two reference networks.

    Args:
        device: what is calibrated; its chip stays what it is.
        nodes: how many, at least 3: those of the answers that are to be corrected.
        quantity: of such networks whose answers are to be corrected: `solve` reads a mean, `inv` a
            covariance.
        rtol: relative error to which each reference is measured.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: an argument cannot be used, or the device cannot hold the references.
    """
    nodes = checks.count("nodes", nodes, least=3)
    streams = open_streams(rng)
    if quantity == "mean":
        up, down = (
            solve(np.eye(nodes), sign * np.ones(nodes), rtol=rtol, device=device, rng=seed)
            for sign, seed in ((1.0, streams.child("up").seed), (-1.0, streams.child("down").seed))
        )
        return _of_means(up, down, device.converter, streams.seed)
    if quantity != "covariance":
        raise InvalidInput(f"quantity = {quantity!r} must be 'mean' or 'covariance'.")
    even = np.arange(nodes) % 2 == 0
    one, other = (
        inv(np.diag(np.where(stiff, 1.0, 0.5)), rtol=rtol, device=device, rng=seed)
        for stiff, seed in (
            (even, streams.child("even").seed),
            (~even, streams.child("odd").seed),
        )
    )
    return _of_covariances(one, other, even, device.converter, streams.seed)


def _of_means(up: Estimate, down: Estimate, converter: Converter | None, seed: int) -> Calibration:
    (u, du), (v, dv) = map(_measured, (up, down))
    unit = stated(up, MEAN, METHOD).scale
    step = _step(converter, u / unit)
    # All nodes read alike, and are rounded alike.
    left = float(np.max(left_in_mean(step, np.hypot(du, dv) / unit * (up.plan.windows / 2) ** 0.5)))
    gain, offset, doubt = (u - v) / 2 - 1, (u + v) / 2 / unit, np.hypot(du, dv) / 2
    return Calibration(
        quantity="mean",
        gain=gain,
        gain_stderr=doubt,
        offset=offset,
        offset_stderr=doubt / unit,
        shared_gain=_shared(gain, doubt, up.dof, left * unit),
        shared_offset=_shared(offset, doubt / unit, up.dof, left),
        beside=NOTHING,
        references=(up, down),
        converter=converter,
        seed=seed,
    )


def _of_covariances(
    one: Estimate, other: Estimate, even: NumpyArray, converter: Converter | None, seed: int
) -> Calibration:
    (S, dS), (R, dR) = map(_measured, (one, other))
    stiff = np.where(even, np.diag(S), np.diag(R))  # at a = 1
    soft = np.where(even, np.diag(R), np.diag(S))  # at a = 1/2
    d_stiff = np.where(even, np.diag(dS), np.diag(dR))
    d_soft = np.where(even, np.diag(dR), np.diag(dS))
    unit = stated(one, COVARIANCE, METHOD).scale
    heat, noise = soft - stiff - 1, (2 * stiff - soft) / unit
    d_heat, d_noise = np.hypot(d_soft, d_stiff), np.hypot(2 * d_stiff, d_soft) / unit
    step = _step(converter, np.sqrt(np.maximum(np.diag(S), 0.0) / unit))
    left = float(np.max(left_in_covariance((S - noise * unit * np.eye(len(S))) / unit, 0.0, step)))
    pairs = np.triu_indices(len(S), k=1)
    between, d_between = (S + R)[pairs] / 2 / unit, np.hypot(dS, dR)[pairs] / 2 / unit
    return Calibration(
        quantity="covariance",
        gain=heat,
        gain_stderr=d_heat,
        offset=noise,
        offset_stderr=d_noise,
        shared_gain=_shared(heat, d_heat, one.dof, left * unit),
        shared_offset=_shared(noise, d_noise, one.dof, left),
        beside=_shared(between, d_between, one.dof, left),
        references=(one, other),
        converter=converter,
        seed=seed,
    )


def _measured(reference: Estimate) -> tuple[Any, Any]:
    return to_numpy(reference.value), to_numpy(reference.stderr)


def _step(converter: Converter | None, readings: NumpyArray) -> float:
    return 0.0 if converter is None or converter.bits is None else converter.step(readings)


def _beyond(estimate: Estimate, unit: float, converter: Converter | None, quantity: str) -> float:
    """By how many error bars the end of the converter's range moves an entry, at most.

    Of a reading of deviation s whose mean is d below the end, s φ(d/s) - d Q(d/s) is cut off; of a
    second moment E[x²] - E[clip(x)²].
    """
    if converter is None or converter.full_scale is None:
        return 0.0
    x, stderr = (part / unit for part in _measured(estimate))
    if quantity == "covariance":
        x, stderr = np.sqrt(np.maximum(np.diag(x), 0.0)), np.diag(stderr)
    gap = converter.full_scale - np.abs(x)
    if np.any(gap <= 0):
        return float("inf")
    moving = (stderr > 0) & (x != 0)
    x, gap, doubt = x[moving], gap[moving], stderr[moving]
    if quantity == "covariance":
        cut = [s**2 * (1 - clipped_variance(converter.full_scale / s)) for s in x]
    else:
        s = doubt * estimate.plan.windows**0.5
        cut = s * np.exp(-((gap / s) ** 2) / 2) / (2 * np.pi) ** 0.5 - gap * ndtr(-gap / s)
    return float(np.max(np.asarray(cut) / doubt, initial=0.0))


def _shared(x: NumpyArray, stderr: NumpyArray, dof: float, left: float = 0.0) -> Shared:
    """Of nodes x whose error bars have so many degrees of freedom; `left` is wrong with all alike.

    A few nodes may agree better than their error bars allow, by chance: the larger spread counts.
    """
    n, variance, chance = len(x), float(np.var(x, ddof=1)), float(np.mean(stderr**2))
    freedom = n - 1 if variance > chance else n * dof
    scatter = max(variance - chance, 0.0) ** 0.5
    doubt = (max(variance, chance) / n + left**2) ** 0.5
    return Shared(float(np.mean(x)), doubt, scatter, freedom)
