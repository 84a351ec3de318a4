"""Observed trajectories taken apart into independent pieces: whole steps, and gaps.

A process has no memory beyond its state. So a row of data without missing entries cuts the past
from the future: from one whole row to the next is a step whose law is known, and only the stretches
of incomplete rows between two whole ones, the gaps, need a filter. A start from a known law is one
more step, of infinite length, from a row that says nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, floating, namespace, to_numpy
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.theory.gaussian import Gaussian

Start: TypeAlias = Literal["given", "stationary"] | Gaussian
"""What is known of a trajectory's first state: its observed value, the equilibrium, or a law."""


class Record(NamedTuple):
    """States at times; a missing entry is NaN, and no row is missing altogether."""

    times: NumpyArray  # (m,)
    states: NumpyArray  # (m, n)
    whole: NumpyArray  # (m,): nothing is missing


@final
@dataclass(frozen=True, eq=False, slots=True)
class Gaps:
    """Stretches of incomplete rows, side by side and padded at the end to equal length."""

    states: NumpyArray  # (stretches, length + 1, n), zero where missing; the first row is whole
    seen: NumpyArray  # the same shape: which entries were observed
    interval: NumpyArray  # (stretches, length): which interval precedes each later row
    real: NumpyArray  # (stretches, length): not padding

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.states.shape[2])

    def repeat(self, count: int, intervals: int) -> "Gaps":
        """The same stretches count times, each time with intervals of its own."""
        own = intervals * np.repeat(np.arange(count), len(self.states))[:, None]
        states, seen, interval, real = (
            np.concatenate([part] * count)
            for part in (self.states, self.seen, self.interval, self.real)
        )
        return Gaps(states, seen, interval + own, real)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Observations:
    """All trajectories as steps states[row] -> states[row + 1], each over intervals[interval]."""

    states: NumpyArray  # (rows, n)
    intervals: NumpyArray  # ascending and distinct; the last is infinite if a start is not given
    rows: NumpyArray  # (steps,), ordered by interval
    interval: NumpyArray  # (steps,)
    gaps: list[Gaps]
    steps: int  # whole steps and steps inside gaps, together
    values: int  # observed numbers, without those that the likelihood is conditioned on

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.states.shape[1])

    def bounds(self) -> NumpyArray:
        """The steps over interval j are those from bounds[j] to bounds[j + 1]."""
        return np.searchsorted(self.interval, np.arange(len(self.intervals) + 1))


def read_trajectories(ts: Any, xs: Any) -> list[Record]:
    """The caller's data, checked: (m,) with (m, n) or (trajectories, m, n), or a list of each.

    Rows without any observed entry say nothing and are left out.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    read = [_checked(name, t, x) for name, t, x in _pairs(ts, xs)]
    widths = sorted({trajectory.states.shape[1] for trajectory in read})
    if len(widths) > 1:
        raise ShapeMismatch(f"xs has trajectories of {widths} coordinates; all need the same.")
    kept = [trajectory for trajectory in read if len(trajectory.times)]
    if not any(len(trajectory.times) >= 2 for trajectory in kept):
        raise InvalidInput(
            "no trajectory has two rows with observed entries, so nothing was seen to move. Give "
            "at least two times, and check xs for columns or rows of NaN."
        )
    return kept


def observe(trajectories: list[Record], start: Start, *, noisy: bool = False) -> Observations:
    """The trajectories as steps and gaps. If they are noisy, no row is whole.

    Raises:
        InvalidInput: the start is given, but a first row is incomplete or noisy.
    """
    given = _is_given(start, trajectories[0].states.shape[1])
    states: list[NumpyArray] = []
    dts: list[Any] = []
    whole: list[NumpyArray] = []
    for k, (t, x, complete) in enumerate(trajectories):
        if given:
            _require_first_row(k, x[0], noisy)
        else:
            states.append(np.zeros((1, x.shape[1])))
            dts.append([np.inf])
            whole.append(np.ones(1, bool))
        states.append(x)
        dts += [np.diff(t), [np.nan]]  # NaN: no step leads on from here
        whole.append(complete & (not noisy))
    resolution = 8 * np.finfo(float).eps * max(float(np.abs(t).max()) for t, *_ in trajectories)
    intervals, interval = _distinct(np.concatenate(dts), resolution)
    stacked = states[0] if len(states) == 1 else np.concatenate(states)
    return _assemble(stacked, np.concatenate(whole), intervals, interval)


def _assemble(
    states: NumpyArray, whole: NumpyArray, intervals: NumpyArray, interval: NumpyArray
) -> Observations:
    leads_on = interval >= 0
    rows = np.flatnonzero(whole[:-1] & leads_on[:-1] & whole[1:])
    rows = rows[np.argsort(interval[rows], kind="stable")]
    partial = np.flatnonzero(leads_on[:-1] & ~whole[1:]) + 1
    steps = int(leads_on.sum())
    return Observations(
        states=states,
        intervals=intervals,
        rows=rows,
        interval=interval[rows],
        gaps=_gaps(states, whole, interval),
        steps=steps,
        values=steps * states.shape[1] - int(np.isnan(states[partial]).sum()),
    )


def _gaps(states: NumpyArray, whole: NumpyArray, interval: NumpyArray) -> list[Gaps]:
    """Stretches of similar length share one array: at most half of it is padding."""
    last = interval < 0  # rows that end a trajectory
    starts = np.flatnonzero(whole[:-1] & ~last[:-1] & ~whole[1:])
    ends = np.flatnonzero(whole | last)
    ends = ends[np.searchsorted(ends, starts, side="right")]
    lengths = ends - starts
    sizes = np.ceil(np.log2(np.maximum(lengths, 1))).astype(int)
    return [
        _side_by_side(states, interval, starts[sizes == size], lengths[sizes == size])
        for size in np.unique(sizes)
    ]


def _side_by_side(
    states: NumpyArray, interval: NumpyArray, starts: NumpyArray, lengths: NumpyArray
) -> Gaps:
    steps = np.arange(int(lengths.max()) + 1)
    exists = steps <= lengths[:, None]
    rows = np.where(exists, starts[:, None] + steps, starts[:, None])
    seen = exists[..., None] & ~np.isnan(states[rows])
    before = np.where(exists[:, 1:], interval[rows[:, :-1]], 0)  # padding: any interval will do
    return Gaps(np.where(seen, states[rows], 0.0), seen, before, exists[:, 1:])


def _distinct(dts: NumpyArray, resolution: float) -> tuple[NumpyArray, NumpyArray]:
    """Intervals that differ beyond the rounding of the times, and which of them each step has.

    Each is the average of those it stands for. A step that is none, NaN, has number -1.
    """
    finite, index = np.isfinite(dts), np.full(len(dts), -1)
    cells = np.rint(dts[finite] / resolution) if resolution else dts[finite]
    _, index[finite] = np.unique(cells, return_inverse=True)
    intervals = np.bincount(index[finite], dts[finite]) / np.bincount(index[finite])
    if not np.isinf(dts).any():
        return intervals, index
    index[np.isinf(dts)] = len(intervals)
    return np.append(intervals, np.inf), index


def _pairs(ts: Any, xs: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, times, states) of each trajectory, whichever way the caller lists them."""
    if isinstance(xs, Sequence) and len(xs) and getattr(xs[0], "ndim", np.ndim(xs[0])) == 2:
        trajectories = list(xs)
    elif getattr(xs, "ndim", 0) == 3:
        trajectories = [xs[k, ...] for k in range(xs.shape[0])]
    else:
        yield "", ts, xs
        return
    shared = not isinstance(ts, (list, tuple)) and getattr(ts, "ndim", 1) == 1
    shared = shared or (isinstance(ts, (list, tuple)) and all(np.ndim(t) == 0 for t in ts))
    times = [ts] * len(trajectories) if shared else list(ts)
    if len(times) != len(trajectories) or not trajectories:
        raise ShapeMismatch(
            f"ts has times for {len(times)} trajectories, but xs has {len(trajectories)}. Give one "
            "vector of times per trajectory, or a single one that all share."
        )
    for k, (t, x) in enumerate(zip(times, trajectories, strict=True)):
        yield f"[{k}]", t, x


def _checked(name: str, ts: Any, xs: Any) -> Record:
    x = _states(f"xs{name}", xs)
    t = checks.increasing_times(f"ts{name}", ts).astype(float)
    if x.ndim != 2 or len(x) != len(t) or x.shape[1] == 0:
        raise ShapeMismatch(
            f"xs{name} has shape {x.shape}, but there are {len(t)} times: a row of coordinates for "
            f"each is needed, ({len(t)}, n)."
        )
    if np.isfinite(x).all():
        return Record(t, x, np.ones(len(x), bool))
    infinite = int(np.count_nonzero(np.isinf(x)))
    if infinite:
        raise NotFinite(
            f"xs{name} holds {infinite} infinite entries. A missing entry is written NaN; anything "
            "else must be a finite number."
        )
    missing = np.isnan(x)
    whole, some = np.logical_not(missing.any(axis=1)), np.logical_not(missing.all(axis=1))
    return Record(t[some], x[some], whole[some])


def _states(name: str, x: Array) -> NumpyArray:
    """Real numbers, some of which may be missing, as NumPy float64."""
    x = namespace(x).asarray(x) if hasattr(x, "dtype") else _from_lists(name, x)
    # Its type: its entries may be NaN. What holds objects goes whole, for the check to name them.
    checks.real_array(name, x if x.ndim == 0 or x.dtype == object else x[:0, ...])
    return to_numpy(floating(x)).astype(float, copy=False)


def _from_lists(name: str, x: Any) -> NumpyArray:
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ShapeMismatch(
            f"{name} is not an array ({error}). Trajectories of different lengths go in a list of "
            "arrays (m, n)."
        ) from error


def _is_given(start: Start, n: int) -> bool:
    if isinstance(start, Gaussian):
        if start.n != n:
            raise ShapeMismatch(f"start has {start.n} coordinates; the data have {n}.")
        return False
    if not isinstance(start, str) or start not in {"given", "stationary"}:
        raise InvalidInput(f"start = {start!r} must be 'given', 'stationary' or a Gaussian.")
    return start == "given"


def _require_first_row(k: int, row: NumpyArray, noisy: bool) -> None:
    if noisy:
        raise InvalidInput(
            "with observation noise no state is known exactly, not even the first: say what is "
            "known of it, start='stationary' or start=Gaussian(mean, cov)."
        )
    missing = np.flatnonzero(np.isnan(row))
    if len(missing):
        raise InvalidInput(
            f"the first row of trajectory {k} misses coordinates {missing.tolist()}, so the state "
            "it starts from is not known. Begin at a complete row, or say what is known of the "
            "first state: start='stationary' or start=Gaussian(mean, cov)."
        )
