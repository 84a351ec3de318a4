"""Units in which a stiffness matrix is diagonally dominant: x = d y, so that S becomes dSd.

They exist exactly where the comparison matrix C of S (|S_ii| on the diagonal, -|S_ij| off it) is
positive definite, that is where S is an H-matrix: then some d > 0 has C d >= 0, which are the
slacks of dominance divided by d (Berman and Plemmons 1994, chapter 6).
"""

from collections.abc import Hashable, Sequence

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.directions import named_axis


def comparison(S: NumpyArray) -> NumpyArray:
    """|S_ii| on the diagonal, -|S_ij| off it."""
    return 2 * np.diag(np.abs(S.diagonal())) - np.abs(S)


def require_h_matrix(S: NumpyArray, names: Sequence[Hashable]) -> None:
    """Go on only if the comparison matrix of S is positive definite.

    Raises:
        DoesNotFit: it is not; names the direction, in units in which the diagonal of S is 1.
    """
    unit = 1 / np.sqrt(S.diagonal())
    values, V = np.linalg.eigh(comparison(S) * unit * unit[:, None])
    if values[0] <= checks.rounding(S):
        way = named_axis(V[:, 0], names)
        raise DoesNotFit(
            "the frustrated loops are too stiff for copies of nodes: the comparison matrix (what "
            f"pushes made to pull) has the eigenvalue {values[0]:.3g} <= 0 along {way}, in units "
            "in which each diagonal entry is 1, so that no units make it dominant. Take "
            "hardware whose springs may push, hold one of these nodes, or solve a preconditioned "
            f"problem: more than {-values[0]:.3g} of its own entry added to each diagonal fits."
        )


def dominant_units(S: NumpyArray) -> NumpyArray:
    """The least d >= 1 with C d >= 0, for an H-matrix S.

    Of all d >= 1 it is the least in every entry at once, since C is a Z-matrix, and so the one of
    least dynamic range. It is found as the solution of a linear complementarity problem, by adding
    rows until none is short of dominance (Chandrasekaran 1970): at most n solves.
    """
    C = comparison(S)
    d = np.ones(len(C))
    raised = np.zeros(len(C), bool)
    while (short := ~raised & (C @ d < -checks.rounding(C) * C.diagonal() * d)).any():
        raised |= short
        kept = C[np.ix_(raised, ~raised)].sum(axis=1)
        d[raised] = np.linalg.solve(C[np.ix_(raised, raised)], -kept)
    return d


def with_slack(couplings: NumpyArray, slack: NumpyArray) -> NumpyArray:
    """The matrix of these entries off the diagonal, and of S_ii = Σ_j |S_ij| + slack_i on it."""
    S = couplings - np.diag(couplings.diagonal())
    return S + np.diag(np.abs(S).sum(axis=1) + slack)


def slacks(S: NumpyArray) -> NumpyArray:
    """S_ii - Σ_j |S_ij| of each row, a difference that is all rounding being zero."""
    slack = comparison(S).sum(axis=1)
    return np.where(np.abs(slack) <= checks.rounding(S) * S.diagonal(), 0.0, slack)
