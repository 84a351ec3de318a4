"""Units, signs and copies: dominant matrices without pushing springs that have the same law."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thermolinalg.coupling.h_matrices import CLOSE, h_matrices
from thermolinalg.coupling.dominance import comparison, dominant_units, require_h_matrix
from thermolinalg.coupling.lift import frustrated, lift
from thermolinalg.errors import DoesNotFit
from thermolinalg.testing import spd_matrices

ROUNDING = 1e-12


def loops_are_balanced(S):
    """By trying all signs."""
    off = S - np.diag(np.diag(S))
    return any((off * s * np.array(s)[:, None] <= 0).all() for s in product([1, -1], repeat=len(S)))


@given(h_matrices())
def test_the_lifted_matrix_is_dominant_and_has_the_same_law(S):
    require_h_matrix(S, range(len(S)))
    lifted = lift(S, attractive=True, dominant=True)
    M, R = lifted.matrix, lifted.reading
    off = M - np.diag(np.diag(M))
    assert off.max() <= 0
    assert (M.sum(axis=1) >= -ROUNDING * np.diag(M)).all()
    truth = np.linalg.inv(S)
    spread = np.sqrt(np.diag(truth))
    gap = R @ np.linalg.inv(M) @ R.T - truth
    assert np.abs(gap / spread / spread[:, None]).max() <= CLOSE


@given(h_matrices())
def test_copies_are_made_only_of_frustrated_loops(S):
    lifted = lift(S, attractive=True, dominant=False)
    assert frustrated(S) == (not loops_are_balanced(S))
    assert (lifted.matrix.shape[0] == len(S)) == loops_are_balanced(S)
    assert lifted.owners[: len(S)].tolist() == list(range(len(S)))


@given(spd_matrices(4), st.lists(st.sampled_from([1, -1]), min_size=4, max_size=4))
def test_a_balanced_matrix_is_only_turned(S, signs):
    s = np.array(signs)
    C = np.diag(np.diag(S)) - np.abs(S - np.diag(np.diag(S)))
    C += max(0.0, 0.01 - np.linalg.eigvalsh(C)[0]) * np.eye(4)
    lifted = lift(C * s * s[:, None], attractive=True, dominant=False)
    assert np.allclose(lifted.matrix, C, rtol=ROUNDING, atol=ROUNDING * C.max())
    assert set(lifted.signs.tolist()) <= {1, -1}


@given(h_matrices(), st.lists(st.floats(0.0, 5), min_size=4, max_size=4))
def test_units_are_the_least_that_are_dominant(S, slack):
    """Any other d' >= 1 with C d' >= 0, here from C d' = e, is larger in every entry."""
    d = dominant_units(S)
    C = comparison(S)
    assert d.min() == 1 or np.isclose(d.min(), 1, rtol=ROUNDING)
    assert (C @ d >= -ROUNDING * np.diag(C) * d).all()
    e = np.diag(C) * (np.array(slack[: len(S)]) + 1e-3)
    other = np.linalg.solve(C, e)
    assert (d <= other / other.min() * (1 + CLOSE)).all()


def test_a_dominant_matrix_keeps_its_units():
    S = np.array([[3.0, 1, 0], [1, 3, -2], [0, -2, 2]])
    assert dominant_units(S).tolist() == [1, 1, 1]


def test_only_the_frustrated_part_is_copied():
    S = np.diag([3.0] * 6)
    for i, j in [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5)]:
        S[i, j] = S[j, i] = 1.0
    lifted = lift(S, attractive=True, dominant=True)
    assert lifted.owners.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert lifted.signs[3:6].tolist() == [1, -1, 1]


def test_a_matrix_that_no_copy_helps_is_refused_with_the_direction():
    S = np.full((3, 3), 0.6) + 0.4 * np.eye(3)  # definite; the comparison matrix has 1 - 2 * 0.6
    with pytest.raises(DoesNotFit, match=r"eigenvalue -0.2 <= 0 along a \+ b \+ c"):
        require_h_matrix(S, "abc")
    require_h_matrix(S + 0.2001 * np.eye(3), "abc")  # the remedy that the message names
