"""How far off a device's chips will be, before there is one: from the strengths of its parts alone.

A chip errs by a mean that all chips share and by a scatter of its own; both follow in closed form
from the mean and the variance of each coefficient's change, and no chip is drawn.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.analysis.components import FIELDS, forgotten, response_to
from thermolinalg.analysis.setting import Setting
from thermolinalg.backend import to_numpy
from thermolinalg.device.coefficients import DeadNodes
from thermolinalg.device.imperfection import Imperfection
from thermolinalg.theory.response import covariance_scatter, mean_scatter


@final
@dataclass(frozen=True, slots=True)
class Typical:
    """Bias of an answer over chips, to first order, as 2-norms in the answer's units.

    Args:
        name: the device's field that it comes from.
        title: as reports call it.
        shared: of the mean over chips.
        scatter: root mean square of what is left of each.
        norm: of the answer.
    """

    name: str
    title: str
    shared: float
    scatter: float
    norm: float

    @property
    def size(self) -> float:
        """The root-mean-square bias."""
        return math.hypot(self.shared, self.scatter)

    @property
    def relative(self) -> float:
        """The same, of the answer's norm."""
        return self.size / self.norm


def typical_causes(setting: Setting) -> Iterator[Typical]:
    """One for each imperfection of what is programmed."""
    norm = float(np.linalg.norm(setting.problem.truth))
    for part in setting.device.imperfections:
        if isinstance(part, DeadNodes):
            shared, scatter = _of_dead(setting, part)
        else:
            shared, scatter = _of_change(setting, part)
        yield Typical(FIELDS[type(part).__name__], part.title, shared, scatter, norm)


def _of_change(setting: Setting, part: Imperfection) -> tuple[float, float]:
    expected, variance = part.expected(setting.asked), part.variance(setting.asked)
    shared = float(np.linalg.norm(setting.answer(response_to(setting, expected).first)))
    if setting.mean:
        each = mean_scatter(setting.asked, VA=variance.A, Vb=variance.b)
        return shared, float(np.linalg.norm(setting.answer(np.atleast_2d(each))))
    scatter = covariance_scatter(setting.asked, VA=variance.A, VD=variance.D)
    return shared, setting.problem.program.scale * scatter


def _of_dead(setting: Setting, part: DeadNodes) -> tuple[float, float]:
    """Of a few dead nodes that are drawn without return, each as if it were the only one."""
    n = setting.asked.n
    if part.nodes is not None:
        dead = np.asarray(part.nodes, dtype=int)
        shift = forgotten(setting.asked, dead, setting.mean)
        return float(np.linalg.norm(setting.answer(shift))), 0.0
    count, mean, square = round(part.share * n), 0 * to_numpy(setting.problem.truth), 0.0
    for i in range(n):
        each = setting.answer(forgotten(setting.asked, np.array([i]), setting.mean))
        mean, square = mean + each / n, square + float(np.sum(each**2)) / n
    apart = square - float(np.sum(mean**2))
    drawn = count * (1 - (count - 1) / max(n - 1, 1))
    return count * float(np.linalg.norm(mean)), math.sqrt(max(drawn * apart, 0.0))
