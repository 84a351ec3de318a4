"""Slopes are those of powers, and the matrix that is formed gives the exact solution."""

import numpy as np
import pytest

import models
import tngd
from thermolinalg.errors import InvalidInput
from tngd.linsolve.formed import Formed, FormedRows
from tngd.reproduce.contract import Done
from tngd.reproduce.exponents import Fit, fit
from tngd.reproduce.published import find_published


@pytest.mark.parametrize("power", [0.0, 1.0, 3.0])
def test_the_slope_of_a_power(power):
    x = [1.0, 5.0, 10.0, 20.0, 50.0]
    assert fit(x, [7 * v**power for v in x]).slope == pytest.approx(power, abs=1e-12)
    assert fit(x[:2], x[:2]) is None


def test_an_exponent_beside_what_is_stated():
    found = Fit(1.5, 0.1)
    assert [found.beside(said) for said in ("1", "1 to 2", "1.6", "1.8", "2 to 3")] == [
        "above",
        "agrees",
        "agrees",
        "below",
        "below",
    ]


def test_a_fit_has_the_error_of_its_slope():
    rng, x = np.random.default_rng(1), np.geomspace(1, 100, 40)
    found = [fit(x, x**2 * np.exp(0.3 * rng.standard_normal(40))) for _ in range(400)]
    scores = np.array([(each.slope - 2) / each.error for each in found])
    # Student's t with 38 degrees: the sample variance of 400 scores, seeded, once in 1e6 outside.
    assert abs(scores.mean()) < 5 / 20
    assert 0.7 < scores.var() / (38 / 36) < 1.4


def test_the_small_version_runs():
    experiment = find_published("fig2", quick=True).experiment
    done = [Done(case, experiment.measure(case)) for case in experiment.cases([])]
    assert len(done) == experiment.turns * 6 * len(experiment.names)
    for each in done:
        assert each.numbers["seconds"] > each.numbers["device_seconds"] >= 0
        assert ("bytes" in each.numbers) == (each.case["turn"] == 0)
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
    matrix = np.array([C.matvec(e) for e in np.eye(net.size)]).T + 0.1 * np.eye(net.size)
    for solver in (Formed(), FormedRows()):
        x = solver.solve(C, 0.1, g, None, rng).value
        np.testing.assert_allclose(matrix @ x, g, atol=1e-13 * np.linalg.norm(g) / 0.1)
    with pytest.raises(InvalidInput, match="31 parameters, and Formed"):
        Formed(30).solve(C, 0.1, g, None, rng)
