"""Spectral facts of graphs against processes, differences and grids with known eigenvalues."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.spectrum import spectrum
from thermolinalg.errors import InvalidInput


@given(st.integers(1, 6).flatmap(lambda n: testing.spd_matrices(n)), st.floats(0.1, 10))
def test_times_are_those_of_the_process(S, friction):
    graph = CouplingGraph(S)
    found = spectrum(graph, temperature=0.5, friction=friction)
    times = tla.relaxation_times(graph.process(friction=friction))
    assert found.relaxation_time == pytest.approx(times[0], rel=1e-9)
    assert 1 / found.fastest == pytest.approx(times[-1], rel=1e-9)
    assert found.condition == pytest.approx(np.linalg.cond(S), rel=1e-9)
    assert found.rests
    law = graph.law(temperature=0.5)
    v = found.modes[:, 0]
    assert v @ law.cov @ v == pytest.approx(found.width**2, rel=1e-9)


@given(st.integers(2, 6), st.integers(0, 10**6))
def test_a_spring_stiffens_the_softest_mode_by_its_gain(n, seed):
    rng = np.random.default_rng(seed)
    V = np.linalg.qr(rng.standard_normal((n, n)))[0]
    S = (V * np.arange(1.0, n + 1)) @ V.T
    S = (S + S.T) / 2
    found, step = spectrum(CouplingGraph(S)), 1e-5
    rise = [
        (spectrum(CouplingGraph(S + step * np.diag(unit))).softest - 1.0) / step
        for unit in np.eye(n)
    ]
    np.testing.assert_allclose(found.gains, rise, atol=10 * step)  # second order, over a gap of 1
    assert found.where_to_stiffen == int(np.argmax(np.abs(V[:, 0])))


@pytest.mark.parametrize("side", [20, 40])
def test_grids_have_the_eigenvalues_of_two_chains(side):
    """λ = k + 4 sin²(πa/2m) + 4 sin²(πb/2m); the large one goes through Lanczos."""
    plain = nx.grid_2d_graph(side, side)
    nx.set_node_attributes(plain, 0.01, "stiffness")
    found = spectrum(CouplingGraph.from_networkx(plain))
    chain = 4 * np.sin(np.pi * np.arange(side) / (2 * side)) ** 2
    truth = np.sort(0.01 + np.add.outer(chain, chain).ravel())
    np.testing.assert_allclose(found.stiffness, truth[: len(found.stiffness)], rtol=1e-10)
    assert found.stiffest == pytest.approx(truth[-1], rel=1e-10)
    assert found.softest_mode == f"(0, 0) + (0, 1) + (0, 2) + (0, 3) and {side**2 - 4} more"


def test_a_report_says_when_it_rests_and_what_is_soft():
    graph = CouplingGraph([[3.0, 0.0], [0.0, 0.25]], names=["left", "right"])
    found = spectrum(graph, temperature=4.0, friction=2.0)
    text = str(found)
    assert "softest mode      right, stiffness 0.25" in text
    assert "8 of the softest mode, 0.6667 of the stiffest" in text
    assert f"at rest within    {8 * math.log(1000):.4g}" in text
    assert "width at rest     4 " in text
    assert "at right: 1 per unit" in text
    assert "gap=0.125" in repr(found)
    held = spectrum(graph.clamp({"right": 1.0}))
    assert held.softest_mode == "left"


def test_a_graph_that_never_rests_says_why():
    loose = spectrum(CouplingGraph([[1.0, -1.0], [-1.0, 1.0]], names="ab"))
    assert not loose.rests
    assert (loose.gap, loose.relaxation_time, loose.condition) == (0, math.inf, math.inf)
    assert "softest mode      a + b" in str(loose)
    assert "infinite" in str(loose)
    assert spectrum(CouplingGraph([[1.0, 2.0], [2.0, 1.0]], names="ab")).softest_mode == "a - b"
    assert "infinite" in str(spectrum(CouplingGraph(np.zeros((2, 2)))))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda g: spectrum(g, friction=0), "friction"),
        (lambda g: spectrum(g, temperature=-1), "temperature"),
        (lambda g: spectrum(g).settling_time(2), "share"),
        (lambda _: spectrum(CouplingGraph(np.eye(2), anharmonic=[[0]])), "not quadratic"),
    ],
)
def test_mistakes_are_named(mistake, message):
    with pytest.raises(InvalidInput, match=message):
        mistake(CouplingGraph(np.eye(2)))
