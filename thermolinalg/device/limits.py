"""What a device can hold at all: how many nodes and couplings, and of which sign."""

from dataclasses import dataclass
from typing import Any, Literal, final

from thermolinalg import checks
from thermolinalg.backend import namespace
from thermolinalg.errors import DoesNotFit, InvalidInput


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

    def require(self, nodes: int, coefficients: int, A: Any, b: Any) -> None:
        """Go on only with a network that fits; A is None where its entries are not known.

        Raises:
            DoesNotFit: it does not; the message has the number that is exceeded.
        """
        if self.nodes is not None and nodes > self.nodes:
            raise DoesNotFit(
                f"the problem has {nodes} unknowns, and the device {self.nodes} nodes. Take a "
                "smaller problem, or a device with more nodes."
            )
        if self.coefficients is not None and coefficients > self.coefficients:
            raise DoesNotFit(
                f"the problem has {coefficients} coefficients, and the device's memory holds "
                f"{self.coefficients}. Take a sparser problem, or a larger device."
            )
        if A is not None:
            self._require_signs(A)
        if self.drive is not None:
            largest = float(namespace(b).max(namespace(b).abs(b)))
            if largest > self.drive:
                raise DoesNotFit(
                    f"the largest drive is {largest:.3g} times their root mean square, and the "
                    f"device drives {self.drive:g} at most."
                )

    def _require_signs(self, A: Any) -> None:
        xp = namespace(A)
        d = xp.linalg.diagonal(A)
        slack = checks.rounding(A) * float(xp.max(xp.abs(A)))
        off = A - xp.eye(A.shape[0], dtype=A.dtype) * d
        largest = float(xp.max(off))
        if self.couplings == "attractive" and largest > slack:
            raise DoesNotFit(
                f"the problem has a coupling A_ij = {largest:.3g} > 0 of its norm, and this "
                "device's couplings are capacitors or springs, which are <= 0 off the diagonal. "
                "`thermolinalg.embed` shows how to hold other signs on twice the nodes."
            )
        short = float(xp.max(xp.sum(xp.abs(off), axis=1) - d))
        if self.dominant and short > slack * A.shape[0]:
            raise DoesNotFit(
                f"a row's couplings exceed its diagonal by {short:.3g} of the matrix's norm, and "
                "this device needs components >= 0 from each node to ground. Add a ridge, or "
                "scale the unknowns."
            )
