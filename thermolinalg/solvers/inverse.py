"""inv: A⁻¹, or parts of it, as the covariance of the thermal noise of an undriven network."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
from scipy.sparse.csgraph import connected_components

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.moment import MomentEntries, MomentTrace, SecondMoment
from thermolinalg.measurement.readout import Readout
from thermolinalg.solvers.baseline import digital_inverse
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.encode import REMEDY, program_network
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.graph import stiffness_of
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.prethermal import modes_asked_for
from thermolinalg.solvers.program import Program, same
from thermolinalg.solvers.underdamped import SQUARE, require_dynamics, with_inertia
from thermolinalg.streams import RNG, open_streams


def inv(
    A: Array,
    /,
    *,
    only: Literal["diagonal", "trace"] | Array | None = None,
    dynamics: Literal["overdamped", "underdamped"] = "overdamped",
    rtol: float = 1e-1,
    atol: float = 0.0,
    confidence: float = 0.95,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    chains: int = 1,
    n_jobs: int = 1,
    prethermalize: int = 0,
    device: Device | None = None,
    callback: Callback | None = None,
    rng: RNG = None,
) -> Estimate:
    """Invert symmetric positive definite A: at rest, dx = -Ax dt + N(0, 2 dt) has x ~ N(0, A⁻¹).

    The mean of xx' tends to the answer (Aifer et al. 2024); its error does not depend on the
    temperature. The plan aims at P(|X - A⁻¹| <= atol + rtol |A⁻¹|) >= confidence in the Frobenius
    norm. It takes about 2(n + 1)/rtol² samples of n numbers, whatever the condition: at n = 2 some
    ten million for rtol = 1e-3, which is why the default is 0.1.

    A part of the inverse is planned by the norm of that part, and no matrix (n, n) is summed up for
    it: `only="diagonal"` (n,), `only="trace"` (a number: the more modes share in it, the fewer
    samples), or `only=[(i, j), ...]` (m,), such as `np.argwhere(mask)`, which reads only the
    coordinates named. Entries small beside ((A⁻¹)_ii (A⁻¹)_jj)^{1/2} drown in noise: for them give
    `atol`.

    Args:
        A: (n, n); or a graph of springs, as in `solve`, for the covariance of its free nodes.
        only: which part of the inverse; all of it by default.
        dynamics: "underdamped" gives the network mass, and the friction that suits it: its memory
            grows with the square root of A's condition, and not with the condition.
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        max_samples: stop after so many samples, likewise; they are of all chains.
        chains: independent runs that share the time, a power of two up to 32.
        n_jobs: workers that simulate the chains, by joblib; the answer does not depend on it.
        prethermalize: how many of the softest modes are found digitally (`soft_modes`), so that
            each chain starts with these at rest, and burn-in is that of the next mode. It pays
            where there are many chains; of a long average burn-in is a small part.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the run, with the `Estimate` so far; if what it returns is
            true the run stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotSymmetric, NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal, InvalidInput: A or an
            option cannot be used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    control = Control(chains, n_jobs, max_time, max_samples)
    program = inv_program(
        A, target=target, only=only, dynamics=dynamics, prethermalize=prethermalize
    )
    return run(program, target, Device.given(device), open_streams(rng), control, callback)


def inv_program(
    A: Array,
    /,
    *,
    target: Target,
    only: Literal["diagonal", "trace"] | Array | None = None,
    dynamics: Literal["overdamped", "underdamped"] = "overdamped",
    prethermalize: int = 0,
) -> Program:
    """The problem as `inv` states it; same arguments, same errors."""
    swings = require_dynamics(dynamics)
    A = checks.symmetric("A", stiffness_of(A), REMEDY)
    start = namespace(A).zeros_like(A[:1, :])
    process, size = program_network(A, start, 1.0)
    program = Program(
        name=f"inv, n = {process.n}",
        process=process,
        readout=SecondMoment(),
        start=start,
        scale=1 / size,
        decode=same,
        temperature=1.0,
        least=1 / process.slowest,
        most=math.sqrt(process.n) / process.slowest,
        baseline=partial(digital_inverse, A),
        soft=modes_asked_for(process.A, prethermalize),
    )
    if only is not None:
        program = _narrowed(program, A, only, target)
    if swings:
        if program.soft:
            raise InvalidInput(
                "prethermalize is for dynamics='overdamped': leave one of the two out."
            )
        program = with_inertia(program, SQUARE)
    return program


def _narrowed(program: Program, A: Array, only: str | Array, target: Target) -> Program:
    """The same network, read for a part of its covariance alone."""
    n, high = program.process.n, 1 / program.process.slowest
    trace = high + (n - 1) / program.process.fastest  # at least; at most it is n * high
    readout: Readout
    part: Callable[[NumpyArray], Any]
    if isinstance(only, str):
        if only == "trace":
            readout, least, most, part = MomentTrace(), trace, n * high, np.trace
        elif only == "diagonal":
            readout = MomentEntries(np.repeat(np.arange(n)[:, None], 2, axis=1))
            least, most, part = trace / math.sqrt(n), program.most, np.diagonal
        else:
            raise InvalidInput(
                f"only = {only!r} is no part of the inverse: ask for 'diagonal', 'trace', or pairs "
                "(i, j) of an entry each."
            )
        name = f"{program.name}, {only}"
    else:
        pairs = _pairs(only, n)
        _require_coupled(A, pairs, target)
        readout, least, most = MomentEntries(pairs), 0.0, math.sqrt(len(pairs)) * high
        part, name = partial(_entries, pairs=pairs), f"{program.name}, {len(pairs)} of its entries"
    return replace(
        program,
        name=name,
        readout=readout,
        least=least,
        most=most,
        baseline=partial(digital_inverse, A, part=part),
    )


def _pairs(only: Array, n: int) -> NumpyArray:
    pairs = np.asarray(only)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) == 0:
        raise ShapeMismatch(
            f"only has shape {pairs.shape}; 'diagonal', 'trace', or m >= 1 pairs (i, j) in the "
            "shape (m, 2) are needed, such as np.argwhere(mask)."
        )
    if pairs.dtype.kind not in "iu":
        raise InvalidInput(f"only has dtype {pairs.dtype}; pairs of integers are needed.")
    if pairs.min() < -n or pairs.max() >= n:
        raise InvalidInput(f"only names entries beyond those of a {n} x {n} matrix.")
    return pairs % n


def _require_coupled(A: Array, pairs: NumpyArray, target: Target) -> None:
    """An entry between parts of the network that nothing connects is zero."""
    _, part = connected_components(to_numpy(A) != 0, directed=False)
    if target.atol == 0 and (part[pairs[:, 0]] != part[pairs[:, 1]]).all():
        raise InvalidInput(
            "only names entries that are all zero, for A couples none of these pairs, and noise "
            "never averages out to a relative error of zero. Give atol > 0 to measure them."
        )


def _entries(X: NumpyArray, pairs: NumpyArray) -> NumpyArray:
    return X[pairs[:, 0], pairs[:, 1]]
