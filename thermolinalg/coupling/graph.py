"""A potential of springs as a graph: nodes are coordinates, edges what couples them.

    U(x) = ½ Σ_i k_i x_i² + ½ Σ_{i<j} w_ij (x_i - x_j)² - Σ_i f_i x_i = ½ x'Sx - f'x,

where S_ij = -w_ij and S_ii = k_i + Σ_j w_ij. Every symmetric matrix is of this form: a positive
entry off its diagonal is a spring that pushes, w < 0, and S may be positive definite all the same.
At temperature T and rest x ~ N(S⁻¹f, T S⁻¹). Holding nodes by hand conditions that law.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from thermolinalg import checks
from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.coupling.stability import positive_bounds, require_definite
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.theory.balance import is_sparse, require_symmetric
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.potential import overdamped

DENSE = 0.1
"""A matrix with a larger share of entries is run as a dense one."""

SMALL = 2000
"""So are those of fewer nodes: their normal modes are worth an `eigh`, and are then free."""


@final
@dataclass(frozen=True, eq=False, init=False, repr=False)
class CouplingGraph:
    """Springs between named nodes, forces on them, and the values at which some are held.

    Args:
        matrix: S (n, n), symmetric: an array or a scipy.sparse array. It need not be definite; what
            asks for a law at rest refuses an S that has none, and names the direction.
        force: f (n,); none if left out.
        names: of the nodes, in the order of S; 0 to n - 1 if left out.
        held: nodes that are held by hand, and where.
        anharmonic: groups of nodes that something beyond springs ties; for pictures, and so that
            nobody takes the springs for the whole.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    matrix: Any
    force: NumpyArray
    names: tuple[Hashable, ...]
    held: dict[Hashable, float]
    anharmonic: frozenset[frozenset[Hashable]]

    def __init__(
        self,
        matrix: Any,
        force: Any = None,
        *,
        names: Iterable[Hashable] | None = None,
        held: Mapping[Hashable, float] | None = None,
        anharmonic: Iterable[Iterable[Hashable]] = (),
    ) -> None:
        S = _matrix(matrix)
        n = S.shape[0]
        f = np.zeros(n) if force is None else to_numpy(checks.vector("force", force, n))
        labels = tuple(range(n)) if names is None else tuple(names)
        if len(labels) != n or len(set(labels)) != n:
            raise InvalidInput(
                f"names holds {len(set(labels))} different names; the matrix has {n} nodes, and "
                "each needs one of its own."
            )
        vars(self).update(matrix=S, force=f.astype(float), names=labels)
        groups = frozenset(frozenset(group) for group in anharmonic)
        for group in groups:
            self._rows(group)
        vars(self).update(held=self._values("held", held or {}), anharmonic=groups)

    @classmethod
    def from_networkx(cls, graph: Any) -> "CouplingGraph":
        """Read a networkx graph.

        Edges carry `weight` (1 if they do not say), nodes `stiffness` (0), `force` (0) and, where
        they are held, `clamp`. Edges between the same two nodes add up.

        Raises:
            InvalidInput: the graph is directed or empty, an edge begins where it ends, or an
                attribute is no finite number.
        """
        links, ground = read_springs(graph)
        force = _numbers("force", graph.nodes(data="force"), 0.0)
        clamps = {name: v for name, v in graph.nodes(data="clamp") if v is not None}
        S = sp.diags_array(ground + links.sum(axis=1)) - links
        groups = graph.graph.get("anharmonic", ())
        return cls(S, force, names=graph.nodes, held=clamps, anharmonic=groups)

    @property
    def n(self) -> int:
        """The number of nodes, held ones included."""
        return int(self.matrix.shape[0])

    @cached_property
    def place(self) -> dict[Hashable, int]:
        """The row of each node."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def weights(self) -> Any:
        """The springs w (n, n) between nodes, a sparse array; negative where they push."""
        links = sp.csr_array(sp.diags_array(self.matrix.diagonal()) - self.matrix)
        links.eliminate_zeros()
        return links

    @cached_property
    def stiffness(self) -> NumpyArray:
        """The springs k (n,) to the ground."""
        return np.asarray(self.matrix.sum(axis=1)).ravel()

    @property
    def free(self) -> tuple[Hashable, ...]:
        """The nodes that nobody holds, in order: those of the law and of the process."""
        return tuple(name for name in self.names if name not in self.held)

    def clamp(self, values: Mapping[Hashable, float]) -> "CouplingGraph":
        """Hold nodes at these values: the law of the others is conditioned on them.

        Raises:
            InvalidInput: a name is no node or held already, a value is no number, or none is free.
        """
        new = self._values("values", values)
        twice = [name for name in new if name in self.held]
        if twice:
            raise InvalidInput(
                f"node {twice[0]!r} is held at {self.held[twice[0]]:g} already. Release it first: "
                f"graph.release({twice[0]!r})."
            )
        return replace(self, held={**self.held, **new})

    def release(self, *names: Hashable) -> "CouplingGraph":
        """Let go of held nodes; of all, if none is named.

        Raises:
            InvalidInput: a node is not held.
        """
        loose = [name for name in names if name not in self.held]
        if loose:
            raise InvalidInput(
                f"node {loose[0]!r} is not held. Those are: {_few(self.held) or 'none'}."
            )
        kept = {k: v for k, v in self.held.items() if k not in names} if names else {}
        return replace(self, held=kept)

    @cached_property
    def conditioned(self) -> "CouplingGraph":
        """The free nodes alone: held ones have become forces, f_free - S_free,held values."""
        if not self.held:
            return self
        rows, fixed = self._rows(self.free), self._rows(self.held)
        values = np.array(list(self.held.values()))
        S, f = self.matrix[rows], self.force
        pull = S[:, fixed] @ values
        groups = {g - set(self.held) for g in self.anharmonic} - {frozenset()}
        return CouplingGraph(S[:, rows], f[rows] - pull, names=self.free, anharmonic=groups)

    def eliminate(self, *names: Hashable) -> "CouplingGraph":
        """The graph of the other nodes that has their marginal law: the Schur complement.

        What the eliminated nodes were tied to becomes coupled; at any temperature the law of the
        others, held ones included, stays what it was.

        Raises:
            InvalidInput: a name is no node, or held, or none would be left.
            Unstable: the eliminated nodes have no law at rest, others held still.
        """
        self.require_harmonic("eliminate")
        out = self._rows(names)
        if len(set(out)) < len(out):
            raise InvalidInput("names holds a node twice; name each once.")
        bad = [name for name in names if name in self.held]
        if bad or len(set(out)) == self.n:
            reason = f"{bad[0]!r} is held: it has a value, no law" if bad else "none would be left"
            raise InvalidInput(f"names cannot be eliminated: {reason}. Name free nodes.")
        gone = set(out)
        keep = [i for i in range(self.n) if i not in gone]
        S, f = self.matrix, self.force
        cross = S[out][:, keep].toarray()
        inner = S[out][:, out].toarray()
        require_definite(inner, names)
        step = scipy.linalg.solve(inner, np.column_stack([cross, f[out]]), assume_a="pos")
        rest = S[keep][:, keep].toarray() - cross.T @ step[:, :-1]
        left = tuple(self.names[i] for i in keep)
        rest = (rest + rest.T) / 2
        return CouplingGraph(rest, f[keep] - cross.T @ step[:, -1], names=left, held=self.held)

    def law(self, *, temperature: float = 1.0) -> Gaussian:
        """The law of the free nodes at rest, in the order of `free`: N(S⁻¹f, T S⁻¹).

        Raises:
            Unstable: there is none; the message names the direction that nothing holds.
            InvalidInput: something beyond springs ties nodes, so that this is not the law.
        """
        temperature = checks.positive("temperature", temperature)
        self.require_held()
        part = self.conditioned
        S = part.matrix.toarray()
        return Gaussian.from_precision(S / temperature, part.force / temperature)

    def process(self, *, temperature: float = 1.0, friction: float | NumpyArray = 1.0) -> Any:
        """Overdamped motion of the free nodes: an `OU`, or a `Network` where S is large and sparse.

        Args:
            temperature: in units of energy.
            friction: of every free node, or (n,) of each.

        Raises:
            Unstable: a direction has no spring that holds it.
        """
        part = self.conditioned
        part.require_harmonic("process")
        S = part.matrix
        if part.n < SMALL or S.nnz > DENSE * part.n**2:
            S, bounds = S.toarray(), None
            require_definite(S, part.free)
        else:
            bounds = positive_bounds(S, part.free)
        return overdamped(S, part.force, temperature=temperature, friction=friction, bounds=bounds)

    def to_networkx(self) -> Any:
        """A networkx graph with the attributes that `from_networkx` reads."""
        import networkx as nx

        graph = nx.Graph()
        columns = zip(self.names, self.stiffness.tolist(), self.force.tolist(), strict=True)
        for name, k, f in columns:
            graph.add_node(name, stiffness=k, force=f)
            if name in self.held:
                graph.nodes[name]["clamp"] = self.held[name]
        for i, j, w in self.edges():
            graph.add_edge(i, j, weight=w)
        if self.anharmonic:
            graph.graph["anharmonic"] = [sorted(g, key=str) for g in self.anharmonic]
        return graph

    def edges(self) -> list[tuple[Hashable, Hashable, float]]:
        """The springs (one end, other end, w), in the order of nodes."""
        links = sp.triu(self.weights, k=1).tocsr().tocoo()
        ends = zip(*links.coords, links.data, strict=True)
        return [(self.names[i], self.names[j], float(w)) for i, j, w in ends]

    def require_held(self) -> None:
        """Go on only if springs hold the free nodes in every direction; nothing is solved.

        Raises:
            Unstable: a direction is free, or pushed away; the message names it.
            InvalidInput: something beyond springs ties nodes.
        """
        part = self.conditioned
        part.require_harmonic("law")
        require_definite(part.matrix.toarray(), part.free)

    def require_harmonic(self, wanted: str) -> None:
        """Go on only if springs are all there is.

        Raises:
            InvalidInput: something else ties nodes.
        """
        if self.anharmonic:
            group = sorted(map(str, next(iter(self.anharmonic))))
            raise InvalidInput(
                f"`{wanted}` is known of springs alone, and the potential of {', '.join(group)} is "
                "not quadratic. Sample the model, or linearize it first."
            )

    def __repr__(self) -> str:
        held = f", {len(self.held)} held" if self.held else ""
        more = f", {len(self.anharmonic)} anharmonic" if self.anharmonic else ""
        return f"CouplingGraph({self.n} nodes, {len(self.edges())} springs{held}{more})"

    def _rows(self, names: Iterable[Hashable]) -> list[int]:
        wanted = list(names)
        strange = [x for x in wanted if not (isinstance(x, Hashable) and x in self.place)]
        if strange:
            raise InvalidInput(
                f"{strange[0]!r} is no node of this graph. Its nodes are {_few(self.place)}."
            )
        return [self.place[name] for name in wanted]

    def _values(self, argument: str, values: Mapping[Hashable, float]) -> dict[Hashable, float]:
        self._rows(checks.mapping(argument, values, "{node: value}"))
        if len(values) >= self.n:
            raise InvalidInput(f"{argument} hold every node; leave at least one free.")
        return {k: checks.real_number(f"{argument}[{k!r}]", v) for k, v in values.items()}


def read_springs(graph: Any) -> tuple[Any, NumpyArray]:
    """The springs of a networkx graph: between nodes, w (n, n) sparse, and to the ground, k (n,).

    Raises:
        InvalidInput: as `CouplingGraph.from_networkx` says.
    """
    _require_undirected(graph)
    place = {name: i for i, name in enumerate(graph.nodes)}
    n = len(place)
    ends = np.array([(place[u], place[v]) for u, v in graph.edges()], int).reshape(-1, 2)
    weights = _numbers("weight", (((u, v), w) for u, v, w in graph.edges(data="weight")), 1.0)
    links = sp.coo_array((weights, (ends[:, 0], ends[:, 1])), shape=(n, n))
    return (links + links.T).tocsr(), _numbers("stiffness", graph.nodes(data="stiffness"), 0.0)


def _matrix(S: Any) -> Any:
    """S as a sparse array of floats, exactly symmetric."""
    if not is_sparse(S):
        remedy = "Springs pull both ways alike: pass (S + S.T)/2."
        return sp.csr_array(to_numpy(checks.symmetric("matrix", S, remedy)).astype(float))
    if S.ndim != 2 or S.shape[0] != S.shape[1] or S.shape[0] == 0:
        raise ShapeMismatch(f"matrix has shape {S.shape}; a square one (n, n) is needed.")
    require_symmetric("matrix", S)
    S = sp.csr_array(S).astype(float)
    return ((S + S.T) / 2).tocsr()


def _require_undirected(graph: Any) -> None:
    if not hasattr(graph, "is_directed") or graph.is_directed():
        raise InvalidInput(
            "graph must be an undirected networkx graph: a spring pulls at both its ends alike. "
            "Pass graph.to_undirected(), or CouplingGraph(matrix)."
        )
    if len(graph.nodes) == 0:
        raise ShapeMismatch("graph has no nodes, and without nodes there is nothing to couple.")
    loop = next(((u, v) for u, v in graph.edges() if u == v), None)
    if loop is not None:
        raise InvalidInput(
            f"graph has an edge from node {loop[0]!r} to itself, and such a spring pulls at "
            "nothing. A tie to the ground is the node's attribute `stiffness`."
        )


def _numbers(name: str, items: Any, default: float) -> NumpyArray:
    """The numbers that nodes or edges carry, each finite."""
    values = []
    for *owner, value in items:
        number = default if value is None else _number(name, owner[0], value)
        values.append(number)
    return np.array(values, dtype=float)


def _number(name: str, owner: Any, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} of {owner!r} is {value!r}, which is no number.") from error
    if not np.isfinite(number):
        raise NotFinite(f"{name} of {owner!r} is {number}. Give a finite number.")
    return number


def _few(names: Iterable[Hashable]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "")
