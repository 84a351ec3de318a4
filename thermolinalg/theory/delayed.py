"""What a delay does to a linear network: which ones still settle, how fast, and how widely."""

import cmath
import math

import numpy as np
from scipy.special import lambertw

from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.errors import DoesNotFit


def delayed_rates(rates: NumpyArray, delay: float) -> NumpyArray:
    """How fast modes settle that obey y'(t) = -a y(t - delay), of rates a, real or complex.

    The last exponent to die is s = W(-a delay)/delay, on Lambert's principal branch.
    """
    return -np.real(lambertw(-rates * delay)) / delay


def delayed_variance(rates: Array, delay: float) -> Array:
    """Variances at rest of dy = -a y(t - delay) dt + N(0, dt) (Kuechler and Mensch 1992).

        (1 + sin u)/(2 a cos u),   u = a delay < pi/2,

    which is 1/(2a) + delay/2 to first order.
    """
    xp, u = namespace(rates), rates * delay
    return (1 + xp.sin(u)) / (2 * rates * xp.cos(u))


def used_up(A: Array, delay: float) -> tuple[float, float]:
    """The largest |a| delay of the rates a of A, and how much of what each may have it takes.

    A mode settles while |a| delay < pi/2 - |arg a|: at that, it swings for ever.

    Raises:
        DoesNotFit: the network would not settle; the message has both numbers.
    """
    rates = np.linalg.eigvals(to_numpy(A))
    turns = np.abs(rates) * delay
    allowed = math.pi / 2 - np.array([abs(cmath.phase(a)) for a in rates.tolist()])
    worst = int(np.argmax(turns / allowed))
    if turns[worst] >= allowed[worst]:
        raise DoesNotFit(
            f"a transport delay of {delay:.4g} makes this network unstable: the rate "
            f"{abs(rates[worst]):.4g} times it is {turns[worst]:.4g}, and it must be below "
            f"{allowed[worst]:.4g}. Shorten the delay, or slow the network down."
        )
    return float(turns.max()), float((turns / allowed).max())
