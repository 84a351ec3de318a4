"""Q-Newton: Newton steps by blocks, of which each goes to the solver that would be the cheapest.

After Li, Liu, Wang and Chen, arXiv 2405.00252, read in part, and its program. That has neither a
scheduler nor cost constants: these are ours. The numbers are those of a classical solve whatever
is chosen; the quantum solver is a cost, and is not simulated.
"""

import math
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, final, get_args

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray, like, to_numpy
from thermolinalg.device.ledger import Ledger
from thermolinalg.errors import InvalidInput
from tngd.curvature.hessian import Hessian
from tngd.linsolve.contract import Cost
from tngd.optimizers.contract import Direction, Found, Memory, Optimizer, Point, Transform
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import Clip, Momentum
from tngd.qnewton.blocks import Blocks, DenseBlock, dense_blocks, partition
from tngd.qnewton.condition import lanczos_condition
from tngd.qnewton.prune import Mask, pruned, row_count
from tngd.qnewton.regularize import FLOOR, regularized
from tngd.qnewton.schedule import Choice, Scheduler

Order = Literal["regularize first", "prune first"]
Indefinite = Literal["as is", "absolute"]


@final
@dataclass(frozen=True, slots=True)
class BlockReport:
    """What was solved for one block, and who would have solved it.

    Args:
        name: of the block.
        N: rows.
        d: nonzero entries of the fullest row, as it was solved.
        kappa: condition number, estimated from below unless `exact`.
        exact: was it found and not estimated?
        choice: the solver, and what each would cost; all modelled.
    """

    name: str
    N: int
    d: int
    kappa: float
    exact: bool
    choice: Choice


@final
@dataclass(frozen=True, slots=True)
class BlockNewton(Direction):
    """H⁻¹ ∇l block by block, H regularised and pruned; the memory is a `BlockReport` for each.

    The cost has the chosen solvers' seconds as modelled lines, so that a training report's time of
    a device is the modelled time of all solves, classical ones too. It has no thermodynamic part,
    and as measured ones those of
    forming the Hessian and of estimating condition numbers. The time that the numerical solve took
    is in none, for the modelled one stands for it. The condition number counts as it was estimated,
    from below, which favours the quantum solver.

    Args:
        eps_norm: added to the diagonal, relative to the block's largest entry.
        keep: fraction of each row's entries that pruning looks for; 1 prunes nothing.
        blocks: "tensor", one for each weight and each bias, as published; "layer" or "full".
        order: "regularize first" as one half of the authors' program has it, or "prune first" as
            the other. The second leaves no zero on the diagonal of a pruned block.
        mask: "or" or "and", as for `pruned`.
        indefinite: "as is", as published: along negative curvature the step then goes uphill.
            "absolute" takes the absolute values of the block's eigenvalues first (saddle-free
            Newton, Dauphin et al. 2014); pruning may make it indefinite again.
        scheduler: of the solvers.
        products: for the estimate of a condition number; exact for blocks of no more rows.
        most: parameters of the network, whose Hessian is formed.
    """

    eps_norm: float = 5e-3
    keep: float = 1.0
    blocks: Blocks = "tensor"
    order: Order = "regularize first"
    mask: Mask = "or"
    indefinite: Indefinite = "as is"
    scheduler: Scheduler = Scheduler()
    products: int = 50
    most: int = 4096

    def __post_init__(self) -> None:
        words = {"blocks": Blocks, "order": Order, "mask": Mask, "indefinite": Indefinite}
        for name, kind in words.items():
            if getattr(self, name) not in get_args(kind):
                known = ", ".join(f'"{word}"' for word in get_args(kind))
                raise InvalidInput(f"{name} = {getattr(self, name)!r} must be one of {known}.")
        eps_norm = checks.positive("eps_norm", self.eps_norm, zero=True)
        object.__setattr__(self, "eps_norm", eps_norm)
        object.__setattr__(self, "keep", checks.positive("keep", self.keep))
        if self.keep > 1:
            raise InvalidInput(f"keep = {self.keep:g} must be at most 1, which keeps all.")
        checks.count("products", self.products)
        checks.count("most", self.most)
        if not isinstance(self.scheduler, Scheduler):
            raise InvalidInput(f"scheduler = {self.scheduler!r} is not a Scheduler().")

    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        del memory
        begun = perf_counter()
        C = Hessian().at(at.objective)
        parts = partition(at.objective.network.layout, self.blocks)
        blocks = dense_blocks(C, parts, self.most)
        ledger = Ledger().add("hessian", perf_counter() - begun, "measured")
        g = to_numpy(at.gradient).astype(float)
        direction, reports = np.empty_like(g), []
        for block in blocks:
            M = self._prepared(block.matrix)
            begun = perf_counter()
            report = self._report(block.name, M, rng)
            ledger = ledger.add("condition", perf_counter() - begun, "measured")
            ledger = ledger.add(f"solve by {report.choice.solver}", report.choice.least)
            direction[block.places] = _solved(block, M, g[block.places])
            reports.append(report)
        return Found(like(direction, at.gradient), tuple(reports), C, cost=Cost(ledger=ledger))

    def _prepared(self, H: NumpyArray) -> NumpyArray:
        """What is solved for in place of the Hessian's block."""
        if not np.all(np.isfinite(H)):
            return H
        if self.indefinite == "absolute":
            a, V = np.linalg.eigh(H)
            H = (V * np.abs(a)) @ V.T
        d = max(1, round(self.keep * len(H)))
        if self.order == "prune first":
            return regularized(pruned(H, d, self.mask).matrix, self.eps_norm, FLOOR)
        return pruned(regularized(H, self.eps_norm, FLOOR), d, self.mask).matrix

    def _report(self, name: str, M: NumpyArray, rng: np.random.Generator) -> BlockReport:
        N, d, kappa, exact = len(M), row_count(M), math.inf, True
        if np.all(np.isfinite(M)):
            found = lanczos_condition(lambda v: M @ v, N, rng, self.products)
            kappa, exact = found.kappa, found.exact
        return BlockReport(name, N, d, kappa, exact, self.scheduler.choose(N, d, kappa))


def QNewton(
    rate: float = 1e-2,
    *,
    eps_norm: float = 5e-3,
    keep: float = 1.0,
    clip: float = 100.0,
    blocks: Blocks = "tensor",
    order: Order = "regularize first",
    mask: Mask = "or",
    indefinite: Indefinite = "as is",
    momentum: float = 0.0,
    scheduler: Scheduler = Scheduler(),
    most: int = 4096,
) -> Optimizer:
    """Q-Newton (Li, Liu, Wang and Chen 2024), for small networks.

    Args:
        rate: learning rate; to be found again for each eps_norm, as a step is about the gradient
            over eps_norm max|H| where eps_norm is large.
        eps_norm: added to the diagonal, relative to the block's largest entry.
        keep: fraction of each row's entries that are kept.
        clip: largest size of an entry of the direction; infinity for none.
        blocks: "tensor", "layer" or "full", as for `BlockNewton`.
        order: "regularize first" or "prune first".
        mask: "or" or "and", as for `pruned`.
        indefinite: "as is" or "absolute".
        momentum: fraction of the last direction that is kept, from 0 to below 1.
        scheduler: with the cost models that solvers are chosen by.
        most: parameters of the network, whose Hessian is formed.
    """
    direction = BlockNewton(eps_norm, keep, blocks, order, mask, indefinite, scheduler, most=most)
    after: tuple[Transform, ...] = (Clip(entry=clip),)
    if momentum:
        after = (*after, Momentum(momentum))
    return Optimizer("qnewton", direction, Rate(rate), after=after)


def _solved(block: DenseBlock, M: NumpyArray, g: NumpyArray) -> NumpyArray:
    try:
        return np.linalg.solve(M, g)
    except np.linalg.LinAlgError:
        raise InvalidInput(
            f"the block {block.name} of the Hessian is singular, as it was regularised and pruned. "
            'Raise eps_norm or keep, or take order="prune first".'
        ) from None
