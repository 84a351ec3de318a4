"""Slopes are those of powers, and the matrix that is formed gives the exact solution."""

import numpy as np
import pytest

import models
import tngd
from thermolinalg.errors import InvalidInput
from tngd.linsolve.formed import Formed
from tngd.reproduce.contract import Done
from tngd.reproduce.published import find_published
from tngd.reproduce.scaling import slope


@pytest.mark.parametrize("power", [0.0, 1.0, 3.0])
def test_the_slope_of_a_power(power):
    x = [1.0, 5.0, 10.0, 20.0, 50.0]
    assert slope(x, [7 * v**power for v in x], 4).lstrip("-") == f"{power:.2f} ± 0.00"
    assert slope(x[:2], x[:2], 4) == "-"


def test_the_small_version_runs():
    experiment = find_published("fig2", quick=True).experiment
    done = [Done(case, experiment.measure(case)) for case in experiment.cases([])]
    assert len(done) == 2 * 3 * 4
    for each in done:
        assert each.numbers["seconds"] > each.numbers["device_seconds"] >= 0
        assert each.numbers["bytes"] > 0
    said = experiment.findings(done)
    assert "| tngd, modelled |" in said
    assert len(experiment.figure(done).axes) == 4


def test_formed_solves_the_same_system():
    rng = np.random.default_rng(0)
    net = models.mlp([3, 4, 3])
    at = tngd.Objective(
        net,
        models.SoftmaxCrossEntropy(),
        rng.standard_normal(net.size),
        rng.standard_normal((6, 3)),
        rng.integers(0, 3, 6),
    )
    C, g = tngd.GGN().at(at), at.gradient
    x = Formed().solve(C, 0.1, g, None, rng).value
    residual = np.array([C.matvec(e) for e in np.eye(net.size)]).T @ x + 0.1 * x - g
    np.testing.assert_allclose(residual, 0, atol=1e-13 * np.linalg.norm(g) / 0.1)
    with pytest.raises(InvalidInput, match="31 parameters, and Formed"):
        Formed(30).solve(C, 0.1, g, None, rng)
