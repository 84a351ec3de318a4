"""Coupling graphs on disk come back bit for bit, and files that are none are named."""

import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thermolinalg.coupling.files import load_graph, save_graph
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, OutputError

each_suffix = pytest.mark.parametrize("suffix", ["json", "graphml"])

plain_names = st.one_of(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=5),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
)
names = st.recursive(plain_names, lambda inner: st.lists(inner, max_size=3).map(tuple))


@st.composite
def any_graphs(draw):
    labels = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    n, rng = len(labels), np.random.default_rng(draw(st.integers(0, 10**6)))
    S = rng.standard_normal((n, n)) * 10.0 ** rng.integers(-8, 8, (n, n))
    S = np.where(rng.random((n, n)) < 0.6, S, 0)
    held = {name: rng.standard_normal() for name in labels[: draw(st.integers(0, n - 1))]}
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=3)
    groups = [[labels[i] for i in group] for group in draw(st.lists(some, max_size=2))]
    force = rng.standard_normal(n)
    return CouplingGraph(S + S.T, force, names=labels, held=held, anharmonic=groups)


@each_suffix
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=any_graphs())
def test_graphs_come_back_bit_for_bit(tmp_path, suffix, graph):
    path = tmp_path / f"graph.{suffix}"
    save_graph(graph, path)
    again = load_graph(path)
    assert again.names == graph.names
    np.testing.assert_array_equal(again.matrix.toarray(), graph.matrix.toarray())
    np.testing.assert_array_equal(again.force, graph.force)
    assert again.held == graph.held
    assert again.anharmonic == graph.anharmonic
    written = path.read_bytes()
    save_graph(again, path)
    assert path.read_bytes() == written


def grid():
    plain = nx.grid_2d_graph(3, 3)
    nx.set_node_attributes(plain, 0.1, "stiffness")
    return CouplingGraph.from_networkx(plain).clamp({(1, 1): 2.0})


def test_networkx_reads_the_files_too(tmp_path):
    save_graph(grid(), tmp_path / "grid.json")
    data = json.loads((tmp_path / "grid.json").read_text())
    data["links"] = data["edges"]  # the name until networkx 3.4
    plain = nx.node_link_graph(data, edges="edges") if _knows_edges() else nx.node_link_graph(data)
    again = CouplingGraph.from_networkx(plain)
    np.testing.assert_allclose(again.matrix.toarray(), grid().matrix.toarray(), rtol=1e-14)
    assert again.held == {(1, 1): 2.0}
    save_graph(grid(), tmp_path / "grid.graphml")
    plain = nx.read_graphml(tmp_path / "grid.graphml")
    again = CouplingGraph.from_networkx(plain)
    np.testing.assert_allclose(again.matrix.toarray(), grid().matrix.toarray(), rtol=1e-14)


def _knows_edges():
    return tuple(map(int, nx.__version__.split(".")[:2])) >= (3, 4)


def test_edited_springs_count(tmp_path):
    path = tmp_path / "grid.json"
    save_graph(grid(), path)
    data = json.loads(path.read_text())
    data["edges"][0]["weight"] = 5.0
    path.write_text(json.dumps(data))
    graph = load_graph(path)
    assert graph.edges()[0][2] == 5.0
    assert graph.stiffness == pytest.approx(0.1)


@each_suffix
def test_names_that_no_file_holds_are_refused(tmp_path, suffix):
    with pytest.raises(InvalidInput, match="of type frozenset"):
        save_graph(CouplingGraph([[1.0]], names=[frozenset()]), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())


def damaged(path, change):
    save_graph(grid(), path)
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("suffix", "change", "message"),
    [
        ("json", lambda t: t[:200], "is damaged"),
        ("graphml", lambda t: t[:200], "is damaged"),
        ("json", lambda _: "[1, 2]", "is damaged"),
        ("json", lambda _: "{}", "lacks 'graph'"),
        ("graphml", lambda _: "<html></html>", "holds no|damaged"),
        ("json", lambda t: t.replace('"version": 1', '"version": 9'), "version 9"),
        ("json", lambda t: t.replace("thermolinalg", "another"), "another coupling graph"),
        ("json", lambda t: t.replace('"stiffness"', '"stiff"', 1), "lacks 'stiffness'"),
        ("json", lambda t: t.replace('"diagonal"', '"d"', 1), "lacks 'diagonal'"),
        ("json", lambda t: t.replace('"weight"', '"w"', 1), "lacks 'weight'"),
        ("json", lambda t: t.replace('"weight": 1.0', '"weight": "x"', 1), "'x', which is no num"),
        ("json", lambda t: t.replace('"force": 0.0', '"force": NaN', 1), "finite"),
        ("json", lambda t: t.replace('"target": [0, 1]', '"target": [9, 9]'), r"names \(9, 9\)"),
        ("json", lambda t: t.replace("[]", '[["z"]]', 1), "names 'z'"),
        ("graphml", lambda t: t.replace('"n0"', '"n00"', 1), "lacks 'name'"),
    ],
)  # fmt: skip
def test_damaged_files_are_named(tmp_path, suffix, change, message):
    path = tmp_path / f"bad.{suffix}"
    damaged(path, change)
    with pytest.raises(InvalidInput, match=message) as caught:
        load_graph(path)
    assert str(path) in str(caught.value)


def test_paths_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(InvalidInput, match="neither"):
        save_graph(grid(), tmp_path / "grid.txt")
    with pytest.raises(InvalidInput, match="neither"):
        load_graph("grid")
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        load_graph(tmp_path / "none.json")
    with pytest.raises(OutputError, match="could not be written"):
        save_graph(grid(), tmp_path / "none" / "grid.json")
