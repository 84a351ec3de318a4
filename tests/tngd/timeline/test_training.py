"""Training by a timeline is training with its delay; stale gradients are those of a plain loop."""

from dataclasses import replace

import numpy as np
import pytest

import tngd
from tests.tngd.training.cases import LOSS, NET, points
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams
from tngd.optimizers.contract import Point, State
from tngd.timeline.contract import Durations, Overlap
from tngd.timeline.cycle import effective_delay
from tngd.timeline.training import durations_of, on_timeline

SLOW = Durations(gradient=3e-6, upload=1e-6, time=2.0, read=0.5e-6, update=0.25e-6)
MAKERS = (tngd.TNGD, tngd.TNGDAdam)
each_maker = pytest.mark.parametrize("make", MAKERS, ids=["tngd", "tngd-adam"])


def objective():
    x, y = points()
    return tngd.Objective(NET, LOSS, NET.init(Streams(0).stream("init")), x, y)


def trained(optimizer):
    result = tngd.fit(
        NET, LOSS, points(), optimizer=optimizer, batch=10, epochs=3, rng=0, progress=False
    )
    return result.params


@each_maker
@pytest.mark.parametrize("overlap", [Overlap(), Overlap(buffered=True)], ids=str)
def test_a_carried_state_goes_on_for_the_delay_of_the_timeline(make, overlap):
    delay = effective_delay(SLOW, overlap)
    ours = on_timeline(make(0.05, time=2.0, start="carried", noise=0.01), SLOW, overlap)
    by_hand = make(0.05, time=2.0, start="carried", delay=delay, noise=0.01)
    assert ours == by_hand
    assert trained(ours).tobytes() == trained(by_hand).tobytes()
    assert delay == pytest.approx(3.75 + overlap.buffered, rel=1e-12)


@each_maker
@pytest.mark.parametrize("start", ["gradient", "zero"])
def test_after_a_reset_nothing_is_left_of_the_old_problem(make, start):
    optimizer = make(time=2.0, start=start)
    assert on_timeline(optimizer, SLOW) == optimizer


def test_a_device_that_waits_has_no_delay():
    optimizer = tngd.TNGD(time=2.0, start="carried", delay=1.0)
    waits = on_timeline(optimizer, SLOW, Overlap("synchronous"))
    assert waits == tngd.TNGD(time=2.0, start="carried")


@each_maker
@pytest.mark.parametrize("start", ["gradient", "carried"])
def test_pipelined_steps_use_the_gradient_before_the_last_update(make, start):
    """A loop that finds a direction at the point before, and goes along it from here."""
    delay = 0.5 if start == "carried" else 0.0  # the reading
    plain = make(0.05, time=3.25, start=start, delay=delay)  # gradient and update, in RC
    pipelined = on_timeline(make(0.05, time=2.0, start=start), SLOW, Overlap("pipelined"))
    at, rng = objective(), np.random.default_rng(0)
    here, there, ours = at.params, at.params, at.params
    memory, state = None, State()
    averages = [None] * len(plain.after)
    for step in range(1, 7):
        point = Point(at.moved(there), step, plain.rule.rate_at(step))
        found = plain.direction.find(point, memory, rng)
        direction, memory = found.direction, found.memory
        for i, transform in enumerate(plain.after):
            direction, averages[i] = transform.apply(direction, averages[i], point)
        change, _ = plain.rule.step(direction, None, point)
        here, there = here + change, here
        move = pipelined.step(at.moved(ours), state, rng)
        ours, state = move.params, move.state
        assert ours.tobytes() == here.tobytes()


def test_stale_and_fresh_gradients_train_differently():
    optimizer = tngd.TNGD(0.5, time=2.0)
    fresh = trained(on_timeline(optimizer, SLOW))
    stale = trained(on_timeline(optimizer, SLOW, Overlap("pipelined")))
    assert not np.array_equal(fresh, stale)
    assert np.all(np.isfinite(stale))


def test_an_adaptive_damping_learns_through_stale_steps():
    optimizer = tngd.TNGD(0.5, time=2.0, damping=tngd.LevenbergMarquardt(1.0))
    stale = on_timeline(optimizer, SLOW, Overlap("pipelined"))
    at, rng = objective(), np.random.default_rng(0)
    first = stale.step(at, State(), rng)
    second = stale.step(at.moved(first.params), first.state, rng)
    assert second.damping != first.damping == 1.0


@each_maker
def test_durations_are_what_the_device_charges(make):
    device = Device(time_constant=2e-6, bits=8, link=1e9)
    optimizer, at = make(time=7.0, device=device), objective()
    d = durations_of(optimizer, at, gradient=1e-3, update=1e-4)
    ledger = optimizer.step(at, State(), np.random.default_rng(0)).cost.ledger
    charged = {line.activity: line.seconds for line in ledger.lines}
    assert (d.upload, d.relaxation, d.read) == (
        charged["upload"], charged["settle"], charged["read"],
    )  # fmt: skip
    assert (d.gradient, d.update) == (1e-3, 1e-4)


def test_what_is_not_given_is_measured():
    d = durations_of(tngd.TNGD(), objective())
    assert d.gradient > 0
    assert d.update > 0


def test_a_timeline_needs_a_device():
    for optimizer in (tngd.SGD(), tngd.NGD(), "tngd"):
        with pytest.raises(InvalidInput, match="has no device to wait for"):
            on_timeline(optimizer, SLOW)
        with pytest.raises(InvalidInput, match="has no device to wait for"):
            durations_of(optimizer, objective())


def test_durations_of_another_device_are_refused():
    with pytest.raises(InvalidInput, match=r"durations.time = 2, and that of .* is 50"):
        on_timeline(tngd.TNGD(), SLOW)
    slower = Device(time_constant=1.0)
    with pytest.raises(InvalidInput, match=r"durations.time_constant = 1e-06, and that .* is 1\b"):
        on_timeline(tngd.TNGD(time=2.0, device=slower), SLOW)


def test_transforms_that_would_not_see_stale_gradients_are_refused():
    optimizer = replace(tngd.TNGD(time=2.0), before=(tngd.Clip(1.0),))
    assert on_timeline(optimizer, SLOW) == optimizer
    with pytest.raises(InvalidInput, match="Put the transforms in `after`"):
        on_timeline(optimizer, SLOW, Overlap("pipelined"))
