"""Both clocks: durations are whole numbers, of which sums and differences have no rounding."""

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput
from tngd.timeline.contract import Durations, Kind, Machine, Mode, Overlap
from tngd.timeline.cycle import effective_delay, steady_cycle
from tngd.timeline.events import Job, run_jobs
from tngd.timeline.simulation import simulate_timeline

whole = st.integers(0, 20).map(float)
durations = st.builds(
    Durations, gradient=whole, upload=whole, time=whole, read=whole, update=whole,
    time_constant=st.sampled_from([0.5, 1.0, 4.0]),
)  # fmt: skip
OVERLAPS = [
    Overlap("synchronous"),
    Overlap("asynchronous"),
    Overlap("asynchronous", buffered=True),
    Overlap("pipelined"),
    Overlap("pipelined", buffered=True),
]
each_overlap = pytest.mark.parametrize("overlap", OVERLAPS, ids=str)
FRESH = [overlap for overlap in OVERLAPS if overlap.mode != "pipelined"]
runs = given(d=durations, steps=st.integers(1, 5))


def one(timeline, machine, kind, step):
    """The only activity of a kind in a step."""
    (found,) = (
        each for each in timeline.lane(machine) if (each.kind, each.step) == (kind, step)
    )  # fmt: skip
    return found


@each_overlap
@runs
def test_a_machine_does_one_thing_after_the_other_and_leaves_no_gap(overlap, d, steps):
    timeline = simulate_timeline(d, overlap, steps=steps)
    for machine in get_args(Machine):
        lane = timeline.lane(machine)
        assert lane[0].begin == 0.0
        assert lane[-1].end == timeline.seconds
        assert all(before.end == after.begin for before, after in pairwise(lane))
        assert all(each.begin <= each.end for each in lane)
        assert timeline.spent(machine, *get_args(Kind)) == timeline.seconds


@each_overlap
@runs
def test_nothing_is_used_before_it_is_known(overlap, d, steps):
    timeline = simulate_timeline(d, overlap, steps=steps)
    lag = 2 if overlap.mode == "pipelined" else 1
    for k in range(1, steps + 1):
        gradient, upload, read, update = (
            one(timeline, "digital", kind, k) for kind in ("gradient", "upload", "read", "update")
        )
        relaxing = one(timeline, "device", "relax (new problem)", k)
        assert gradient.end <= upload.begin
        assert upload.end == relaxing.begin
        assert relaxing.seconds >= d.relaxation
        assert relaxing.end == read.begin
        assert read.end <= update.begin
        if k > lag:
            assert one(timeline, "digital", "update", k - lag).end <= gradient.begin
        if k > 1:
            assert one(timeline, "digital", "read", k - 1).end <= upload.begin


@runs
def test_a_pipelined_gradient_does_not_know_the_last_reading(d, steps):
    timeline = simulate_timeline(d, Overlap("pipelined"), steps=steps)
    for k in range(2, steps + 1):
        gradient = one(timeline, "digital", "gradient", k)
        assert gradient.end <= one(timeline, "digital", "read", k - 1).begin


@each_overlap
@runs
def test_jobs_last_as_long_as_they_should(overlap, d, steps):
    timeline = simulate_timeline(d, overlap, steps=steps)
    for kind in ("gradient", "upload", "read", "update"):
        assert timeline.spent("digital", kind) == steps * getattr(d, kind)
    assert timeline.spent("device", "upload") == steps * d.upload * (not overlap.buffered)


@pytest.mark.parametrize("overlap", FRESH, ids=str)
@runs
def test_with_fresh_gradients_the_parts_of_a_step_add_up(overlap, d, steps):
    timeline = simulate_timeline(d, overlap, steps=steps)
    step = d.gradient + d.upload + d.time * d.time_constant + d.read + d.update
    assert timeline.seconds == steps * step
    assert steady_cycle(d, overlap).seconds == step
    assert timeline.times == (d.time,) * steps
    held = d.upload + d.time * d.time_constant + (d.read if overlap.mode == "synchronous" else 0)
    if overlap.mode == "synchronous" and step:
        assert timeline.utilisation("device") == pytest.approx(held / step, rel=1e-12)


@runs
def test_no_overlap_makes_a_step_longer(d, steps):
    wait, go_on, pipelined = (
        simulate_timeline(d, Overlap(mode), steps=steps).seconds for mode in get_args(Mode)
    )
    assert pipelined <= go_on <= wait
    cycles = [steady_cycle(d, Overlap(mode)).seconds for mode in get_args(Mode)]
    assert cycles[1] == cycles[0]
    assert cycles[0] - cycles[2] == min(d.gradient + d.update, d.time * d.time_constant)


@each_overlap
@given(d=durations)
def test_the_cycle_is_what_the_events_come_to(overlap, d):
    """All but the first step, before which nothing is updated, and the last."""
    timeline, cycle = simulate_timeline(d, overlap, steps=6), steady_cycle(d, overlap)
    uploads = [one(timeline, "digital", "upload", k).begin for k in range(2, 6)]
    assert timeline.delays == (cycle.delay,) * 5
    assert timeline.times[1:-1] == (cycle.time,) * 4
    assert {b - a for a, b in pairwise(uploads)} == {cycle.seconds}
    assert effective_delay(d, overlap) == cycle.delay
    assert cycle.stale == (overlap.mode == "pipelined")


def test_the_old_problem_is_in_force_while_registers_are_written():
    d = Durations(gradient=5.0, upload=2.0, time=4.0, read=1.0, update=1.0, time_constant=1.0)
    assert effective_delay(d) == 7.0
    assert effective_delay(d, Overlap(buffered=True)) == 9.0
    assert effective_delay(d, Overlap("pipelined")) == 1.0
    assert effective_delay(d, Overlap("synchronous")) == 0.0


def test_durations_of_zero_take_no_time():
    timeline = simulate_timeline(Durations(0.0, time=0.0))
    assert timeline.seconds == 0.0
    assert timeline.utilisation("device") == 0.0


def test_of_two_jobs_that_could_begin_the_first_does():
    jobs = [
        Job("gradient", 1, 2.0, ("digital",)),
        Job("update", 1, 1.0, ("digital",)),
        Job("upload", 1, 1.0, ("device", "digital"), (("gradient", 1),)),
        Job("read", 1, 1.0, ("device",)),
    ]
    assert run_jobs(jobs) == {
        ("gradient", 1): 0.0, ("read", 1): 0.0, ("update", 1): 2.0, ("upload", 1): 3.0,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["gradient", "upload", "time", "read", "update"])
def test_durations_are_not_negative(name):
    with pytest.raises(InvalidInput, match=f"{name} = -1 must be >= 0"):
        Durations(**{"gradient": 1.0, name: -1.0})


def test_mistakes_are_named():
    with pytest.raises(InvalidInput, match="time_constant = 0 must be > 0"):
        Durations(1.0, time_constant=0.0)
    with pytest.raises(InvalidInput, match="mode = 'parallel' must be one of: 'synchronous'"):
        Overlap("parallel")
    with pytest.raises(InvalidInput, match="buffered has no effect when the device waits"):
        Overlap("synchronous", buffered=True)
    with pytest.raises(InvalidInput, match="steps = 0"):
        simulate_timeline(Durations(1.0), steps=0)
    with pytest.raises(InvalidInput, match="machine = 'gpu' must be 'digital' or 'device'"):
        simulate_timeline(Durations(1.0)).lane("gpu")
