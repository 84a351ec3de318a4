"""Training as a study: repeatable numbers, knobs, what a device does, and runs that fail."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from tests.tngd.experiments.cases import SETTING, TOY
from thermolinalg.analysis.sensitivity import sensitivity
from thermolinalg.device.ledger import Prices
from thermolinalg.device.limits import Limits
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit, InvalidInput
from tngd.data.dataset import Split
from tngd.experiments.training_study import TrainingStudy
from tngd.optimizers.systems import TNGD
from tngd.training.fit import fit
from tngd.training.problem import Problem

RESET = TrainingStudy(SETTING, rate=0.5, damping=0.1, time=2.0)
CARRIED = replace(RESET, rate=0.1, start="carried", noise=1e-4)


def test_it_is_what_fit_says():
    numbers = CARRIED.measure(Device(), 3, delay=0.5)
    optimizer = TNGD(0.1, damping=0.1, time=2.0, start="carried", delay=1.0, noise=1e-4)
    run = fit(SETTING.network, SETTING.loss, tuple(TOY.train), optimizer=optimizer, batch=7,
              epochs=2, progress=False, rng=3)  # fmt: skip
    loss, accuracy = Problem(SETTING.network, SETTING.loss, *TOY.test).evaluate(run.params)
    assert numbers["test accuracy"] == accuracy
    assert numbers["test loss"] == loss
    assert numbers["device seconds"] == sum(r.device_seconds for r in run.history.steps)
    assert numbers["diverged"] == 0
    assert "joules" not in numbers


def test_the_same_arguments_give_the_same_numbers():
    device = Device().vary("mismatch", 0.2)
    once = CARRIED.measure(device, 1)
    again = pickle.loads(pickle.dumps(CARRIED)).measure(device, 1)
    assert once == again
    assert once != CARRIED.measure(device, 2)
    assert once != CARRIED.measure(device.vary("chip", 1), 1)


def test_the_definition_knows_data_and_knobs():
    assert CARRIED.definition == replace(CARRIED).definition
    moved = replace(TOY, test=Split(TOY.test.x + 1, TOY.test.y))
    for other in (
        replace(CARRIED, noise=0.1),
        replace(CARRIED, setting=replace(SETTING, batch=5)),
        replace(CARRIED, setting=replace(SETTING, dataset=moved)),
    ):
        assert other.definition != CARRIED.definition


@pytest.mark.parametrize(
    ("knob", "value"),
    [("noise", 10.0), ("time", 0.5), ("rate", 0.01), ("damping", 3.0), ("gradient_bits", 2),
     ("delay", 2.0), ("drift", 3.0)],
)  # fmt: skip
def test_every_knob_matters(knob, value):
    assert knob in CARRIED.knobs
    turned, plain = CARRIED.measure(Device(), 0, **{knob: value}), CARRIED.measure(Device(), 0)
    assert turned["test loss"] != plain["test loss"]


def test_a_delay_is_for_a_carried_state():
    assert "delay" not in RESET.knobs
    with pytest.raises(InvalidInput, match="start='carried'"):
        replace(RESET, delay=1.0)


def test_a_run_that_diverges_has_numbers():
    numbers = RESET.measure(Device(), 0, rate=1e38)
    assert numbers["diverged"] == 1
    assert 0 <= numbers["test accuracy"] <= 1


def test_joules_where_the_device_states_prices():
    device = Device(prices=Prices(coefficient=1e-12, reading=1e-12, bit=0.0, power=1e-6))
    assert RESET.measure(device, 0)["joules"] > 0


def test_a_device_that_cannot_hold_it_says_so():
    small = Device(limits=Limits(nodes=3))
    with pytest.raises(DoesNotFit, match="the device has 3"):
        RESET.measure(small, 0)
    swept = sensitivity(RESET, small, {"bits": [4]}, seeds=1, workers=1)
    assert set(swept.refusals("bits")) == {4}


def test_a_sweep_of_it_goes_on_from_what_is_kept(tmp_path, monkeypatch):
    sweep = {"bits": [2, 8], "noise": [1.0]}
    how = {"seeds": 2, "workers": 1}
    whole = sensitivity(RESET, sweep=sweep, **how)
    sensitivity(RESET, sweep={"bits": [2]}, folder=tmp_path, **how)
    resumed = sensitivity(RESET, sweep=sweep, folder=tmp_path, **how)
    assert [p.numbers for p in resumed.points] == [p.numbers for p in whole.points]
    assert len(list(tmp_path.iterdir())) == 8

    def refuse(*_args, **_knobs):
        raise AssertionError("trained again")

    monkeypatch.setattr(TrainingStudy, "measure", refuse)
    kept = sensitivity(RESET, sweep=sweep, folder=tmp_path, **how)
    assert [p.numbers for p in kept.points] == [p.numbers for p in whole.points]
    assert np.array_equal(kept.curve("bits").values, [2, 8])
