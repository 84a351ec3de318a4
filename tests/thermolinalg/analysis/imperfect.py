"""Each imperfection by itself, at three strengths, and problems that make its bias visible."""

import numpy as np

from thermolinalg.analysis.problem import Problem
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.measurement.converter import Converter

LEVELS = tuple(np.linspace(0, 1, 9)), tuple(np.linspace(0, 1, 17)), tuple(np.linspace(0, 1, 33))

MACHINES = {
    "bits": ((6, 7, 8), lambda s, _: Device(quantisation=Quantisation(bits=s)), "both"),
    "bits at random": (
        (7, 8, 9),
        lambda s, _: Device(quantisation=Quantisation(bits=s, rounding="stochastic")),
        "both",
    ),
    "levels of a bank": (
        (0, 1, 2),
        lambda s, _: Device(quantisation=Quantisation(levels=LEVELS[s])),
        "both",
    ),
    "bits of drives": (
        (4, 5, 6),
        lambda s, _: Device(quantisation=Quantisation(drive_bits=s)),
        "solve",
    ),
    "mismatch": ((0.01, 0.02, 0.04), lambda s, _: Device(mismatch=Mismatch(couplings=s)), "both"),
    "mismatch of drives": (
        (0.01, 0.02, 0.04),
        lambda s, _: Device(mismatch=Mismatch(drives=s)),
        "solve",
    ),
    "mismatch of nodes": (
        (0.02, 0.05, 0.1),
        lambda s, _: Device(mismatch=Mismatch(nodes=s)),
        "none",
    ),
    "stray couplings": ((0.005, 0.01, 0.02), lambda s, _: Device(parasitics=Parasitics(s)), "both"),
    "dead nodes": ((1, 2, 3), lambda s, n: Device(dead=DeadNodes(share=s / n)), "both"),
    "temperatures": (
        (0.1, 0.15, 0.2),
        lambda s, _: Device(temperatures=Temperatures(spread=s)),
        "inv",
    ),
    "temperature": (
        (-0.1, 0.1, 0.2),
        lambda s, _: Device(temperatures=Temperatures(offset=s)),
        "inv",
    ),
    "drift": ((0.1, 0.2, 0.5), lambda s, _: Device(drift=TemperatureDrift(s, 1e4)), "inv"),
    "coloured noise": (
        (0.1, 0.2, 0.4),
        lambda s, _: Device(dressings=(ColouredNoise(s),)),
        "inv",
    ),
    "held noise": ((0.5, 1.0, 2.0), lambda s, _: Device(dressings=(HeldNoise(s),)), "inv"),
    "bounded noise": (
        (1.0, 1.5, 2.0),
        lambda s, _: Device(dressings=(HeldNoise(0.05, s),)),
        "inv",
    ),
    "transport delay": (
        (0.1, 0.2, 0.4),
        lambda s, _: Device(dressings=(TransportDelay(s),)),
        "inv",
    ),
    "unequal R": (
        (0.1, 0.3, 0.6),
        lambda s, n: Device(circuit=RLC(resistances=tuple(np.linspace(1 - s, 1 + s, n)))),
        "inv alone",
    ),
    "inertia": ((0.5, 1.0, 2.0), lambda s, _: Device(circuit=MassSpring(friction=s)), "none"),
    "reading gain": ((-0.1, 0.05, 0.1), lambda s, _: Device(converter=Converter(gain=s)), "both"),
    "reading offset": ((0.2, 0.3, 0.4), lambda s, _: Device(converter=Converter(offset=s)), "both"),
    "read-out noise": ((0.4, 0.6, 0.9), lambda s, _: Device(converter=Converter(noise=s)), "inv"),
    "reading steps": (
        (3, 4, 5),
        lambda s, _: Device(converter=Converter(bits=s, full_scale=6.0)),
        "both",
    ),
    "automatic steps": ((4, 5, 6), lambda s, _: Device(converter=Converter(bits=s)), "both"),
    "reading range": (
        (1.8, 2.2, 2.6),
        lambda s, _: Device(converter=Converter(full_scale=s)),
        "both",
    ),
    "floor": ((0.05, 0.1, 0.2), lambda s, _: Device(floor=s), "both"),
}
"""Strengths, the device of one for n unknowns, and of which solver the answer is biased."""


def matrix(n, seed=0):
    """Symmetric, with eigenvalues from 0.4 to 1."""
    U = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]
    return (U * np.linspace(0.4, 1, n)) @ U.T


def problem_of(solver, n, rtol=None):
    A = matrix(n)
    if solver == "inv":
        return Problem("inv", A, rtol=rtol or 0.02)
    b = np.random.default_rng(1).standard_normal(n)
    return Problem("solve", (A, b), rtol=rtol or 1e-3, temperature=1e-5)


def cases(solver):
    """(name, device of n, is it biased?) at each strength."""
    for name, (strengths, build, biased) in MACHINES.items():
        if solver == "solve" and biased == "inv alone":
            continue
        for strength in strengths:
            yield name, strength, build, biased in {"both", solver, f"{solver} alone"}
