"""Upper bounds of the condition number from a norm or trace and the determinant.

They are vacuous beyond a few tens of rows, and the determinant costs the factorisation that they
would schedule: use `lanczos_condition` for that. All are computed by logarithms, so that nothing
underflows; what does not fit a float is infinite. The authors' program of Q-Newton has
(1 - n/|A|)^n where the general bound has (n/|A|²)^n: that bounds nothing.
"""

import math

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import NotPositiveDefinite


def general_bound(A: NumpyArray) -> float:
    """((1 + x)/(1 - x))^(1/2) with x² = 1 - q and q = (n/|A|²)^n |det A|² (Merikoski et al. 1997).

    |A| is the Frobenius norm, as in `guggenheimer_bound`.
    """
    A = checks.square("A", A)
    return math.inf if (q := _log_ratio(A)) == -math.inf else _exp(_log_one_plus(q) - q / 2)


def definite_bound(A: NumpyArray) -> float:
    """(1 + x)/(1 - x) with x² = 1 - q, q = (n/tr A)^n det A, for a positive definite A.

    Raises:
        NotPositiveDefinite: A is not.
    """
    A = checks.symmetric("A", A, "Take general_bound(A), or pass (A + A.T)/2.")
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        raise NotPositiveDefinite(
            "A is not positive definite. Take general_bound(A), which does not ask for it."
        ) from None
    n, log_det = len(A), 2 * float(np.sum(np.log(np.diag(L))))
    q = min(0.0, n * math.log(n / float(np.trace(A))) + log_det)
    return _exp(2 * _log_one_plus(q) - q)


def guggenheimer_bound(A: NumpyArray) -> float:
    """(2/|det A|) (|A|/n^(1/2))^n (Guggenheimer, Edelman and Johnson 1995)."""
    return _exp(math.log(2) - _log_ratio(checks.square("A", A)) / 2)


def _log_ratio(A: NumpyArray) -> float:
    """ln((n/|A|_F²)^n |det A|²): 0 for a multiple of an orthogonal matrix, -inf for a singular."""
    n, log_det = len(A), float(np.linalg.slogdet(A)[1])
    if log_det == -math.inf:
        return log_det
    return min(0.0, 2 * log_det + n * (math.log(n) - 2 * math.log(float(np.linalg.norm(A)))))


def _log_one_plus(q: float) -> float:
    """ln(1 + x) for x² = 1 - e^q, with which (1 + x)/(1 - x) = (1 + x)²/e^q."""
    return math.log1p(math.sqrt(-math.expm1(q)))


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
