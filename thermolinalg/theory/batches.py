"""Linear algebra on batches: every function takes (..., n, n) or (..., n) and treats each alike."""

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray


def transpose(M: NumpyArray) -> NumpyArray:
    """M'."""
    return np.swapaxes(M, -1, -2)


def apply(M: NumpyArray, x: NumpyArray) -> NumpyArray:
    """Mx."""
    return (M @ x[..., None])[..., 0]


def both(M: NumpyArray) -> NumpyArray:
    """M + M'."""
    return M + transpose(M)


def outer(x: NumpyArray, y: NumpyArray) -> NumpyArray:
    """xy'."""
    return x[..., :, None] * y[..., None, :]


def roots(C: NumpyArray) -> NumpyArray:
    """Cholesky factors L of covariances LL', which must not be singular up to rounding.

    Each is first brought to unit diagonal, so that coordinates in other units, or those that noise
    reaches only through others, do not pass for singular.

    Raises:
        LinAlgError: one of them is singular or not definite.
    """
    variances = np.diagonal(C, axis1=-2, axis2=-1)
    if not (variances > 0).all():
        raise np.linalg.LinAlgError("a coordinate has no variance")
    widths = np.sqrt(variances)
    L = np.linalg.cholesky(C / outer(widths, widths))
    if (np.diagonal(L, axis1=-2, axis2=-1) ** 2 <= checks.rounding(C.T)).any():
        raise np.linalg.LinAlgError("singular up to rounding")
    return widths[..., None] * L


def log_det(L: NumpyArray) -> NumpyArray:
    """log det LL' for triangular L."""
    return 2 * np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(axis=-1)
