"""Landscapes: what is asked of their functions, and starts that are spread over all of them."""

import pickle

import numpy as np
import pytest

from tests.thermolinalg.programs.hills import double_well, quadratic, quartic
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.programs.landscape import Landscape, spread_starts


def energy(x):
    return (x**2).sum(-1)


def gradient(x):
    return 2 * x


def hessian(x):
    return 2 * np.eye(2) + 0 * x[..., None]


def test_a_landscape_travels_between_processes():
    landscape = Landscape(energy, gradient, hessian, 2, 0.5, ("a", "b"))
    again = pickle.loads(pickle.dumps(landscape))
    assert (again.n, again.temperature, again.names) == (2, 0.5, ("a", "b"))
    assert again.energy(np.ones(2)) == 2
    assert landscape.at(3.0).temperature == 3.0
    assert Landscape(energy, gradient, hessian, 2).names == ("x_0", "x_1")


@pytest.mark.parametrize(
    ("wrong", "error", "named"),
    [
        ({"energy": np.sin}, ShapeMismatch, "energy"),
        ({"gradient": energy}, ShapeMismatch, "gradient"),
        ({"hessian": gradient}, ShapeMismatch, "hessian"),
        ({"energy": 1.0}, InvalidInput, "energy"),
        ({"temperature": 0.0}, InvalidInput, "temperature"),
        ({"n": 0}, InvalidInput, "n"),
        ({"names": ("a", "a")}, InvalidInput, "names"),
    ],
)
def test_wrong_arguments_are_named(wrong, error, named):
    right = {"energy": energy, "gradient": gradient, "hessian": hessian, "n": 2}
    with pytest.raises(error, match=named):
        Landscape(**right | wrong)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_starts_are_wider_than_the_law_in_any_unit(unit):
    n = 3
    starts = spread_starts(
        quadratic(np.eye(n) / unit**2, np.zeros(n)), 200, np.random.default_rng(0)
    )
    assert np.median((starts.points**2).sum(axis=1)) > n * unit**2


def test_starts_lie_in_both_wells_and_their_heat_crosses_the_barrier():
    starts = spread_starts(double_well(temperature=0.001), 100, np.random.default_rng(0))
    assert starts.temperature > 0.5
    assert (starts.points > 0.5).any()
    assert (starts.points < -0.5).any()


def test_starts_of_a_confining_landscape_are_finite():
    starts = spread_starts(quartic(5, 1e-30), 50, np.random.default_rng(0))
    assert np.isfinite(starts.points).all()
