"""Training as a study: the test accuracy that TNGD reaches on one device, for `sensitivity`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from thermolinalg.device.coefficients import Quantisation
from thermolinalg.device.ledger import joined
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import TemperatureDrift
from thermolinalg.errors import InvalidInput
from tngd.experiments.trial import Setting
from tngd.linsolve.thermodynamic import Start
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.systems import TNGD
from tngd.training.fit import fit
from tngd.training.problem import Problem
from tngd.training.result import Ending

OWN = {
    "noise": "thermal noise kappa0",
    "time": "analog time t of a step (RC)",
    "rate": "learning rate",
    "damping": "damping",
    "gradient_bits": "bits of the gradient",
    "drift": "temperature drift",
    "delay": "delay (in units of t)",
}
"""Knobs of a training: what each says. A delay needs a state that is carried."""


@final
@dataclass(frozen=True)
class TrainingStudy:
    """One network trained by TNGD on one data set, asked of many devices.

        study = TrainingStudy(setting, rate=0.4, damping=1.0, time=2.0, start="gradient")
        sensitivity(study, sweep={"bits": [3, 4, 8]}, seeds=3)

    Measured are the accuracy and the loss on the test set, the loss on the training set, the
    seconds of the device as modelled (and its joules where it states prices), and whether the run
    diverged: its numbers are then those of the last parameters whose loss was one. A seed gives
    every device the same start, the same batches, and the same thermal noise.

    Args:
        setting: network, loss, data, batch and epochs.
        rate: learning rate.
        damping: of the Gauss-Newton matrix.
        time: analog time of a step, in RC.
        start: "gradient", "zero" or "carried".
        delay: time under the old problem, in units of `time`; needs start="carried".
        noise: kappa0.
        gradient_bits: of the gradient that drives the device; 0 drives it exactly.
        drift: what the temperature rises by, relative; 0 is the device's own drift.
        warm_up: time that it takes to, in RC.
    """

    setting: Setting
    rate: float = 0.1
    damping: float = 0.1
    time: float = 50.0
    start: Start = "gradient"
    delay: float = 0.0
    noise: float = 0.0
    gradient_bits: int = 0
    drift: float = 0.0
    warm_up: float = 1e4

    def __post_init__(self) -> None:
        self._optimizer(Device.ideal())

    @property
    def name(self) -> str:
        return f"TNGD on {self.setting.dataset.name}, state {STATES[self.start]}"

    @property
    def definition(self) -> Any:
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "setting"}
        s = self.setting
        return repr(s.network), repr(s.loss), s.batch, s.epochs, self._data, own

    @property
    def metric(self) -> str:
        return "test accuracy"

    @property
    def knobs(self) -> Mapping[str, str]:
        carried = self.start == "carried"
        return {name: says for name, says in OWN.items() if carried or name != "delay"}

    def measure(self, device: Device, seed: int, /, **knobs: float) -> Mapping[str, float]:
        """Train and test; see the class."""
        study, setting = replace(self, **knobs), self.setting  # type: ignore[arg-type]
        x, y = setting.dataset.train
        run = fit(
            setting.network,
            setting.loss,
            (x, y),
            optimizer=study._optimizer(device),
            batch=setting.batch,
            epochs=setting.epochs,
            progress=False,
            rng=seed,
        )
        with np.errstate(all="ignore"):
            network, params = run.network or setting.network, run.params
            test = Problem(network, setting.loss, *setting.dataset.test)
            loss, accuracy = test.evaluate(params)
            fitted, _ = Problem(network, setting.loss, x, y).evaluate(params)
        joules = joined(*(record.joules for record in run.history.steps))
        return {
            "test accuracy": accuracy or 0.0,
            "test loss": loss,
            "training loss": fitted,
            "device seconds": float(sum(run.history.column("device_seconds"))),
            **({} if joules is None else {"joules": joules}),
            "diverged": float(run.ending is Ending.DIVERGED),
        }

    def _optimizer(self, device: Device) -> Optimizer:
        if self.gradient_bits:
            part = device.quantisation or Quantisation()
            device = replace(device, quantisation=replace(part, drive_bits=self.gradient_bits))
        if self.drift:
            device = replace(device, drift=TemperatureDrift(self.drift, self.warm_up))
        return TNGD(
            self.rate,
            damping=self.damping,
            time=self.time,
            start=self.start,
            delay=self.delay * self.time,
            noise=self.noise,
            device=device,
        )

    @cached_property
    def _data(self) -> str:
        """A digest of all rows, taken once."""
        dataset = self.setting.dataset
        if dataset.classes < 2:
            raise InvalidInput("an accuracy needs a data set of two classes or more.")
        digest = hashlib.sha256()
        for part in (dataset.train, dataset.test):
            for rows in part:
                digest.update(repr((rows.shape, rows.dtype.str)).encode())
                digest.update(np.ascontiguousarray(rows).data)
        return digest.hexdigest()


STATES = {"gradient": "reset to the gradient", "zero": "reset to zero", "carried": "carried"}
"""What becomes of the device's state between steps."""
