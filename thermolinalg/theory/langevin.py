"""Processes under any force: nonlinear drift, noise that depends on the state, motion with mass."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.theory.process import OU

Force: TypeAlias = Callable[[Array], Array]
"""What acts on states (chains, n), each chain on its own: a force has the same shape."""


@final
@dataclass(frozen=True, eq=False)
class Nonlinear:
    """The process dx = f(x) dt + N(0, D dt).

    Args:
        f: drift, vectorised over chains: (chains, n) -> (chains, n). It is tried once, here.
        D: diffusion (n, n), symmetric positive semidefinite. States take its library and dtype.
        probe: state (n,) at which f is tried, where it must be finite; None is (1, ..., n)/(n + 1).

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    f: Force
    D: Array
    probe: Array | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", checks.semidefinite("D", self.D))
        _try_out("f", self.f, _probe(self.probe, self.n, self.D))

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.D.shape[0])

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.D

    def drift(self, x: Array) -> Array:
        """f(x), in the dtype of x."""
        return like(self.f(x), x)

    def __repr__(self) -> str:
        return f"Nonlinear(n={self.n}, drift {_name(self.f)})"


@final
@dataclass(frozen=True, eq=False)
class Multiplicative:
    """The process dx = f(x) dt + B(x) dW by Ito: its noise depends on the state.

    Args:
        f: drift, vectorised over chains: (chains, n) -> (chains, n).
        B: noise, (chains, n) -> (chains, n, n), the matrix before n independent noises.
        probe: state (n,) at which both are tried, once, where they must be finite. States take its
            library and dtype.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    f: Force
    B: Force
    probe: Array

    def __post_init__(self) -> None:
        probe = checks.real_array("probe", self.probe)
        if probe.ndim != 1 or probe.shape[0] == 0:
            raise ShapeMismatch(f"probe has shape {tuple(probe.shape)}; a state (n,) is needed.")
        object.__setattr__(self, "probe", probe)
        _try_out("f", self.f, probe)
        _try_out("B", self.B, probe, matrix=True)

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.probe.shape[0])

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.probe

    def drift(self, x: Array) -> Array:
        """f(x), in the dtype of x."""
        return like(self.f(x), x)

    def noise(self, x: Array) -> Array:
        """B(x), in the dtype of x."""
        return like(self.B(x), x)

    def __repr__(self) -> str:
        return f"Multiplicative(n={self.n}, drift {_name(self.f)}, noise {_name(self.B)})"


@final
@dataclass(frozen=True, eq=False)
class Langevin:
    """Motion with mass: dx = v dt, m dv = (F(x) - friction v) dt + N(0, 2 friction temperature dt).

    At rest, under a force F = -dU/dx, positions and velocities are independent: x has the density
    exp(-U(x)/temperature), and v ~ N(0, temperature/m). States are (x, v), positions first.

    Args:
        F: force, vectorised over chains: (chains, n) -> (chains, n). It is tried once, here.
        mass: (n,), one for each position. States take its library and dtype.
        temperature: in units of energy; 0 switches the noise off.
        friction: force per velocity; 0 leaves Hamilton's equations.
        probe: positions (n,) at which F is tried, as in `Nonlinear`.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    F: Force
    mass: Array
    temperature: float = field(default=1.0, kw_only=True)
    friction: float = field(default=1.0, kw_only=True)
    probe: Array | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        mass = checks.real_array("mass", self.mass)
        if mass.ndim != 1 or mass.shape[0] == 0:
            raise ShapeMismatch(
                f"mass has shape {tuple(mass.shape)}; one number for each position is needed, "
                "such as np.ones(n)."
            )
        checks.positive("the smallest mass", namespace(mass).min(mass))
        set_field = object.__setattr__
        set_field(self, "mass", mass)
        set_field(self, "temperature", checks.positive("temperature", self.temperature, zero=True))
        set_field(self, "friction", checks.positive("friction", self.friction, zero=True))
        _try_out("F", self.F, _probe(self.probe, self.positions, mass))

    @property
    def positions(self) -> int:
        """The number of positions: half the coordinates."""
        return int(self.mass.shape[0])

    @property
    def n(self) -> int:
        """The number of coordinates of a state: positions and velocities."""
        return 2 * self.positions

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.mass

    def split(self, state: Array) -> tuple[Array, Array]:
        """Positions and velocities, (..., n) each, of states (..., 2n)."""
        return state[..., : self.positions], state[..., self.positions :]

    def acceleration(self, x: Array) -> Array:
        """F(x)/m, in the dtype of x."""
        return like(self.F(x), x) / self.mass

    def drift(self, state: Array) -> Array:
        """(v, (F(x) - friction v)/m): the motion of whole states, less their noise."""
        x, v = self.split(state)
        pull = self.acceleration(x) - self.friction * v / self.mass
        return namespace(state).concat([v, pull], axis=-1)

    @property
    def D(self) -> Array:
        """The diffusion (2n, 2n) of whole states: noise on the velocities alone."""
        xp, m = namespace(self.mass), self.mass
        noise = 2 * self.friction * self.temperature / m**2
        return like(xp.eye(self.n), m) * xp.concat([0 * noise, noise])

    def __repr__(self) -> str:
        return (
            f"Langevin({self.positions} positions, force {_name(self.F)}, "
            f"temperature {self.temperature:.3g}, friction {self.friction:.3g})"
        )


Process: TypeAlias = OU | Nonlinear | Multiplicative | Langevin
"""Anything that can be simulated."""


def _probe(probe: Array | None, n: int, reference: Array) -> Array:
    """Where a force is tried: off the origin and with no two coordinates equal, where poles are."""
    if probe is None:
        return like(namespace(reference).arange(1, n + 1), reference) / (n + 1)
    return like(checks.vector("probe", probe, n), reference)


def _try_out(name: str, f: Force, probe: Array, *, matrix: bool = False) -> None:
    """Call f on a few chains, not as many as coordinates: a mistaken axis cannot pass for right."""
    xp, n = namespace(probe), probe.shape[0]
    shape = (3 if n == 2 else 2, n)
    wanted = (*shape, n) if matrix else shape
    advice = (
        f"It must act on many chains at once, (chains, n) -> (chains, n{', n' if matrix else ''}): "
        "write x[:, i] for coordinate i, and x @ M.T for Mx."
    )
    x = xp.asarray(xp.broadcast_to(probe, shape), copy=True)
    try:
        with np.errstate(all="ignore"):
            value = checks.real_array(f"{name}(x)", f(x))
    except NotFinite as error:
        raise NotFinite(
            f"{name} is NaN or infinite at x = {probe}. Pass probe=, a state where it is finite; "
            f"if there is none, {name} is wrong."
        ) from error
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput(
            f"{name} failed on an array of shape {shape}: {error}. {advice}"
        ) from error
    if tuple(value.shape) != wanted:
        raise ShapeMismatch(f"{name} turns shape {shape} into {tuple(value.shape)}. {advice}")


def _name(f: Force) -> str:
    return getattr(f, "__name__", type(f).__name__)
