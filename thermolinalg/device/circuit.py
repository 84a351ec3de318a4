"""What the device is made of: how a network asked for becomes one that moves."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import DoesNotFit, ShapeMismatch
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


class Circuit(ABC):
    """A kind of machine. Positions come first in its state, whatever else it has."""

    kind: ClassVar[str]

    @abstractmethod
    def nominal(self, network: OU) -> Any:
        """What moves, as it was designed: by it runs are planned."""

    def realise(self, network: OU) -> Any:
        """What moves, with the components that this circuit really has."""
        return self.nominal(network)


@final
@dataclass(frozen=True, slots=True)
class RC(Circuit):
    """Resistors and capacitors: voltages relax without inertia (Donatella et al. 2024, app. C)."""

    kind: ClassVar[str] = "rc"

    def nominal(self, network: OU) -> OU:
        return network


@final
@dataclass(frozen=True, slots=True)
class MassSpring(Circuit):
    """Masses on springs: positions swing before they settle, to the same equilibrium.

    Args:
        friction: force per velocity, of a mass of 1; the stiffest mode has the frequency 1.
    """

    friction: float = 1.0
    kind: ClassVar[str] = "mass-spring"

    def __post_init__(self) -> None:
        checks.positive("friction", self.friction)

    def nominal(self, network: OU) -> Inertial | OU:
        if network.modes is not None:
            return Inertial(network, self.friction)
        xp, zero = namespace(network.A), 0 * network.A
        one = like(xp.eye(network.n), network.A)
        return OU(
            _blocks(zero, -one, network.A, self.friction * one),
            xp.concat([0 * network.b, network.b], axis=-1),
            _blocks(zero, zero, zero, self.friction * network.D),
        )


@final
@dataclass(frozen=True, slots=True)
class RLC(Circuit):
    """Resonators coupled by capacitors, as on the 8-cell SPU (Melanson et al. 2025, eqs. 4-5).

        di = L⁻¹ v dt,     dv = -C⁻¹R⁻¹ v dt - C⁻¹ i dt + C⁻¹ N(0, 2 kappa0 dt),

    with C the Maxwell capacitance matrix, which is the matrix asked for, and kappa0 = T/mean(R).
    With equal R, cov(v) = kappa0 R C⁻¹. Voltages rest at zero, for coils short any direct current:
    such a device samples and inverts, and does not solve.

    Args:
        resistances: R of each cell, or one of all; in units in which time is RC for C = 1.
        inductances: L of each cell, or one of all.
    """

    resistances: float | tuple[float, ...] = 1.0
    inductances: float | tuple[float, ...] = 1.0
    kind: ClassVar[str] = "rlc"

    def __post_init__(self) -> None:
        for name in ("resistances", "inductances"):
            value = getattr(self, name)
            if isinstance(value, int | float):
                checks.positive(name, value)
            else:
                object.__setattr__(self, name, tuple(checks.positive(name, x) for x in value))

    def nominal(self, network: OU) -> OU:
        R, L = (self._of_each(name, network) for name in ("resistances", "inductances"))
        xp, one = namespace(R), namespace(R).ones_like(R)
        return self._moving(network, float(xp.mean(R)) * one, float(xp.mean(L)) * one)

    def realise(self, network: OU) -> OU:
        R, L = (self._of_each(name, network) for name in ("resistances", "inductances"))
        return self._moving(network, R, L)

    def _moving(self, network: OU, R: Array, L: Array) -> OU:
        """States (v, i); of C the normal modes are used, as everywhere, to move it exactly."""
        xp = namespace(R)
        if bool(xp.any(network.b != 0)):
            raise DoesNotFit(
                "the voltages of an RLC network rest at zero: its coils short any drive, so that "
                "it cannot solve. Ask it for inv(A), or take an RC network."
            )
        if not checks.is_symmetric(network.A):
            raise DoesNotFit("a capacitance matrix is symmetric, and this matrix is not.")
        sizes, U = xp.linalg.eigh(network.A)
        charges = (U / sizes) @ U.T
        A = _blocks(charges / R, charges, -like(xp.eye(network.n), R) / L[:, None], 0 * charges)
        noise = charges @ network.D @ charges.T / float(xp.mean(R))
        zero = 0 * charges
        return OU(A, xp.zeros_like(A[0, :]), _blocks((noise + noise.T) / 2, zero, zero, zero))

    def _of_each(self, name: str, network: OU) -> Array:
        value, one = getattr(self, name), namespace(network.A).ones_like(network.A[0, :])
        if isinstance(value, tuple):
            if len(value) != network.n:
                raise ShapeMismatch(
                    f"{name} are of {len(value)} cells, and the problem has {network.n} nodes."
                )
            return like(namespace(one).asarray(value), one)
        return value * one


def _blocks(a: Array, b: Array, c: Array, d: Array) -> Array:
    xp = namespace(a)
    return xp.concat([xp.concat([a, b], axis=1), xp.concat([c, d], axis=1)], axis=0)
