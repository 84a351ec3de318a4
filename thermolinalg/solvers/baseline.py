"""The digital solvers that every thermodynamic answer is reported beside. Never used to get one."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.linalg

from thermolinalg.backend import Array, NumpyArray, to_numpy

SLOW = 0.3
"""Seconds above which a digital solver is run once only."""


@final
@dataclass(frozen=True, slots=True)
class Contender:
    """One digital solver: seconds measured on this machine, relative residual."""

    name: str
    seconds: float
    residual: float
    products: int | None = None  # matrix-vector products, for an iterative solver


@final
@dataclass(frozen=True, slots=True)
class Digital:
    """Digital results on the same problem, and the thermodynamic answer's true relative error."""

    contenders: tuple[Contender, ...]
    error: float

    def __str__(self) -> str:
        reference = self.contenders[0].name
        lines = [f"true relative error of the value: {self.error:.2g} (against {reference})"]
        for c in self.contenders:
            products = "" if c.products is None else f", {c.products} matrix-vector products"
            lines.append(
                f"{c.name}: {c.seconds:.2g} s measured{products}, residual {c.residual:.1g}"
            )
        return "\n".join(lines)


def digital_solve(A: Array, b: Array, value: Array, *, products: float) -> Digital:
    """Cholesky, and conjugate gradients with at most `products` matrix-vector products."""
    A, b, value = to_numpy(A), to_numpy(b), to_numpy(value)
    exact, seconds = _timed(lambda: scipy.linalg.cho_solve(scipy.linalg.cho_factor(A), b))
    cholesky = Contender("Cholesky", seconds, _relative(A @ exact, b))
    (x, used), seconds = _timed(lambda: _conjugate_gradients(A, b, products))
    cg = Contender("conjugate gradients", seconds, _relative(A @ x, b), used)
    return Digital((cholesky, cg), _relative(value, exact))


def digital_general(A: Array, b: Array, value: Array, **_: float) -> Digital:
    """Elimination with pivots (LU)."""
    A, b, value = to_numpy(A), to_numpy(b), to_numpy(value)
    exact, seconds = _timed(lambda: scipy.linalg.solve(A, b))
    exact = exact.reshape(value.shape)
    residual = _relative(A @ exact, b.reshape(value.shape))
    return Digital((Contender("LU", seconds, residual),), _relative(value, exact))


def digital_sparse(A: Any, b: Array, value: Array, *, products: float) -> Digital:
    """Conjugate gradients to rounding level, and with at most `products` products."""
    b, value = to_numpy(b), to_numpy(value)
    (exact, most), seconds = _timed(lambda: _conjugate_gradients(A, b, math.inf))
    full = Contender("conjugate gradients", seconds, _relative(A @ exact, b), most)
    (x, used), seconds = _timed(lambda: _conjugate_gradients(A, b, products))
    equal = Contender("with as many products", seconds, _relative(A @ x, b), used)
    return Digital((full, equal), _relative(value, exact))


def digital_least_squares(
    A: Array, b: Array, ridge: float, value: Array, *, products: float
) -> Digital:
    """LAPACK's least squares by singular values, and LSQR: two products an iteration."""
    A, b, value = to_numpy(A), to_numpy(b), to_numpy(value)
    n = A.shape[1]
    rows = np.concatenate([A, math.sqrt(ridge) * np.eye(n)]) if ridge else A
    sides = np.concatenate([b, np.zeros((n, *b.shape[1:]))]) if ridge else b
    exact, seconds = _timed(lambda: scipy.linalg.lstsq(rows, sides)[0])
    lapack = Contender("least squares by SVD", seconds, _normal_residual(A, b, ridge, exact))
    (x, used), seconds = _timed(lambda: _lsqr(A, b, ridge, products / 2))
    lsqr = Contender("LSQR", seconds, _normal_residual(A, b, ridge, x), used)
    return Digital((lapack, lsqr), _relative(value, exact))


def _normal_residual(A: NumpyArray, b: NumpyArray, ridge: float, x: NumpyArray) -> float:
    """Of the normal equations, relative to A'b."""
    return _relative(A.T @ (A @ x) + ridge * x, A.T @ b)


def _lsqr(A: NumpyArray, b: NumpyArray, ridge: float, most: float) -> tuple[NumpyArray, int]:
    from scipy.sparse.linalg import lsqr

    limit = int(max(1, min(most, 10 * max(A.shape))))
    columns = (b[:, None] if b.ndim == 1 else b).T
    found = [
        lsqr(A, c, damp=math.sqrt(ridge), atol=1e-14, btol=1e-14, iter_lim=limit) for c in columns
    ]
    solution = np.stack([x for x, *_ in found], axis=1)
    return solution.reshape(A.shape[1], *b.shape[1:]), 2 * sum(f[2] for f in found)


def digital_inverse(
    A: Array,
    value: Array,
    *,
    part: Callable[[NumpyArray], Any] = np.asarray,
    products: float = 0.0,  # noqa: ARG001 (it takes none)
) -> Digital:
    """The inverse from the Cholesky factor, all of it whichever part was asked."""
    A, value = to_numpy(A), to_numpy(value)
    identity = np.eye(len(A))
    exact, seconds = _timed(lambda: scipy.linalg.cho_solve(scipy.linalg.cho_factor(A), identity))
    cholesky = Contender("Cholesky", seconds, _relative(A @ exact, identity))
    return Digital((cholesky,), _relative(value, part(exact)))


def digital_lyapunov(A: Array, Q: Array, value: Array, **_: float) -> Digital:
    """By Bartels and Stewart: the Schur form of A, then back substitution."""
    A, Q, value = to_numpy(A), to_numpy(Q), to_numpy(value)
    exact, seconds = _timed(lambda: scipy.linalg.solve_continuous_lyapunov(A, Q))
    residual = _relative(A @ exact + exact @ A.T, Q)
    return Digital((Contender("Bartels-Stewart", seconds, residual),), _relative(value, exact))


def _timed(task: Callable[[], Any]) -> tuple[Any, float]:
    """A result and the seconds it took: the best of four if that is quick, for a fair first."""
    best, answer = math.inf, None
    for _ in range(4):
        started = time.perf_counter()
        answer = task()
        best = min(best, time.perf_counter() - started)
        if best > SLOW:
            break
    return answer, best


def _conjugate_gradients(A: NumpyArray, b: NumpyArray, products: float) -> tuple[NumpyArray, int]:
    """CG to rounding level or to the given number of products, whichever comes first."""
    from scipy.sparse.linalg import cg

    used = 0

    def count(_: NumpyArray) -> None:
        nonlocal used
        used += 1

    limit = int(max(1, min(products, 10 * len(b))))
    columns = b[:, None] if b.ndim == 1 else b
    solutions = [
        cg(A, column, rtol=1e-14, maxiter=limit, callback=count)[0] for column in columns.T
    ]
    return np.stack(solutions, axis=1).reshape(b.shape), used


def _relative(x: NumpyArray, truth: NumpyArray) -> float:
    return float(np.linalg.norm(x - truth) / (np.linalg.norm(truth) or 1.0))


def digital_logdet(A: Array, value: Array) -> Digital:
    """ln det from the diagonal of the Cholesky factor."""
    A, value = to_numpy(A), to_numpy(value)
    L, seconds = _timed(lambda: scipy.linalg.cholesky(A, lower=True))
    exact = 2 * np.log(np.diag(L)).sum()
    return Digital(
        (Contender("Cholesky", seconds, _relative(L @ L.T, A)),), _relative(value, exact)
    )


def digital_expm(A: Array, t: float, value: Array, **_: float) -> Digital:
    """Scaling and squaring with Padé approximants; the residual is that of e^{At} = (e^{At/2})²."""
    A, value = to_numpy(A), to_numpy(value)
    exact, seconds = _timed(lambda: scipy.linalg.expm(A * t))
    half = scipy.linalg.expm(A * (t / 2))
    pade = Contender("scaling and squaring", seconds, _relative(half @ half, exact))
    return Digital((pade,), _relative(value, exact))


def digital_posterior(
    H: Array,
    residual: Array,
    noise: Array,
    mean: Array,
    prior: Array,
    precision: bool,
    part: int,
    value: Array,
) -> Digital:
    """Mean (part 0) or covariance (1) of a linear-Gaussian posterior, by Cholesky factors.

    `prior` is a precision or a covariance, `residual` the data less H times the prior mean.
    """
    H, residual, noise, mean, prior = map(to_numpy, (H, residual, noise, mean, prior))
    identity = np.eye(H.shape[1])

    def posterior() -> NumpyArray:
        white = scipy.linalg.cho_solve(scipy.linalg.cho_factor(noise), H)
        P = prior if precision else scipy.linalg.cho_solve(scipy.linalg.cho_factor(prior), identity)
        factor = scipy.linalg.cho_factor(P + H.T @ white)
        if part:
            return scipy.linalg.cho_solve(factor, identity)
        return mean + scipy.linalg.cho_solve(factor, white.T @ residual)

    exact, seconds = _timed(posterior)
    white = scipy.linalg.cho_solve(scipy.linalg.cho_factor(noise), H)
    gap = exact - mean if part == 0 else exact
    P = prior if precision else scipy.linalg.pinvh(prior)
    residue = _relative((P + H.T @ white) @ gap, identity if part else white.T @ residual)
    cholesky = Contender("Cholesky", seconds, residue)
    return Digital((cholesky,), _relative(to_numpy(value), exact))


def digital_gaussian_process(
    K: Array, columns: Array, prior: Array, y: Array, part: int, value: Array, **_: float
) -> Digital:
    """Mean (part 0) or variance (1) of the predictions, by the Cholesky factor of K."""
    K, columns, prior, y, value = map(to_numpy, (K, columns, prior, y, value))
    sides = columns.T if part else y

    def solved() -> NumpyArray:
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(K), sides)

    x, seconds = _timed(solved)
    exact = prior - np.sum(columns.T * x, axis=0) if part else columns @ x
    cholesky = Contender("Cholesky", seconds, _relative(K @ x, sides))
    return Digital((cholesky,), _relative(value, exact))


@final
@dataclass(frozen=True, slots=True)
class DigitalQuadratic:
    """A digital solver's own answer to a quadratic programme, and how far the value is from it."""

    contender: Contender
    objective: float
    difference: float  # of the value's objective from the digital one
    distance: float  # of the value from it, in the 2-norm; large where there are many minimisers
    says: str

    def __str__(self) -> str:
        c = self.contender
        return "\n".join(
            [
                f"{c.name}: {c.seconds:.2g} s measured, violates by {c.residual:.1g}, {self.says}",
                f"objective {self.objective:.9g}; the value's differs by {self.difference:.2g}",
                f"x is {self.distance:.2g} away in the 2-norm",
            ]
        )


def digital_quadratic(
    P: NumpyArray,
    q: NumpyArray,
    G: NumpyArray | None,
    h: NumpyArray | None,
    A: NumpyArray | None,
    b: NumpyArray | None,
    lower: NumpyArray | None,
    upper: NumpyArray | None,
    value: Array,
) -> DigitalQuadratic:
    """HiGHS where P is zero, else sequential least squares (Kraft 1988)."""
    from scipy.optimize import Bounds, LinearConstraint, linprog, minimize

    n, value = len(q), to_numpy(value)
    low = np.broadcast_to(-np.inf if lower is None else lower, (n,))
    high = np.broadcast_to(np.inf if upper is None else upper, (n,))
    rows = [LinearConstraint(A, b, b)] if A is not None and len(A) else []
    rows += [LinearConstraint(G, -np.inf, h)] if G is not None and len(G) else []

    def objective(x: NumpyArray) -> float:
        return float(x @ (P @ x) / 2 + q @ x)

    def minimise() -> Any:
        if not P.any():
            return linprog(q, G, h, A, b, bounds=np.stack([low, high], axis=1))
        start = np.clip(np.zeros(n), low, high)
        return minimize(
            objective,
            start,
            jac=lambda x: P @ x + q,
            method="SLSQP",
            bounds=Bounds(low, high),
            constraints=rows,
            options={"ftol": 1e-14, "maxiter": 100 * n},
        )

    result, seconds = _timed(minimise)
    x = np.full(n, np.nan) if result.x is None else result.x
    stray = [np.maximum(low - x, 0), np.maximum(x - high, 0)]
    stray += [np.maximum(np.maximum(c.A @ x - c.ub, c.lb - c.A @ x), 0) for c in rows]
    name = "SLSQP" if P.any() else "HiGHS"
    contender = Contender(name, seconds, float(max(s.max(initial=0) for s in stray)))
    least, says = objective(x), str(result.message).split("(")[0].strip().rstrip(".")
    distance = float(np.linalg.norm(value - x))
    return DigitalQuadratic(contender, least, objective(value) - least, distance, says)
