"""A curvature from an explicit S against the products of S itself."""

import numpy as np

from tests.tngd.oracles import random_rows
from tngd.curvature.explicit import Explicit


def test_products():
    S, rng = random_rows(3, 5), np.random.default_rng(0)
    v, w, C = rng.standard_normal(5), rng.standard_normal(3), Explicit(S, 3, 1)
    for ours, theirs in (
        (C.matvec(v), S.T @ S @ v),
        (C.root(v), S @ v),
        (C.root_adjoint(w), S.T @ w),
        (C.gram, S @ S.T),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=100 * np.finfo(float).eps)


def test_its_rows_are_a_copy():
    C = Explicit(random_rows(3, 5), 3, 1)
    C.rows[:] = 0
    assert C.S.any()
