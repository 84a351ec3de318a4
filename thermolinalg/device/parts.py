"""The parts that a device is made of, and what of a part needs saying: what differs from none."""

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from thermolinalg.device.circuit import RC, RLC, Circuit, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.ledger import Prices
from thermolinalg.device.limits import Limits
from thermolinalg.device.noise import ColouredNoise, Dressing, HeldNoise
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter

PARTS: dict[str, type] = {
    "circuit": Circuit,
    "quantisation": Quantisation,
    "mismatch": Mismatch,
    "parasitics": Parasitics,
    "dead": DeadNodes,
    "temperatures": Temperatures,
    "drift": TemperatureDrift,
    "converter": Converter,
    "limits": Limits,
    "prices": Prices,
}
"""What each part of a device is."""

CIRCUITS: dict[str, type] = {kind.kind: kind for kind in (RC, RLC, MassSpring)}
"""Circuits by their names."""

KINDS = (ColouredNoise, HeldNoise, TransportDelay)
"""What dressings there are."""

DRESSINGS: dict[str, type] = {kind.title: kind for kind in KINDS}
"""Dressings by their names."""

MANNERS = {"rounding", "event", "reach", "period"}
"""Fields that say how a part acts, and not how strongly."""


def acts(part: Any) -> bool:
    """Is this part there at all? Without any strength it is as good as absent."""
    said = (getattr(part, f.name) for f in fields(part) if f.name not in MANNERS)
    return any(bool(value) and value != math.inf for value in said)


def checked_parts(device: Any) -> dict[str, Any]:
    """The parts of a device, of which None stands for one that does nothing.

    Raises:
        InvalidInput: one is something else.
    """
    if not isinstance(device.name, str):
        raise InvalidInput(f"name = {device.name!r} must be a string.")
    kept = {name: _checked(device, name, kind) for name, kind in PARTS.items()}
    given = device.dressings
    if not isinstance(given, tuple | list) or not all(isinstance(d, Dressing) for d in given):
        raise InvalidInput(
            f"dressings = {given!r} must be a tuple of {', '.join(k.__name__ for k in KINDS)}."
        )
    known = set(places(device)) if device.assumed else set()
    for name in device.assumed:
        if name not in known:
            raise InvalidInput(
                f"assumed holds {name!r}. It names numbers, such as 'link' or 'mismatch.couplings'."
            )
    kept["dressings"] = tuple(d for d in given if acts(d))
    return kept | {"assumed": tuple(device.assumed)}


def _checked(device: Any, name: str, kind: type) -> Any:
    part, optional = getattr(device, name), name not in {"circuit", "limits", "prices"}
    if optional and part is None:
        return None
    if not isinstance(part, kind):
        raise InvalidInput(f"{name} = {part!r} must be a {kind.__name__}.")
    return None if optional and not acts(part) else part


def places(device: Any) -> Iterator[str]:
    """The names of all numbers that a device can have: 'link', 'mismatch.couplings', ..."""
    kinds: dict[str, tuple[type, ...]] = {name: (kind,) for name, kind in PARTS.items()}
    kinds |= {"circuit": tuple(CIRCUITS.values()), "dressings": KINDS}
    for f in fields(device):
        yield f.name
        for kind in kinds.get(f.name, ()):
            yield from (f"{f.name}.{own.name}" for own in fields(kind))


def differing(record: Any) -> dict[str, Any]:
    """The fields of a record that are not at their defaults."""
    values = {f.name: (getattr(record, f.name), default(f)) for f in fields(record)}
    return {name: value for name, (value, usual) in values.items() if value != usual}


def default(f: Field[Any]) -> Any:
    """What a field is when nothing is said of it."""
    return f.default if f.default_factory is MISSING else f.default_factory()


def brief(record: Any) -> str:
    """The expression that makes the record, of what differs from defaults alone."""
    said = (f"{name}={_expression(value)}" for name, value in differing(record).items())
    return f"{type(record).__name__}({', '.join(said)})"


def _expression(value: Any) -> str:
    if isinstance(value, tuple):
        inside = ", ".join(map(_expression, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return brief(value) if hasattr(value, "__dataclass_fields__") else repr(value)
