"""What a solve costs on a device: upload, settle and read, as the TNGD paper models them."""

from thermolinalg.device.charging import read_out, timed, uploaded
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from tngd.linsolve.chip import components
from tngd.linsolve.contract import Cost
from tngd.linsolve.relaxation import Circuit


def charged(circuit: Circuit, device: Device, analog: float) -> Cost:
    """The arrays and the gradient go in, the nodes relax for a time in RC, the state comes out."""
    p = circuit.gradient.shape[0]
    ledger = uploaded(device, Ledger(), components(circuit) + p)
    ledger = timed(device, ledger, "settle", analog, p)
    return Cost(analog, read_out(device, ledger, p))
