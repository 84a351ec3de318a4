"""What is known of a program at rest: the law itself, or the law up to a constant, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, final

import numpy as np
import sympy as sp

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.programs.confinement import require_confining
from thermolinalg.programs.laplace import Laplace, find_wells, laplace
from thermolinalg.programs.program import Program
from thermolinalg.programs.system import System
from thermolinalg.symbolic.symbols import exact
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.process import OU

ROWS = 20


class Knowledge(Enum):
    """How much is known of a law at rest, and why not more. Not an error."""

    GIBBS_GAUSSIAN = "exactly: the potential is quadratic, so exp(-U/T) is a normal law"
    DRIVEN_GAUSSIAN = (
        "exactly: the motion is linear, so its law is normal; temperatures differ, so it is no "
        "exp(-U/T), and entropy is produced"
    )
    GIBBS = (
        "up to its normalisation: exp(-U/T); the potential is not quadratic, so that moments of "
        "what it ties have no closed form: sample them, or see .laplace"
    )
    UNKNOWN = (
        "not known: temperatures differ, so that it is no exp(-U/T), and the motion is not linear: "
        "simulate it, tla.simulate(model.process(), ...)"
    )


@final
@dataclass(frozen=True, eq=False)
class Equilibrium:
    """The law at rest of the free coordinates of a program, as far as theory knows it.

    `law` is the exact Gaussian, in the order of `names`, or None. Index with a coordinate or a list
    of them, symbols or names, for their marginal; it is exact, too, where they are not tied to what
    is not quadratic.
    """

    knowledge: Knowledge
    names: tuple[str, ...]
    law: Gaussian | None
    program: Program

    @property
    def exact(self) -> bool:
        """Is the law known in closed form?"""
        return self.law is not None

    @property
    def mean(self) -> NumpyArray:
        """The mean (n,).

        Raises:
            InvalidInput: it is not known in closed form; the message says what is.
        """
        return self.known.mean

    @property
    def cov(self) -> NumpyArray:
        """The covariance (n, n).

        Raises:
            InvalidInput: it is not known in closed form; the message says what is.
        """
        return self.known.cov

    def __getitem__(self, which: Any) -> Gaussian:
        """The marginal law of coordinates: a symbol, a name, that of a plate, or an array."""
        wanted = self.program.coordinates("which", which)
        held = next((x for x in wanted if x in self.program.held), None)
        if held is not None:
            raise InvalidInput(f"{held} is held, and so has no law. Ask for free coordinates.")
        if self.law is None and self.knows(wanted):
            part = self.program.system.around(wanted)
            return _gaussian(part).marginal([part.energy.state.index(x) for x in wanted])
        return self.known.marginal([self.names.index(x.name) for x in wanted])

    def knows(self, symbols: Iterable[sp.Symbol]) -> bool:
        """Is the law of these free coordinates known in closed form?"""
        return self.program.system.free.energy.tied_beyond.isdisjoint(symbols)

    @property
    def density(self) -> sp.Expr:
        """exp(-U/T) as an expression in the coordinates, not normalised.

        Raises:
            InvalidInput: the law is no Gibbs law.
        """
        self.program.system.landscape  # noqa: B018 (refuses more than one temperature)
        T = exact(sp.sympify(self.program.system.bath))
        return sp.exp(-exact(self.program.potential) / T)

    @cached_property
    def laplace(self) -> Laplace:
        """A normal law in each well of the potential, which is right where it is cold.

        Raises:
            InvalidInput: the law is no Gibbs law, or the bottom of a well is flat.
        """
        landscape = self.program.system.landscape
        return laplace(landscape, find_wells(landscape, rng=0))

    @property
    def known(self) -> Gaussian:
        """The exact law.

        Raises:
            InvalidInput: there is none in closed form; the message says what is known.
        """
        if self.law is None:
            raise InvalidInput(f"the law at rest is known {self.knowledge.value}.")
        return self.law

    def __repr__(self) -> str:
        return f"Equilibrium({self.knowledge.name}, n={len(self.names)})"

    def __str__(self) -> str:
        count = "1 coordinate" if len(self.names) == 1 else f"{len(self.names)} coordinates"
        head = f"law at rest of {count}\nknown {self.knowledge.value}"
        energy = self.program.system.free.energy
        shown = [x for x in energy.state if x not in energy.tied_beyond]
        if not shown:
            return head
        law = self[shown]
        rows = zip(shown[:ROWS], law.mean, np.sqrt(np.diag(law.cov)), strict=False)
        lines = [f"  {x.name:<12} {mean:>12.6g} ± {width:.4g}" for x, mean, width in rows]
        more = [f"  and {len(shown) - ROWS} more"] if len(shown) > ROWS else []
        aside = ["exactly, as they are not tied to that:"] if self.law is None else []
        return "\n".join([head, *aside, *lines, *more])


def equilibrium_of(program: Program) -> Equilibrium:
    """What theory knows of a program at rest.

    Raises:
        Unstable: there is no law at rest; the message names the direction to blame.
    """
    system = program.system
    names = system.free.energy.names
    if system.is_gaussian:
        knowledge = Knowledge.DRIVEN_GAUSSIAN if system.bath is None else Knowledge.GIBBS_GAUSSIAN
        return Equilibrium(knowledge, names, _gaussian(system), program)
    if system.bath is None:
        return Equilibrium(Knowledge.UNKNOWN, names, None, program)
    require_confining(system.landscape)
    return Equilibrium(Knowledge.GIBBS, names, None, program)


def _gaussian(system: System) -> Gaussian:
    if system.bath is not None:
        return system.free.graph.law(temperature=system.bath)
    process = system.process
    assert isinstance(process, OU)
    return stationary(process).marginal(range(system.free.energy.n))
