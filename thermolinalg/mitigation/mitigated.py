"""An answer that was mended: with the error bar that is left, and what the mending cost."""

from dataclasses import dataclass
from textwrap import wrap
from typing import Any, final

import numpy as np
from scipy.special import stdtrit

from thermolinalg import checks
from thermolinalg.backend import Array, namespace, to_numpy
from thermolinalg.device.ledger import Ledger
from thermolinalg.solvers.estimate import Estimate

WIDTH = 88
"""Of what is printed beside a label."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Mitigated:
    """What every mitigation returns: `value` is the answer, `np.asarray(mitigated)` too.

    `stderr` is the error that is left: of sampling, of what was measured to mend it, and of what
    the method leaves by its own account. It knows nothing of imperfections that were not mended.
    `dof` are its degrees of freedom. Where mending would mislead, `refused` says why, and the
    answer is that of the device as it is. `members` are all runs that it took, references too.
    """

    method: str
    value: Array
    stderr: Array
    dof: float
    members: tuple[Estimate, ...]
    ledger: Ledger
    did: str
    seed: int
    refused: str | None = None
    apart: int = 0  # programmings for anything that is no answer of a solver

    @staticmethod
    def declined(
        method: str, plain: Estimate, reason: str, members: tuple[Estimate, ...], seed: int
    ) -> "Mitigated":
        """The plain answer, and why it is not mended; `members` are runs that were made before."""
        every = (*members, plain) if plain not in members else members
        return Mitigated(
            method=method,
            value=plain.value,
            stderr=plain.stderr,
            dof=plain.dof,
            members=every,
            ledger=spent(every),
            did="nothing",
            seed=seed,
            refused=reason,
        )

    @property
    def programmings(self) -> int:
        """How often the device was programmed."""
        return len(self.members) + self.apart

    @property
    def time(self) -> float:
        """Analog time of all members, in RC."""
        return sum(member.time for member in self.members)

    @property
    def error(self) -> float:
        """Root-mean-square 2-norm (Frobenius) error of the value, as far as it is known."""
        return norm(self.stderr)

    def interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper ends of the interval that covers each entry with this probability."""
        reach = float(stdtrit(self.dof, 0.5 + checks.probability("confidence", confidence) / 2))
        return self.value - reach * self.stderr, self.value + reach * self.stderr

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(to_numpy(self.value), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        done = "refused" if self.refused else "done"
        return (
            f"Mitigated({self.method}, {done}, shape {tuple(self.value.shape)}, "
            f"norm {norm(self.value):.4g}, error {self.error:.2g}, {self.programmings} runs)"
        )

    def __str__(self) -> str:
        size, first = norm(self.value), self.members[0]
        relative = f" = {self.error / size:.2g} of its norm" if size else ""
        more, longer = self.programmings - 1, self.time - first.time
        cost = f"{more} more programming{'' if more == 1 else 's'}, {longer:.3g} RC more"
        rows = [
            f"{self.method} of {first.problem}",
            *_labelled("refused" if self.refused else "done", self.refused or self.did),
            *_labelled(
                "answer", f"norm {size:.6g}, root-mean-square error {self.error:.3g}{relative}"
            ),
            *_labelled("cost", cost),
            *_labelled("device", str(self.ledger)),
            *_labelled("repeat", f"rng={self.seed}"),
        ]
        return "\n".join(rows)


def spent(members: tuple[Estimate, ...]) -> Ledger:
    """What all runs cost together."""
    return sum((member.ledger for member in members), start=Ledger())


def norm(x: Array) -> float:
    """The 2-norm of all entries."""
    return float(namespace(x).sum(x**2)) ** 0.5


def _labelled(label: str, text: str) -> list[str]:
    lines = [row for line in text.splitlines() for row in wrap(line, WIDTH)]
    return [f"  {label if k == 0 else '':<9} {line}" for k, line in enumerate(lines)]
