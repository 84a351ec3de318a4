"""The integrator for networks that move from tick to tick: many ticks in one step.

A tick takes the state s = (x, past, drive, area) to E s + G w with noise w, and so does any number
of ticks, with powers of E. All that is Gaussian is drawn at once. Clipped noise is not: the latest
ticks are then drawn one by one, node by node, and only those before them from the Gaussian of the
same covariance. Means, covariances and autocovariances are those of clipped noise; the excess
kurtosis of a mode is missed by less than 1/(4 e LATEST) of that of a clipped number.

In normal modes of the network each has an E of its own, else there is one for all.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, final
from weakref import WeakKeyDictionary

import numpy as np

from thermolinalg.backend import Array, NumpyArray, like, namespace, to_numpy
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.evolution import propagate
from thermolinalg.theory.held import clipped_variance

LATEST = 16
"""Ticks whose clipped noise is drawn one by one before a state is read."""


class Move(NamedTuple):
    """s <- E s + N(0, C) in B blocks: E and C are (B, P, P)."""

    E: NumpyArray
    C: NumpyArray

    def then(self, later: "Move") -> "Move":
        """Both, one after the other."""
        turned = later.E @ self.C @ _t(later.E) + later.C
        return Move(later.E @ self.E, (turned + _t(turned)) / 2)

    def repeated(self, times: int) -> "Move":
        """It, several times over, by doubling."""
        P = self.E.shape[-1]
        whole, part = Move(np.broadcast_to(np.eye(P), self.E.shape), 0 * self.C), self
        while times:
            whole = whole.then(part) if times % 2 else whole
            times //= 2
            part = part.then(part) if times else part
        return whole


@final
@dataclass(frozen=True, eq=False, slots=True)
class Law:
    """Some ticks at once: s <- E s + root z + latest clip(z') in each of B blocks."""

    E: NumpyArray  # (B, P, P)
    root: NumpyArray  # (B, P, P)
    latest: NumpyArray  # (B, P, drawn * N/B), of the ticks whose noise is drawn one by one
    drawn: int


@final
@dataclass(frozen=True, slots=True)
class Clockwork(Integrator):
    """Whole ticks; the nearest number of them to the time that is asked for.

    Without a delay they are free of error.
    """

    name: ClassVar[str] = "clockwork"
    error: ClassVar[str] = "weak order two"
    cost: ClassVar[str] = "O(n p² log ticks) in modes that remember p steps, else (np)³ for np²"

    def refusal(self, process: Any) -> str | None:
        return None if isinstance(process, Clocked) else "needs a network that ticks: Clocked"

    def prepare(self, process: Clocked, dt: float) -> "ClockStep":
        self.require(process)
        return clock_step(process, process.ticks(dt), with_area=False)


@final
@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class ClockStep:
    """The step over some ticks. Its own coordinates are slots of n numbers and the latest noise.

    Slots are x, the past, the drive and perhaps the area, ∫ x dt, in normal modes if there are any.
    """

    process: Clocked
    E: Array  # (B, P, P)
    root: Array  # (B, P, P)
    latest: Array  # (B, P, drawn * N/B)
    source: Array  # (N, N), from clipped numbers to what drives blocks
    drawn: int
    slots: int

    couples: ClassVar[bool] = True

    @property
    def _wide(self) -> int:
        return self.slots * self.process.network.n

    def enter(self, x: Array) -> Array:
        xp, n, past = namespace(x), self.process.network.n, 1 + self.process.past
        kept = self._to_blocks(xp.reshape(x, (*x.shape[:-1], past, n)))
        drive = self._to_blocks(self.process.b) + 0 * kept[..., 0, :]
        more = self.slots - past - 1
        rows = [kept, drive[..., None, :], *[0 * kept[..., :1, :]] * more]
        s = xp.reshape(xp.concat(rows, axis=-2), (*x.shape[:-1], self._wide))
        spare = like(np.zeros((*x.shape[:-1], self.drawn * n)), x)
        return xp.concat([s, spare], axis=-1)

    def color(self, z: Array) -> Array:
        kick = self._applied(self.root, z[..., : self._wide], self.slots)
        if self.drawn:
            bound = self.process.bound
            w = namespace(z).clip(z[..., self._wide :], -bound, bound)
            w = namespace(z).reshape(w, (*z.shape[:-1], self.drawn, self.process.network.n))
            w = namespace(z).reshape(w @ self.source.T, (*z.shape[:-1], -1))
            kick = kick + self._applied(self.latest, w, self.drawn)
        z[..., : self._wide] = self.process.warmth**0.5 * kick
        return z

    def __call__(self, y: Array, kick: Array) -> Array:
        return self.flow(y) + kick

    def flow(self, y: Array) -> Array:
        """The state after the ticks, without kick."""
        moved = self._applied(self.E, y[..., : self._wide], self.slots)
        if not self.drawn:
            return moved
        return namespace(y).concat([moved, 0 * y[..., self._wide :]], axis=-1)

    def repeated(self, times: int) -> "ClockStep":
        """The flow over several steps."""
        return replace(self, E=namespace(self.E).linalg.matrix_power(self.E, times))

    def leave(self, y: Array) -> Array:
        xp, n, past = namespace(y), self.process.network.n, 1 + self.process.past
        kept = xp.reshape(y[..., : past * n], (*y.shape[:-1], past, n))
        return xp.reshape(self.of_blocks(kept), (*y.shape[:-1], past * n))

    def area(self, y: Array) -> Array:
        """The last slot of states (..., n), which is ∫ x dt, of the network's coordinates."""
        n = self.process.network.n
        return self.of_blocks(y[..., self._wide - n : self._wide])

    def of_blocks(self, y: Array) -> Array:
        """States of the network at coordinates of blocks."""
        return y if self.process.modes is None else self.process.modes.leave(y)

    def _to_blocks(self, x: Array) -> Array:
        return x if self.process.modes is None else self.process.modes.enter(x)

    def _applied(self, M: Array, s: Array, slots: int) -> Array:
        """M of each block times vectors (..., slots * n)."""
        xp, B, n = namespace(s), M.shape[0], self.process.network.n
        rows = xp.reshape(s, (-1, slots * n // B, B))
        moved = xp.permute_dims(rows, (2, 0, 1)) @ xp.matrix_transpose(M)
        return xp.reshape(xp.permute_dims(moved, (1, 2, 0)), (*s.shape[:-1], M.shape[1] * B))


def clock_step(process: Clocked, ticks: int, *, with_area: bool) -> ClockStep:
    """The step over so many ticks, which also finds ∫ x dt over them, if asked to."""
    known = _LAWS.setdefault(process.network, {})
    kind = (process.tick, process.bound, process.delay, ticks, with_area)
    if kind not in known:
        if len(known) >= KEPT:
            known.clear()
        known[kind] = _law(process, ticks, with_area=with_area)
    law, x = known[kind], process.reference
    E, root, latest = (like(part, x) for part in (law.E, law.root, law.latest))
    slots = 2 + process.past + with_area
    source = like(_source(process), x)
    return ClockStep(process, E, root, latest, source, law.drawn, slots)


_LAWS: "WeakKeyDictionary[Any, dict[tuple[float, float, float, int, bool], Law]]" = (
    WeakKeyDictionary()
)
"""Of each network, as long as that is kept: all chains of a run ask for the same ones."""

KEPT = 4
"""Laws that are kept of a network."""


def _law(process: Clocked, ticks: int, *, with_area: bool) -> Law:
    tick, G = _tick(process, with_area=with_area)
    B, P, width = G.shape
    clipped = process.tick > 0 and math.isfinite(process.bound)
    drawn = min(ticks, LATEST) if clipped else 0
    before = tick.repeated(ticks - drawn)
    moves, weights = Move(np.broadcast_to(np.eye(P), (B, P, P)), 0 * tick.C), [G[..., :0]]
    for _ in range(drawn):
        weights.insert(1, moves.E @ G)  # the last of them is not moved on
        moves = Move(tick.E @ moves.E, moves.C)
    whole = before.then(moves)
    latest = np.concatenate(weights, axis=-1).reshape(B, P, drawn * width)
    return Law(whole.E, _root(whole.C), latest, drawn)


def _tick(process: Clocked, *, with_area: bool) -> tuple[Move, NumpyArray]:
    """A tick, and how the force (B, P, N/B) that is held during it moves the state."""
    step = _substep(process, with_area=with_area)
    p = process.network.n // step.E.shape[0]
    steps = process.steps if process.tick else 1
    whole = step.repeated(steps)
    P = whole.E.shape[-1] - p
    G = whole.E[:, :P, P:]
    C = whole.C[:, :P, :P]
    if process.tick:  # which has no white noise
        held = _parts(process)[2] * clipped_variance(process.bound) / process.tick
        C = G @ held @ _t(G)
    return Move(whole.E[:, :P, :P], C), G


def _substep(process: Clocked, *, with_area: bool) -> Move:
    """Over the slots x, past, drive, (area,) force: the drive and the force count as constant."""
    now, late, D = _parts(process)
    B, p, _ = now.shape
    flow, pushed, C = _short(now, 0 * D if process.tick else D, process.step)
    slots, one = 3 + process.past + with_area, np.eye(p)
    moved = np.zeros((B, 2 * p, slots, p))  # (x, ∫ x dt) after the step, by what was in each slot
    moved[:, :, 0, :] = flow
    moved[:, :, 1 + process.past, :] = moved[:, :, -1, :] = pushed
    for back, share in _behind(process):
        moved[:, :, back, :] -= share * (pushed @ late)
    kept = np.zeros((slots, p, slots, p))
    for before, after in _staying(process, slots):
        kept[after, :, before, :] = one
    into = np.zeros((slots, p, 2 * p))  # where x and its integral go
    into[0, :, :p] = one
    if process.past:
        into[1, :, p:] = one / process.step
    if with_area:
        into[-2, :, p:] = one
    P = slots * p
    to = into.reshape(P, 2 * p)
    return Move(kept.reshape(P, P) + to @ moved.reshape(B, 2 * p, P), to @ C @ to.T)


def _staying(process: Clocked, slots: int) -> list[tuple[int, int]]:
    """Which slot goes on in which: the past moves back by one, and all but x stays after it."""
    past = process.past
    return [(k, k + 1) for k in range(1, past)] + [(k, k) for k in range(1 + past, slots)]


def _behind(process: Clocked) -> list[tuple[int, float]]:
    """The slots of the past that act now, and their shares."""
    if process.late is None:
        return []
    whole, rest = process.behind
    return [(whole, 1 - rest), (whole + 1, rest)] if rest else [(whole, 1.0)]


def _parts(process: Clocked) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """The drift that acts now, that which acts late, and the diffusion, of each block (B, p, p)."""
    A, D = to_numpy(process.network.A), to_numpy(process.network.D)
    late = np.zeros_like(A)
    if process.late is not None:
        k = process.late.shape[0]
        late[:k, :k] = to_numpy(process.late)
    modes = process.modes
    if modes is None:
        return (A - late)[None], late[None], D[None]
    return modes.drift(A - late), modes.drift(late), modes.diffusion(D)


def _short(A: NumpyArray, D: NumpyArray, dt: float) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """Of (x, ∫ x dt) after dt: what becomes of x (B, 2p, p), of a force, and the covariance."""
    p = A.shape[-1]
    flows, forces, covs = [], [], []
    for a, d in zip(A, D, strict=True):
        whole, noise = np.zeros((2 * p, 2 * p)), np.zeros((2 * p, 2 * p))
        whole[:p, :p], whole[p:, :p], noise[:p, :p] = a, -np.eye(p), d
        law = propagate(whole, np.eye(p, 2 * p), noise, dt)
        flows.append(law.E[:, :p])
        forces.append(law.shift.T)
        covs.append(law.C)
    return np.stack(flows), np.stack(forces), np.stack(covs)


def _source(process: Clocked) -> NumpyArray:
    """From a number for each node to the force of a tick, in the coordinates of blocks."""
    if not process.tick:
        return np.zeros((process.network.n, 0))
    values, V = np.linalg.eigh(to_numpy(process.network.D))
    root = (V * np.sqrt(np.clip(values, 0.0, None) / process.tick)) @ V.T
    if process.modes is None:
        return root
    return to_numpy(process.modes.enter(like(root.T, process.reference))).T


def _root(C: NumpyArray) -> NumpyArray:
    """F with FF' = C of each block, symmetric in units in which variances are 1."""
    width = np.sqrt(np.clip(np.diagonal(C, axis1=-2, axis2=-1), 0.0, None))
    unit = np.where(width > 0, width, 1.0)[..., None]
    values, V = np.linalg.eigh(C / unit / _t(unit))
    return width[..., None] * ((V * np.sqrt(np.clip(values, 0.0, None))[..., None, :]) @ _t(V))


def _t(M: NumpyArray) -> NumpyArray:
    return np.swapaxes(M, -1, -2)
