"""Every knob turns one number, and adds the part that it is in where there is none."""

import pytest

from thermolinalg import Device, Mismatch
from thermolinalg.device.knobs import KNOBS
from thermolinalg.errors import InvalidInput

VALUES = dict.fromkeys(KNOBS, 0.25) | {"bits": 7, "adc_bits": 7, "chip": 7}


@pytest.mark.parametrize("name", KNOBS)
def test_a_knob_turns_one_number(name):
    knob, device = KNOBS[name], Device().vary(name, VALUES[name])
    part = getattr(device, knob.part) if knob.part else device
    part = part[0] if knob.part == "dressings" else part
    assert getattr(part, knob.field) == VALUES[name]
    assert device != Device()
    assert device.vary(name, VALUES[name]) == device


@pytest.mark.parametrize("name", sorted(set(KNOBS) - {"bits", "adc_bits", "tick", "bound", "link"}))
def test_at_zero_there_is_nothing(name):
    assert Device().vary(name, 0) == Device()
    assert Device().vary(name, VALUES[name]).vary(name, 0) == Device()


def test_other_numbers_of_a_part_stay():
    device = Device(mismatch=Mismatch(couplings=0.1, drives=0.2)).vary("mismatch", 0.3)
    assert device.mismatch == Mismatch(couplings=0.3, drives=0.2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("luck", 1, "'luck' is no knob of a device. There are: bits, mismatch"),
        ("bits", 7.5, "bits = 7.5 must be an integer"),
        ("mismatch", -1, "couplings = -1 must be >= 0"),
        ("link", 0, "link = 0 must be"),
    ],
)
def test_a_knob_that_does_not_go_there_says_so(name, value, message):
    with pytest.raises(InvalidInput, match=message):
        Device().vary(name, value)
