"""Exact Gauss-Newton descent that learns to control: by values of states and actions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Optimizer
from tngd.reproduce.contest import Contest
from tngd.reproduce.contract import Case, Numbers
from tngd.reproduce.control_cartpole import balance
from tngd.reproduce.control_linear import regulate
from tngd.reproduce.entry import Entry

TASKS: dict[str, Callable[[Optimizer, int, int, int], Numbers]] = {
    "lqr": regulate,
    "cartpole": balance,
}
"""What learns with an optimizer: (optimizer, steps, rows in a batch, seed) -> numbers."""


@final
@dataclass(frozen=True)
class EGNControl(Contest):
    """Q-learning: a linear plant with quadratic costs, whose answer is known, and a pole on a cart.

    The error of "lqr" is that of the learnt Q-function's matrix, relative to the exact one; that of
    "cartpole" the share of 500 steps for which the pole was not held up.
    """

    length: ClassVar[str] = "steps"
    quantity: ClassVar[str] = "error"

    def run(self, place: str, entry: Entry, case: Case) -> Numbers:
        if place not in TASKS:
            raise InvalidInput(f"place {place!r} is no task. There are: {', '.join(TASKS)}.")
        return TASKS[place](entry.make(case["knobs"]), case["epochs"], self.batch, case["seed"])
