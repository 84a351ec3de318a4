"""A tiny comparison, made once, and everything about a trial that does not depend on the clock."""

from dataclasses import asdict
from functools import cache

import models
from tests.tngd.training.cases import LOSS, NET, points
from tngd.data.dataset import Dataset, Split
from tngd.experiments.comparison import compare
from tngd.experiments.contender import Contender
from tngd.experiments.trial import Setting

TOY = Dataset("toy", *(Split(*points(30, seed)) for seed in range(3)), classes=3, seed=0)
SETTING = Setting(NET, LOSS, TOY, batch=7, epochs=2)
CONTENDERS = (
    Contender("sgd", 0.5),
    Contender("ngd", 0.5, (("damping", 0.1),)),
    Contender("tngd", 0.5, (("damping", 0.1), ("time", 2.0), ("noise", 1e-4))),
)
HOW = {"seeds": 2, "trials": 3, "target": 0.8, "rng": 1, "workers": 1}
LINEAR = models.mlp([2, 3])


@cache
def comparison():
    return compare(SETTING, CONTENDERS, **HOW)


@cache
def comparison_with_a_diverged_contender():
    """The rates of one are absurd, and of squared error it makes no number."""
    return compare(SETTING, (*CONTENDERS[1:], Contender("sgd", 1e38)), **HOW)


def untimed(trial):
    """A trial without wall times, which no two runs share."""
    kept = {name: value for name, value in asdict(trial).items() if name != "seconds"}
    kept["looks"] = [{**look, "seconds": None} for look in kept["looks"]]
    return kept
