"""x_k = F x_{k-1} + w_k over a whole block of steps, as few large operations instead of many small.

A step on one small state is all overhead, or a matrix-vector product that waits for memory. Cut
the block into stretches: run all stretches at once from zero, carry the ends through with the power
of F, then add what each carry turns into. Twice the arithmetic, in matrix-matrix products.
"""

from typing import Protocol, runtime_checkable

from thermolinalg.backend import Array, namespace
from thermolinalg.errors import UnstableStep
from thermolinalg.simulation.integrator import Step

STRETCH = 32
"""Steps in a stretch."""

SMALL = 1024
"""Numbers in a state below which a step is mostly overhead."""

FEW = 8
"""States at once below which a product with a matrix waits for memory."""


@runtime_checkable
class LinearFlow(Protocol):
    """A step that is linear in the state: y <- flow(y) + kick."""

    couples: bool  # does the flow mix coordinates (a matrix), or act on each alone?

    def flow(self, y: Array) -> Array:
        """The state after dt, without kick."""
        ...

    def repeated(self, times: int) -> "LinearFlow":
        """The flow over several steps."""
        ...


def advance(step: Step, y: Array, kicks: Array, done: int = 0) -> Array:
    """States after each step from y (chains, n), written over the kicks (steps, chains, n).

    `done` steps were taken before: errors count from the first of all.
    """
    steps, chains, n = kicks.shape
    if not isinstance(step, LinearFlow) or steps < 4 * STRETCH:
        return _one_by_one(step, y, kicks, done)
    waits = chains < FEW if step.couples else chains * n < SMALL
    whole = steps - steps % STRETCH if waits else 0
    y = _in_stretches(step, y, kicks[:whole, ...]) if waits else y
    return _one_by_one(step, y, kicks[whole:, ...], done + whole)


def _one_by_one(step: Step, y: Array, kicks: Array, done: int) -> Array:
    for k in range(kicks.shape[0]):
        try:
            kicks[k, ...] = y = step(y, kicks[k, ...])
        except UnstableStep as error:
            raise UnstableStep(f"step {done + k + 1}: {error}") from error
    return y


def _in_stretches(step: LinearFlow, y: Array, kicks: Array) -> Array:
    xp = namespace(kicks)
    steps, chains, n = kicks.shape
    u = xp.reshape(kicks, (steps // STRETCH, STRETCH, chains, n))  # a view: kicks are contiguous
    for j in range(1, STRETCH):
        u[:, j, ...] += step.flow(u[:, j - 1, ...])
    ends, far = u[:, -1, ...], step.repeated(STRETCH)
    carries = xp.empty_like(ends)
    for b in range(steps // STRETCH):
        carries[b, ...] = y
        y = far.flow(y) + ends[b, ...]
    for j in range(STRETCH):
        carries = step.flow(carries)
        u[:, j, ...] += carries
    return kicks[-1, ...]
