"""What a device's activities cost: from its clock, its link and its prices to lines of a ledger."""

from typing import Any

from thermolinalg.device.ledger import Ledger, joined


def timed(device: Any, ledger: Ledger, activity: str, time: float, nodes: int) -> Ledger:
    """With a line for so many nodes that run for a time in RC."""
    seconds, power = time * device.time_constant, device.prices.power
    energy = None if power is None else power * nodes * seconds
    return ledger.add(activity, seconds, joules=energy)


def uploaded(device: Any, ledger: Ledger, numbers: int) -> Ledger:
    """With a line for numbers that are sent to the device."""
    energy = _moved(device, numbers, device.prices.coefficient)
    return ledger.add("upload", device.transfer(numbers), joules=energy)


def read_out(device: Any, ledger: Ledger, numbers: int) -> Ledger:
    """With a line for numbers that come from it."""
    energy = _moved(device, numbers, device.prices.reading)
    return ledger.add("read", device.transfer(numbers), joules=energy)


def _moved(device: Any, numbers: int, each: float | None) -> float | None:
    """The energy of numbers that cross the link; not stated if one of its two parts is not."""
    bit = device.prices.bit
    energy = joined(each, None if bit is None else device.bits * bit)
    return None if energy is None else numbers * energy
