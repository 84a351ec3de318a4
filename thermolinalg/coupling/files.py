"""Coupling graphs on disk: JSON (node-link, as networkx has it) and GraphML, by the file's suffix.

Nodes carry `stiffness`, `force` and, where they are held, `clamp`; edges carry `weight`: what
`CouplingGraph.from_networkx` reads. Beside the springs stands the `diagonal` of S, because their
sum is rounded: with it S comes back bit for bit. Where it is not that sum within rounding, somebody
has edited the springs, and they count.
"""

import json
import os
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
import scipy.sparse as sp

from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.given import require_graph
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput
from thermolinalg.files import atomic_write

FORMAT, VERSION = "thermolinalg coupling graph", 1
"""Stand in every file; another number stands for another way of writing them."""

Path_: TypeAlias = str | os.PathLike[str]


def save_graph(graph: CouplingGraph, path: Path_) -> None:
    """Write a graph to a file, whole or not at all: `.json` or `.graphml`.

    Names of nodes may be strings, numbers, and tuples of such, as grids have them.

    Raises:
        InvalidInput: the suffix is another, or a name cannot be written.
        OutputError: the file cannot be written.
    """
    require_graph(graph)
    write, _ = _way_of(path)
    atomic_write(path, write(graph))


def load_graph(path: Path_) -> CouplingGraph:
    """The graph that was saved in a file: the same names, numbers, held nodes and groups.

    Raises:
        InvalidInput: there is no such file, its suffix is another, or it holds no such graph.
    """
    name = os.fspath(path)
    _, read = _way_of(path)
    try:
        return _coupling_graph(read(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror or error}.") from error
    except InvalidInput as error:
        raise InvalidInput(f"{name} holds no coupling graph: {error}") from error
    except KeyError as error:
        raise InvalidInput(
            f"{name} holds no coupling graph: a node, an edge or the file itself lacks {error}. "
            "Write files by save_graph, or read others by networkx and CouplingGraph.from_networkx."
        ) from error
    except (ValueError, TypeError, AttributeError, ParseError, nx.NetworkXError) as error:
        raise InvalidInput(f"{name} is damaged: {error}.") from error


def _as_json(graph: CouplingGraph) -> str:
    """One node or edge a line."""
    about = json.dumps({"format": FORMAT, "version": VERSION, "anharmonic": _groups(graph)})
    nodes = ({"id": _written(name), **facts} for name, facts in _nodes(graph))
    edges = (
        {"source": _written(u), "target": _written(v), "weight": w} for u, v, w in graph.edges()
    )
    lists = (",\n".join(map(json.dumps, rows)) for rows in (nodes, edges))
    return (
        '{{"directed": false, "multigraph": false, "graph": {},\n'
        '"nodes": [\n{}\n],\n"edges": [\n{}\n]}}\n'
    ).format(about, *lists)


def _from_json(text: str) -> Any:
    data = json.loads(text)
    plain = nx.Graph(**data["graph"])
    for node in data["nodes"]:
        plain.add_node(_read(node.pop("id")), **node)
    for edge in data["edges"]:
        u, v = _read(edge["source"]), _read(edge["target"])
        _require_nodes(plain, (u, v))
        plain.add_edge(u, v, weight=edge["weight"])
    return plain


def _as_graphml(graph: CouplingGraph) -> str:
    """Names and groups are JSON inside, since GraphML has strings alone."""
    plain = nx.Graph(format=FORMAT, version=VERSION, groups=json.dumps(_groups(graph)))
    for i, (name, facts) in enumerate(_nodes(graph)):
        plain.add_node(f"n{i}", name=json.dumps(_written(name)), **facts)
    for u, v, w in graph.edges():
        plain.add_edge(f"n{graph.place[u]}", f"n{graph.place[v]}", weight=w)
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def _from_graphml(text: str) -> Any:
    plain = nx.parse_graphml(text)
    plain.graph["anharmonic"] = json.loads(plain.graph["groups"])
    names = {node: _read(json.loads(facts.pop("name"))) for node, facts in plain.nodes(data=True)}
    return nx.relabel_nodes(plain, names)


Way: TypeAlias = tuple[Callable[[CouplingGraph], str], Callable[[str], Any]]
WAYS: dict[str, Way] = {
    ".json": (_as_json, _from_json),
    ".graphml": (_as_graphml, _from_graphml),
}


def _way_of(path: Path_) -> Way:
    suffix = Path(path).suffix.lower()
    if suffix not in WAYS:
        raise InvalidInput(
            f"path = {os.fspath(path)!r} ends in neither .json nor .graphml. Choose one of them."
        )
    return WAYS[suffix]


def _nodes(graph: CouplingGraph) -> Iterator[tuple[Hashable, dict[str, float]]]:
    """Each node and what it carries, as Python floats, which are written with all their digits."""
    columns = (graph.matrix.diagonal(), graph.stiffness, graph.force)
    rows = zip(graph.names, *(column.tolist() for column in columns), strict=True)
    for name, d, k, f in rows:
        clamp = {"clamp": graph.held[name]} if name in graph.held else {}
        yield name, {"diagonal": d, "stiffness": k, "force": f, **clamp}


def _groups(graph: CouplingGraph) -> list[Any]:
    """Groups in the order of nodes: the same graph is the same file."""
    rows = sorted(sorted(graph.place[name] for name in group) for group in graph.anharmonic)
    return [[_written(graph.names[i]) for i in row] for row in rows]


def _coupling_graph(plain: Any) -> CouplingGraph:
    """The graph of what was read, with the diagonal that was written."""
    if plain.graph["format"] != FORMAT or plain.graph["version"] != VERSION:
        raise InvalidInput(
            f"it is of {plain.graph['format']!r}, version {plain.graph['version']!r}, and this "
            f"library reads {FORMAT!r}, version {VERSION}."
        )
    for *_, facts in plain.edges(data=True):
        facts["weight"]  # else it would count as 1
    for _, facts in plain.nodes(data=True):
        facts["stiffness"], facts["force"]  # else as 0
    groups = [[_read(name) for name in group] for group in plain.graph["anharmonic"]]
    for group in groups:
        _require_nodes(plain, group)
    plain.graph["anharmonic"] = groups
    graph = CouplingGraph.from_networkx(plain)
    d = _diagonal(graph, np.array([plain.nodes[name]["diagonal"] for name in plain], dtype=float))
    S = sp.diags_array(d) - graph.weights
    return CouplingGraph(
        S, graph.force, names=graph.names, held=graph.held, anharmonic=graph.anharmonic
    )


def _diagonal(graph: CouplingGraph, written: NumpyArray) -> NumpyArray:
    """What was written, unless the springs add up to something else."""
    summed = graph.matrix.diagonal()
    sizes = np.abs(summed) + abs(graph.weights).sum(axis=1)
    degree = np.diff(graph.weights.indptr)
    near = np.abs(written - summed) <= 8 * (1 + degree) * np.finfo(float).eps * sizes
    return np.where(near, written, summed)


def _require_nodes(plain: Any, names: Any) -> None:
    strange = [name for name in names if name not in plain]
    if strange:
        raise InvalidInput(f"it names {strange[0]!r}, which is none of its nodes.")


def _written(name: Any) -> Any:
    """A name as JSON has it: tuples are lists there."""
    if isinstance(name, tuple):
        return [_written(part) for part in name]
    plain = name.item() if isinstance(name, np.generic) else name
    if isinstance(plain, str | int | float):
        return plain
    raise InvalidInput(
        f"node {name!r} has a name of type {type(name).__name__}, which no file can hold. Name "
        "nodes by strings, numbers or tuples of them."
    )


def _read(name: Any) -> Hashable:
    return tuple(map(_read, name)) if isinstance(name, list) else name
