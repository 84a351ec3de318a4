"""What a device can hold at all: how many nodes and couplings, of which sign and how strong."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import namespace, to_numpy
from thermolinalg.device.realising import coefficients_of
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Network, Runnable
from thermolinalg.theory.process import OU


class Held(NamedTuple):
    """What a process asks of a device, in the device's units."""

    nodes: int
    coefficients: int
    A: Any  # an array, or sparse; None where entries are not known
    largest: float  # drive


def held_of(process: Runnable, unit: float, drives: Any = None) -> Held:
    """What holding this process takes, and drives (k, n) that are switched on after it.

    A state or a drive of it is `unit` in the device's units.
    """
    A = getattr(process, "A", None)
    if isinstance(process, Network):
        A = A if hasattr(A, "tocsr") else None
    elif not isinstance(process, OU | Inertial):
        A = None
    given = [b for b in (getattr(process, "b", None), drives) if b is not None]
    largest = unit * max((float(namespace(b).max(namespace(b).abs(b))) for b in given), default=0.0)
    return Held(coordinates_read(process), coefficients_of(process), A, largest)


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a device; None is none.

    Args:
        nodes: the most unknowns.
        coefficients: the most numbers that its memory of couplings holds.
        couplings: "any", or "attractive": off-diagonal entries <= 0, as of capacitors and springs.
        dominant: must every diagonal entry be at least the sum of the sizes of its row's others, as
            of components to ground?
        drive: the largest drive, where the root mean square of all drives is 1.
    """

    nodes: int | None = None
    coefficients: int | None = None
    couplings: Literal["any", "attractive"] = "any"
    dominant: bool = False
    drive: float | None = None

    def __post_init__(self) -> None:
        for name in ("nodes", "coefficients"):
            if getattr(self, name) is not None:
                checks.count(name, getattr(self, name))
        if self.couplings not in {"any", "attractive"}:
            raise InvalidInput(f"couplings = {self.couplings!r} must be 'any' or 'attractive'.")
        if self.drive is not None:
            checks.positive("drive", self.drive)

    def require(self, held: Held) -> None:
        """Go on only with a network that fits.

        Raises:
            DoesNotFit: it does not; the message has the number that is exceeded.
        """
        if self.nodes is not None and held.nodes > self.nodes:
            raise DoesNotFit(
                f"the problem takes {held.nodes} nodes, and the device has {self.nodes}. Take a "
                "smaller problem, or a device with more nodes."
            )
        if self.coefficients is not None and held.coefficients > self.coefficients:
            raise DoesNotFit(
                f"the problem has {held.coefficients} coefficients, and the device's memory holds "
                f"{self.coefficients}. Take a sparser problem, or a larger device."
            )
        if self.couplings == "attractive" or self.dominant:
            self._require_signs(held.A)
        if self.drive is not None and held.largest > self.drive:
            raise DoesNotFit(
                f"the largest drive is {held.largest:.3g} times their root mean square, and the "
                f"device drives {self.drive:g} at most. Solve for parts of b one after the other."
            )

    def _require_signs(self, A: Any) -> None:
        if A is None:
            raise DoesNotFit(
                "this device's couplings have signs or sums that are limited, and those of this "
                "problem are not known, as it is only multiplied or not linear. Pass an array or a "
                "scipy.sparse matrix."
            )
        diagonal, largest, sums = _couplings(A)
        slack = checks.rounding(diagonal) * float(np.max(np.abs(diagonal)))
        if self.couplings == "attractive" and largest > slack:
            raise DoesNotFit(
                f"the problem has a coupling A_ij = {largest:.3g} > 0 of its norm, and this "
                "device's couplings are capacitors or springs, which are <= 0 off the diagonal. "
                "`thermolinalg.embed` shows how to hold other signs on twice the nodes."
            )
        short = float(np.max(sums - diagonal))
        if self.dominant and short > slack * len(diagonal):
            raise DoesNotFit(
                f"a row's couplings exceed its diagonal by {short:.3g} of the matrix's norm, and "
                "this device needs components >= 0 from each node to ground. Add a ridge, or "
                "scale the unknowns."
            )


def _couplings(A: Any) -> tuple[np.ndarray, float, np.ndarray]:
    """Of an array or a sparse matrix: diagonal, largest coupling, and sizes summed over rows."""
    if hasattr(A, "tocsr"):
        coo = A.tocoo()
        off = coo.row != coo.col
        sums = np.bincount(coo.row[off], np.abs(coo.data[off]), minlength=A.shape[0])
        return A.diagonal(), float(coo.data[off].max(initial=0.0)), sums
    A = to_numpy(A)
    off = A - np.diag(np.diagonal(A))
    return np.diagonal(A), float(off.max(initial=0.0)), np.abs(off).sum(axis=1)
