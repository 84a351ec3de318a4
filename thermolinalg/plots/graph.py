"""A coupling graph: springs as lines, nodes as dots, held ones as squares, the state in colour."""

import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.coupling.given import require_graph
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import GREY, PALETTE, add_legend, counted, line, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 40
"""Nodes up to which each is named."""

WEIGHED = 16
"""Springs up to which the weight of each is written."""

STRESSED = 300
"""Nodes up to which distances follow all paths, which costs their cube; more are let go by springs
of their own."""

PULLS, PUSHES, BEYOND = GREY, PALETTE[1], PALETTE[3]

ENTRY = re.compile(r"(.+?)_(\d+)_(\d+)")

EMPTY = "0.85"

Positions: TypeAlias = Mapping[Hashable, Any]


def plot_graph(
    graph: CouplingGraph,
    /,
    *,
    state: Array | Mapping[Hashable, float] | None = None,
    positions: Positions | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a coupling graph: wide lines are strong springs, dashed ones push.

    Held nodes are squares with their value. What something beyond springs ties has a ring, and
    dotted lines within each group. Small graphs have names and weights written on them. Nodes named
    (row, column) stand as a matrix is written; others where their distances put them, the same each
    time.

    Args:
        graph: what to draw.
        state: colours the nodes: (n,) of the free ones in order, such as a sample or the mean of
            `graph.law()`; or a dict of values by node. Held nodes have the colour of their value.
        positions: (x, y) of each node, for a layout of one's own.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: a state or positions do not fit the nodes, or ax is something else.
    """
    require_graph(graph)
    values = _values(graph, state)
    at = _positions(graph, positions)
    ax = open_axes(ax, (7.2, 4.6))
    handles = [*_draw_springs(ax, graph, at), *_draw_groups(ax, graph, at)]
    handles += _draw_nodes(ax, graph, at, values)
    ax.set_axis_off()
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.12)
    held = f", {len(graph.held)} held" if graph.held else ""
    add_legend(ax, handles, counted(graph.n, graph.n, "nodes") + held)
    return ax


def _values(graph: CouplingGraph, state: Any) -> NumpyArray | None:
    """The value of each node (n,), NaN where none is known; None if no state was given."""
    if state is None:
        return None
    values = np.full(graph.n, np.nan)
    known = state
    if not isinstance(state, Mapping):
        free = to_numpy(checks.vector("state", state, len(graph.free)))
        known = dict(zip(graph.free, free, strict=True))
    for name, value in (dict(known) | graph.held).items():
        values[_row(graph, "state", name)] = checks.real_number(f"state[{name!r}]", value)
    return values


def _row(graph: CouplingGraph, argument: str, name: Hashable) -> int:
    if name not in graph.place:
        raise InvalidInput(f"{argument} names {name!r}, which is no node of the graph.")
    return graph.place[name]


def _positions(graph: CouplingGraph, positions: Positions | None) -> NumpyArray:
    """Where each node stands (n, 2)."""
    if positions is None:
        grid = _on_grid(graph)
        return _laid_out(graph) if grid is None else grid
    missing = [name for name in graph.names if name not in positions]
    if missing:
        raise InvalidInput(f"positions has none for node {missing[0]!r}: give (x, y) of each.")
    rows = [checks.vector(f"positions[{v!r}]", positions[v], 2) for v in graph.names]
    return np.array([to_numpy(row) for row in rows], dtype=float)


def _on_grid(graph: CouplingGraph) -> NumpyArray | None:
    """(column, -row) if all names are such pairs, or entries of one plate such as x_3_4."""
    places = [_row_and_column(name) for name in graph.names]
    found = [place for place in places if place is not None]
    if len(found) < len(places) or len({plate for plate, _, _ in found}) > 1:
        return None
    return np.array([(column, -row) for _, row, column in found], dtype=float)


def _row_and_column(name: Hashable) -> tuple[str, int, int] | None:
    """The plate, if it has one, the row and the column that a name tells; None if it does not."""
    if isinstance(name, str) and (entry := ENTRY.fullmatch(name)):
        return entry[1], int(entry[2]), int(entry[3])
    if isinstance(name, tuple) and len(name) == 2:
        row, column = name
        if isinstance(row, int | np.integer) and isinstance(column, int | np.integer):
            return "", int(row), int(column)
    return None


def _laid_out(graph: CouplingGraph) -> NumpyArray:
    """Distances along springs as distances on the page, component by component."""
    import networkx as nx

    plain = nx.empty_graph(graph.n)
    plain.add_edges_from((graph.place[u], graph.place[v]) for u, v, _ in graph.edges())
    groups = ([graph.place[name] for name in group] for group in graph.anharmonic)
    plain.add_edges_from((i, j) for group in groups for i in group for j in group if i < j)
    at, left = np.zeros((graph.n, 2)), 0.0
    for part in sorted(map(sorted, nx.connected_components(plain)), key=len, reverse=True):
        piece = plain.subgraph(part)
        if len(part) <= STRESSED:
            found = nx.kamada_kawai_layout(piece, weight=None)
        else:
            found = nx.spring_layout(piece, weight=None, seed=0, iterations=100)
        x = _lying(np.array([found[i] for i in part])) * len(part) ** 0.5
        at[part] = x - x.min(axis=0) + [left, 0.0]
        left = float(at[part, 0].max()) + 1.0
    return at


def _lying(x: NumpyArray) -> NumpyArray:
    """Turned so that the longest extent lies along the page; the first node is on the left."""
    x = x - x.mean(axis=0)
    x = x @ np.linalg.svd(x)[2].T
    return x * np.where(x[0] > 0, -1.0, 1.0)


def _draw_springs(ax: "Axes", graph: CouplingGraph, at: NumpyArray) -> list[Any]:
    """Lines between nodes; the legend's entries for those that there are."""
    from matplotlib.collections import LineCollection

    springs = graph.edges()
    if not springs:
        return []
    ends = np.array([[graph.place[u], graph.place[v]] for u, v, _ in springs])
    weights = np.array([w for *_, w in springs])
    sizes = np.abs(weights)
    thickest = 4.0 if graph.n <= NAMED else 2.0
    widths = thickest * (0.15 + 0.85 * sizes / sizes.max())
    handles = []
    for kind, label, colour, style in (
        (weights > 0, "spring, pulls", PULLS, "solid"),
        (weights < 0, "spring, pushes", PUSHES, (0, (1.6, 0.9))),
    ):
        if kind.any():
            drawn: dict[str, Any] = {
                "colors": colour,
                "linestyles": [style],
                "label": label,
                "zorder": 1,
            }
            ax.add_collection(LineCollection(at[ends[kind]], linewidths=widths[kind], **drawn))
            few = f"{label},\n|w| from {sizes[kind].min():.3g} to {sizes[kind].max():.3g}"
            same = f"{label}, |w| = {sizes[kind].max():.3g}"
            text = same if np.ptp(sizes[kind]) == 0 else few
            handles.append(line(text, color=colour, ls=style, lw=2.5))
    if len(springs) <= WEIGHED:
        for both, w in zip(at[ends], weights, strict=True):
            _weigh(ax, both, float(w))
    ax.autoscale_view()
    return handles


def _draw_groups(ax: "Axes", graph: CouplingGraph, at: NumpyArray) -> list[Any]:
    """Dotted lines within groups; the rings around their nodes are drawn with these."""
    from matplotlib.collections import LineCollection

    rows = [sorted(graph.place[name] for name in group) for group in graph.anharmonic]
    pairs = sorted({(i, j) for row in rows for i in row for j in row if i < j})
    if pairs:
        style: dict[str, Any] = {
            "colors": BEYOND,
            "linestyles": "dotted",
            "linewidths": 2.2,
            "zorder": 1.5,
        }
        ax.add_collection(LineCollection(at[np.array(pairs)], **style))
    label = "beyond springs"
    return [line(label, color=BEYOND, ls=":", lw=2.2, marker="o", mfc="white")] if rows else []


def _draw_nodes(
    ax: "Axes", graph: CouplingGraph, at: NumpyArray, values: NumpyArray | None
) -> list[Any]:
    """Dots and squares, in the colours of their values, and what is written on them."""
    from matplotlib.ticker import MaxNLocator

    small = graph.n <= NAMED
    held = np.array([name in graph.held for name in graph.names])
    tied = frozenset[Hashable]().union(*graph.anharmonic)
    ringed = np.array([name in tied for name in graph.names])
    faces, mappable = _colours(values, graph.n)
    area = 420.0 if small else max(12.0, 9000.0 / graph.n)
    for kind, marker in ((~held, "o"), (held, "s"))[: 2 if held.any() else 1]:
        ax.scatter(
            at[kind, 0],
            at[kind, 1],
            s=area,
            c=faces[kind],
            marker=marker,
            edgecolors=[BEYOND if ring else "black" for ring in ringed[kind]],
            linewidths=[2.2 if ring else 1.0 if small else 0.5 for ring in ringed[kind]],
            zorder=2,
        )
    if small:
        _name_nodes(ax, graph, at, faces)
    if mappable is not None:
        where: dict[str, Any] = {"location": "bottom", "shrink": 0.6, "aspect": 30}
        ax.figure.colorbar(mappable, ax=ax, label="state", ticks=MaxNLocator(5), **where)
    marks = [("free node", "o"), ("held node, at its value", "s")]
    style: dict[str, Any] = {"color": "black", "ls": "", "mfc": EMPTY}
    wanted = [marks[0], *([marks[1]] if held.any() else [])]
    return [line(label, marker=marker, **style) for label, marker in wanted]


def _name_nodes(ax: "Axes", graph: CouplingGraph, at: NumpyArray, faces: NumpyArray) -> None:
    """The name of each node on it, and the value of a held one below."""
    for name, (x, y), face in zip(graph.names, at, faces, strict=True):
        dark = face[:3] @ [0.299, 0.587, 0.114] < 0.5
        label = ",".join(map(str, name)) if isinstance(name, tuple) else str(name)
        size = "small" if len(label) <= 3 else "xx-small"
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "zorder": 4}
        ax.text(x, y, label, color="white" if dark else "black", **style)
        if name in graph.held:
            ax.annotate(
                f"{graph.held[name]:.3g}",
                (x, y),
                xytext=(0, -13),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize="x-small",
                fontweight="bold",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
                zorder=4,
            )


def _colours(values: NumpyArray | None, n: int) -> tuple[NumpyArray, Any]:
    """The colour of each node (n, 4), and what a colour bar is drawn of."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize, to_rgba

    blank = np.tile(to_rgba(EMPTY), (n, 1))
    if values is None:
        return blank, None
    known = np.isfinite(values)
    mappable = ScalarMappable(Normalize(*_span(values[known])), "viridis")
    blank[known] = mappable.to_rgba(values[known])
    return blank, mappable


def _span(values: NumpyArray) -> tuple[float, float]:
    """The ends of a colour bar; not the same, even of one value."""
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if low >= high:
        low, high = (0.0, 1.0) if not len(values) else (low - 0.5, high + 0.5)
    return low, high


def _weigh(ax: "Axes", ends: NumpyArray, w: float) -> None:
    """The weight of a spring, beside its middle."""
    (x0, y0), (x1, y1) = ends
    across = np.array([y0 - y1, x1 - x0])
    across *= (-1.0 if across[1] < 0 else 1.0) / (np.linalg.norm(across) or 1.0)
    colour = PUSHES if w < 0 else "black"
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": "x-small",
        "color": colour,
        "zorder": 3,
    }
    middle = ends.mean(axis=0)
    ax.annotate(
        f"{w:.3g}",
        middle,
        xytext=(15 * across[0], 9 * across[1]),
        textcoords="offset points",
        **style,
    )
