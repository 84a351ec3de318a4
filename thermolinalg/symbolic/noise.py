"""The diffusion D and the noise B of an equation as they are given, and Stratonovich's drift."""

from typing import Any

import numpy as np
import sympy as sp

from thermolinalg import checks
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, NotSymmetric, ShapeMismatch
from thermolinalg.symbolic.linear import numbers
from thermolinalg.symbolic.symbols import expressions, matrix

SCALAR = sp.Expr | int | float | np.number


def diffusion_matrix(value: Any, n: int) -> sp.ImmutableMatrix:
    """D (n, n), from a matrix, a flat list that is its diagonal, or for n = 1 a scalar.

    Raises:
        InvalidInput: a subclass that says in which way it is no covariance.
    """
    if n == 1 and _is_scalar(value):
        value = [value]
    if _is_scalar(value):
        raise ShapeMismatch(
            f"diffusion = {value} is one number for {n} coordinates; pass the matrix D, or its "
            f"diagonal: [{value}] * {n}."
        )
    if _is_flat(value):
        entries = expressions("diffusion", value)
        if len(entries) != n:
            raise ShapeMismatch(f"diffusion has {len(entries)} entries; {n} are needed.")
        D = sp.ImmutableMatrix(sp.diag(*entries))
    else:
        D = matrix("diffusion", value, n)
    if D.cols != n:
        raise ShapeMismatch(
            f"diffusion has shape {D.shape}; the covariance D ({n}, {n}) of the noise per time is "
            "needed. A matrix B with D = BB' is passed as noise=B."
        )
    _require_covariance(D)
    return D


def noise_matrix(value: Any, n: int) -> sp.ImmutableMatrix:
    """B (n, m), from a matrix, or for n = 1 a scalar."""
    if n == 1 and _is_scalar(value):
        value = [[value]]
    if _is_scalar(value) or _is_flat(value):
        raise ShapeMismatch(
            f"noise = {value} leaves open which coordinates share a noise. Pass the matrix B: "
            "sp.diag(...) where each has its own, sp.Matrix([...]), a column, where all share one."
        )
    return matrix("noise", value, n)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, sp.MatrixBase):  # an immutable one counts as an expression
        return False
    return isinstance(value, SCALAR) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _is_flat(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list | tuple) and not any(isinstance(v, list | tuple) for v in value)


def _require_covariance(D: sp.ImmutableMatrix) -> None:
    for (i, j), d in D.todok().items():
        if i == j and d.is_negative:
            raise NotPositiveDefinite(
                f"diffusion[{i}, {i}] = {d} < 0, and it is a variance per time. Check its sign."
            )
        if d != D[j, i] and sp.simplify(d - D[j, i]) != 0:
            raise NotSymmetric(
                f"diffusion is not symmetric: entry ({i}, {j}) is {d}, and ({j}, {i}) is {D[j, i]}."
                " A matrix B with D = BB' is passed as noise=B."
            )
    if not D.free_symbols:
        checks.semidefinite("diffusion", numbers(D))


def stratonovich_shift(
    D: sp.ImmutableMatrix, B: sp.ImmutableMatrix | None, state: tuple[sp.Symbol, ...]
) -> tuple[sp.Expr, ...]:
    """What Ito's drift has more than Stratonovich's: 1/2 sum_jk B_jk dB_ik/dx_j.

    Without B it is taken as the entrywise root of a diagonal D: 1/4 dD_ii/dx_i. Where D does not
    depend on the state there is no difference.

    Raises:
        InvalidInput: B is needed and not known.
    """
    if B is not None:
        return tuple(_shift(B, i, state) for i in range(len(state)))
    if state_free(D, state):
        return (sp.S.Zero,) * len(state)
    if not D.is_diagonal():
        raise InvalidInput(
            "the noise depends on the state and couples coordinates, and D alone does not say by "
            "which B, D = BB'; Stratonovich's drift depends on it. Pass noise=B instead of D."
        )
    return tuple(D[i, i].diff(x) / 4 for i, x in enumerate(state))


def _shift(B: sp.ImmutableMatrix, i: int, state: tuple[sp.Symbol, ...]) -> sp.Expr:
    return sp.Add(
        *(
            B[j, k] * B[i, k].diff(x) / 2
            for k in range(B.cols)
            for j, x in enumerate(state)
            if B[i, k].has(x)
        )
    )


def state_free(M: sp.MatrixBase, state: tuple[sp.Symbol, ...]) -> bool:
    """Does no entry depend on the state?"""
    return M.free_symbols.isdisjoint(state)
