"""What a chip holds in place of the arrays and the gradient it is asked to hold.

    S, g  ->  rounded  ->  mismatched  ->  dead nodes  ->  temperatures

The TNGD paper's device has three resistor arrays, for J, H and J' (Donatella et al. 2024, appendix
C). Here they are taken as one array S = R'J/√b with RR' = H, through which signals go forwards and
backwards: what is wrong with a component is wrong both ways, so that C = S'S stays positive
semidefinite and the device settles on any chip. With arrays of their own for J and J', each with
its own errors, C would not even be symmetric. The damping, a resistor to ground at each node, is
taken to be exact.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.device.circuit import RC
from thermolinalg.device.limits import Held, Limits
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit
from thermolinalg.streams import Streams, open_streams
from tngd.curvature.explicit import Explicit
from tngd.linsolve.relaxation import Circuit, ExactRelaxation, Relaxation


def require_simulated(device: Device, relaxation: Relaxation, noise: float) -> None:
    """Go on only with a device whose every part is one that a training can be run on.

    Raises:
        DoesNotFit: one is not; the message says which.
    """
    q, m, t = device.quantisation, device.mismatch, device.temperatures
    uneven = t is not None and (t.spread > 0 or t.nodes is not None)
    limits = device.limits
    for refused, says in (
        (device.circuit != RC(), f"circuit = {device.circuit!r}; take RC()"),
        (device.parasitics is not None and device.parasitics.coupling > 0,
         "parasitics: its arrays couple parameters to samples, not to their neighbours"),
        (bool(device.dressings), "dressings: noise and couplings with a memory"),
        (q is not None and (q.levels is not None or q.full_scale is not None),
         "levels or full_scale of its coefficients; give bits, whose full scale is the largest"),
        (m is not None and m.nodes > 0, "mismatch of nodes; give couplings and drives"),
        (limits.couplings != "any" or limits.dominant,
         "limits on the signs of couplings: its arrays hold entries of both signs"),
        (uneven and noise > 0 and isinstance(relaxation, ExactRelaxation),
         "nodes of different temperatures under ExactRelaxation(); take EulerRelaxation(0.05)"),
    ):  # fmt: skip
        if refused:
            raise DoesNotFit(f"a device for TNGD cannot be simulated with {says}.")


def require_held(circuit: Circuit, limits: Limits) -> None:
    """Go on only with arrays and drives that fit.

    Raises:
        DoesNotFit: they do not; the message has the number that is exceeded.
    """
    if limits != Limits():
        g = circuit.gradient
        largest = float(namespace(g).max(namespace(g).abs(g))) / drive_unit(g)
        limits.require(Held(g.shape[0], components(circuit), None, largest))


def components(circuit: Circuit) -> int:
    """Resistors of the paper's three arrays: b c (b c + 2 p)."""
    rows = circuit.curvature.samples * circuit.curvature.outputs
    return rows * (rows + 2 * circuit.gradient.shape[0])


def drive_unit(gradient: Array) -> float:
    """What is 1 on the device: the root mean square of the drives."""
    return float(gradient @ gradient / gradient.shape[0]) ** 0.5 or 1.0


def programmed(circuit: Circuit, device: Device, rng: np.random.Generator) -> Circuit:
    """The circuit that this chip holds; the very one that was asked for, if nothing is wrong."""
    if not device.imperfections:
        return circuit
    circuit = replace(circuit, gradient=_drives(circuit.gradient, device))
    S = _array(circuit, device, rng)
    if S is not None:
        at = circuit.curvature
        circuit = replace(circuit, curvature=Explicit(S, at.samples, at.outputs))
    return _heated(circuit, device)


def alive(p: int, device: Device, reference: Array) -> Array | None:
    """1 for each of p nodes, 0 for the dead ones; None if there are none."""
    if device.dead is None or not (dead := device.dead.dead(p, device.specimen(device.dead))):
        return None
    keep = np.ones(p)
    keep[dead] = 0.0
    return like(keep, reference)


def _drives(g: Array, device: Device) -> Array:
    """The gradient as it is driven."""
    q, m, xp = device.quantisation, device.mismatch, namespace(g)
    if q is not None and q.drive_bits is not None and (largest := _largest(g)):
        step = 2 * largest / 2**q.drive_bits
        g = step * xp.round(g / step)
    if m is not None and m.drives:
        z = normals(device.specimen(m).stream("drives"), tuple(g.shape), g)
        g = g * (1 + m.drives * z)
    keep = alive(g.shape[0], device, g)
    return g if keep is None else g * keep


def _array(circuit: Circuit, device: Device, rng: np.random.Generator) -> Array | None:
    """S (q, p) as it is held; None if it is held exactly."""
    q, m = device.quantisation, device.mismatch
    bits = None if q is None else q.bits
    keep = alive(circuit.gradient.shape[0], device, circuit.gradient)
    if bits is None and not (m is not None and m.couplings) and keep is None:
        return None
    S = circuit.curvature.rows
    if q is not None and bits is not None and (largest := _largest(S)):
        step = 2 * largest / 2**bits
        S /= step
        if q.rounding == "stochastic":  # each upload is an event of its own
            S += like(open_streams(rng).stream("rounding", q.event).random(S.shape), S)
            S = namespace(S).floor(S)
        else:
            S = namespace(S).round(S)
        S *= step
    if m is not None and m.couplings:
        chip = device.specimen(m)
        S *= like(_factors(chip, m.couplings, *S.shape, str(S.dtype).endswith("float32")), S)
    if keep is not None:
        S *= keep
    return S


@lru_cache(maxsize=2)
def _factors(chip: Streams, spread: float, q: int, p: int, single: bool) -> np.ndarray:
    """1 + the relative error of each component (q, p): fewer rows are the first ones of more.

    They are the same at every step, and take longer to draw than the step.
    """
    dtype = np.float32 if single else np.float64
    z = chip.stream("couplings").standard_normal((q, p), dtype=dtype)
    z *= spread
    z += 1
    z.flags.writeable = False
    return z


def _heated(circuit: Circuit, device: Device) -> Circuit:
    """With the noise of each coordinate, as far as it is not the one that was asked for."""
    t, g = device.temperatures, circuit.gradient
    if t is None or not circuit.noise:
        return circuit
    if not t.spread and t.nodes is None:
        return replace(circuit, noise=circuit.noise * (1 + t.offset))
    return replace(circuit, temperatures=t.factors_of(g.shape[0], device.specimen(t), g))


def _largest(x: Array) -> float:
    xp = namespace(x)
    return max(float(xp.max(x)), -float(xp.min(x)))
