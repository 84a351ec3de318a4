"""Devices that somebody built or modelled, as far as their numbers are published.

A number that no source states is a guess that makes the device whole: its name is in `assumed`.
"""

from typing import Any

from thermolinalg import checks
from thermolinalg.device.circuit import RLC
from thermolinalg.device.coefficients import Mismatch, Quantisation
from thermolinalg.device.limits import Limits
from thermolinalg.device.noise import HeldNoise
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter

TNGD_PAPER: dict[str, Any] = {
    "name": "TNGD paper",
    "time_constant": 1e-6,
    "bits": 16,
    "link": 50e9,
    "source": "Donatella et al. 2024, arXiv:2405.13817, appendix C: R = 1 kilo-ohm, C = 1 nF",
}

CELLS, BOARDS = 8, 3
"""Of the SPU: cells on a board, and boards that were built alike."""

NOISE_RATE = 12e6
"""Numbers per second that the SPU's FPGA draws for each cell."""

RELAXATION = 1e-6
"""Seconds that RLC cells take, by order of magnitude (Whitelam 2024, arXiv:2410.12211)."""

BANK = tuple(k / 15 for k in range(16))
"""Sums of four switched capacitors in the ratio 1 : 2 : 4 : 8, relative to all four."""


def spu(board: int) -> dict[str, Any]:
    """One of the boards of Melanson et al. 2025."""
    if checks.count("board", board) > BOARDS:
        raise InvalidInput(f"board = {board} must be 1 to {BOARDS}: so many were built.")
    return {
        "name": f"8-cell SPU, board {board}",
        "time_constant": RELAXATION,
        "link": 480e6,
        "chip": board,
        "circuit": RLC(),
        "quantisation": Quantisation(levels=BANK),
        "mismatch": Mismatch(couplings=0.01, nodes=0.0),
        "dressings": (HeldNoise(tick=1 / (NOISE_RATE * RELAXATION), bound=4.0),),
        "converter": Converter(bits=12),
        "limits": Limits(nodes=CELLS, couplings="attractive", dominant=True),
        "source": "Melanson et al. 2025, Nature Communications 16, 3757: equations 4-5, 8 cells, "
        "four capacitors in a bank, noise from an FPGA at a base rate of 12 MHz",
        "assumed": (
            "time_constant",
            "bits",
            "link",
            "circuit.resistances",
            "circuit.inductances",
            "quantisation.levels",
            "mismatch.couplings",
            "dressings.tick",
            "dressings.bound",
            "converter.bits",
        ),
    }


CONDITION, FLOOR = 3.0, 0.018
"""Of the breadboard: the smallest condition that was tried, and the error that stayed."""

REPORTED_ERROR, REPORTED_TIME = 0.10, 0.020
"""Of the breadboard: the relative error that was reached, and after how many seconds."""

BREADBOARD: dict[str, Any] = {
    "name": "2 x 2 breadboard",
    # from time = 2 condition tau/(error² - floor²), tau the fastest time constant
    "time_constant": REPORTED_TIME * (REPORTED_ERROR**2 - FLOOR**2) / (2 * CONDITION),
    "bits": 12,
    "link": 1e6,
    "floor": FLOOR,
    "limits": Limits(nodes=2, couplings="attractive", dominant=True),
    "source": "colinc86's test of covariance = c G⁻¹ with two RC nodes in Johnson noise, 2026: "
    "10 % error in about 20 ms, and a floor of 1.8 % on the correlation",
    "assumed": ("time_constant", "bits", "link"),
}
