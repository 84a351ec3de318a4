"""Relative errors of `transition` where shortcuts go wrong: drifts that are not normal.

The reference is C = S - ESE' with AS + SA' = D and E = expm(-At); for comparison, the covariance
from the rates of the symmetric part of the whitened drift, as some packages compute it.

    python benchmarks/transition_accuracy.py
"""

import numpy as np
import scipy.linalg

import thermolinalg as tla

CHAIN = 2.0 * np.eye(5) + 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))
TIED = 2.0 * np.eye(5)
TIED[0, 1] = TIED[1, 0] = 1.0

MATRICES = {
    "[[1, 1.5], [0, 1.2]], D = I": ([[1, 1.5], [0, 1.2]], np.eye(2)),
    "[[1, 5], [0, 2]], D = I": ([[1, 5], [0, 2]], np.eye(2)),
    "[[3, 2.5], [2, 4]], D = 2I": ([[3, 2.5], [2, 4]], 2 * np.eye(2)),
    "[[3, 2], [2, 4]], D = diag(1, 9)": ([[3, 2], [2, 4]], np.diag([1.0, 9.0])),
    "thermox README example": (CHAIN, TIED),
}


def reference(A, b, D, t):
    E = scipy.linalg.expm(-A * t)
    S = scipy.linalg.solve_continuous_lyapunov(A, D)
    return E, np.linalg.solve(A, b - E @ b), S - E @ S @ E.T


def symmetric_part(A, D, t):
    white = scipy.linalg.sqrtm(D).real
    M = np.linalg.solve(white, A @ white)
    rates, U = np.linalg.eigh((M + M.T) / 2)
    return white @ (U * (-np.expm1(-2 * rates * t) / (2 * rates))) @ U.T @ white


def error(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def main():
    worst = 0.0
    print(f"{'process':<34}{'t':>6}{'E':>10}{'shift':>10}{'C':>10}{'shortcut C':>12}")
    for name, (A, D) in MATRICES.items():
        A, D = np.asarray(A, float), np.asarray(D, float)
        b = np.arange(1.0, len(A) + 1)
        for t in (0.01, 1.0, 50.0):
            truth = reference(A, b, D, t)
            law = tla.transition(tla.OU(A, b, D), t)
            errors = [error(*pair) for pair in zip((law.E, law.shift, law.C), truth, strict=True)]
            shortcut = error(symmetric_part(A, D, t), truth[2])
            columns = "".join(f"{e:>10.1e}" for e in errors)
            print(f"{name:<34}{t:>6g}{columns}{shortcut:>12.1e}")
            worst = max(worst, *errors)
    print(f"largest relative error of E, shift and C: {worst:.1e}")


if __name__ == "__main__":
    main()
