"""A potential energy in numbers: springs as a sparse matrix, and what is beyond them compiled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import final

import numpy as np
import sympy as sp
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from thermolinalg.backend import Array, NumpyArray
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import NotFinite, ShapeMismatch
from thermolinalg.programs.statements import Line, Statement
from thermolinalg.symbolic.numeric import Numeric, numeric
from thermolinalg.symbolic.quadratic import Quadratic, split_quadratic


@final
@dataclass(frozen=True, eq=False)
class Energy:
    """U(x) = ½ x'Sx - f'x + constant + rest(x) over the coordinates `state`."""

    state: tuple[sp.Symbol, ...]
    S: sparse.csr_array  # (n, n)
    f: NumpyArray  # (n,)
    constant: float
    rest: sp.Expr

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return len(self.state)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        return tuple(symbol.name for symbol in self.state)

    @property
    def is_quadratic(self) -> bool:
        """Are springs and forces all there is?"""
        return bool(self.rest == 0)

    def hold(self, values: Mapping[sp.Symbol, float]) -> "Energy":
        """The energy of the other coordinates while these are held; it may be simpler."""
        if not values:
            return self
        fixed = [i for i, symbol in enumerate(self.state) if symbol in values]
        free = [i for i, symbol in enumerate(self.state) if symbol not in values]
        x = np.array([values[self.state[i]] for i in fixed])
        rows = self.S[free]
        still = self.S[fixed][:, fixed]
        constant = self.constant + float(x @ (still @ x) / 2 - self.f[fixed] @ x)
        state = tuple(self.state[i] for i in free)
        bare = Energy(state, rows[:, free], self.f[free] - rows[:, fixed] @ x, constant, sp.S.Zero)
        held = self.rest.free_symbols & set(values)
        rest = self.rest.subs({symbol: values[symbol] for symbol in held})
        return bare.with_expression(rest)

    def with_expression(self, energy: sp.Expr) -> "Energy":
        """With any energy of the same coordinates added.

        If it is not quadratic, terms that are not stay as they were stated: multiplied out about
        zero, (x - c)⁴ loses its digits where c is far.
        """
        if energy == 0:
            return self
        whole = split_quadratic(energy, self.state)
        if whole.is_quadratic:
            return self.plus(whole)
        known = set(self.state)
        flat: list[sp.Expr] = []
        rest: list[sp.Expr] = []
        for term in sp.Add.make_args(energy):
            own = sorted(term.free_symbols & known, key=str)
            plain = not own or split_quadratic(term, own).is_quadratic
            (flat if plain else rest).append(term)
        most = self.plus(split_quadratic(sp.Add(*flat), self.state))
        return replace(most, rest=most.rest + sp.Add(*rest))

    def around(self, symbols: Iterable[sp.Symbol]) -> "Energy":
        """The energy of these coordinates and of all that they are tied to, less its constant.

        The others are independent of them.
        """
        wanted = set(symbols)
        parts = {self._parts[i] for i, symbol in enumerate(self.state) if symbol in wanted}
        rows = [i for i, part in enumerate(self._parts) if part in parts]
        state = tuple(self.state[i] for i in rows)
        terms = (t for t in sp.Add.make_args(self.rest) if not t.free_symbols.isdisjoint(state))
        return Energy(state, self.S[rows][:, rows], self.f[rows], 0.0, sp.Add(*terms))

    @cached_property
    def tied_beyond(self) -> frozenset[sp.Symbol]:
        """The coordinates that are tied, directly or not, to what is not quadratic."""
        own = self.rest.free_symbols
        parts = {self._parts[i] for i, symbol in enumerate(self.state) if symbol in own}
        return frozenset(
            x for x, part in zip(self.state, self._parts, strict=True) if part in parts
        )

    @cached_property
    def _parts(self) -> list[int]:
        """The number of the part to which each coordinate belongs; no energy ties two parts."""
        place = {symbol: i for i, symbol in enumerate(self.state)}
        links = [
            (place[one], place[other])
            for term in sp.Add.make_args(self.rest)
            for one, other in pairwise(sorted(term.free_symbols, key=str))
        ]
        ends = np.array(links, dtype=int).reshape(-1, 2).T
        ties = sparse.coo_array((np.ones(len(links)), ends), shape=self.S.shape)
        S = self.S.copy()
        S.eliminate_zeros()
        return connected_components(abs(S) + ties, directed=False)[1].tolist()

    def plus(self, more: Quadratic) -> "Energy":
        """With a potential of the same coordinates added."""
        rows, columns, entries = _entries(more)
        S = self.S + sparse.coo_array((entries, (rows, columns)), shape=self.S.shape)
        f = self.f.copy()
        for i, slope in more.first.items():
            f[i] -= _number(slope)
        constant = self.constant + _number(more.zeroth)
        return Energy(self.state, S.tocsr(), f, constant, self.rest + more.rest)

    def on_lines(self, lines: Sequence[Line]) -> "Energy":
        """With the energies of linear combinations added: W'KW and -W'K offset."""
        place = {symbol: i for i, symbol in enumerate(self.state)}
        entries = [
            (row, place[symbol], weight)
            for row, line in enumerate(lines)
            for symbol, weight in line.weights.items()
        ]
        rows, columns, weights = np.array(entries, float).reshape(-1, 3).T
        W = sparse.csr_array(
            (weights, (rows.astype(int), columns.astype(int))), shape=(len(lines), self.n)
        )
        k = np.array([line.stiffness for line in lines])
        offset = np.array([line.offset for line in lines])
        S = sparse.csr_array(self.S + W.T @ sparse.diags_array(k) @ W)
        f = self.f - W.T @ (k * offset)
        return Energy(self.state, S, f, self.constant + float(k @ offset**2) / 2, self.rest)

    def graph(self, held: Mapping[sp.Symbol, float]) -> CouplingGraph:
        """The couplings of all coordinates, some of them held."""
        values = {symbol.name: value for symbol, value in held.items()}
        groups = {
            frozenset(s.name for s in term.free_symbols) for term in sp.Add.make_args(self.rest)
        }
        return CouplingGraph(
            self.S, self.f, names=self.names, held=values, anharmonic=groups - {frozenset()}
        )

    def value(self, x: Array) -> NumpyArray:
        """U (...) at points x (..., n)."""
        x = self._points(x)
        quadratic = np.sum(x * (0.5 * self._pull(x) - self.f), axis=-1) + self.constant
        return quadratic + self._beyond.value(x) if self.rest != 0 else quadratic

    def gradient(self, x: Array) -> NumpyArray:
        """dU/dx (..., n)."""
        x = self._points(x)
        slope = self._pull(x) - self.f
        return slope + self._beyond.gradient(x) if self.rest != 0 else slope

    def hessian(self, x: Array) -> NumpyArray:
        """d²U/dx² (..., n, n)."""
        x = self._points(x)
        flat = np.broadcast_to(self._dense, (*x.shape[:-1], self.n, self.n))
        return flat + self._beyond.hessian(x) if self.rest != 0 else flat

    def _points(self, x: Array) -> NumpyArray:
        if np.shape(x)[-1:] != (self.n,):
            raise ShapeMismatch(
                f"x has shape {np.shape(x)}; points (..., {self.n}) are needed, of the free "
                "coordinates in order."
            )
        return np.asarray(x, dtype=float)

    @cached_property
    def _dense(self) -> NumpyArray:
        return self.S.toarray()

    def _pull(self, x: NumpyArray) -> NumpyArray:
        if self.S.nnz > self.n**2 / 10:
            return x @ self._dense
        return (self.S @ x.reshape(-1, self.n).T).T.reshape(x.shape)

    @cached_property
    def _beyond(self) -> "Beyond":
        return Beyond.of(self.rest, self.state)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Beyond:
    """An energy of a few of n coordinates, compiled: only derivatives that are not zero."""

    n: int
    own: list[int]  # which coordinates it depends on
    places: tuple[list[int], list[int]]  # of entries of the Hessian that may not be zero
    values: Numeric
    slopes: Numeric
    curvatures: Numeric

    @classmethod
    def of(cls, rest: sp.Expr, state: tuple[sp.Symbol, ...]) -> "Beyond":
        """Derivatives by sympy, in code with common subexpressions."""
        own = [i for i, symbol in enumerate(state) if symbol in rest.free_symbols]
        symbols = tuple(state[i] for i in own)
        slopes = [_beside_kinks(rest.diff(symbol)) for symbol in symbols]
        entries = {
            (i, j): curvature
            for i, slope in zip(own, slopes, strict=True)
            for j, symbol in zip(own, symbols, strict=True)
            if j >= i and (curvature := _beside_kinks(slope.diff(symbol))) != 0
        }
        both = {**entries, **{(j, i): c for (i, j), c in entries.items()}}
        places = [i for i, _ in both], [j for _, j in both]
        code = (numeric(part, symbols) for part in ([rest], slopes, list(both.values())))
        return cls(len(state), own, places, *code)

    def value(self, x: NumpyArray) -> NumpyArray:
        return self.values.at(x[..., self.own])[..., 0]

    def gradient(self, x: NumpyArray) -> NumpyArray:
        slope = np.zeros_like(x)
        slope[..., self.own] = self.slopes.at(x[..., self.own])
        return slope

    def hessian(self, x: NumpyArray) -> NumpyArray:
        curvature = np.zeros((*x.shape, self.n))
        curvature[(..., *self.places)] = self.curvatures.at(x[..., self.own])
        return curvature


def total_energy(state: tuple[sp.Symbol, ...], statements: Iterable[Statement]) -> Energy:
    """The sum of what statements say; every coefficient has a number."""
    n, place = len(state), {symbol: i for i, symbol in enumerate(state)}
    bare = Energy(state, sparse.csr_array((n, n)), np.zeros(n), 0.0, sp.S.Zero)
    springs = [spring for statement in statements for spring in statement.springs()]
    if springs:
        ends = np.array([(place[x], place[y]) for x, y, _ in springs])
        k = np.array([spring[2] for spring in springs], dtype=float)
        links = sparse.coo_array((k, (ends[:, 0], ends[:, 1])), shape=(n, n))
        links = links + links.T
        S = sparse.diags_array(links.sum(axis=1)) - links
        bare = Energy(state, sparse.csr_array(S), bare.f, 0.0, sp.S.Zero)
    lines = {statement: statement.line() for statement in statements}
    bare = bare.on_lines([line for line in lines.values() if line is not None])
    energy = sp.Add(*(statement.energy() for statement, line in lines.items() if line is None))
    return bare.with_expression(energy)


def _beside_kinks(slope: sp.Expr) -> sp.Expr:
    """A derivative of |x|, max(x, y), ... where they have one: everywhere but on a null set."""
    steps = slope.replace(sp.Heaviside, lambda x, *_: (1 + sp.sign(x)) / 2)
    return steps.replace(sp.DiracDelta, lambda *_: sp.S.Zero)


def _entries(form: Quadratic) -> tuple[list[int], list[int], list[float]]:
    rows, columns, entries = [], [], []
    for (i, j), curvature in form.second.items():
        k = _number(curvature)
        for place in {(i, j), (j, i)}:
            rows.append(place[0])
            columns.append(place[1])
            entries.append(k)
    return rows, columns, entries


def _number(value: sp.Expr) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise NotFinite(f"the potential holds the coefficient {value}, which is no finite number.")
    return number
