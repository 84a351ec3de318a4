"""A quadratic programme's answer: the point, what it proves, and what it cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg.backend import Array, to_numpy
from thermolinalg.device.ledger import Ledger
from thermolinalg.solvers.baseline import DigitalQuadratic
from thermolinalg.solvers.entries import Entries
from thermolinalg.solvers.interior_point import QuadraticOutcome
from thermolinalg.solvers.report import Block, Report


@final
@dataclass(frozen=True, eq=False, slots=True)
class QuadraticSolution:
    """What `solve_qp` returns: `value` is the best point, `np.asarray(solution)` too.

    The errors are no standard errors. They are proved from the caller's own P, q and constraints by
    products alone, so that they hold with certainty, not with a probability; no measured number has
    to be believed. Printing gives the full report.

    Attributes:
        objective: x'Px/2 + q'x at `value`.
        gap: |objective - least| is at most this.
        error: |value - minimiser| is at most this in the 2-norm; infinite without strong convexity.
        reach: the gap holds against every feasible point within this distance, mostly infinite.
        multipliers: of the constraints, by name: "A", "G", "lower", "upper", the last three >= 0,
            with Px + q + A'y + G'z - lower + upper = 0. Of an INFEASIBLE problem they are its proof
            (Farkas): A'y + G'z - lower + upper = 0 but b'y + h'z - lower'l + upper'u = -1.
        radius: INFEASIBLE only: no feasible point is nearer to 0 than this. Infinite if rounding
            left nothing in the first equation above.
        ray: UNBOUNDED only: v with q'v = -1, Pv = 0, Av = 0, Gv <= 0, along which any feasible
            point, such as `value`, falls without end.
        primal_residual: largest violation of a constraint, as a distance from its plane.
        dual_residual: largest entry of Px + q + A'y + G'z - lower + upper.
        steps: Newton steps.
        networks: programmed and settled in all steps together.
        time: of all networks, in units of RC.
        history: the gap after each step of the search, relative to the size of the objective.
    """

    problem: str
    value: Array
    outcome: QuadraticOutcome
    objective: float
    gap: float
    error: float
    reach: float
    multipliers: Mapping[str, Array]
    radius: float | None
    ray: Array | None
    primal_residual: float
    dual_residual: float
    rtol: float
    temperature: float
    steps: int
    networks: int
    time: float
    history: tuple[float, ...]
    ledger: Ledger
    seed: int
    baseline: Callable[[Any], DigitalQuadratic]

    @property
    def digital(self) -> DigitalQuadratic:
        """The same problem solved digitally on this machine, timed now: never used for `value`."""
        return self.baseline(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(to_numpy(self.value), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return (
            f"QuadraticSolution({self.problem}, {self.outcome.name}, "
            f"objective {self.objective:.6g}, gap {self.gap:.2g}, {self.steps} steps)"
        )

    def __str__(self) -> str:
        return str(self._report())

    def _repr_html_(self) -> str:
        return self._report().html

    def _report(self) -> Report:
        """What it says of itself; the digital solver is timed for it, now."""
        blocks = (
            Block.of("wanted", f"gap <= {self.rtol:g} of the objective's largest term"),
            Block.of("proved", *self._proof()),
            Block.of(
                "residuals", f"primal {self.primal_residual:.2g}, dual {self.dual_residual:.2g}"
            ),
            Block.of(
                "spent",
                f"{self.steps} Newton steps on {self.networks} networks",
                f"{self.time:.3g} RC at temperature {self.temperature:g}",
            ),
            Block.of("device", self.ledger),
            Block.of("digital", self.digital),
            Block.of("repeat", f"rng={self.seed}"),
        )
        entries = Entries.of(self.value, None, "the best point")
        return Report(self.problem, self.outcome, blocks, entries)

    def _proof(self) -> list[str]:
        if self.radius is not None:
            return [f"no feasible point within {self.radius:.3g} of 0"]
        if self.ray is not None:
            length = float(np.linalg.norm(to_numpy(self.ray)))
            return [f"the objective falls by 1 in every {length:.3g} along the ray"]
        within = f", against all points within {self.reach:.2g}" if np.isfinite(self.reach) else ""
        lines = [f"objective {self.objective:.9g}, at most {self.gap:.3g} off{within}"]
        if np.isfinite(self.error):
            lines.append(f"x at most {self.error:.3g} off in the 2-norm")
        return lines
