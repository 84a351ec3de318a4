"""InverseRoot: one mode's a^{-1/2} is linear in time, and its speed is the derivative."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.ramp import Protocol
from thermolinalg.simulation.schedule import InverseRoot

STIFFNESSES = st.floats(-6, 6).map(lambda e: 10.0**e)
SHARES = st.floats(0, 1)


@given(first=STIFFNESSES, last=STIFFNESSES, u=SHARES)
def test_the_inverse_root_is_linear_in_time(first, last, u):
    pace = InverseRoot(first, last)
    assert (pace(0.0), pace(1.0)) == (0.0, 1.0)
    assert 0 <= pace(u) <= 1
    root = (1 - u) * first**-0.5 + u * last**-0.5
    assert pace.stiffness(u) == pytest.approx(root**-2)
    held = first + pace(u) * (last - first)
    assert held == pytest.approx(root**-2, rel=1e-9, abs=1e-12 * max(first, last))


@given(first=STIFFNESSES, last=STIFFNESSES)
def test_the_speed_is_the_derivative(first, last):
    """Its integral over the time is the whole way; Gauss's rule is exact enough for it."""
    pace = InverseRoot(first, last)
    edges = np.concatenate([[0.0], np.logspace(-8, 0, 200)])
    edges = np.unique(np.concatenate([edges, 1 - edges]))
    x, weights = np.polynomial.legendre.leggauss(8)
    total = sum(
        (b - a) / 2 * w * pace.speed(a + (b - a) * (1 + t) / 2)
        for a, b in pairwise(edges)
        for t, w in zip(x, weights, strict=True)
    )
    assert total == pytest.approx(1.0, rel=1e-8)


def test_it_paces_a_protocol_as_the_best_way_does_if_all_modes_are_alike():
    ends = 2.0 * np.eye(2), 0.5 * np.eye(2)
    straight, best = (
        Protocol(*ends, schedule=InverseRoot(2.0, 0.5)),
        Protocol(*ends, schedule="root"),
    )
    for one, other in zip(straight.stages(7), best.stages(7), strict=True):
        np.testing.assert_allclose(one.a, other.a, rtol=1e-12)


@pytest.mark.parametrize(
    ("ends", "message"), [((0.0, 1.0), "first = 0"), ((1.0, -1.0), "last = -1")]
)
def test_bad_ends_are_named(ends, message):
    with pytest.raises(InvalidInput, match=message):
        InverseRoot(*ends)
