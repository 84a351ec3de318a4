"""What the components of one chip do to an answer: coefficients, dead nodes, temperatures."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from thermolinalg.analysis.cause import Cause
from thermolinalg.analysis.finite_time import mean_variance, sampling_variance, scatter_ratio
from thermolinalg.analysis.setting import Setting
from thermolinalg.backend import NumpyArray
from thermolinalg.device.coefficients import DeadNodes, Quantisation
from thermolinalg.device.imperfection import Change, Imperfection
from thermolinalg.theory.equilibrium import solve_linear, stationary_covariance
from thermolinalg.theory.process import OU
from thermolinalg.theory.response import Response, covariance_response, mean_response

FIELDS = {
    "Quantisation": "quantisation",
    "Mismatch": "mismatch",
    "Parasitics": "parasitics",
    "DeadNodes": "dead",
    "Temperatures": "temperatures",
}


ACTING = {
    "Quantisation": ("bits", "levels", "drive_bits"),
    "Mismatch": ("couplings", "drives"),
    "Temperatures": ("spread", "offset", "nodes"),
}
"""What of a part moves an answer at all, where it is more than its knob."""


def component_causes(setting: Setting) -> Iterator[Cause]:
    """One for each imperfection, in the order in which the device has them.

    Each is what it changes of the network that those before it have made, so that the changes add
    up to that of the chip.
    """
    before = setting.asked
    for part in setting.device.imperfections:
        after = part.distort(before, setting.device.specimen(part))
        if isinstance(part, DeadNodes):
            yield _dead(setting, part)
        else:
            yield _changed(setting, part, before, after)
        before = after


def response_to(setting: Setting, change: Change) -> Response:
    """The shift of the law of what is left of the network."""
    both = np.outer(setting.alive, setting.alive)
    if setting.mean:
        db = change.b * setting.alive
        return mean_response(setting.left, dA=change.A * both, db=db, units=setting.units)
    if np.any(change.D) and not np.any(change.A):
        return _heated(setting, change.D * both)
    return covariance_response(setting.left, dA=change.A * both, dD=change.D * both)


def _heated(setting: Setting, dD: NumpyArray) -> Response:
    """Of noise alone, which is exact; inertia and coils change where heat goes from a hot node."""
    left = setting.left
    hot = OU(left.A, left.b, np.asarray(left.D) + dD)
    return Response(setting.at_rest(hot) - setting.at_rest(left), 0.0, 0.0)


def _changed(setting: Setting, part: Imperfection, before: OU, after: OU) -> Cause:
    change = Change.between(after, before)
    response = response_to(setting, change)
    return Cause(
        name=FIELDS[type(part).__name__],
        title=part.title,
        bias=setting.answer(response.first),
        neglected=(1.0 if setting.mean else setting.gain) * response.neglected,
        variance=setting.answer_variance(_scatter(setting, before, after, response)),
        coupling=response.coupling,
        remedy=part.remedy,
        **_strengths(setting, part),
    )


def _scatter(setting: Setting, before: OU, after: OU, response: Response) -> NumpyArray:
    """What the change adds to the variance of what is read."""
    if setting.mean:
        was, now = (
            mean_variance(setting, *_alive(setting, network)) for network in (before, after)
        )
        return now - was
    ratio = scatter_ratio(setting, setting.covariance + response.first)
    return sampling_variance(setting) * (ratio - 1)


def _alive(setting: Setting, network: OU) -> tuple[NumpyArray, NumpyArray]:
    """A and D where dead nodes are cut off, and still."""
    both = np.outer(setting.alive, setting.alive)
    return np.where(both, network.A, np.eye(network.n)), np.asarray(network.D) * both


def _strengths(setting: Setting, part: Any) -> dict[str, Any]:
    """What of a part acts on this answer: its knob, or several, and how the bias goes with them."""
    known = ACTING.get(type(part).__name__, (part.knob,))
    asked = [k for k in known if setting.mean or k not in {"drives", "drive_bits"}]
    acting = [k for k in asked if getattr(part, k)] or [part.knob]
    values = tuple(getattr(part, k) for k in acting)
    told = {
        "knob": ", ".join(acting),
        "strength": values[0] if len(values) == 1 else values,
        "halves": isinstance(part, Quantisation),
    }
    return told if not {"levels", "nodes"} & set(acting) else told | {"order": 0.0}


def _dead(setting: Setting, part: DeadNodes) -> Cause:
    """Conditioning on zero: x_a - S_ad S_dd⁻¹ x_d, and S_aa - S_ad S_dd⁻¹ S_da; exact."""
    dead = np.flatnonzero(~setting.alive)
    shift = forgotten(setting.asked, dead, setting.mean)
    n = setting.asked.n
    return Cause(
        name="dead",
        title=part.title,
        bias=setting.answer(shift),
        strength=len(dead) / n,
        knob=part.knob,
        order=0.0,
        remedy=part.remedy,
        note="exact: the law of the others, given that these are zero",
    )


def forgotten(asked: OU, dead: NumpyArray, mean: bool) -> NumpyArray:
    """The shift of the mean (k, n), or covariance, when nodes are conditioned on being zero."""
    S = stationary_covariance(asked)
    weights = solve_linear(S[np.ix_(dead, dead)], S[dead]) if len(dead) else S[dead]
    if not mean:
        return -S[:, dead] @ weights
    b = np.atleast_2d(asked.b)
    x = solve_linear(np.asarray(asked.A), b.T).T
    return -x[:, dead] @ weights
