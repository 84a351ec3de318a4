"""Driven runs on a real device: both ends of the way are programmed, and works are read."""

from dataclasses import replace
from typing import Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.device.circuit import RC
from thermolinalg.device.disturbance import offset
from thermolinalg.device.limits import Limits, held_of
from thermolinalg.errors import DoesNotFit
from thermolinalg.measurement.moment import MomentTrace
from thermolinalg.simulation.ramp import Protocol
from thermolinalg.theory.process import OU


def is_exact(device: Any) -> bool:
    """Does it move just as it is asked to, and is it read so? Limits aside, and costs."""
    plain = isinstance(device.circuit, RC) and device.drift is None and device.converter is None
    return plain and not (device.imperfections or device.dressings or device.floor)


def driven(device: Any, protocol: Protocol) -> Protocol:
    """The way that this chip really goes, between the ends that it programs.

    Raises:
        DoesNotFit: it cannot hold an end, or moves in a way of its own.
    """
    _require_plain(device)
    if not device.imperfections and device.limits == Limits():
        return protocol
    ends = [_network(protocol, A) for A in (protocol.A1, protocol.A2)]
    device.limits.require(held_of(ends[1], 1.0))
    real = [device.distorted(end) for end in ends]
    factors = [_temperature(device, moving, end) for moving, end in zip(real, ends, strict=True)]
    hot = protocol.temperature * factors[1]
    return replace(protocol, A1=real[0].A, A2=real[1].A, temperature=hot)


def read_works(
    device: Any, works: Array, rng: np.random.Generator, *, reverse: bool = False
) -> Array:
    """Works (runs,) or mean slopes (runs, stops), as a meter reads them; on a way back reversed."""
    if device.converter is not None:
        works = device.converter.read(works, rng)
    if device.floor:
        floor = -device.floor if reverse else device.floor
        works = offset(works, MomentTrace(), floor, device.chip)
    return works


def _require_plain(device: Any) -> None:
    """No dynamics and no clock of its own."""
    own = None
    if not isinstance(device.circuit, RC):
        own = f"a circuit of kind {device.circuit.kind!r}"
    elif device.dressings:
        own = device.dressings[0].title
    elif device.drift is not None:
        own = device.drift.title
    if own:
        raise DoesNotFit(
            f"the works of driven runs, of which logdet is made, are not known of a device with "
            f"{own}. Take an RC circuit that has no such part."
        )


def _network(protocol: Protocol, A: Array) -> OU:
    D = 2 * protocol.temperature * like(namespace(A).eye(protocol.n), A)
    return OU(A, 0 * A[0, :], D)


def _temperature(device: Any, real: OU, end: OU) -> float:
    """By what factor the bath of the real network is hotter, if it is one bath.

    Raises:
        DoesNotFit: nodes have temperatures or time constants of their own.
    """
    xp = namespace(end.D)
    factor = float(real.D[0, 0] / end.D[0, 0])
    apart = float(xp.max(xp.abs(real.D - factor * end.D)))
    if apart > checks.rounding(end.D) * abs(factor) or not checks.is_symmetric(real.A):
        causes = ", ".join(part.title for part in device.imperfections)
        raise DoesNotFit(
            "the works of driven runs, of which logdet is made, tell a free energy where all nodes "
            f"share one temperature and one time constant, and on this device ({causes}) they "
            f"differ by a share of up to {apart / float(xp.max(end.D)):.2g}. Leave spread, nodes "
            "and dead nodes out; an offset that all share is allowed."
        )
    return factor
