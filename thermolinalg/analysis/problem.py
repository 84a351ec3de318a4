"""A problem that can be asked of any device, and whose answer is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, final

import numpy as np

from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.inverse import inv, inv_program
from thermolinalg.solvers.linear import solve, solve_program
from thermolinalg.solvers.program import Program
from thermolinalg.streams import RNG
from thermolinalg.theory.process import OU

Quantity = Literal["mean", "covariance"]


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
        pair = isinstance(arguments, tuple)
        object.__setattr__(self, "solver", solver)
        object.__setattr__(self, "arguments", arguments if pair else (arguments,))
        object.__setattr__(self, "options", dict(options))
        process = self.program.process
        if not isinstance(process, OU) or process.modes is None:
            raise InvalidInput(
                "the errors of devices are predicted for an overdamped network of a symmetric "
                "positive definite A, given as an array. Pass one, without `dynamics`."
            )

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
        defaults = {"rtol": 1e-2 if self.solver == "solve" else 1e-1, "atol": 0, "confidence": 0.95}
        wanted = {k: self.options.get(k, default) for k, default in defaults.items()}
        return PROGRAMS[self.solver](*self.arguments, target=Target.checked(**wanted), **known)

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
PROGRAMMED = {"solve": {"temperature"}, "inv": set[str]()}
"""Options that change what is programmed."""
