"""What components do to coefficients: they are rounded, they do not match, they leak, they fail."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.device.imperfection import Change, Imperfection, mirrored, specimen
from thermolinalg.errors import DoesNotFit, InvalidInput, Unstable
from thermolinalg.streams import Streams
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Quantisation(Imperfection):
    """Coefficients are multiples of a step: 2 full_scale/2^bits, or the levels of a bank.

    Nearest rounding errs by at most half a step. Stochastic rounding errs by up to a whole one, but
    is right on average over `event`s, of which each is another programming of the same device
    (Aifer et al. 2024, error mitigation). A coefficient of zero is an open switch, and exact.

    Args:
        bits: of a coefficient with its sign.
        rounding: "nearest" or "stochastic".
        full_scale: largest coefficient, in units of the norm of the matrix that is programmed; None
            is a gain that makes it the largest coefficient of the problem.
        levels: sizes that a component can have, in units of `full_scale`, such as the sums of a
            bank of switched capacitors; instead of bits.
        drive_bits: of a drive, whose full scale is the largest drive; None drives exactly.
        event: which of many random roundings, of a stochastic one.
        events: so many in a row share their random numbers, each shifted by 1/events, so that the
            mean of their coefficients errs by step/events and no longer by step/events^{1/2}.
    """

    bits: int | None = None
    rounding: Literal["nearest", "stochastic"] = "nearest"
    full_scale: float | None = None
    levels: tuple[float, ...] | None = None
    drive_bits: int | None = None
    event: int = 0
    events: int = 1

    title: ClassVar[str] = "finite bits"
    knob: ClassVar[str] = "bits"
    remedy: ClassVar[str] = "more bits, or a rounding ensemble"

    def __post_init__(self) -> None:
        for name in ("bits", "drive_bits"):
            if getattr(self, name) is not None:
                checks.count(name, getattr(self, name))
        if self.bits is not None and self.levels is not None:
            raise InvalidInput("bits and levels both say what a coefficient can be: give one.")
        if self.rounding not in {"nearest", "stochastic"}:
            raise InvalidInput(f"rounding = {self.rounding!r} must be 'nearest' or 'stochastic'.")
        if self.full_scale is not None:
            checks.positive("full_scale", self.full_scale)
        checks.count("event", self.event, least=0)
        checks.count("events", self.events)
        if self.levels is not None:
            if self.rounding == "stochastic" or min(self.levels, default=-1.0) < 0:
                raise InvalidInput("levels must be numbers >= 0, and take rounding='nearest'.")
            object.__setattr__(self, "levels", tuple(sorted(map(float, self.levels))))

    def distort(self, network: OU, chip: Streams) -> OU:
        A = network.A
        scale = self._scale(A)
        if self.levels is not None:
            A = like(_nearest_level(to_numpy(A), scale * np.asarray(self.levels)), A)
        elif self.bits is not None:
            step = 2 * scale / 2**self.bits
            A = self._rounded(A, step, chip.stream("rounding", self.event // self.events))
        b = network.b
        if self.drive_bits is not None and bool(namespace(b).any(b != 0)):
            b = _to_grid(b, 2 * _largest(b) / 2**self.drive_bits)
        return held(A, b, network.D, self.title)

    def variance(self, network: OU) -> Change:
        """As if what is rounded off by rounding to the nearest were uniform over a step."""
        change = Change.none(network)
        A, b = change.A, change.b
        if self.bits is not None:
            step = 2 * self._scale(network.A) / 2**self.bits
            off = network.A - _to_grid(network.A, step)
            f = namespace(A).abs(off) / step
            nearest, random = step**2 / 12, step**2 * f * (1 - f)
            A = A + (network.A != 0) * (random if self.rounding == "stochastic" else nearest)
        if self.levels is not None:
            scaled = self._scale(network.A) * np.asarray(self.levels)
            A = like(_gap(to_numpy(network.A), scaled) ** 2 / 12, A) * (network.A != 0)
        if self.drive_bits is not None:
            b = b + (network.b != 0) * (2 * _largest(network.b) / 2**self.drive_bits) ** 2 / 12
        return Change(A, b, change.D)

    def _scale(self, A: Array) -> float:
        largest = _largest(A)
        if self.full_scale is None:
            return largest
        if largest > self.full_scale * (1 + checks.rounding(A)):
            raise DoesNotFit(
                f"the largest coefficient is {largest:.4g} of the matrix's norm, and the device's "
                f"full_scale is {self.full_scale:g}. Scale the unknowns, or widen full_scale."
            )
        return self.full_scale

    def _rounded(self, A: Array, step: float, rng: np.random.Generator) -> Array:
        if self.rounding == "nearest":
            return _to_grid(A, step)
        u = like((rng.random(A.shape) + self.event % self.events / self.events) % 1.0, A)
        if checks.is_symmetric(A):
            u = mirrored(u)  # one component for both
        return step * namespace(A).floor(A / step + u)


@final
@dataclass(frozen=True, slots=True)
class Mismatch(Imperfection):
    """Each component is off by a relative error of its own, once and for all on one chip.

    Args:
        couplings: standard deviation of the relative error of each coefficient of A; ij and ji of a
            symmetric network are one component.
        drives: that of each drive.
        nodes: that of each node's own time constant (capacitance or friction), which changes how
            fast it settles, and not where: noise and pull change together.
    """

    couplings: float = 0.0
    drives: float = 0.0
    nodes: float = 0.0

    title: ClassVar[str] = "mismatch"
    knob: ClassVar[str] = "couplings"
    remedy: ClassVar[str] = "better matching, or calibration"

    def __post_init__(self) -> None:
        for name in ("couplings", "drives", "nodes"):
            checks.positive(name, getattr(self, name), zero=True)

    def distort(self, network: OU, chip: Streams) -> OU:
        A, b, D = network.A, network.b, network.D
        z = specimen(chip.stream("couplings"), (network.n, network.n), A)
        if checks.is_symmetric(A):
            z = mirrored(z)
        A = A * (1 + self.couplings * z)
        b = b * (1 + self.drives * specimen(chip.stream("drives"), (network.n,), b))
        if self.nodes:
            speed = 1 / (1 + self.nodes * specimen(chip.stream("nodes"), (network.n,), A))
            if float(namespace(A).min(speed)) <= 0:
                raise DoesNotFit(
                    f"a mismatch of nodes = {self.nodes:g} gives a node of this chip a negative "
                    "time constant. Take another chip, or a mismatch well below 1."
                )
            width = namespace(A).sqrt(speed)
            A, b, D = speed[:, None] * A, speed * b, width[:, None] * D * width
        return held(A, b, D, self.title)

    def variance(self, network: OU) -> Change:
        return Change(
            (self.couplings * network.A) ** 2, (self.drives * network.b) ** 2, 0 * network.D
        )


@final
@dataclass(frozen=True, slots=True)
class Parasitics(Imperfection):
    """Stray conductances between neighbouring nodes, in the order of the problem's unknowns.

    Args:
        coupling: of each, in units of the norm of the matrix that is programmed.
        reach: how many nodes away a neighbour may be.
    """

    coupling: float = 0.0
    reach: int = 1

    title: ClassVar[str] = "stray couplings"
    knob: ClassVar[str] = "coupling"
    remedy: ClassVar[str] = "better shielding, or calibration"

    def __post_init__(self) -> None:
        checks.positive("coupling", self.coupling, zero=True)
        checks.count("reach", self.reach)

    def distort(self, network: OU, chip: Streams) -> OU:  # noqa: ARG002 (alike on all chips)
        A = network.A + self.expected(network).A
        return held(A, network.b, network.D, self.title)

    def expected(self, network: OU) -> Change:
        n = network.n
        between = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        stray = -self.coupling * ((between > 0) & (between <= self.reach))
        laplacian = like(stray - np.diag(stray.sum(axis=1)), network.A)
        none = Change.none(network)
        return Change(laplacian, none.b, none.D)


@final
@dataclass(frozen=True, slots=True)
class DeadNodes(Imperfection):
    """Nodes that are shorted to ground: they read zero, and hold what they are coupled to.

    Args:
        share: of all nodes, rounded to a whole number; which ones, the chip says.
        nodes: those that are dead, by number; instead of a share.
    """

    share: float = 0.0
    nodes: tuple[int, ...] | None = None

    title: ClassVar[str] = "dead nodes"
    knob: ClassVar[str] = "share"
    remedy: ClassVar[str] = "spare nodes"

    def __post_init__(self) -> None:
        if not 0 <= checks.real_number("share", self.share) < 1:
            raise InvalidInput(f"share = {self.share:g} must be in [0, 1).")
        if self.nodes is not None:
            object.__setattr__(self, "nodes", tuple(sorted({int(k) for k in self.nodes})))

    def dead(self, n: int, chip: Streams) -> list[int]:
        """Which of n nodes are dead."""
        if self.nodes is None:
            count = round(self.share * n)
            return sorted(chip.stream("dead").choice(n, count, replace=False).tolist())
        if any(not 0 <= k < n for k in self.nodes):
            raise InvalidInput(f"nodes = {self.nodes} must be among 0 ... {n - 1}.")
        return list(self.nodes)

    def distort(self, network: OU, chip: Streams) -> OU:
        alive, dead = np.ones(network.n), self.dead(network.n, chip)
        if len(dead) == network.n:
            raise DoesNotFit(
                f"all {network.n} nodes of this chip are dead, and nothing answers. Take another "
                "chip, or fewer dead nodes."
            )
        alive[dead] = 0.0
        keep = like(alive, network.A)
        both = keep[:, None] * keep
        ground = namespace(keep).linalg.diagonal(network.A) * (1 - keep)
        A = network.A * both + ground[:, None] * like(np.eye(network.n), network.A)
        return OU(A, network.b * keep, network.D * both)


def held(A: Array, b: Array, D: Array, why: str) -> OU:
    """The network, if it settles.

    Raises:
        DoesNotFit: it does not.
    """
    try:
        return OU(A, b, D)
    except Unstable as error:
        lowest = float(namespace(A).min(namespace(A).real(namespace(A).linalg.eigvals(A))))
        if not bool(namespace(A).any(A != 0)):
            raise DoesNotFit(
                f"this device cannot hold the problem: with {why} every coefficient is rounded to "
                "zero. Take more bits, or a smaller full_scale."
            ) from error
        raise DoesNotFit(
            f"this device cannot hold the problem: {why} moves its slowest relaxation rate to "
            f"{lowest:.3g} of the fastest, and it must be > 0 to settle. Add a ridge to A of more "
            "than that size times its norm, or take a better device."
        ) from error


def _to_grid(x: Array, step: float) -> Array:
    return step * namespace(x).round(x / step)


def _nearest_level(A: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Each entry's size moved to the nearest level, its sign kept; zeros are open switches."""
    size = np.abs(A)
    low, high = _neighbours(size, levels)
    return np.where(A == 0, 0.0, np.sign(A) * np.where(high - size < size - low, high, low))


def _gap(A: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """How far the levels on both sides of each entry's size are apart."""
    low, high = _neighbours(np.abs(A), levels)
    return np.asarray(high - low)


def _neighbours(size: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    above = np.clip(np.searchsorted(levels, size), 1, max(len(levels) - 1, 1))
    return levels[above - 1], levels[np.minimum(above, len(levels) - 1)]


def _largest(x: Array) -> float:
    return float(namespace(x).max(namespace(x).abs(x))) or math.ulp(1.0)
