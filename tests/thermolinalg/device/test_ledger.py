"""What a run costs, from the constants of the TNGD paper: RC = 1 us, 16 bits a number, 50 Gb/s."""

import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg.device.ledger import Ledger
from thermolinalg.errors import InvalidInput

RC, BITS, LINK = 1e-6, 16, 50e9
A = np.array([[3.0, 1.0, 0.2], [1.0, 4.0, -0.5], [0.2, -0.5, 2.0]])
B = np.array([1.0, -2.0, 0.5])


def seconds(estimate):
    lines = estimate.ledger.lines
    return {line.activity: line.seconds for line in lines if line.source == "modelled"}


@pytest.mark.parametrize("sides", [1, 4])
def test_the_time_of_a_solve(sides):
    b = B if sides == 1 else np.outer(B, np.arange(1.0, sides + 1))
    x = tla.solve(A, b, rng=0)
    plan, cost = x.plan, seconds(x)
    assert cost["upload"] == pytest.approx((9 + 3 * sides) * BITS / LINK)
    assert cost["settle"] == pytest.approx(sides * plan.burn_in * RC)
    assert cost["measure"] == pytest.approx(sides * (plan.pilot + plan.averaging) * RC)
    assert cost["read"] == pytest.approx(2 * plan.windows * 3 * sides * BITS / LINK)
    assert x.ledger.seconds("modelled") == pytest.approx(sum(cost.values()))
    assert [line.activity for line in x.ledger.lines if line.source == "measured"] == ["digital"]
    assert x.ledger.seconds("measured") > 0
    assert plan.time == pytest.approx(plan.burn_in + plan.pilot + plan.averaging)


def test_the_time_of_an_inverse():
    X = tla.inv(A, rng=0)
    plan, cost = X.plan, seconds(X)
    assert cost["upload"] == pytest.approx((9 + 3) * BITS / LINK)
    assert cost["measure"] == pytest.approx((plan.pilot + plan.averaging) * RC)
    samples = 0
    for run in (plan.pilot, plan.averaging):
        window = run / plan.windows
        samples += plan.windows * np.ceil(window * plan.slowest * 2 - 1e-9)
    assert cost["read"] == pytest.approx(samples * 3 * BITS / LINK, rel=0.05)


def test_another_device_has_other_costs():
    slow = tla.Device(name="slow", time_constant=1e-3, bits=8, link=1e6)
    ideal, other = seconds(tla.solve(A, B, rng=0)), seconds(tla.solve(A, B, rng=0, device=slow))
    for activity in ("settle", "measure"):
        assert other[activity] == pytest.approx(1000 * ideal[activity])
    for activity in ("upload", "read"):
        assert other[activity] == pytest.approx(50e9 / 1e6 / 2 * ideal[activity])


def test_lines_of_one_activity_and_source_are_summed():
    ledger = (
        Ledger().add("read", 1.0).add("wait", 2.0).add("read", 3.0).add("read", 5.0, "measured")
    )
    assert {(line.activity, line.source): line.seconds for line in ledger.lines} == {
        ("read", "modelled"): 4.0,
        ("wait", "modelled"): 2.0,
        ("read", "measured"): 5.0,
    }
    assert ledger.seconds("modelled") == 6.0
    text = str(ledger)
    assert "read: 4 s modelled" in text
    assert "read: 5 s measured" in text
    assert "total: 6 s modelled; energy not stated" in text


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"time_constant": 0}, "time_constant = 0"),
        ({"bits": 0}, "bits = 0"),
        ({"bits": 1.5}, "bits = 1.5"),
        ({"link": -1}, "link = -1"),
        ({"link": np.inf}, "link = inf"),
    ],
)
def test_impossible_devices_are_named(knobs, message):
    with pytest.raises(InvalidInput, match=message):
        tla.Device(**knobs)
