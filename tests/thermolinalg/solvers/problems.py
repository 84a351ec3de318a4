"""Linear-algebra problems, and the digital solvers that a thermodynamic one must not call."""

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

import thermolinalg.solvers.baseline

DENSE = {
    np.linalg: "solve inv pinv lstsq cholesky qr svd tensorsolve tensorinv matrix_power det "
    "slogdet",
    scipy.linalg: "solve inv pinv lstsq cholesky cho_factor cho_solve lu lu_factor lu_solve qr svd "
    "ldl det solve_triangular solve_banded solveh_banded solve_toeplitz solve_circulant "
    "solve_sylvester solve_continuous_lyapunov",
    scipy.sparse.linalg: "spsolve splu spilu factorized cg bicg bicgstab gmres minres lsqr lsmr",
    thermolinalg.solvers.baseline: "_conjugate_gradients",
}


def wishart(n, seed=0, samples=3):
    """A = XX'/m for X (n, m) of standard normals, m = samples * n."""
    X = np.random.default_rng(seed).standard_normal((n, samples * n))
    return X @ X.T / (samples * n)


def ring(n, ridge=0.1):
    """Springs in a ring, each node tied weakly to the ground: all rows have the same sum."""
    shift = np.roll(np.eye(n), 1, axis=0)
    return (2 + ridge) * np.eye(n) - shift - shift.T


def forbid_digital_solvers(monkeypatch):
    """Every dense or iterative solver raises from now on."""

    def forbidden(*_args, **_kwargs):
        raise AssertionError("a digital solver was called")

    for module, names in DENSE.items():
        for name in names.split():
            monkeypatch.setattr(module, name, forbidden)
