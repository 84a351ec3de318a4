"""Condition numbers along a training with Q-Newton, as solved and beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, final

import numpy as np

from models.losses import Loss
from models.network import Network
from thermolinalg.backend import NumpyArray
from thermolinalg.streams import Streams
from tngd.curvature.hessian import Hessian
from tngd.data.dataset import Dataset
from tngd.data.loader import epoch_length
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.qnewton import BlockNewton
from tngd.qnewton.blocks import DenseBlock, dense_blocks, partition
from tngd.qnewton.bounds import general_bound, guggenheimer_bound
from tngd.qnewton.condition import lanczos_condition
from tngd.qnewton.prune import pruned
from tngd.qnewton.regularize import FLOOR, regularized
from tngd.reproduce.contract import Numbers
from tngd.training.loop import steps
from tngd.training.problem import Problem

LARGEST = 1e100
"""Stands for the condition number of a singular matrix, in files that know no infinity."""


@final
@dataclass(frozen=True, slots=True)
class Watch:
    """What is looked at along a run.

    Args:
        batch, epochs: of the run.
        looks: moments at which Hessians are looked at, evenly from before the first step to the
            last.
        eps_norms: regularisations that are tried beside the run's own.
        keeps: fractions of entries that pruning keeps, tried beside the run's own.
    """

    batch: int
    epochs: int
    looks: int
    eps_norms: tuple[float, ...]
    keeps: tuple[float, ...]

    def run(
        self, network: Network, loss: Loss, data: Dataset, optimizer: Optimizer, seed: int
    ) -> Numbers:
        """Train once: the systems of every step, and looks at the Hessian of the first images.

        Systems are [block, rows, nonzero entries of the fullest row, condition number estimated].
        """
        streams, problem = Streams(seed), Problem(network, loss, *data.train)
        direction = optimizer.direction
        assert isinstance(direction, BlockNewton)
        params, last = network.init(streams.stream("init")), self._last(problem)
        moments = {round(k) for k in np.linspace(0, last, self.looks)}
        rng = streams.stream("conditions")
        looks = [self._look(0, problem, params, direction, rng)]
        systems: list[Any] = []
        for moment in steps(problem, optimizer, params, batch=self.batch, epochs=self.epochs,
                            streams=streams):  # fmt: skip
            if not moment.finite:
                break
            systems.append(
                [[r.N, r.d, digits(min(r.kappa, LARGEST))] for r in moment.state.direction]
            )
            if moment.record.step in moments:
                step = moment.record.step
                looks.append(self._look(step, problem, moment.params, direction, rng))
        names = list(partition(network.layout, direction.blocks))
        return {"blocks": names, "systems": systems, "looks": looks}

    def _last(self, problem: Problem) -> int:
        return self.epochs * epoch_length(problem.size, self.batch)

    def _look(
        self,
        step: int,
        problem: Problem,
        params: Any,
        direction: BlockNewton,
        rng: np.random.Generator,
    ) -> Numbers:
        rows = np.arange(min(self.batch, problem.size))
        begun = perf_counter()
        C = Hessian().at(problem.objective(params, rows))
        parts = partition(problem.network.layout, direction.blocks)
        blocks = dense_blocks(C, parts, direction.most)
        seconds = perf_counter() - begun
        return {
            "step": step,
            "hessian_seconds": seconds,
            "blocks": [self._conditions(block, direction, rng) for block in blocks],
        }

    def _conditions(
        self, block: DenseBlock, direction: BlockNewton, rng: np.random.Generator
    ) -> Numbers:
        H, eps_norm = block.matrix, direction.eps_norm
        eigenvalues, V = np.linalg.eigh(H)
        if direction.indefinite == "absolute":
            H = (V * np.abs(eigenvalues)) @ V.T
        M = regularized(H, eps_norm, FLOOR)
        begun = perf_counter()
        np.linalg.solve(M, np.ones(len(M)))
        solved = perf_counter() - begun
        begun = perf_counter()
        found = lanczos_condition(lambda v: M @ v, len(M), rng, direction.products)
        estimated = perf_counter() - begun
        return {
            "name": block.name,
            "N": len(H),
            "raw": digits(condition(H)),
            "negative": digits(float(np.mean(eigenvalues < 0))),
            "regularized": digits(condition(M)),
            "lanczos": digits(min(found.kappa, LARGEST)),
            "general": digits(general_bound(M)),
            "guggenheimer": digits(guggenheimer_bound(M)),
            "by_eps_norm": [digits(condition(regularized(H, e, FLOOR))) for e in self.eps_norms],
            "by_keep": self._by_keep(M),
            "solve_seconds": solved,
            "estimate_seconds": estimated,
        }

    def _by_keep(self, M: NumpyArray) -> Sequence[Sequence[float]]:
        """The fullest row and the condition number, for each fraction."""
        found = [pruned(M, max(1, round(keep * len(M)))) for keep in self.keeps]
        return [[each.d, digits(condition(each.matrix))] for each in found]


def condition(H: NumpyArray) -> float:
    """|λ|max/|λ|min of a symmetric matrix, from all eigenvalues; `LARGEST` for a singular one."""
    sizes = np.abs(np.linalg.eigvalsh(H))
    largest, smallest = float(sizes.max()), float(sizes.min())
    return largest / smallest if smallest > largest / LARGEST else LARGEST


def digits(value: float) -> float:
    """Four digits; a bound that is infinite becomes 1e308."""
    return float(f"{min(value, 1e308):.4g}")
