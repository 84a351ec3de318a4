"""x_k = F x_{k-1} + w_k over a whole block of steps, as few large operations instead of many small.

A step on one small state is all overhead, or a matrix-vector product that waits for memory. Cut
the block into stretches, and sum up what the kicks of each amount to at its end, all stretches at
once: the ends obey the same recursion with a power of F, and are found in the same way. From them
all stretches are filled at once. Twice the arithmetic, in matrix-matrix products.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.errors import UnstableStep
from thermolinalg.simulation.integrator import Step
from thermolinalg.threads import CORES, cut, one_blas_thread, share

STRETCH = 32
"""Steps in a stretch."""

SHORT = 128
"""Steps that are taken one by one: stretches of so few are small operations too."""

SMALL = 512
"""Numbers in a state below which a step is mostly overhead."""

FEW = 8
"""States at once below which a product with a matrix waits for memory."""

HEAVY = 2**24
"""Multiplications from which on threads are worth their start: a millisecond."""


@runtime_checkable
class LinearFlow(Step, Protocol):
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
    _, chains, n = kicks.shape
    if not isinstance(step, LinearFlow):
        return _one_by_one(step, y, kicks, done)
    waits = chains < FEW if step.couples else chains * n < SMALL
    if waits:
        return _in_stretches(step, y, kicks)
    _in_parts(step, kicks, chains, lambda some: _flowing(step, y[some, ...], kicks[:, some, :]))
    return kicks[-1, ...]


def _one_by_one(step: Step, y: Array, kicks: Array, done: int) -> Array:
    for k in range(kicks.shape[0]):
        try:
            kicks[k, ...] = y = step(y, kicks[k, ...])
        except UnstableStep as error:
            raise UnstableStep(f"step {done + k + 1}: {error}") from error
    return y


_powers: "WeakKeyDictionary[LinearFlow, LinearFlow]" = WeakKeyDictionary()


def _far(step: LinearFlow) -> LinearFlow:
    """The flow over a stretch, found once for each step."""
    if step not in _powers:
        _powers[step] = step.repeated(STRETCH)
    return _powers[step]


def _flowing(step: LinearFlow, y: Array, kicks: Array) -> Array:
    if y.ndim == 2 and y.shape[0] == 1:  # to broadcast one row takes NumPy longer than to add it
        return _flowing(step, y[0, ...], kicks[:, 0, ...])[None, ...]
    for k in range(kicks.shape[0]):
        kick = kicks[k, ...]
        kick += step.flow(y)
        y = kick
    return y


def _in_stretches(step: LinearFlow, y: Array, kicks: Array) -> Array:
    xp = namespace(kicks)
    steps, chains, n = kicks.shape
    if steps < SHORT:
        return _flowing(step, y, kicks)
    whole = steps - steps % STRETCH
    u = xp.reshape(kicks[:whole, ...], (whole // STRETCH, STRETCH, chains, n))  # a view
    ends = xp.asarray(u[:, -1, ...], copy=True)
    _in_parts(step, u, u.shape[0], lambda some: _sum_up(step, u[some, ...], ends[some, ...]))
    y_end = _in_stretches(_far(step), y, ends)
    starts = xp.concat([y[None, ...], ends[:-1, ...]])
    _in_parts(step, u, u.shape[0], lambda some: _fill_in(step, u[some, ...], starts[some, ...]))
    u[:, -1, ...] = ends
    return _flowing(step, y_end, kicks[whole:, ...])


def _sum_up(step: LinearFlow, u: Array, ends: Array) -> None:
    """What the kicks u (stretches, STRETCH, chains, n) amount to at the end of each stretch."""
    y = u[:, 0, ...]
    for j in range(1, STRETCH - 1):
        y = step.flow(y)
        y += u[:, j, ...]
    ends += step.flow(y)


def _fill_in(step: LinearFlow, u: Array, starts: Array) -> None:
    """The states of each stretch but the last, written over the kicks."""
    y = starts
    for j in range(STRETCH - 1):
        kick = u[:, j, ...]
        kick += step.flow(y)
        y = kick


def _in_parts(step: LinearFlow, kicks: Array, size: int, work: Callable[[slice], object]) -> None:
    """Work on [0, size): in a part for each core where that is nothing but large products.

    One thread of BLAS a part does without the wait for the others after each product.
    """
    ours = step.couples and isinstance(kicks, np.ndarray)  # `size` is a method in torch
    if not ours or kicks.size * kicks.shape[-1] < HEAVY:
        work(slice(size))
        return
    with one_blas_thread():
        share([partial(work, part) for part in cut(size, CORES)])
