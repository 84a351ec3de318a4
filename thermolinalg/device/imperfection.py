"""The contract of an imperfection of what is programmed: from the network asked for to the real.

    asked for  ->  rounded  ->  mismatched  ->  stray couplings  ->  dead nodes  ->  temperatures

A network is dx = -(A x - b) dt + N(0, D dt) in the device's units. What an imperfection does to it
is known once the *chip* is, one specimen of the device: the same seed gives the same chip.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from thermolinalg.backend import Array, like, namespace
from thermolinalg.streams import Streams
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """Changes of A (n, n), b (n,) or (k, n), and D (n, n); or variances of them, entry by entry."""

    A: Array
    b: Array
    D: Array

    @staticmethod
    def none(network: OU) -> "Change":
        """No change of this network."""
        return Change(0 * network.A, 0 * network.b, 0 * network.D)

    @staticmethod
    def between(real: OU, asked: OU) -> "Change":
        """What makes one network of the other."""
        return Change(real.A - asked.A, real.b - asked.b, real.D - asked.D)


class Imperfection(ABC):
    """One way in which a device programs another network than it was asked for.

    It is a frozen dataclass whose field `knob` is its strength; without any, it is not there.
    """

    title: ClassVar[str]  # as reports call it
    knob: ClassVar[str]  # the field that is its strength
    remedy: ClassVar[str]  # what to buy against it

    @abstractmethod
    def distort(self, network: OU, chip: Streams) -> OU:
        """The network that this chip holds in place of the one asked for.

        Raises:
            InvalidInput: the device cannot hold it; the message says which limit is exceeded.
        """

    def expected(self, network: OU) -> Change:
        """The mean change over chips, to first order."""
        return Change.none(network)

    def variance(self, network: OU) -> Change:
        """The variance of each entry's change over chips.

        Entries ij and ji of A change together where `network.A` is symmetric; all others, and those
        of b, independently.
        """
        return Change.none(network)

    @property
    def strength(self) -> Any:
        """The value of the knob."""
        return getattr(self, self.knob)


def specimen(rng: np.random.Generator, shape: tuple[int, ...], x: Array) -> Array:
    """Standard normal errors of one chip, in the library of x: the same ones in any precision."""
    return like(rng.standard_normal(shape), x)


def mirrored(upper: Array) -> Array:
    """The symmetric matrix with this upper triangle."""
    xp = namespace(upper)
    strictly = xp.triu(upper, k=1)
    return xp.triu(upper) + xp.matrix_transpose(strictly)
