"""Is there a law at rest? Asked of the matrix of springs: by eigenvalues, or by products alone."""

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput, Unstable
from thermolinalg.theory.directions import named_axis
from thermolinalg.theory.gershgorin import gershgorin
from thermolinalg.theory.lanczos import spectral_bounds

NAMED = 4000
"""Up to so many nodes, the direction that nothing holds is worth the eigenvectors it takes."""


def require_rest(S: Any) -> None:
    """Go on only if a sparse S is positive definite, in units in which its diagonal is 1.

    Discs say so at no cost where they can; otherwise products with S do.

    Raises:
        Unstable: it is not, or too near to it to be told from it.
    """
    d = S.diagonal()
    low = float(d.min())
    if low > 0:
        if gershgorin(S, 1.0)[0] > 0:
            return
        unit = sp.diags_array(1 / np.sqrt(d))
        M = unit @ S @ unit
        low, _ = _bounds((M + M.T) / 2)
    if low <= 0:
        raise Unstable(
            f"the springs leave a direction free (stiffness {low:.3g}), so there is no law at "
            "rest. `spectrum(graph)` names that direction: tie it to the ground by a stiffness > "
            "0, hold a node of it, or check the signs of the couplings."
        )


def positive_bounds(S: Any, names: tuple[Hashable, ...]) -> tuple[float, float] | None:
    """Bounds on the eigenvalues of a sparse S by products; None where its entries tell enough.

    Raises:
        Unstable: there are none above zero.
    """
    if gershgorin(S, 1.0)[0] > 0:
        return None
    low, high = _bounds(S)
    if low <= 0 and S.shape[0] <= NAMED:
        require_definite(S.toarray(), names)
    if low <= 0:
        raise Unstable(
            "the couplings leave a direction free or push it away, so there is no law at rest. Tie "
            "every part of the graph to the ground by a stiffness > 0, and check the signs."
        )
    return low, high


def require_definite(S: NumpyArray, names: Iterable[Hashable]) -> None:
    """Refuse an S that leaves a direction free, and name it.

    It is judged in units in which the diagonal is 1: soft nodes may stand beside stiff ones.

    Raises:
        Unstable: such a direction there is.
    """
    d = np.diag(S)
    unit = np.where(d > 0, np.sqrt(np.where(d > 0, d, 1.0)), np.abs(d).max() ** 0.5 or 1.0)
    values, V = np.linalg.eigh(S / unit[:, None] / unit)
    blur = checks.rounding(S) * abs(values[-1])
    if values[0] <= blur:
        v = V[:, 0] / unit
        pushed = f"the potential pushes it away (stiffness {v @ S @ v / (v @ v):.3g})"
        what = pushed if values[0] < -blur else "nothing holds it"
        raise Unstable(
            f"along {named_axis(v, list(names))}, {what}, so there is no law at rest. Tie it to "
            "the ground by a stiffness > 0, hold a node of it, or check the signs of the couplings."
        )


def _bounds(S: Any) -> tuple[float, float]:
    """Bounds on the eigenvalues by products; zeros where the least is too near zero for them."""
    try:
        return spectral_bounds(sp.csr_array(S))
    except InvalidInput:
        return 0.0, 0.0
