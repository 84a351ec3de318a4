"""A linear problem as a study: how far the answer of a device is from the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg.analysis.problem import Problem
from thermolinalg.backend import to_numpy
from thermolinalg.device.ledger import joined
from thermolinalg.device.machine import Device
from thermolinalg.solvers.estimate import Outcome

OWN = {
    "time": ("max_time", "most analog time (RC)"),
    "temperature": ("temperature", "temperature of the noise"),
}
"""Knobs of a problem: the option of the solver that each sets, and what it says."""

OUTCOMES = tuple(Outcome)


@final
@dataclass(frozen=True, slots=True)
class LinearStudy:
    """`solve` or `inv` of one problem, asked of many devices.

    Measured are the relative error |x - truth|/|truth| in the 2-norm (Frobenius), the relative
    standard error that the run itself tells, analog time and seconds of the device as modelled,
    joules where the device states its prices, and the outcome by its place in `Outcome`.

    Its own knobs are the time that a run may take, and for `solve` the temperature; `inv` reads a
    covariance in units of the temperature, and has none.
    """

    problem: Problem

    @property
    def name(self) -> str:
        return f"{self.problem.solver}, n = {self.problem.network.n}"

    @property
    def definition(self) -> Any:
        arguments = [to_numpy(np.asarray(x)) for x in self.problem.arguments]
        return self.problem.solver, arguments, dict(self.problem.options)

    @property
    def metric(self) -> str:
        return "relative error"

    @property
    def knobs(self) -> Mapping[str, str]:
        names = ("time", "temperature") if self.problem.solver == "solve" else ("time",)
        return {name: OWN[name][1] for name in names}

    def measure(self, device: Device, seed: int, /, **knobs: float) -> Mapping[str, float]:
        options = {OWN[name][0]: value for name, value in knobs.items()}
        x = self.problem.asked(**options).run(device, rng=seed)
        truth = self.problem.truth
        size = float(np.linalg.norm(truth))
        modelled = [line for line in x.ledger.lines if line.source == "modelled"]
        joules = joined(*(line.joules for line in modelled))
        return {
            self.metric: float(np.linalg.norm(to_numpy(x.value) - truth)) / size,
            "standard error": float(np.linalg.norm(to_numpy(x.stderr))) / size,
            "seconds": sum(line.seconds for line in modelled),
            **({} if joules is None else {"joules": joules}),
            "outcome": float(OUTCOMES.index(x.outcome)),
        }
