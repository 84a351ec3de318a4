"""A potential held still at stops on its way, to read how its energy would change with the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from tqdm import tqdm

from thermolinalg.backend import Array, like, namespace
from thermolinalg.simulation.noise import NormalStream
from thermolinalg.simulation.ramp import Protocol, Stage
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, slots=True)
class Stop:
    """At the share `share` of the way: settle unread, then `readings` readings, `gap` apart."""

    share: float
    settle: float
    gap: float
    readings: int

    @property
    def time(self) -> float:
        """From arrival to departure."""
        return self.settle + self.readings * self.gap


def dwell(protocol: Protocol, stops: Sequence[Stop], /, *, chains: int, rng: RNG = None) -> Array:
    """Mean of dU/ds over the readings at each stop of a straight way: (chains, stops).

    Its average at rest is dF/ds, whose integral over the way is F2 - F1 (Kirkwood 1935). Chains
    start at zero, before the first stop.
    """
    noise = NormalStream(open_streams(rng).stream("dwell"), protocol.A1)
    xp = namespace(protocol.A1)
    means = like(xp.zeros((len(stops), chains)), protocol.A1)
    stage = protocol.stage(stops[0].share)
    y = like(xp.zeros((chains, protocol.n)), protocol.A1)
    progress = tqdm(stops, "dwelling", delay=1, disable=None, leave=False)
    for k, stop in enumerate(progress):
        before, stage = stage, protocol.stage(stop.share)
        y = stage.relaxed(stage.enter(y, before), stop.settle, noise)
        for _ in range(stop.readings):
            y = stage.relaxed(y, stop.gap, noise)
            means[k, ...] += _slope(protocol, stage, y)
        means[k, ...] /= stop.readings
    return means.T


def _slope(protocol: Protocol, stage: Stage, y: Array) -> Array:
    """dU/ds = 1/2 x'(A2 - A1)x - (b2 - b1)'x of each chain."""
    change, drive = protocol.A2 - protocol.A1, (protocol.b2 - protocol.b1) @ stage.V
    if protocol.modes is not None:  # the change is diagonal in them
        xp = namespace(y)
        return y**2 @ (xp.sum(stage.V * (change @ stage.V), axis=0) / 2) - y @ drive
    return namespace(y).sum(y @ (stage.V.T @ change @ stage.V) * y, axis=1) / 2 - y @ drive
