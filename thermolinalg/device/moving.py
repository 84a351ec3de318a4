"""Devices whose motion is not linear: of their imperfections, those that need no matrix."""

from dataclasses import replace
from typing import Any

from thermolinalg.device.circuit import RC
from thermolinalg.device.limits import Held
from thermolinalg.device.temperature import Temperatures
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.langevin import Langevin


def moved(device: Any, process: Langevin, coefficients: int) -> Langevin:
    """What this device moves in place of a mass in a potential that many coefficients shape.

    Temperatures that all nodes share are felt; the converter is for who reads.

    Raises:
        DoesNotFit: the device cannot hold it, or has parts of which only linear motion is known.
    """
    device.limits.require(Held(process.positions, coefficients, None, 0.0))
    parts = [p for p in device.imperfections if not isinstance(p, Temperatures)]
    titles = [part.title for part in (*parts, *device.dressings)]
    if device.drift is not None:
        titles.append(device.drift.title)
    if device.floor:
        titles.append("a systematic floor")
    if not isinstance(device.circuit, RC):
        titles.append(f"a circuit of kind {device.circuit.kind!r}")
    heat = device.temperatures
    if heat is not None and (heat.spread or heat.nodes is not None):
        titles.append("nodes of unequal temperatures")
    if titles:
        raise DoesNotFit(
            f"this potential is not quadratic, and what {', '.join(titles)} would make of it is "
            "known of linear motion alone. Leave that out: limits, a converter and an offset of "
            "the temperature are allowed."
        )
    return process if heat is None else replace(process, temperature=1 + heat.offset)
