"""From the process that circuits and dressings make to one that runs: heated, observed, started."""

from dataclasses import replace
from typing import Any

from thermolinalg.backend import Array, namespace
from thermolinalg.device.circuit import RC, Circuit
from thermolinalg.errors import DoesNotFit
from thermolinalg.measurement.converter import Converter
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Network, Runnable
from thermolinalg.theory.process import OU


def heated(process: Any, factor: float) -> Any:
    """The same process with so many times its noise's variance."""
    if isinstance(process, Observed):
        return replace(process, process=heated(process.process, factor))
    if isinstance(process, Inertial):
        return replace(process, network=heated(process.network, factor))
    if isinstance(process, Network):
        return replace(process, diffusion=process.diffusion * factor)
    return process.heated(factor)


def designed(circuit: Circuit, process: Runnable) -> Any:
    """What a circuit makes of a process, as it was designed.

    Raises:
        DoesNotFit: it has dynamics of its own, and the process has too, or is only multiplied.
    """
    if isinstance(circuit, RC):
        return process
    if not isinstance(process, OU):
        raise DoesNotFit(
            f"a circuit of kind {circuit.kind!r} has dynamics of its own, for a problem whose A is "
            "an array. Leave dynamics and operators to an RC circuit."
        )
    return observed(circuit.nominal(process), process.n, None)


def observed(moving: Any, positions: int, converter: Converter | None) -> Any:
    """As instruments see it; the process itself where they see all of it."""
    exact = converter is None or converter.exact
    if exact and coordinates_read(moving) == positions:
        return moving
    return Observed(moving, positions, None if exact else converter)


def started(x: Array, process: Any) -> Array:
    """States of a process at positions x (chains, n): further coordinates are zero at the start.

    What is remembered of the time before is that all was the same.
    """
    if isinstance(process, Observed):
        return started(x, process.process)
    if isinstance(process, Clocked):
        return process.started(started(x, process.network))
    blocks = process.n // x.shape[-1]
    return namespace(x).concat([x, *[0 * x] * (blocks - 1)], axis=-1) if blocks > 1 else x


def coefficients_of(process: Runnable) -> int:
    """The couplings to upload: the entries of a sparse matrix, else as many as a dense one has."""
    known = getattr(getattr(process, "A", None), "nnz", None)
    return coordinates_read(process) ** 2 if known is None else int(known)
