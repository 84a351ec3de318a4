"""What a run would take, said before any run: times, samples, seconds, and what they rest on."""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg.device.ledger import Ledger
from thermolinalg.solvers.budget import Target

NEAR = 0.9
"""Share of the averaging that is asked for, from which on it is not called the shortest."""


@final
@dataclass(frozen=True, slots=True)
class Course:
    """One way that a run may go; times in units of the device's RC, all chains together.

    `by_chi_square` and `by_markov` are the averaging times that the law of the error and, from its
    mean alone, Markov's inequality ask for; `averaging` is the first of them, or the shortest that
    an error bar can be read off.
    """

    certain: bool
    assumes: str
    source: str  # of by_chi_square
    norm: float  # of the answer, as assumed
    burn_in: float
    by_chi_square: float
    by_markov: float
    averaging: float
    pilot: float  # about: it learns the norm and the noise
    samples: int  # that are averaged; of a determinant, runs
    expected_error: float  # not exceeded, with the wanted confidence
    ledger: Ledger  # modelled

    @property
    def time(self) -> float:
        """Burn-in, pilot and averaging together."""
        return self.burn_in + self.pilot + self.averaging

    @property
    def gain(self) -> float:
        """How many times less time the law of the error asks for than Markov's inequality."""
        return self.by_markov / self.by_chi_square


@final
@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would take, from bounds on rates alone: no device has run.

    `certain` holds whatever the answer is, `typical` where the drive, or the modes, have no
    preferred direction; both are the same where rates settle all. `dynamics` says whether the
    network has inertia, and how it starts; `rates`, what is known of its rates. Printing gives the
    report.
    """

    problem: str
    target: Target
    temperature: float
    dynamics: str
    chains: int
    slowest: float  # bounds on the relaxation rates of the programmed process
    fastest: float
    rates: str  # where they come from
    courses: tuple[Course, ...]
    kind: str = "samples"  # what `Course.samples` counts

    @property
    def certain(self) -> Course:
        """The course that is long enough whatever the answer is."""
        return self.courses[0]

    @property
    def typical(self) -> Course:
        """The course for an answer as large as is to be expected."""
        return self.courses[-1]

    @property
    def condition(self) -> float:
        """The fastest over the slowest rate."""
        return self.fastest / self.slowest

    def __repr__(self) -> str:
        return (
            f"Forecast({self.problem}, typical {self.typical.time:.3g} RC, certain "
            f"{self.certain.time:.3g} RC)"
        )

    def __str__(self) -> str:
        goal = self.target
        rows = [
            ("wanted", f"error <= {goal.atol:g} + {goal.rtol:g} |answer|"),
            ("", f"with probability {goal.confidence:g}"),
            ("dynamics", f"{self.dynamics}, at temperature {self.temperature:g}"),
            ("rates", f"{self.slowest:.3g} to {self.fastest:.3g} per RC, by {self.rates}"),
            ("chains", f"{self.chains}"),
            *(row for course in self.courses for row in self._rows(course)),
        ]
        width = max(len(label) for label, _ in rows)
        body = (f"  {label:<{width}} {text}" for label, text in rows)
        return "\n".join([f"{self.problem}: a forecast, nothing has run", *body])

    def _rows(self, course: Course) -> list[tuple[str, str]]:
        label = "certain" if course.certain else "typical"
        if not math.isfinite(course.by_chi_square):
            return [(label, "none: the answer may be zero. Give atol > 0, or let a pilot find out")]
        longer = course.averaging > course.by_chi_square / NEAR
        shortest = " (the shortest)" if longer else ""
        return [
            (label, f"{course.assumes}: |answer| = {course.norm:.3g}"),
            ("", f"burn-in {course.burn_in:.3g} RC, pilot about {course.pilot:.3g} RC"),
            ("", f"averaging {course.averaging:.3g} RC{shortest}, {course.samples} {self.kind}"),
            ("", f"{course.by_chi_square:.3g} RC by the {course.source}"),
            ("", f"{course.by_markov:.3g} RC by Markov's inequality, {course.gain:.3g} times it"),
            ("", f"error <= {course.expected_error:.3g} with that probability"),
            *(("", line) for line in str(course.ledger).splitlines()),
        ]
