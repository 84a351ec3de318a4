"""What temperature does: nodes differ in it, and it drifts while the device runs."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.device.imperfection import Change, Imperfection, specimen
from thermolinalg.errors import DoesNotFit, ShapeMismatch
from thermolinalg.streams import Streams
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Temperatures(Imperfection):
    """Noise that is not the same at all nodes: node i has T (1 + offset + spread z_i).

    Args:
        spread: standard deviation of the nodes' relative errors, once and for all on one chip.
        offset: relative error that they share.
        nodes: factor of each node, for a network of just so many; instead of spread and offset.
    """

    spread: float = 0.0
    offset: float = 0.0
    nodes: tuple[float, ...] | None = None

    title: ClassVar[str] = "unequal temperatures"
    knob: ClassVar[str] = "spread"
    remedy: ClassVar[str] = "calibration of the noise sources"

    def __post_init__(self) -> None:
        checks.positive("spread", self.spread, zero=True)
        checks.real_number("offset", self.offset)
        for t in self.nodes or ():
            checks.positive("nodes", t, zero=True)

    def factors(self, network: OU, chip: Streams) -> Array:
        """The temperature of each node (n,), relative to the one asked for."""
        return self.factors_of(network.n, chip, network.A)

    def factors_of(self, n: int, chip: Streams, reference: Array) -> Array:
        """The same for n nodes, in the library and dtype of an array."""
        if self.nodes is not None:
            if len(self.nodes) != n:
                raise ShapeMismatch(f"nodes gives {len(self.nodes)} temperatures to {n} nodes.")
            return like(namespace(reference).asarray(self.nodes), reference)
        z = specimen(chip.stream("temperatures"), (n,), reference)
        t = 1 + self.offset + self.spread * z
        if float(namespace(t).min(t)) < 0:
            raise DoesNotFit(
                f"spread = {self.spread:g} and offset = {self.offset:g} give a node of this chip a "
                "temperature below zero. Take a spread well below 1."
            )
        return t

    def distort(self, network: OU, chip: Streams) -> OU:
        width = namespace(network.D).sqrt(self.factors(network, chip))
        return OU(network.A, network.b, width[:, None] * network.D * width)

    def expected(self, network: OU) -> Change:
        none = Change.none(network)
        if self.nodes is None:
            return Change(none.A, none.b, self.offset * network.D)
        known = like(namespace(network.A).asarray(self.nodes), network.A)
        return Change(none.A, none.b, (known - 1) * network.D)

    def variance(self, network: OU) -> Change:
        none, eye = Change.none(network), like(namespace(network.D).eye(network.n), network.D)
        spread = self.spread if self.nodes is None else 0.0
        return Change(none.A, none.b, (spread * network.D) ** 2 * eye)


@final
@dataclass(frozen=True, slots=True)
class TemperatureDrift:
    """The temperature rises while the device runs: T(t) = T (1 + amount (1 - e^{-t/period})).

    Args:
        amount: relative change after a long time.
        period: time it takes to warm up, in RC.
    """

    amount: float = 0.0
    period: float = 1e4

    title: ClassVar[str] = "temperature drift"
    knob: ClassVar[str] = "amount"
    remedy: ClassVar[str] = "a thermostat, or a reference node"

    def __post_init__(self) -> None:
        if checks.real_number("amount", self.amount) <= -1:
            raise DoesNotFit(f"amount = {self.amount:g} would end below zero temperature.")
        checks.positive("period", self.period)

    def factor(self, start: float, end: float) -> float:
        """The mean of T(t)/T between two times since the device was switched on, in RC."""
        if end <= start:
            return 1 - self.amount * math.expm1(-start / self.period)
        cooler = self.period / (end - start)
        cooler *= math.exp(-start / self.period) - math.exp(-end / self.period)
        return 1 + self.amount * (1 - cooler)
