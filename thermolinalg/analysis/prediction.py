"""What one chip will answer: how far off, by which cause, and how sure that is."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from scipy.special import stdtrit

from thermolinalg.analysis.cause import Cause
from thermolinalg.analysis.components import component_causes
from thermolinalg.analysis.finite_time import sampling_variance, start_bias, start_doubt
from thermolinalg.analysis.motion import motion_causes
from thermolinalg.analysis.reading_error import reading_causes
from thermolinalg.analysis.schedule import Schedule
from thermolinalg.analysis.setting import Setting
from thermolinalg.analysis.statement import Statement
from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.naming import title_of
from thermolinalg.errors import ShapeMismatch
from thermolinalg.solvers.budget import RELAXATIONS
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.theory.refinement import EPS

FALSE_ALARM = 1e-6
"""Probability with which a right prediction is said not to hold."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """Does a measured answer lie where it was predicted, in every entry at once?

    Args:
        z: standard errors by which the worst entry, or the sum along a direction, is off beyond
            what the prediction neglects.
        limit: what chance allows, for this false-alarm rate over all of these.
    """

    z: float
    limit: float

    @property
    def held(self) -> bool:
        """Is it no further off than chance allows?"""
        return self.z <= self.limit


@final
@dataclass(frozen=True, eq=False, slots=True)
class DevicePrediction:
    """What a device makes of a problem, cause by cause; arrays have the shape of the answer.

    `causes` begins with that of every device, finite time. Printing gives a table.
    """

    device: Device
    schedule: Schedule
    truth: NumpyArray
    causes: tuple[Cause, ...]

    @property
    def bias(self) -> NumpyArray:
        """By how much the mean of many runs is off."""
        return np.asarray(sum((cause.bias for cause in self.causes), start=0 * self.truth))

    @property
    def neglected(self) -> float:
        """The true bias is no further from `bias`, in the 2-norm.

        What each cause neglects, and what one changes of another: of coefficients, |E_i f_j| for
        each pair, over 1 - |E|, which is a bound; other causes are counted in the same way. A delay
        and a dressing of the noise may leave nothing of what the smaller of them does.
        """
        time, *rest = self.causes
        small = [c for c in rest if c.name != "dead" and (c.size or c.neglected or c.coupling)]
        if len(small) == 1:
            return time.neglected + small[0].coupling * time.size + small[0].neglected
        coupling = sum(cause.coupling for cause in small)
        if coupling >= 1 or any(cause.coupling >= 1 for cause in small):
            return math.inf
        alone = sum(cause.neglected * (1 - cause.coupling) for cause in small)
        mixed = sum(a.coupling * b.size for a in small for b in small if a is not b)
        dressed = combinations((c for c in small if c.name == "dressings"), 2)
        late = (pair for pair in dressed if any(c.title == TransportDelay.title for c in pair))
        again = sum(min(one.size, other.size) for one, other in late)
        return time.neglected + coupling * time.size + (alone + mixed + again) / (1 - coupling)

    @property
    def std(self) -> NumpyArray:
        """Standard deviation of each entry of the answer, from run to run."""
        variance = sum((cause.variance for cause in self.causes), start=0 * self.truth)
        return np.asarray(np.sqrt(np.clip(variance, 0.0, None)))

    @property
    def value(self) -> NumpyArray:
        """The answer to be expected."""
        return np.asarray(self.truth + self.bias)

    @property
    def error(self) -> float:
        """Root-mean-square 2-norm of the error: bias and scatter together."""
        return math.hypot(float(np.linalg.norm(self.bias)), float(np.linalg.norm(self.std)))

    def cause(self, name: str) -> Cause:
        """The cause of this name or title.

        Raises:
            KeyError: the device has none such.
        """
        for cause in self.causes:
            if name in {cause.name, cause.title, cause.knob}:
                return cause
        raise KeyError(name)

    def verdict(
        self,
        estimate: Estimate,
        /,
        *,
        along: NumpyArray | None = None,
        false_alarm: float = FALSE_ALARM,
    ) -> Verdict:
        """Compare a measured answer: by its own error bar, and what the prediction neglects.

        Args:
            estimate: of a run of this problem on this device.
            along: a direction in which its windows are compared too, where little errors of many
                entries add up; by default that of the bias.
            false_alarm: probability with which a right prediction does not hold.

        Raises:
            ShapeMismatch: it is the answer of another problem.
        """
        value, stderr = (to_numpy(x) for x in (estimate.value, estimate.stderr))
        if value.shape != self.truth.shape:
            raise ShapeMismatch(
                f"the estimate has shape {value.shape}, and the answer predicted "
                f"{self.truth.shape}."
            )
        rounding = float(np.finfo(value.dtype).eps) * value.size * np.max(np.abs(self.truth))
        unseen = self._unseen(stderr, rounding)
        way = self._direction(self.bias if along is None else along)
        off = np.abs(value - self.value)
        doubt = self.neglected + rounding + 0 * off
        sums = abs(float(np.sum((value - self.value) * way)))
        doubt_sum = self.neglected * np.linalg.norm(way) + rounding * np.sum(np.abs(way))
        known = math.hypot(_stderr_along(estimate, way), float(np.sum(unseen * np.abs(way))))
        z = max(
            _most(off, doubt, np.hypot(stderr, unseen)),
            _most(*np.array([sums, doubt_sum, known])),
        )
        return Verdict(z, -float(stdtrit(estimate.dof, false_alarm / (2 * (value.size + 1)))))

    def _unseen(self, stderr: NumpyArray, rounding: float) -> NumpyArray:
        """What a spread of windows may lack of the scatter that is predicted, in each entry.

        It is Student's for windows that are normal. Those that a converter cuts or rounds coarsely
        can be all alike but for a rare few, and so can their measured spread be far too little.
        Where cuts take nearly all of the scatter away, rounding leaves no less than EPS of it.
        """
        cut = any(c.name == "converter" and c.knob in {"bits", "full_scale"} for c in self.causes)
        least = EPS * sum(np.abs(cause.variance) for cause in self.causes)
        lacking = np.sqrt(np.clip(self.std**2 - stderr**2, least, None))
        return lacking if cut else np.where(stderr > rounding, 0.0, lacking)

    def _direction(self, way: NumpyArray) -> NumpyArray:
        """Of length 1; none where it is the rounding of the answer."""
        length = float(np.linalg.norm(way))
        return way / length if length > EPS * float(np.linalg.norm(self.truth)) else 0 * way

    def __str__(self) -> str:
        norm = float(np.linalg.norm(self.truth))
        rows = [f"{'cause':<24}{'bias':>10}{'neglected':>11}{'scatter':>10}   of the answer's norm"]
        known = [(c.title, c.size, c.neglected, c.spread) for c in self.causes]
        bias, scatter = (float(np.linalg.norm(x)) for x in (self.bias, self.std))
        rows += [
            f"{title:<24}{size / norm:>10.2g}{off / norm:>11.2g}{spread / norm:>10.2g}"
            for title, size, off, spread in [*known, ("in all", bias, self.neglected, scatter)]
        ]
        plan = self.schedule
        first = f"{title_of(self.device)}: read for {plan.time:.3g} RC from {plan.start:.3g} RC on"
        return "\n".join([first, *rows])


def _most(gap: NumpyArray, doubt: NumpyArray, stderr: NumpyArray) -> float:
    """The most standard errors by which a gap is wider than is in doubt anyway."""
    off = np.clip(gap - doubt, 0.0, None)
    z = np.divide(off, stderr, out=np.where(off > 0, np.inf, 0.0), where=stderr > 0)
    return float(np.max(z))


def _stderr_along(estimate: Estimate, way: NumpyArray) -> float:
    """Standard error of the answer's component along a direction, by the spread of its windows."""
    history = estimate.history
    sums = to_numpy(history.values).reshape(len(history.times), -1) @ way.ravel()
    windows = np.diff(sums * history.times, prepend=0.0) / np.diff(history.times, prepend=0.0)
    independent = len(windows) * (1 - 1 / RELAXATIONS)  # windows are no shorter than that
    return float(np.std(windows, ddof=1) / math.sqrt(independent))


def predict(problem: Statement, device: Device, schedule: Schedule) -> DevicePrediction:
    """What this chip makes of a problem.

    Raises:
        DoesNotFit: the device cannot hold it.
    """
    device.realised(problem.network)
    setting = Setting(problem, device, schedule)
    programmed = list(component_causes(setting))
    coupling = sum(cause.coupling for cause in programmed)
    causes = [_of_time(setting, coupling), *programmed, *motion_causes(setting)]
    causes += reading_causes(setting, *_ahead(setting, causes))
    return DevicePrediction(device, schedule, problem.truth, tuple(causes))


def _of_time(setting: Setting, coupling: float) -> Cause:
    bias, neglected = start_bias(setting)
    neglected += start_doubt(setting, coupling)
    return Cause(
        name="time",
        title="finite time",
        bias=setting.answer(bias),
        neglected=setting.gain * neglected,
        variance=setting.answer_variance(sampling_variance(setting)),
        strength=setting.schedule.time,
        knob="time",
        order=0.0,
        remedy="more time",
    )


def _ahead(setting: Setting, causes: list[Cause]) -> tuple[NumpyArray, float]:
    """How far the law is shifted before it is read, in the device's units, and to what doubt.

    Dead nodes are in `setting.law` already.
    """
    known = DevicePrediction(setting.device, setting.schedule, setting.problem.truth, tuple(causes))
    dead = sum(cause.bias for cause in causes if cause.name == "dead")
    shift = known.bias - dead
    unit = setting.answer(np.ones_like(setting.law))
    back = np.atleast_2d(shift / unit) if not setting.mean else _rows(setting, shift / unit)
    return back, known.neglected / float(np.min(np.abs(unit)))


def _rows(setting: Setting, x: NumpyArray) -> NumpyArray:
    return x.reshape(setting.law.shape) if x.ndim == 1 else x.T
