"""A device in words: what it is made of, what each of its numbers does, what is not stated."""

import math
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from thermolinalg.device.naming import title_of
from thermolinalg.device.parts import PARTS, differing

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"))
"""Of SI units, from 10⁻⁹ to 10⁹; what is smaller is in units of 10⁻¹²."""

CIRCUITS = {
    "rc": "resistors and capacitors, which relax without inertia",
    "rlc": "coupled RLC resonators: voltages at rest, whose covariance is that of C⁻¹",
    "mass-spring": "masses on springs, which swing before they settle",
}

ENERGIES = {
    "coefficient": ("J", "to write a coefficient or a drive"),
    "reading": ("J", "to read a number"),
    "bit": ("J", "to move a bit over the link"),
    "power": ("W", "of each running node"),
}

SAYS = {
    "circuit.friction": "friction {} of each mass of 1: the smaller, the longer it swings",
    "circuit.resistances": "R = {} of the cells: unequal ones are unequal temperatures",
    "circuit.inductances": "L = {} of the cells: they set how fast it swings, and no covariance",
    "quantisation.bits": "{} bits a coefficient: each is off by up to half a step, for good",
    "quantisation.rounding": "{} rounding: off by up to a step, and right on average over events",
    "quantisation.events": "{} events share one random rounding, each shifted by a share of a step",
    "quantisation.full_scale": "full scale {} of the matrix's norm: beyond it nothing is held",
    "quantisation.levels": "a bank of sizes {} of the largest: coefficients take the nearest",
    "quantisation.drive_bits": "{} bits a drive: each is off by up to half a step, for good",
    "quantisation.event": "rounding event {} of many",
    "mismatch.couplings": "{} off, as a standard deviation, is each coefficient of a chip",
    "mismatch.drives": "{} off, as a standard deviation, is each drive of a chip",
    "mismatch.nodes": "{} off is each node's time constant: its speed changes, its rest does not",
    "parasitics.coupling": "{} of the norm couples neighbours that should not be",
    "parasitics.reach": "neighbours are up to {} nodes apart",
    "dead.share": "{} of the nodes are shorted: they read zero, and hold others back",
    "dead.nodes": "nodes {} are shorted: they read zero, and hold others back",
    "temperatures.spread": "{} off, as a standard deviation, is each node's temperature",
    "temperatures.offset": "{} too hot are all nodes: covariances scale with it, means do not",
    "temperatures.nodes": "nodes at {} of the temperature asked for",
    "drift.amount": "{} hotter it gets while it runs: covariances grow, means do not",
    "drift.period": "it takes {} RC to warm up",
    "dressings.correlation_time": "noise remembers for {} RC: stiff modes are too cold",
    "dressings.tick": "noise is held for {} RC: modes as fast as that are too cold",
    "dressings.bound": "noise is clipped at {} standard deviations: all modes are too cold",
    "dressings.time": "couplings act {} RC late: stiff modes are too hot, means are right",
    "converter.bits": "{} bits a reading",
    "converter.full_scale": "readings end at {}, in the device's units",
    "converter.noise": "noise of {} on each reading: it adds its square to variances",
    "converter.offset": "offset of {} on each reading: means move by it",
    "converter.gain": "gain off by {}: means scale with it, covariances twice as much",
    "limits.nodes": "at most {} nodes",
    "limits.coefficients": "at most {} coefficients",
    "limits.couplings": "{} couplings only: entries off the diagonal are <= 0",
    "limits.dominant": "only rows whose diagonal is at least the sum of the other sizes",
    "limits.drive": "drives of at most {} of their root mean square",
}
"""What each number does, in a line."""

SHARES = {
    "mismatch.couplings",
    "mismatch.drives",
    "mismatch.nodes",
    "parasitics.coupling",
    "dead.share",
    "temperatures.spread",
    "temperatures.offset",
    "drift.amount",
    "converter.gain",
}
"""Numbers that are said in per cent."""

WIDTH = 100
"""Of a line; what is longer goes on in the next."""

SHOWN = 4
"""Entries of a tuple that are printed from either end."""


def described(device: Any) -> str:
    """The text; equal devices have equal texts."""
    wrapped = (
        textwrap.fill(line, WIDTH, subsequent_indent="      ", break_on_hyphens=False)
        for line in _lines(device)
    )
    return "\n".join(wrapped)


def in_units(value: float, unit: str) -> str:
    """A number with its unit and a prefix: 1e-06 s is 1 us."""
    size, prefix = next(((s, p) for s, p in PREFIXES if abs(value) >= s), (1e-12, "p"))
    return f"{value / size:.4g} {prefix}{unit}"


def _lines(device: Any) -> Iterator[str]:
    circuit, each = device.circuit.kind, in_units(device.bits / device.link, "s")
    yield f"{title_of(device)}: {CIRCUITS[circuit]}; chip {device.chip}"
    if device.source:
        yield f"  from {device.source}"
    assumed = set(device.assumed)
    yield f"  clock: RC = {in_units(device.time_constant, 's')}{_mark('time_constant', assumed)}"
    link = in_units(device.link, "bit/s")
    marks = _mark("bits", assumed) or _mark("link", assumed)
    yield f"  link: {device.bits} bits a number at {link}, {each} each{marks}"
    said = [line for name in PARTS if name != "prices" for line in _of_part(device, name, assumed)]
    for dressing in device.dressings:
        said.extend(_of(dressing, "dressings", dressing.title, assumed))
    if device.floor:
        mark = _mark("floor", assumed)
        said.append(
            f"  floor: {100 * device.floor:.4g} % of the answer is wrong for no known cause{mark}"
        )
    yield from said or ["  no imperfections, and no limits"]
    yield from _energies(device.prices)


def _of_part(device: Any, name: str, assumed: set[str]) -> Iterator[str]:
    part = getattr(device, name)
    if part is not None:
        yield from _of(part, name, getattr(part, "title", name), assumed)


def _of(part: Any, name: str, title: str, assumed: set[str]) -> Iterator[str]:
    """A line for each number that is not as on an ideal device, or that is assumed."""
    said = differing(part)
    if name == "dressings":  # all that a dressing has is worth a line
        said = {f.name: getattr(part, f.name) for f in fields(part)}
    for f in fields(part):
        place = f"{name}.{f.name}"
        if f.name in said or place in assumed:
            value = getattr(part, f.name)
            if value == math.inf:  # no limit
                continue
            value = f"{100 * value:.4g} %" if place in SHARES else _shown(value)
            yield f"  {title}: {SAYS[place].format(value)}{_mark(place, assumed)}"


def _mark(place: str, assumed: set[str]) -> str:
    return " (assumed)" if place in assumed else ""


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        parts = [_shown(x) for x in value]
        if len(parts) > 2 * SHOWN:
            parts = [*parts[:SHOWN], "...", *parts[-SHOWN:]]
        return f"({', '.join(parts)})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _energies(prices: Any) -> Iterator[str]:
    known = [f.name for f in fields(prices) if f.name in ENERGIES]
    source = f", from {prices.source}" if prices.source else ""
    for name in known:
        value, (unit, what) = getattr(prices, name), ENERGIES[name]
        if value is not None:
            yield f"  energy: {in_units(value, unit)} {what}{source}"
    unstated = [ENERGIES[name][1] for name in known if getattr(prices, name) is None]
    if unstated:
        yield f"  energy: not stated {', '.join(unstated)}"
