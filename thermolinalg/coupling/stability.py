"""Is there a law at rest? Asked of springs that are multiplied, not factored."""

import numpy as np
import scipy.sparse as sp

from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, Unstable
from thermolinalg.theory.gershgorin import gershgorin
from thermolinalg.theory.lanczos import spectral_bounds


def require_rest(part: CouplingGraph) -> None:
    """Go on only if S is positive definite, in units in which its diagonal is 1.

    Discs say so at no cost where they can; otherwise products with S do.

    Raises:
        Unstable: it is not, or too near to it to be told from it.
    """
    S, d = part.matrix, part.matrix.diagonal()
    low = float(d.min())
    if low > 0:
        if gershgorin(S, 1.0)[0] > 0:
            return
        unit = sp.diags_array(1 / np.sqrt(d))
        low = _least(sp.csr_array(unit @ S @ unit))
    if low <= 0:
        raise Unstable(
            f"the springs leave a direction free (stiffness {low:.3g}), so there is no law at "
            "rest. `spectrum(graph)` names that direction: tie it to the ground by a stiffness > "
            "0, hold a node of it, or check the signs of the couplings."
        )


def _least(S: sp.csr_array) -> float:
    """A bound below the least eigenvalue; 0 where that is too near zero."""
    S = sp.csr_array((S + S.T) / 2)
    try:
        return spectral_bounds(S)[0]
    except InvalidInput:
        return 0.0
