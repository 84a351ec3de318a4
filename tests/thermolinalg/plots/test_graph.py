"""Coupling graphs: what was drawn is read back from the axes."""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection

from tests.thermolinalg.plots.drawn import legend_of
from thermolinalg import errors
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.plots.graph import plot_graph


def model():
    """A chain with a spring that pushes, a held end, and a group beyond springs."""
    S = np.diag([4.0, 3.0, 2.0, 2.0])
    for i, w in enumerate([2.0, -0.5, 1.0]):
        S[i, i + 1] = S[i + 1, i] = -w
    return CouplingGraph(S, names="abcd", held={"d": 1.5}, anharmonic=["ab"])


def springs(ax, label):
    return next(
        c for c in ax.collections if isinstance(c, LineCollection) and c.get_label() == label
    )


def dots(ax):
    return [c for c in ax.collections if isinstance(c, PathCollection)]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_springs_are_as_wide_as_they_are_strong_and_dashed_where_they_push():
    at = {"a": (0, 0), "b": (1, 0), "c": (2, 1), "d": (3, 1)}
    ax = plot_graph(model(), positions=at)
    pulls, pushes = springs(ax, "spring, pulls"), springs(ax, "spring, pushes")
    np.testing.assert_array_equal(pulls.get_segments(), [[at["a"], at["b"]], [at["c"], at["d"]]])
    np.testing.assert_array_equal(pushes.get_segments(), [[at["b"], at["c"]]])
    wide, narrow = pulls.get_linewidths()
    assert wide > narrow > pushes.get_linewidths()[0]
    assert pulls.get_linestyles()[0][1] is None
    assert pushes.get_linestyles()[0][1] is not None
    assert {"2", "-0.5", "1"} <= set(texts(ax))
    legend = legend_of(ax)
    assert "4 nodes, 1 held" in legend
    assert "|w| from 1 to 2" in legend
    assert "pushes, |w| = 0.5" in legend
    assert "beyond springs" in legend


def test_held_nodes_are_squares_with_their_value():
    ax = plot_graph(model())
    free, held = dots(ax)
    assert len(free.get_offsets()) == 3
    assert len(held.get_offsets()) == 1
    assert len(held.get_paths()[0].vertices) < len(free.get_paths()[0].vertices)
    assert "1.5" in texts(ax)
    assert {"a", "b", "c", "d"} <= set(texts(ax))


@pytest.mark.parametrize("state", [[-1.0, 0.0, 2.0], {"a": -1.0, "b": 0.0, "c": 2.0}])
def test_colours_are_those_of_the_state(state):
    ax = plot_graph(model(), state=state)
    colours = plt.get_cmap("viridis")
    free, held = dots(ax)
    np.testing.assert_allclose(free.get_facecolors(), colours([0.0, 1 / 3, 1.0]), atol=0.01)
    np.testing.assert_allclose(held.get_facecolors(), colours([2.5 / 3]), atol=0.01)
    assert ax.figure.axes[1].get_xlabel() == "state"


def test_a_dict_may_leave_nodes_out_and_one_value_has_a_colour():
    plot_graph(model().release(), state={"a": 3.0}).figure.draw_without_rendering()
    plot_graph(model().release(), state={}).figure.draw_without_rendering()


def test_a_grid_stands_as_a_matrix_is_written():
    grid = CouplingGraph.from_networkx(nx.grid_2d_graph(2, 3))
    (free,) = dots(plot_graph(grid))
    expected = [(j, -i) for i, j in grid.names]
    np.testing.assert_array_equal(free.get_offsets(), expected)


def test_a_plate_stands_as_its_array():
    plate = CouplingGraph(np.eye(6), names=[f"z_{i}_{j}" for i in range(2) for j in range(3)])
    (free,) = dots(plot_graph(plate))
    expected = [(j, -i) for i in range(2) for j in range(3)]
    np.testing.assert_array_equal(free.get_offsets(), expected)


def test_the_same_graph_is_the_same_picture():
    plain = nx.disjoint_union(nx.barbell_graph(4, 2), nx.path_graph(3))
    one, two = (dots(plot_graph(CouplingGraph.from_networkx(plain)))[0] for _ in range(2))
    np.testing.assert_array_equal(one.get_offsets(), two.get_offsets())
    gaps = np.linalg.norm(np.diff(np.unique(one.get_offsets(), axis=0), axis=0), axis=1)
    assert len(gaps) == len(plain) - 1, "no two nodes stand on each other"


def test_large_graphs_have_no_names():
    plain = nx.gnp_random_graph(320, 0.02, seed=1)
    ax = plot_graph(CouplingGraph.from_networkx(plain), state=np.arange(320.0))
    assert texts(ax) == []
    ax.figure.draw_without_rendering()


def test_one_node_alone_is_drawn():
    assert "1 node" in legend_of(plot_graph(CouplingGraph([[1.0]])))


def test_given_axes_are_used_and_the_legend_lies_beside_the_data():
    given = plt.figure().add_subplot()
    ax = plot_graph(model(), ax=given)
    assert ax is given
    given.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda g: plot_graph(g, state=[1.0]), errors.ShapeMismatch, r"state has shape \(1,\)"),
        (lambda g: plot_graph(g, state=[1, np.nan, 2]), errors.NotFinite, "state"),
        (lambda g: plot_graph(g, state={"z": 1.0}), errors.InvalidInput, "state names 'z'"),
        (lambda g: plot_graph(g, state={"a": "x"}), errors.InvalidInput, r"state\['a'\]"),
        (lambda g: plot_graph(g, positions={"a": (0, 0)}), errors.InvalidInput, "none for node"),
        (
            lambda g: plot_graph(g, positions=dict.fromkeys("abcd", 1)),
            errors.ShapeMismatch,
            r"positions\['a'\]",
        ),
        (lambda g: plot_graph(g, ax=[1]), errors.InvalidInput, "ax is a list"),
    ],
)
def test_bad_input_has_one_clear_error_and_opens_no_figure(call, error, says):
    with pytest.raises(error, match=says):
        call(model())
    assert plt.get_fignums() == []
