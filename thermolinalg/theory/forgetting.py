"""How fast a process forgets its start, whatever the start: the decay of e^{-At} in the 2-norm.

Where A is not normal, e^{-At} may grow before it decays, and decay later than its slowest mode.
"""

import math
from weakref import WeakKeyDictionary

from thermolinalg.backend import namespace
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.process import OU

DOUBLINGS = 60
"""Most doublings of a time; a process that is stable to rounding forgets long before."""

STEEPEST = 300.0
"""Logarithm of the largest growth that is told."""


def forgetting_rate(process: OU) -> tuple[float, float]:
    """A rate r with |e^{-At}| <= e^{-rt} for all t >= 1/r, and a bound on its integral times r.

    Under detailed balance with the same noise everywhere, r is that of the slowest mode.
    """
    if process not in _KNOWN:
        _KNOWN[process] = _forgetting_rate(process)
    return _KNOWN[process]


_KNOWN: WeakKeyDictionary[OU, tuple[float, float]] = WeakKeyDictionary()
"""Kept as long as their processes, for all who ask."""


def _forgetting_rate(process: OU) -> tuple[float, float]:
    xp = namespace(process.A)
    if bool(xp.all(process.A == process.A.T)):
        return process.slowest, 1.0
    t = 1 / process.slowest
    E = transition(process, t).E
    for _ in range(DOUBLINGS):
        # e^{-2} by t: e^{-2 floor(s/t)} is below e^{-s/t} from s = t on.
        if float(xp.linalg.matrix_norm(E, ord=2)) <= math.exp(-2):
            break
        t, E = 2 * t, E @ E
    least = float(xp.min(xp.linalg.eigvalsh((process.A + process.A.T) / 2)))
    growth = math.exp(min(max(-least, 0.0) * t, STEEPEST))
    return 1 / t, growth / (1 - math.exp(-2))
