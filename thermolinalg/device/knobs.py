"""What can be turned on a device, by name: one number each."""

from dataclasses import fields, replace
from typing import Any, NamedTuple

from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.noise import ColouredNoise, HeldNoise
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter


class Knob(NamedTuple):
    """Where a number lies: a field of the device, and of the part there."""

    part: str
    kind: type | None
    field: str
    says: str


KNOBS = {
    "bits": Knob("quantisation", Quantisation, "bits", "bits of a coefficient"),
    "mismatch": Knob("mismatch", Mismatch, "couplings", "relative error of a coefficient"),
    "stray": Knob("parasitics", Parasitics, "coupling", "stray coupling of neighbours"),
    "dead": Knob("dead", DeadNodes, "share", "share of dead nodes"),
    "temperature_spread": Knob("temperatures", Temperatures, "spread", "spread of temperatures"),
    "temperature_offset": Knob("temperatures", Temperatures, "offset", "error of the temperature"),
    "drift": Knob("drift", TemperatureDrift, "amount", "temperature drift"),
    "coloured": Knob("dressings", ColouredNoise, "correlation_time", "memory of the noise (RC)"),
    "tick": Knob("dressings", HeldNoise, "tick", "clock period of the noise (RC)"),
    "bound": Knob("dressings", HeldNoise, "bound", "bound of the noise (deviations)"),
    "transport": Knob("dressings", TransportDelay, "time", "transport delay (RC)"),
    "adc_bits": Knob("converter", Converter, "bits", "bits of a reading"),
    "read_noise": Knob("converter", Converter, "noise", "noise of a reading"),
    "floor": Knob("", None, "floor", "systematic floor"),
    "link": Knob("", None, "link", "bandwidth of the link (bit/s)"),
    "chip": Knob("", None, "chip", "specimen"),
}
"""By the names that sweeps use."""


def turned(device: Any, name: str, value: float) -> Any:
    """The device with one number changed, a part being added where it has none.

    Raises:
        InvalidInput: there is no such knob, or it does not go there.
    """
    if name not in KNOBS:
        other = ""
        if name in {f.name for f in fields(device)}:
            other = f" Use `dataclasses.replace(device, {name}=...)` for what is none."
        raise InvalidInput(
            f"{name!r} is no knob of a device. There are: {', '.join(KNOBS)}.{other}"
        )
    knob = KNOBS[name]
    known = {knob.field, f"{knob.part}.{knob.field}"}
    device = replace(device, assumed=tuple(x for x in device.assumed if x not in known))
    if knob.kind is None:
        return replace(device, **{knob.field: value})
    if knob.part == "dressings":
        same = [d for d in device.dressings if isinstance(d, knob.kind)]
        others = tuple(d for d in device.dressings if not isinstance(d, knob.kind))
        old: Any = same[0] if same else knob.kind()
        new = replace(old, **{knob.field: value})
        return replace(device, dressings=(*others, new))
    part: Any = getattr(device, knob.part) or knob.kind()
    return replace(device, **{knob.part: replace(part, **{knob.field: value})})
