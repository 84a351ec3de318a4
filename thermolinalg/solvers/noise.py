"""How noisy an average will be, from rates alone: what is known before anything has run.

The error e of an average over a time T is normal, its covariance C/T: for averages of the state
itself exactly so, for averages of products once T is long against the memory of the process. So
T |e|² is a generalised chi-square, whose weights are the eigenvalues of C. With D = c I they are

    c/s_k²                                        of means; s_k the singular values of the drift
    c²/2 h coth((a_k + a_l) h/2)/(a_k a_l)        of second moments, k <= l; a_k its eigenvalues,
                                                  the states h apart

With inertia the autocovariance of a mode is c/(2a) times

    φ(t) = (r e^{-st} - s e^{-rt})/(r - s),       r, s = γ/2 ± (γ²/4 - a)^{1/2}, γ the friction,

so that means have the weights γc/a_k², and second moments c²/2 h Σ_m φ_k(mh) φ_l(mh)/(a_k a_l), m
over all whole numbers: four terms such as above, for each pair of r_k or s_k with r_l or s_l.

Where rates do not settle the weights there are bounds: on tr C, and on the largest. With detailed
balance and no inertia C/T is an upper bound for short times too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.theory.chi_square import ChiSquares, bounded, markov, one_direction
from thermolinalg.theory.forgetting import forgetting_rate
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False, slots=True)
class Noise:
    """The law of T |e|², or what bounds it: `total` is at least tr C, `largest` at least |C|."""

    total: float
    largest: float = math.inf
    law: ChiSquares | None = None

    @staticmethod
    def exact(weights: Array, counts: Array = 1.0) -> "Noise":
        """Known weights, each so many times."""
        law = ChiSquares(weights, counts)
        return Noise(law.mean, float(law.weights.max()), law)

    def scaled(self, factor: float) -> "Noise":
        """That of the error times factor^{1/2}."""
        law = self.law and ChiSquares(self.law.weights * factor, self.law.counts)
        return Noise(self.total * factor, self.largest * factor, law)

    def quantile(self, confidence: float) -> float:
        """What T |e|² is below, with that confidence at least."""
        if self.law is not None:
            return self.law.quantile(confidence)
        most = one_direction(self.total, confidence)
        if self.largest < self.total:
            squares = self.total * self.largest
            most = min(most, bounded(self.total, squares, self.largest, confidence))
        return most

    def markov(self, confidence: float) -> float:
        """The same from tr C alone, by Markov's inequality."""
        return markov(self.total, confidence)

    @property
    def source(self) -> str:
        """Where the quantile comes from."""
        return (
            "quantile of the generalised chi-square"
            if self.law is not None
            else "bound on the generalised chi-square, by its mean and largest weight"
        )


def level(process: OU) -> float | None:
    """c, if the noise is D = c I; else None."""
    D = process.D
    if not checks.is_diagonal(D):
        return None
    xp = namespace(D)
    d = xp.linalg.diagonal(D)
    return float(d[0]) if bool(xp.all(d == d[0])) and float(d[0]) > 0 else None


def rates_of(process: OU | Inertial) -> NumpyArray:
    """Eigenvalues of a drift in detailed balance, or of a stiffness (n,), increasing."""
    assert process.modes is not None
    return to_numpy(process.modes.rates).astype(np.float64)


def sampled_once(rate: NumpyArray | float, step: float) -> NumpyArray:
    """2/rate, the integral of e^{-rate |t|} over all t, as a sum over times `step` apart.

    A rate may be complex.
    """
    return step / np.tanh(np.asarray(rate) * step / 2)


def pairs_of(rates: NumpyArray, c: float, step: float) -> NumpyArray:
    """f (n, n), with (1 + δ_kl) f_kl/T the variance of the average of y_k y_l."""
    return _scales(rates, c) * sampled_once(np.add.outer(rates, rates), step)


def swinging_pairs(rates: NumpyArray, friction: float, c: float, step: float) -> NumpyArray:
    """The same of modes with inertia, at any friction but that which is critical for one of them.

    Near that one digits cancel, as many as it agrees with.
    """
    away = np.sqrt((friction / 2) ** 2 - rates + 0j)
    decays = friction / 2 + away, friction / 2 - away
    shares = -decays[1] / (2 * away), decays[0] / (2 * away)
    memory = np.zeros((len(rates), len(rates)))
    for r, p in zip(decays, shares, strict=True):
        for s, q in zip(decays, shares, strict=True):
            memory += (np.outer(p, q) * sampled_once(np.add.outer(r, s), step)).real
    return _scales(rates, c) * memory


def _scales(rates: NumpyArray, c: float) -> NumpyArray:
    """The products (n, n) of the variances of two modes."""
    return np.outer(0.5 * c / rates, 0.5 * c / rates)


def of_matrix(f: NumpyArray) -> Noise:
    """Of all n² second moments: the diagonal, and each entry off it twice."""
    return Noise.exact(2 * f[np.triu_indices(len(f))])


def of_trace(f: NumpyArray) -> Noise:
    """Of the sum of all squares."""
    return Noise.exact(np.array([2 * np.trace(f)]))


def of_diagonal(f: NumpyArray) -> Noise:
    """Of the squares of all coordinates, whatever the modes are: most where each is a mode.

    Their variances are 2 Σ f_kl M_kl with M doubly stochastic, and f_kl² <= f_kk f_ll.
    """
    each = 2 * np.diagonal(f)
    return Noise(float(each.sum()), float(each.max()))


def of_entries(pairs: NumpyArray, most: float) -> Noise:
    """Of the products of some pairs of coordinates, whatever the modes are; no f_kk above `most`.

    The variance of x_i x_j is 1/2 Σ_kl f_kl (U_ik U_jl + U_il U_jk)², U the modes, and so at most
    that f times 1 + δ_ij; off the diagonal E_ij is a coordinate of E over √2.
    """
    on = pairs[:, 0] == pairs[:, 1]
    _, times = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)
    return Noise(most * float((1 + on).sum()), 2 * most * float(times.max()))


def of_covariance(process: OU, step: float) -> Noise:
    """Of all second moments of any stable process, in units of |S|, S the covariance at rest.

    tr C is the sum over all times t of (tr C(t))² + tr C(t)², C(t) = e^{-At} S, and
    (tr S)² <= n |S|².
    """
    memory = squared_memory(process, step)
    return Noise((process.n + 1) * memory, 2 * memory)


def of_lag(rates: NumpyArray, contraction: float) -> Noise:
    """Of the products over one lag of n coordinates at rest with x ~ N(0, I), a lag apart.

    With E = e^{-M} it is n² + |E|² + 2 Σ_h ((tr E^h)² + tr E^{2h}) for each pair of samples; the
    `rates` are the real parts of M's eigenvalues, and |e^{-Mh}| <= e^{-contraction h}.
    """
    n, e = len(rates), math.exp(-2 * contraction)
    tails = 1 / np.expm1(np.maximum(np.add.outer(rates, rates), 2 * contraction))
    total = n**2 + n * e + 2 * float(tails.sum() + np.trace(tails))
    return Noise(total, 1 + e + 4 * e / (1 - e))


def squared_memory(process: OU, step: float) -> float:
    """A bound on Σ |e^{-A|t|}|² step over all times t that are multiples of the step."""
    rate, growth = forgetting_rate(process)
    if growth == 1.0:  # e^{-rate t} from the start
        return float(sampled_once(2 * rate, step))
    start = growth * (1 - math.exp(-2))  # |e^{-At}| <= start e^{-2 floor(rate t)}
    return 2 * (1 / rate + step) * start**2 / (1 - math.exp(-4))


def singular_values(process: OU) -> NumpyArray:
    """Those of a drift (n,), increasing: the positive eigenvalues of [[0, A], [A', 0]].

    Those of A'A would lose twice as many digits.
    """
    A = to_numpy(process.A).astype(np.float64)
    zero = np.zeros_like(A)
    sizes = np.linalg.eigvalsh(np.block([[zero, A], [A.T, zero]]))[process.n :]
    return np.maximum(sizes, checks.rounding(A) * sizes[-1])


def directions(
    process: OU | Inertial, decode: Callable[[Array], Array]
) -> tuple[NumpyArray, NumpyArray]:
    """Of means: weights (m,), and what each normal mode adds to tr C (n,), decoded.

    With inertia they are to be multiplied by the friction. The noise is to be the same everywhere.
    Without detailed balance the modes are singular vectors of the drift, which no decoding but one
    that keeps lengths goes with.
    """
    modes, xp = process.modes, namespace(process.A)
    if modes is None:
        assert isinstance(process, OU)
        weights = (level(process) or 0.0) / singular_values(process) ** 2
        return weights, weights
    each = decode((modes.basis / modes.rates).T[:, None, :])
    G = to_numpy(xp.reshape(each, (coordinates_read(process), -1))).astype(np.float64)
    weights = np.clip(np.linalg.eigvalsh(G @ G.T), 0.0, None)
    return weights, (G**2).sum(axis=1)
