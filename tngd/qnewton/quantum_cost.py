"""What a quantum linear solver would cost: queries, gates for each, and seconds for a gate.

The queries are published counts. What a query and a gate take is an assumption: the paper of
Q-Newton was read in part, and neither it nor its program was found to state any such constant.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final, get_args

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from tngd.qnewton.contract import CostModel

Formula = Literal["jennings", "dalzell", "known norm", "bare"]
Access = Literal["unit", "qram", "qrom"]
Readout = Literal["once", "tomography", "sampling"]

OMITTED = (
    "preparing the state of g",
    "loading H before the first query",
    "error correction: gates are taken to be perfect",
    "forming H and estimating its condition number",
)


@final
@dataclass(frozen=True, slots=True)
class QuantumCost(CostModel):
    """Readouts x queries x gates for a query x seconds for a gate.

    Left out: preparing the state of g, loading H, forming it, and error correction. The readout of
    the solution's N numbers is left out too with `readout="once"`, which prepares the solution's
    state one time. All of these are in the favour of the quantum solver.

    Args:
        formula: of the queries to H's block encoding, `queries` in words.
        eps: error of the solution's state.
        alpha: rescaling of the block encoding, 1 at the best; None for d, which is the most that
            the usual d max|H|/|H| of sparse access can be. The "bare" formula has d instead.
        access: what a query takes. "unit": one gate. "qram": a gate for each level of a tree over
            the N d entries, if there is such a memory. "qrom": 4 gates for each of the N d entries
            that are looked up in turn (Babbush et al. 2018 count 4 L - 4 T gates for L entries).
        gate_time: seconds for a gate, one after the other; an assumption. The authors hope for
            hardware that does not exist.
        readout: "once"; "tomography", N/precision preparations; "sampling", N/precision².
        precision: of the numbers read out.
    """

    name: ClassVar[str] = "quantum"
    formula: Formula = "jennings"
    eps: float = 1e-10
    alpha: float | None = 1.0
    access: Access = "qram"
    gate_time: float = 1e-9
    readout: Readout = "once"
    precision: float = 1e-2

    def __post_init__(self) -> None:
        for name, kind in (("formula", Formula), ("access", Access), ("readout", Readout)):
            if getattr(self, name) not in get_args(kind):
                known = ", ".join(f'"{word}"' for word in get_args(kind))
                raise InvalidInput(f"{name} = {getattr(self, name)!r} must be one of {known}.")
        for name in ("eps", "precision"):
            checks.probability(name, getattr(self, name))
        checks.positive("gate_time", self.gate_time)
        if self.alpha is not None and checks.real_number("alpha", self.alpha) < 1:
            raise InvalidInput(f"alpha = {self.alpha:g} must be at least 1, or None for d.")

    def queries(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        """Queries to the block encoding of H, for one preparation of the solution's state.

        "jennings": equation of Jennings et al. 2023, arXiv 2305.11352, as the authors' program
            has it, less a second factor alpha there, for alpha is in it.
        "dalzell": 56 ακ + 1.05 ακ ln(1/eps), and "known norm": ακ ln(2 sqrt(2)/eps), for a
            solution whose norm is known (Dalzell 2024, arXiv 2406.12086). That a block encoding
            of H/α makes κ to ακ is a reading.
        "bare": d κ ln(N κ/eps), the O(...) of the paper with the constant 1.
        """
        N, d, kappa = (np.asarray(x, dtype=float) for x in (N, d, kappa))
        alpha = d if self.alpha is None else np.asarray(self.alpha)
        shape = np.broadcast_shapes(N.shape, d.shape, kappa.shape)
        return np.broadcast_to(_FORMULAS[self.formula](N, d, kappa, alpha, self.eps), shape)

    def gates(self, N: Any, d: Any) -> NumpyArray:
        """Gates for a query, one after the other."""
        entries = np.asarray(N, dtype=float) * np.asarray(d, dtype=float)
        if self.access == "unit":
            return np.ones_like(entries)
        return np.maximum(1.0, np.log2(entries)) if self.access == "qram" else 4 * entries

    def readouts(self, N: Any) -> NumpyArray:
        """How often the solution's state is prepared."""
        power = {"once": 0, "tomography": 1, "sampling": 2}[self.readout]
        N = np.asarray(N, dtype=float)
        return N / self.precision**power if power else np.ones_like(N)

    def gates_in_all(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        """All gates of a solve, one after the other."""
        return self.readouts(N) * self.queries(N, d, kappa) * self.gates(N, d)

    def seconds(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        return self.gate_time * self.gates_in_all(N, d, kappa)

    def explain(self) -> str:
        alpha = "d" if self.alpha is None else f"{self.alpha:g}"
        omitted = list(OMITTED)
        if self.readout == "once":
            omitted.append("reading out the N numbers of the solution")
        precision = "" if self.readout == "once" else f" to a precision of {self.precision:g}"
        return (
            f'Quantum: "{self.formula}" queries with eps = {self.eps:g} and alpha = {alpha}, '
            f'"{self.access}" access to H, {self.gate_time:g} s a gate (assumed), readout '
            f'"{self.readout}"{precision}. Left out: {"; ".join(omitted)}.'
        )


def _jennings(N: Any, d: Any, kappa: Any, alpha: Any, eps: float) -> Any:
    del N, d
    log = np.log(2 * kappa + 3)
    walk = 1741 * alpha * math.e / 500 * np.sqrt(kappa**2 + 1)
    walk = walk * ((133 / 125 + 4 / (25 * np.cbrt(kappa))) * math.pi * log + 1)
    phases = 351 / 50 * log**2 * (np.log(451 * log**2 / eps) + 1)
    filtering = alpha * kappa * math.log(32 / eps)
    return (walk + phases + filtering) / (0.39 - 0.204 * eps)


def _dalzell(N: Any, d: Any, kappa: Any, alpha: Any, eps: float) -> Any:
    del N, d
    return (56 + 1.05 * math.log(1 / eps)) * alpha * kappa


def _known_norm(N: Any, d: Any, kappa: Any, alpha: Any, eps: float) -> Any:
    del N, d
    return alpha * kappa * math.log(2 * math.sqrt(2) / eps)


def _bare(N: Any, d: Any, kappa: Any, alpha: Any, eps: float) -> Any:
    del alpha
    return d * kappa * np.log(N * kappa / eps)


_FORMULAS: dict[str, Callable[[Any, Any, Any, Any, float], Any]] = {
    "jennings": _jennings,
    "dalzell": _dalzell,
    "known norm": _known_norm,
    "bare": _bare,
}
