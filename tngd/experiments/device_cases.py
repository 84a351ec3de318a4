"""The sensitivity study of training: which device numbers are turned, in which settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from thermolinalg.analysis.sensitivity import Sensitivity
from thermolinalg.errors import InvalidInput
from tngd.experiments.training_study import TrainingStudy
from tngd.experiments.trial import Setting

Sweep = Mapping[str, Sequence[float]]


@final
@dataclass(frozen=True)
class Case:
    """One setting of TNGD, by a name for legends, and what is turned there."""

    label: str
    study: TrainingStudy
    sweep: Sweep


@final
@dataclass(frozen=True, eq=False, slots=True)
class Swept:
    """A case and what came of it."""

    case: Case
    result: Sensitivity


RESET = {"damping": 1.0, "time": 2.0, "rate": 0.4, "start": "gradient"}
CARRIED = {"damping": 0.01, "time": 1.0, "rate": 0.005, "start": "carried"}
"""The two ways to train: where the damping is strong nothing needs to be remembered; where it is
weak a state that is carried is what reaches far in one RC. On modes without curvature the first
multiplies a gradient by rate x 1, the second, over steps, by rate/damping."""

NOISY = (
    ("reset, λ = 0.01", CARRIED | {"start": "gradient", "rate": 0.25}),
    ("paper's rate, reset", CARRIED | {"start": "gradient", "rate": 0.01}),
    ("paper's rate, carried", CARRIED | {"rate": 0.01}),
)
"""The second with a reset, at the same gain on modes without curvature; and both ways under the
rate, damping and time of the paper's figure on noise (Donatella et al. 2024, appendix E)."""

WARM = {"noise": 1e-3, "warm_up": 200.0}
"""Of runs whose temperature drifts: without noise there is nothing to drift, and within a training,
which takes some thousand RC, it should have drifted."""

NOISE: Sweep = {"noise": (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)}
DELAY: Sweep = {"delay": (0.25, 0.5, 1.0, 2.0)}
DRIFT: Sweep = {"drift": (0.1, 0.25, 0.5)}
ARRAYS: Sweep = {
    "bits": (3, 4, 6, 8, 16),
    "mismatch": (0.05, 0.1, 0.2),
    "dead": (0.01, 0.02, 0.05),
}
ENDS: Sweep = {"gradient_bits": (3, 4, 6, 8), "adc_bits": (3, 4, 6, 8)}


def usual_cases(setting: Setting, sweep: Sweep | None = None) -> list[Case]:
    """Everything that is swept by default; of a given sweep, its knobs at its values alone.

    Raises:
        InvalidInput: the sweep has a knob that is not among those.
    """
    cases = [case for case in _cases(setting, sweep) if case.sweep]
    known = {knob for case in _cases(setting, None) for knob in case.sweep}
    if unknown := [repr(knob) for knob in sweep or () if knob not in known]:
        raise InvalidInput(f"{', '.join(unknown)}: this study sweeps {', '.join(sorted(known))}.")
    return cases


def _cases(setting: Setting, sweep: Sweep | None) -> Iterator[Case]:
    def case(label: str, knobs: Mapping[str, Any], *sweeps: Sweep) -> Case:
        whole = {knob: values for each in sweeps for knob, values in each.items()}
        if sweep is not None:
            whole = {knob: sweep[knob] for knob in whole if knob in sweep}
        return Case(label, TrainingStudy(setting, **knobs), whole)

    for label, knobs in NOISY:
        yield case(label, knobs, NOISE)
    yield case("carried, λ = 0.01", CARRIED, NOISE, DELAY)
    yield case("reset, λ = 1", RESET, NOISE)
    both = (("carried, λ = 0.01", CARRIED), ("reset, λ = 1", RESET))
    for label, knobs in both:
        yield case(f"{label}, κ₀ = {WARM['noise']:g}", knobs | WARM, DRIFT)
    for sweeps in (ARRAYS, ENDS):  # where the arrays are formed a run takes ten times as long
        for label, knobs in both:
            yield case(label, knobs, sweeps)
