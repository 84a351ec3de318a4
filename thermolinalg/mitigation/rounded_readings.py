"""What rounding readings to steps h does to their moments, beyond Sheppard's h²/12.

The rounding error of x is e(x) = (h/π) Σ_k (-1)^k sin(2πkx/h)/k. Of a normal reading of standard
deviation s, noise included, its average is a sum of harmonics e^{-2π² k² s²/h²}; over all places of
the mean in a step it has the mean square (h²/2π²) Σ_k e^{-4π² k² s²/h²}/k².

Rounding errors of two nodes are independent only if the nodes are: with d² and p² the variances of
their difference and of their sum,

    |cov(e_i, e_j)| <= (h²/12) (e^{-2π² d²/h²} + e^{-2π² p²/h²}) + (h²/π²) e^{-2π² s²/h²},

s the smaller of the two, and |cov(x_i, e_j) + cov(e_i, x_j)| <= 4 |S_ij| e^{-2π² s²/h²}.
"""

import math

import numpy as np

from thermolinalg.backend import Array, NumpyArray, like, namespace


def left_in_mean(step: float, spread: NumpyArray) -> NumpyArray:
    """Root-mean-square bias of the mean of rounded readings, at most, by their own deviation.

    Two levels in turns vary by up to h²/4 in themselves: only what goes beyond that is noise.
    """
    if step == 0:
        return 0 * spread
    noise = np.maximum((spread / step) ** 2 - 0.25, 0.0)
    return step / math.sqrt(12) * np.exp(-2 * math.pi**2 * noise)


def left_in_covariance(S: Array, noise: float, step: float) -> Array:
    """Bound on what readings of N(0, S), with independent noise added, have beyond step²/12."""
    if step == 0:
        return 0 * S
    xp, unit = namespace(S), 2 * (math.pi / step) ** 2
    variances = xp.clip(xp.linalg.diagonal(S), 0.0, None) + noise**2
    single = variances + 0 * S
    less = xp.exp(-unit * xp.minimum(single, xp.matrix_transpose(single)))
    sizes = single + xp.matrix_transpose(single)
    apart, along = (xp.exp(-unit * xp.clip(sizes + sign * 2 * S, 0.0, None)) for sign in (-1, 1))
    eye = like(xp.eye(S.shape[0]), S)
    shared = step**2 / 12 * (apart + along) * (1 - eye)
    own = xp.abs(S) + noise**2 * eye
    return shared + (step**2 / math.pi**2 + 4 * own) * less
