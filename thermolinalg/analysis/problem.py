"""A problem that can be asked of any device, and whose answer is known."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from typing import Any, Literal, final

import numpy as np

from thermolinalg.analysis.budget import ErrorBudget
from thermolinalg.analysis.prediction import DevicePrediction, predict
from thermolinalg.analysis.schedule import Schedule
from thermolinalg.analysis.setting import Setting
from thermolinalg.analysis.statement import Quantity, Statement
from thermolinalg.analysis.typical import Typical, typical_causes
from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.inverse import inv, inv_program
from thermolinalg.solvers.linear import solve, solve_program
from thermolinalg.solvers.program import Program
from thermolinalg.streams import RNG
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True)
class Problem:
    """`solve` or `inv` of a symmetric positive definite matrix, with the options of the solver.

        problem = tla.Problem("solve", (A, b), rtol=1e-2)
        problem.run(device, rng=0)          an Estimate
        device.error_budget(problem)        what makes it wrong, and what to buy first

    Args:
        solver: "solve" or "inv".
        arguments: (A, b) or (A,).
        options: the solver's keyword arguments, but for `device` and `rng`.

    Raises:
        InvalidInput: there is no such solver here, or the arguments cannot be used.
    """

    solver: Literal["solve", "inv"]
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __init__(self, solver: str, arguments: Any, /, **options: Any) -> None:
        if solver not in SOLVERS:
            raise InvalidInput(f"solver = {solver!r} must be one of {', '.join(SOLVERS)}.")
        given = arguments if isinstance(arguments, tuple) else (arguments,)
        _require_usable(solver, given, options)
        object.__setattr__(self, "solver", solver)
        object.__setattr__(self, "arguments", given)
        object.__setattr__(self, "options", dict(options))
        process, readout = self.program.process, self.program.readout
        known = isinstance(readout, TimeAverage | SecondMoment)
        if not (isinstance(process, OU) and process.modes and known):
            raise InvalidInput(
                "the errors of devices are predicted for an overdamped network of a symmetric "
                "positive definite A, given as an array, and of a whole answer. Pass one, without "
                "`dynamics` and `only`."
            )

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Problem({self.program.name}{options})"

    def run(self, device: Device | None = None, /, *, rng: RNG = None) -> Estimate:
        """The answer of one device."""
        return SOLVERS[self.solver](*self.arguments, device=device, rng=rng, **self.options)

    def asked(self, **options: Any) -> "Problem":
        """The same problem with other options of the solver."""
        return Problem(self.solver, self.arguments, **{**self.options, **options})

    @property
    def quantity(self) -> Quantity:
        """What of the network at rest is the answer."""
        return "mean" if self.solver == "solve" else "covariance"

    @cached_property
    def program(self) -> Program:
        """What is programmed, in the device's units."""
        known = {k: v for k, v in self.options.items() if k in PROGRAMMED[self.solver]}
        return PROGRAMS[self.solver](*self.arguments, target=self.target, **known)

    @property
    def target(self) -> Target:
        """How well the answer is wanted."""
        defaults = {"rtol": 1e-2 if self.solver == "solve" else 1e-1, "atol": 0, "confidence": 0.95}
        return Target.checked(**{k: self.options.get(k, d) for k, d in defaults.items()})

    def predict(
        self,
        device: Device | None = None,
        /,
        *,
        schedule: Schedule | Estimate | None = None,
    ) -> DevicePrediction:
        """What one chip makes of the answer, cause by cause, to first order; nothing runs.

        Args:
            device: the chip; an ideal device by default.
            schedule: when the answer is read and for how long; an estimate stands for that of its
                run, and None for the one that the problem's target asks for.

        Raises:
            DoesNotFit: the device cannot hold the problem.
        """
        return predict(self._statement, Device.given(device), self._schedule(schedule))

    def error_budget(
        self,
        device: Device | None = None,
        /,
        *,
        schedule: Schedule | Estimate | None = None,
    ) -> ErrorBudget:
        """What makes the answer wrong, how much each, and what to buy first; see `predict`."""
        return ErrorBudget(self.predict(device, schedule=schedule))

    def typical(self, device: Device, /) -> tuple[Typical, ...]:
        """The root-mean-square bias over chips, of each imperfection of what is programmed."""
        setting = Setting(self._statement, device, self._schedule(None))
        return tuple(typical_causes(setting))

    @cached_property
    def _statement(self) -> Statement:
        limit = float(self.options.get("max_time", math.inf))
        return Statement(self.program, self.quantity, self.target, self.truth, limit)

    def _schedule(self, schedule: Schedule | Estimate | None) -> Schedule:
        if isinstance(schedule, Schedule):
            return schedule
        chains = int(self.options.get("chains", 1))
        if schedule is not None:
            return Schedule.of(schedule, chains)
        norm = float(np.linalg.norm(self.truth)) / self.scale
        return Schedule.planned(self._statement, norm, chains)

    @property
    def network(self) -> OU:
        """The network asked for, in the device's units; its drives are (1, n) or (k, n)."""
        process = self.program.process
        assert isinstance(process, OU)
        return process

    @property
    def scale(self) -> float:
        """The answer is so many times what is read in the device's units."""
        return self.program.scale

    @cached_property
    def truth(self) -> NumpyArray:
        """The exact answer."""
        A, *rest = (to_numpy(np.asarray(x)) for x in self.arguments)
        return np.linalg.solve(A, rest[0]) if rest else np.linalg.inv(A)


SOLVERS: dict[str, Callable[..., Estimate]] = {"solve": solve, "inv": inv}
PROGRAMS: dict[str, Callable[..., Program]] = {"solve": solve_program, "inv": inv_program}
TAKES = {"solve": ("A", "b"), "inv": ("A",)}
"""What each solver is given."""

PROGRAMMED = {
    "solve": {"temperature", "precondition", "dynamics"},
    "inv": {"only", "dynamics", "prethermalize"},
}
"""Options that change what is programmed."""


def _require_usable(solver: str, given: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    takes = ", ".join(TAKES[solver])
    if len(given) != len(TAKES[solver]):
        raise InvalidInput(
            f"{solver} takes ({takes}), and {len(given)} arguments are given. Write "
            f'Problem("{solver}", ({takes})).'
        )
    known = [
        name
        for name, p in signature(SOLVERS[solver]).parameters.items()
        if p.kind is Parameter.KEYWORD_ONLY and name not in {"device", "rng"}
    ]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} is no option of a Problem of {solver}. There are: {', '.join(known)}. "
            "The device and rng are given to `run`."
        )
