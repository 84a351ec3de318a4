"""Wells and Laplace's method, against the exact laws of quadratic potentials and quadrature."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thermolinalg.programs.hills import (
    bent,
    chain_of_quartics,
    double_well,
    integral,
    quadratic,
    quartic,
)
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.programs.laplace import Well, find_wells, laplace


@given(seed=st.integers(0, 999), n=st.integers(1, 5), T=st.sampled_from([1e-6, 1.0, 50.0]))
def test_a_quadratic_well_is_exact(seed, n, T):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3 * n))
    P, mean = X @ X.T, rng.standard_normal(n)
    landscape = quadratic(P, mean, T)
    (well,) = find_wells(landscape, starts=4, rng=seed)
    found = laplace(landscape, well)
    np.testing.assert_allclose(well.position, mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.law.cov, T * np.linalg.inv(P), rtol=1e-8, atol=1e-10 * T)
    eigenvalues = np.linalg.eigvalsh(P)
    assert found.log_partition == pytest.approx(0.5 * np.log(2 * math.pi * T / eigenvalues).sum())


def test_the_error_falls_in_proportion_to_the_temperature():
    """The first correction is of order T (MacKay 2003): ten times colder, ten times better."""
    errors = []
    for T in (0.01, 0.001):
        landscape = double_well(1.0, 0.0, T)
        found = laplace(landscape, find_wells(landscape, rng=0))
        errors.append(found.log_partition - math.log(integral(landscape)))
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.1)


def test_wells_are_weighed_by_depth_and_width():
    landscape = double_well(1.0, 0.05, 0.02)
    found = laplace(landscape, find_wells(landscape, rng=0))
    right = integral(landscape) - integral(landscape, end=0.0)
    assert len(found.wells) == 2
    assert found.wells[0].position[0] < 0
    assert found.weights[1] == pytest.approx(right / integral(landscape), rel=0.02)
    Z, mean = integral(landscape), integral(landscape, lambda x: x) / integral(landscape)
    assert found.mean[0] == pytest.approx(mean, rel=0.02)
    second = integral(landscape, lambda x: x * x) / Z - mean**2
    assert found.cov[0, 0] == pytest.approx(second, rel=0.05)
    assert "weight" in repr(found)


def test_a_saddle_is_left_and_every_well_is_found_once():
    wells = find_wells(double_well(), starts=np.array([[0.3], [-0.3], [2.0], [-5.0], [1.0]]))
    np.testing.assert_allclose([well.position[0] for well in wells], [1, -1], atol=1e-12)
    (well,) = find_wells(bent(), rng=0)
    np.testing.assert_allclose(well.position, 0, atol=1e-9)


@pytest.mark.parametrize(
    ("landscape", "named"), [(quartic(), "x_0"), (chain_of_quartics(2), r"x_0 \+ x_1")]
)
def test_a_flat_minimum_is_refused_by_its_direction(landscape, named):
    with pytest.raises(NotPositiveDefinite, match=f"flat along {named}:"):
        find_wells(landscape, starts=4, rng=0)


def test_a_saddle_has_no_law():
    landscape = double_well()
    saddle = Well(np.zeros(1), 1.0, landscape.hessian(np.zeros(1)))
    with pytest.raises(NotPositiveDefinite, match="saddle along x_0"):
        laplace(landscape, saddle)


def test_wrong_arguments_are_named():
    with pytest.raises(InvalidInput, match="starts"):
        find_wells(quartic(), starts=0)
    with pytest.raises(ShapeMismatch, match="starts"):
        find_wells(quartic(), starts=np.zeros((3, 2)))
    with pytest.raises(InvalidInput, match="wells"):
        laplace(quartic(), ())
