"""How far the law at rest moves when the coefficients of a process do, to first order.

What rests at A⁻¹b, with AS + SA' = D, rests elsewhere with A + dA, b + db and D + dD. Subtracting
one equation from the other leaves linear equations for the shift that are exact:

    (A + dA) dx = db - dA x* =: r,      (L + dL) dS = dD - dA S - S dA' =: R,

with L X = AX + XA'. To first order dx = f = A⁻¹r and dS = F = L⁻¹R. The rest is -(1 + E)⁻¹ E f,
with E = A⁻¹dA or L⁻¹dL, and so at most |E f|/(1 - |E|): all that is neglected, cross terms and all.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.linalg

from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.theory.equilibrium import solve_linear, solve_lyapunov
from thermolinalg.theory.process import OU
from thermolinalg.theory.refinement import EPS


@final
@dataclass(frozen=True, eq=False, slots=True)
class Response:
    """A shift to first order, a bound on what that neglects, and by how much changes couple.

    Args:
        first: the first-order shift, of a mean (n,) or (k, n), or of a covariance (n, n).
        neglected: the true shift is no further from `first`, in the 2-norm (Frobenius); infinite
            where no bound is known, because `coupling` is 1 or more.
        coupling: |E|: of each further power of the change, at most such a share is left.
    """

    first: NumpyArray
    neglected: float
    coupling: float

    @staticmethod
    def bounded(first: NumpyArray, again: float, coupling: float) -> "Response":
        """With |E first| <= `again` and |E| <= `coupling`."""
        neglected = again / (1 - coupling) if coupling < 1 else np.inf
        return Response(first, neglected if np.any(first) else 0.0, coupling)


def mean_response(
    process: OU,
    /,
    *,
    dA: NumpyArray | None = None,
    db: NumpyArray | None = None,
    units: NumpyArray | None = None,
) -> Response:
    """The shift of the mean A⁻¹b of each drive: A⁻¹(db - dA A⁻¹b).

    Args:
        process: the process.
        dA: change of A.
        db: change of b.
        units: of each coordinate (n,), in which lengths and |E| are measured; 1 by default.

    Raises:
        ShapeMismatch: a change has another shape than what it changes.
    """
    A, b = (to_numpy(x).astype(float) for x in (process.A, process.b))
    dA, db = _like("dA", dA, A), _like("db", db, b)
    mean = solve_linear(A, np.atleast_2d(b).T).T.reshape(b.shape)
    E = solve_linear(A, dA)
    first = solve_linear(A, np.atleast_2d(db).T).T.reshape(b.shape) - mean @ E.T
    first = _exact_zero(first, mean)
    u = np.ones(len(A)) if units is None else units
    coupling = float(np.linalg.norm(u[:, None] * E / u, 2))
    return Response.bounded(first, _size(first @ E.T * u), coupling)


def covariance_response(
    process: OU, /, *, dA: NumpyArray | None = None, dD: NumpyArray | None = None
) -> Response:
    """The shift F of the covariance at rest: A F + F A' = dD - dA S - S dA'.

    Raises:
        ShapeMismatch: a change has another shape than what it changes.
    """
    A, D = (to_numpy(x).astype(float) for x in (process.A, process.D))
    dA, dD = _like("dA", dA, A), _like("dD", dD, D)
    S = solve_lyapunov(A, D)
    first = _exact_zero(_lyapunov(A, dD - _both(dA @ S)), S)
    again = _lyapunov(A, _both(dA @ first)) if np.any(dA) else 0 * first
    coupling = 2 * float(np.linalg.norm(dA, 2)) * _inverse_bound(A) if np.any(dA) else 0.0
    return Response.bounded(first, _size(again), coupling)


def mean_scatter(
    process: OU, /, *, VA: NumpyArray | None = None, Vb: NumpyArray | None = None
) -> NumpyArray:
    """Root-mean-square shift of each entry of the mean, for random changes without a mean.

    Var f_a = Σ_ij V_ij G_ai² x_j² + Σ_{i != j} V_ij G_ai x_i G_aj x_j + Σ_i Vb_i G_ai², G = A⁻¹, in
    O(n³): nothing is sampled.

    Args:
        process: the process, A symmetric.
        VA: variances of the entries of dA; ij and ji change together, all others apart.
        Vb: variances of the entries of db, which change apart.
    """
    A, b = (to_numpy(x).astype(float) for x in (process.A, process.b))
    VA, Vb = _like("VA", VA, A), _like("Vb", Vb, b)
    G = solve_linear(A, np.eye(len(A)))
    mean, pairs = b @ G.T, VA - np.diag(np.diag(VA))
    square = (mean**2 @ VA.T + Vb) @ (G**2).T
    each = np.atleast_2d(mean)[:, None, :] * G  # (k, a, i): G_ai x_i
    square = square + ((each @ pairs) * each).sum(axis=-1).reshape(b.shape)
    return np.asarray(np.sqrt(square))


def covariance_scatter(
    process: OU, /, *, VA: NumpyArray | None = None, VD: NumpyArray | None = None
) -> float:
    """Root-mean-square Frobenius norm of the covariance's shift, for random changes without a mean.

    For S = T A⁻¹ and Q = A⁻²: T² (Σ_ij V_ij Q_ii Q_jj + Σ_{i != j} V_ij Q_ij²), and of node i's
    noise VD_ii Σ_kl (U_ik U_il/(a_k + a_l))², in O(n³).

    Args:
        process: the process, A symmetric and D = 2T I.
        VA: variances of the entries of dA; ij and ji change together, all others apart.
        VD: variances (n, n) of the entries of dD, which is diagonal.
    """
    A, D = (to_numpy(x).astype(float) for x in (process.A, process.D))
    VA, VD = _like("VA", VA, A), _like("VD", VD, D)
    rates, U = np.linalg.eigh(A)
    Q = (U / rates**2) @ U.T
    T, q = float(np.mean(np.diag(D))) / 2, np.diag(Q)
    pairs = VA - np.diag(np.diag(VA))
    square = T**2 * (q @ VA @ q + float((pairs * Q**2).sum()))
    heat = U**2 @ (1 / np.add.outer(rates, rates) ** 2) @ (U**2).T
    return float(np.sqrt(square + np.diag(VD) @ np.diag(heat)))


def _inverse_bound(A: NumpyArray) -> float:
    """A bound on |L⁻¹|: by how fast |e^{-At}| falls at every t, or by tr ∫ e^{-A't}e^{-At} dt.

    L⁻¹R = ∫ e^{-At} R e^{-A't} dt; for symmetric A the first, 1/(2 a_min), is the norm itself.
    """
    slowest = float(np.linalg.eigvalsh(A + A.T)[0])
    every = float(np.trace(_lyapunov(A.T, np.eye(len(A)))))
    return min(every, 1 / slowest) if slowest > 0 else every


def _lyapunov(A: NumpyArray, R: NumpyArray) -> NumpyArray:
    """X with AX + XA' = R, which need not be definite."""
    X = scipy.linalg.solve_continuous_lyapunov(A, R)
    return np.asarray(X + X.T) / 2


def _exact_zero(first: NumpyArray, law: NumpyArray) -> NumpyArray:
    """The shift; nothing where it is the rounding of the law."""
    return first if _size(first) > first.shape[-1] ** 2 * EPS * _size(law) else 0 * first


def _like(name: str, change: NumpyArray | None, known: NumpyArray) -> NumpyArray:
    if change is None:
        return np.zeros_like(known)
    change = to_numpy(change).astype(float)
    if change.shape != known.shape:
        raise ShapeMismatch(f"{name} has shape {change.shape}; {known.shape} is needed.")
    return change


def _both(M: NumpyArray) -> NumpyArray:
    return M + M.T


def _size(x: NumpyArray) -> float:
    return float(np.linalg.norm(x))
