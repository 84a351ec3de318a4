"""What a solve costs on a device: upload, settle and read, as the TNGD paper models them."""

from thermolinalg.device.ledger import Ledger, joined
from thermolinalg.device.machine import Device
from tngd.linsolve.chip import components
from tngd.linsolve.contract import Cost
from tngd.linsolve.relaxation import Circuit


def charged(circuit: Circuit, device: Device, analog: float) -> Cost:
    """The arrays and the gradient go in, the nodes relax for a time in RC, the state comes out."""
    p, prices = circuit.gradient.shape[0], device.prices
    numbers, seconds = components(circuit) + p, analog * device.time_constant
    power = None if prices.power is None else prices.power * p * seconds
    ledger = Ledger().add(
        "upload", device.transfer(numbers), joules=_moved(numbers, prices.coefficient, device)
    )
    ledger = ledger.add("settle", seconds, joules=power)
    reading = _moved(p, prices.reading, device)
    return Cost(analog, ledger.add("read", device.transfer(p), joules=reading))


def _moved(numbers: int, each: float | None, device: Device) -> float | None:
    """Energy of numbers that cross the link and are written or read."""
    bit = device.prices.bit
    energy = joined(each, None if bit is None else device.bits * bit)
    return None if energy is None else numbers * energy
