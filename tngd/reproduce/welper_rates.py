"""How the error of a trained network falls with its width, and with time: theory and practice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.streams import Streams
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.welper_figure import draw_figure
from tngd.reproduce.welper_fits import time_rates
from tngd.reproduce.welper_model import draw, kernel_distance
from tngd.reproduce.welper_protocol import Protocol
from tngd.reproduce.welper_table import Table
from tngd.reproduce.welper_targets import TARGETS, find_target
from tngd.reproduce.welper_training import evaluate, train
from tngd.reproduce.welper_words import words

LOOKS = 40
"""Times at which a curve is kept."""


@final
@dataclass(frozen=True)
class WelperRates(Experiment):
    """Three targets, learnt by several protocols at several widths.

    Args:
        protocols: fields of `Protocol` by name. "published", "fixed grid" and "descent" are
            compared with the theory; all others are descents, compared with "descent".
        window: first and last time of gradient flow that the rate by time is fitted between.
        read_off: medians over the authors' seeds, as read off their plots: "widths", and by target
            "errors" and "drifts".
        seed: of everything.
    """

    protocols: Mapping[str, Mapping[str, Any]]
    window: tuple[float, float]
    read_off: Mapping[str, Any]
    seed: int = 0

    @property
    def read(self) -> dict[str, Protocol]:
        """The protocols."""
        return {name: Protocol(**fields) for name, fields in self.protocols.items()}

    def cases(self, done: Sequence[Done]) -> list[Case]:
        del done
        return [
            self._case(name, protocol, target, width)
            for name, protocol in self.read.items()
            for target in TARGETS
            if target in protocol.steps
            for width in protocol.widths
        ]

    def _case(self, name: str, protocol: Protocol, target: str, width: int) -> Case:
        """Protocols share the seed of a target and a width: the same starts, if they draw alike."""
        how = {"steps": protocol.steps[target], "seeds": protocol.seeds, "rate": protocol.rate}
        seed = Streams(self.seed).child(target, width).seed
        return {"protocol": name, "target": target, "width": width, **how, "seed": seed}

    @property
    def context(self) -> str:
        return f"{self.protocols!r}, {self.window!r}"

    def measure(self, case: Case) -> Numbers:
        protocol, target = self.read[case["protocol"]], find_target(case["target"])
        rng = Streams(case["seed"]).stream("start")
        ridges = draw(rng, protocol.seeds, case["width"], paired=protocol.paired)
        method = protocol.trainer(case["target"])
        trained = train(ridges, target, protocol.grid(target, case["width"]), method, LOOKS)
        drift = np.abs(trained.theta - ridges.start)
        timed = protocol.method == "descent"
        rates = time_rates(trained.times, trained.errors, self.window) if timed else np.zeros(0)
        return {
            "error": short(evaluate(ridges, trained.theta, target)),
            "training_error": short(trained.errors[-1]),
            "drift": short(drift.max(axis=1)),
            "mean_drift": short(np.sqrt(np.mean(drift**2, axis=1))),
            "first_distance": short(kernel_distance(ridges.start)),
            "distance": short(trained.distances[-1]),
            "time_rate": short(rates),
            "times": short(trained.times),
            "errors": short(np.median(trained.errors, axis=1)),
            "distances": short(np.median(trained.distances, axis=1)),
        }

    def findings(self, done: Sequence[Done]) -> str:
        return words(self._table(done))

    def figure(self, done: Sequence[Done]) -> Any:
        return draw_figure(self._table(done))

    def _table(self, done: Sequence[Done]) -> Table:
        return Table(self.read, self.window, self.read_off, self.seed, done)


def short(values: NumpyArray) -> list[float]:
    """Four digits of each, as many as anyone reads."""
    return [float(f"{value:.4g}") for value in values]
