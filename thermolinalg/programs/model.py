"""Model: declare a physical system as on paper, then ask for its law, its graph or its samples."""

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, final

import sympy as sp

from thermolinalg import checks
from thermolinalg.coupling.given import require_graph
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.device.machine import Device
from thermolinalg.programs import integration
from thermolinalg.programs.declaring import (
    declared_data,
    declared_form,
    declared_plate,
    declared_springs,
)
from thermolinalg.programs.equilibrium import Equilibrium, equilibrium_of
from thermolinalg.programs.inference import log_partition_of, posterior_of, samples_of
from thermolinalg.programs.integration import LogPartition
from thermolinalg.programs.landscape import Landscape
from thermolinalg.programs.metropolis import LONGEST
from thermolinalg.programs.program import ROWS, Program, entries
from thermolinalg.programs.samples import Samples
from thermolinalg.programs.statements import Potential, rounded
from thermolinalg.streams import RNG
from thermolinalg.symbolic.sde import SDE
from thermolinalg.theory.gaussian import Gaussian


@final
class Model:
    """A program: oscillators, what couples them, what is held and observed, and a temperature.

        with tla.Model(temperature=0.5) as m:
            x = m.oscillators("x", 3, stiffness=[3, 2, 4])
            y = m.oscillators("y", 2)
            m.couple(x[0], y[1], 0.8)
            m.potential((x[1] - y[0]) ** 2)
            m.clamp(y[1], 1.5)
        m.equilibrium()

    Coordinates are sympy symbols, in NumPy arrays of the shape asked for. Statements may be added
    at any time, in a `with` block or outside; a block that fails leaves the model as it was. At
    rest the free coordinates have the density exp(-U/T), where U is the sum of all statements.

    Args:
        temperature: in units of energy; a symbol is a parameter.

    Raises:
        InvalidInput: the temperature is not positive.
    """

    def __init__(self, *, temperature: Any = 1.0) -> None:
        self._before: list[Program] = []
        if isinstance(temperature, sp.Symbol):
            self._program = Program(temperature, (temperature,))
        else:
            self._program = Program(checks.positive("temperature", temperature))

    @classmethod
    def from_graph(
        cls, graph: CouplingGraph, *, name: str = "x", temperature: float = 1.0
    ) -> "Model":
        """A program of the springs, forces and clamps of a graph: its nodes become name_0, ...

        Raises:
            InvalidInput: something beyond springs ties its nodes.
        """
        require_graph(graph)
        graph.require_harmonic("from_graph")
        model = cls(temperature=temperature)
        x = model.oscillators(name, graph.n, stiffness=graph.stiffness)
        ends = [(graph.place[u], graph.place[v], w) for u, v, w in graph.edges()]
        if ends:
            left, right, weights = zip(*ends, strict=True)
            model.couple(x[list(left)], x[list(right)], weights)
        if graph.force.any():
            model.potential(-(graph.force * x).sum())
        for node, value in graph.held.items():
            model.clamp(x[graph.place[node]], value)
        return model

    def __enter__(self) -> "Model":
        self._before.append(self._program)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before = self._before.pop()
        if kind is not None:
            self._program = before

    def oscillators(
        self,
        name: str,
        shape: int | tuple[int, ...] = (),
        *,
        stiffness: Any = 0.0,
        center: Any = 0.0,
        friction: Any = 1.0,
        mass: Any = None,
        temperature: Any = None,
    ) -> Any:
        """Coordinates: an array of symbols name_i, name_i_j, ...; one symbol for the shape ().

        Args:
            name: of the plate.
            shape: how many, along each axis.
            stiffness: of a spring between each coordinate and its centre; 0 is no spring.
            center: where that spring pulls to.
            friction: force per velocity; it sets the unit of time.
            mass: with it, coordinates have inertia; then all plates need one.
            temperature: of a bath of its own; None is that of the model.

        Raises:
            InvalidInput: the name is taken or no name, a shape does not fit, or a friction, a mass
                or a temperature is not positive.
        """
        knobs = {
            "stiffness": stiffness,
            "center": center,
            "friction": friction,
            "mass": mass,
            "temperature": temperature,
        }
        plate = declared_plate(self._program, name, shape, knobs)
        self._program = self._program.say(plate)
        return plate.array

    def parameter(self, name: str, *, positive: bool = False) -> sp.Symbol:
        """A symbol for a coefficient that has no number yet, until `substitute`.

        Args:
            name: of the symbol.
            positive: whether it is known to be > 0, with which formulas become simpler.

        Raises:
            InvalidInput: the name is taken or no name.
        """
        self._program.require_new(name)
        symbol = sp.Symbol(name, real=True, positive=positive or None)
        self._program = replace(self._program, parameters=(*self._program.parameters, symbol))
        return symbol

    def couple(self, a: Any, b: Any, stiffness: Any = 1.0) -> None:
        """Springs between coordinates: the energy ½ stiffness (a - b)² for each pair.

        Args:
            a: a coordinate, an array of them, or a name.
            b: likewise; arrays are paired entry by entry.
            stiffness: a number, a parameter, or one for each pair; below 0 a spring that pushes.

        Raises:
            InvalidInput: a or b is no coordinate of this model, or both are the same one.
        """
        self._program = self._program.say(declared_springs(self._program, a, b, stiffness))

    def potential(self, energy: Any) -> None:
        """Add any energy: a sympy expression in coordinates and parameters; of an array the sum.

        Raises:
            InvalidInput: it is complex or infinite, holds a symbol that was not declared, or no
                coordinate at all.
        """
        terms = [self._program.energy("energy", entry) for entry in entries(energy)]
        self._program = self._program.say(Potential(sp.Add(*terms)))

    def quadratic(self, what: Any, matrix: Any, force: Any = None) -> None:
        """Add the energy ½ x'Mx - h'x of some coordinates, the fast way for a matrix of them.

        Args:
            what: the coordinates x: an array of k, or a name.
            matrix: M (k, k), symmetric: an array or a scipy.sparse array.
            force: h, k numbers; none if left out.

        Raises:
            InvalidInput: the matrix is not symmetric, or does not fit the coordinates.
        """
        self._program = self._program.say(declared_form(self._program, what, matrix, force))

    def observe(self, what: Any, value: Any, *, noise: Any) -> None:
        """Data: `what` was read as `value`, with normal noise of this standard deviation.

        It adds T (value - what)²/(2 noise²) to the energy, so that the law at rest is the posterior
        at any temperature T of these coordinates, if the rest of the energy, over T, is that of the
        prior.

        Args:
            what: expressions in the coordinates, one or an array.
            value: the data, as many.
            noise: standard deviation, one for all or one for each.

        Raises:
            InvalidInput: shapes differ, the noise is not positive, or `what` cannot be used, or its
                coordinates have more than one temperature.
        """
        for observation in [*declared_data(self._program, what, value, noise)]:  # all or none
            self._program = self._program.say(observation)

    def clamp(self, what: Any, values: Any) -> None:
        """Hold coordinates by hand: the law of the others is conditioned on it.

        Args:
            what: a coordinate, an array of them, or a name.
            values: where; one number for all, or one for each.

        Raises:
            InvalidInput: a coordinate is held already, or is none of this model.
        """
        self._program = self._program.hold([(what, values)])

    def release(self, what: Any) -> None:
        """Let held coordinates go.

        Raises:
            InvalidInput: one is not held.
        """
        self._program = self._program.let_go(what)

    def substitute(self, values: Mapping[Any, float]) -> "Model":
        """The same program with numbers in place of parameters: {parameter or its name: number}.

        Raises:
            InvalidInput: a key is no parameter of this model, or its value no number, or one that
                makes a friction, a mass, a temperature or a noise <= 0.
        """
        model = Model()
        model._program = self._program.substitute(values)
        return model

    @property
    def temperature(self) -> Any:
        """Of the bath: a number or a parameter."""
        return self._program.temperature

    @property
    def state(self) -> tuple[sp.Symbol, ...]:
        """The coordinates that are free, in the order of their declaration."""
        return tuple(x for x in self._program.state if x not in self._program.held)

    @property
    def held(self) -> dict[sp.Symbol, float]:
        """The coordinates that are held, and where."""
        return dict(self._program.held)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The parameters without number."""
        return self._program.parameters

    @property
    def energy(self) -> sp.Expr:
        """The potential U of the free coordinates, as an expression."""
        return self._program.potential

    @property
    def is_gaussian(self) -> bool:
        """Is U quadratic in the free coordinates?"""
        return self._program.system.is_gaussian

    def sde(self) -> SDE:
        """The stochastic differential equation of the free coordinates; parameters stay symbols."""
        return self._program.sde()

    def graph(self) -> CouplingGraph:
        """Who is coupled to whom, held coordinates included."""
        return self._program.system.graph

    def process(self) -> Any:
        """What can be simulated: an OU, Network, Nonlinear or Langevin of the free coordinates.

        Raises:
            Unstable: the potential is quadratic and leaves a direction free, which is named.
        """
        return self._program.system.process

    def landscape(self) -> Landscape:
        """Energy, slope and curvature of the free coordinates, as functions of many states.

        Raises:
            InvalidInput: they have more than one temperature.
        """
        return self._program.system.landscape

    def equilibrium(self) -> Equilibrium:
        """The exact law at rest; or, if U is not quadratic, what is known and why not more.

        Raises:
            Unstable: there is no law at rest; the message names the direction to blame.
        """
        return equilibrium_of(self._program)

    def sample(
        self,
        samples: int = 1000,
        /,
        *,
        chains: int | None = None,
        longest: int = LONGEST,
        device: Device | None = None,
        rng: RNG = None,
    ) -> Samples:
        """Samples at rest, by running the system.

        Linear motion is run on the device, step by exact step; otherwise Langevin dynamics with a
        Metropolis test, whose law at rest has no error of the step.

        Args:
            samples: how many at least, of all chains together, which are equally long.
            chains: independent runs, which must agree; None is 4 if motion is linear, else 20.
            longest: most Langevin steps of each chain; more may cross a barrier.
            device: what runs it, if the motion is linear; `Device.ideal()` by default.
            rng: int, Generator, SeedSequence, or None for fresh entropy.

        Raises:
            Unstable: there is no law at rest; the message names the direction to blame.
        """
        return samples_of(
            self._program.system, samples, chains=chains, longest=longest, device=device, rng=rng
        )

    def posterior(
        self,
        what: Any,
        /,
        *,
        given: Mapping[Any, Any] | None = None,
        samples: int = 4000,
        rng: RNG = None,
    ) -> Gaussian | Samples:
        """The law of some coordinates, given the values of others.

        Exact, a `Gaussian` in the order asked for, where the law at rest is normal; else `Samples`
        of the model with those values held.

        Args:
            what: a coordinate, an array of them, or a name.
            given: {coordinate or name: value}; of the name of a plate an array of values.
            samples: how many, if there is no exact law.
            rng: likewise.

        Raises:
            InvalidInput: a name is no free coordinate, or is asked for and given at once.
        """
        known = {} if given is None else given
        return posterior_of(self._program, what, known, samples=samples, rng=rng)

    def log_partition(
        self,
        *,
        atol: float = 0.005,
        rtol: float = 0.0,
        confidence: float = 0.95,
        longest: int = integration.LONGEST,
        rng: RNG = None,
    ) -> LogPartition:
        """ln ∫ exp(-U/T) over the free coordinates, held and observed values included.

        Exact where U is quadratic; else by samples of laws between a normal one and this, with an
        error bar.

        Args:
            atol: wanted error of the logarithm.
            rtol: wanted relative error of it.
            confidence: probability with which the wanted error is to be met.
            longest: most steps of each chain at each node.
            rng: int, Generator, SeedSequence, or None for fresh entropy.

        Raises:
            Unstable: the integral is infinite; the message names the direction to blame.
            InvalidInput: temperatures differ.
        """
        return log_partition_of(
            self._program, atol=atol, rtol=rtol, confidence=confidence, longest=longest, rng=rng
        )

    def __repr__(self) -> str:
        free, held = len(self.state), len(self._program.held)
        return f"Model({free} free oscillators, {held} held, temperature {self.temperature})"

    def __str__(self) -> str:
        return f"model {self._program}"

    def _repr_latex_(self) -> str:
        terms = sp.Add.make_args(self.energy)
        more = r" + \cdots" if len(terms) > ROWS else ""
        return f"$\\displaystyle U = {sp.latex(rounded(sp.Add(*terms[:ROWS])))}{more}$"
