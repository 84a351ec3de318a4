"""lstsq: least squares as the rest of a network; over- and under-determined, and damped."""

import math
from dataclasses import replace
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, apply_rows, like, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import NotPositiveDefinite, ShapeMismatch
from thermolinalg.solvers.baseline import digital_least_squares
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.network import as_sides, linear_program, named
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.program import Program
from thermolinalg.streams import RNG, open_streams


def lstsq(
    A: Array,
    b: Array,
    /,
    *,
    ridge: float = 0.0,
    rtol: float = 1e-2,
    atol: float = 0.0,
    confidence: float = 0.95,
    temperature: float = 1.0,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    chains: int = 1,
    n_jobs: int = 1,
    device: Device | None = None,
    callback: Callback | None = None,
    rng: RNG = None,
) -> Estimate:
    """The x that makes |Ax - b|² + ridge |x|² least, by letting a network settle there.

    With no fewer rows than columns it is the rest of dx = -((A'A + ridge)x - A'b)dt + noise; with
    fewer, x = A'y and y is that of dy = -((AA' + ridge)y - b)dt + noise, so that without a ridge x
    is the shortest of all solutions. Either network has the square of A's condition.

    Args:
        A: (m, n), of full rank unless there is a ridge.
        b: (m,), or (m, k) for k right-hand sides, which share one programming of the device.
        ridge: damping, 0 or more.
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        temperature: of the noise, relative to a drive of root-mean-square 1, as in `solve`.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        max_samples: stop after so many samples, likewise; an integrator's time counts as
            two for each relaxation time of the slowest mode.
        chains: independent runs that share the time, a power of two up to 32.
        n_jobs: workers that simulate the chains, by joblib; the answer does not depend on it.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the run, with the `Estimate` so far; if what it returns is
            true the run stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotPositiveDefinite: A lacks rank, and there is no ridge.
        ShapeMismatch, NotFinite, NotReal, InvalidInput: A, b or an option cannot be used.
    """
    target = Target.checked(rtol, atol, confidence)
    control = Control(chains, n_jobs, max_time, max_samples)
    program = lstsq_program(A, b, target=target, ridge=ridge, temperature=temperature)
    return run(program, target, Device.given(device), open_streams(rng), control, callback)


def lstsq_program(
    A: Array, b: Array, /, *, target: Target, ridge: float = 0.0, temperature: float = 1.0
) -> Program:
    """The problem as `lstsq` states it; same arguments, same errors."""
    A, b = _checked(A, b)
    ridge = checks.positive("ridge", ridge, zero=True)
    temperature = checks.positive("temperature", temperature)
    return replace(
        normal_program(A, b, ridge, temperature, target),
        name=named("lstsq", A, b),
        baseline=partial(digital_least_squares, A, b, ridge),
    )


def _checked(A: Array, b: Array) -> tuple[Array, Array]:
    A = checks.real_array("A", A)
    if A.ndim != 2 or 0 in A.shape:
        raise ShapeMismatch(f"A has shape {tuple(A.shape)}; (m, n) with m, n >= 1 is needed.")
    b = like(checks.real_array("b", b), A)
    if b.ndim not in {1, 2} or b.shape[0] != A.shape[0] or 0 in b.shape:
        m = A.shape[0]
        raise ShapeMismatch(f"b has shape {tuple(b.shape)}; ({m},) or ({m}, k) is needed.")
    return A, b


def normal_program(A: Array, b: Array, ridge: float, temperature: float, target: Target) -> Program:
    """The network of the normal equations of A x = b, b (m,) or (m, k).

    Raises:
        NotPositiveDefinite: A lacks rank to working precision, and there is no ridge.
    """
    xp, (m, n) = namespace(A), A.shape
    largest = float(xp.max(xp.abs(A))) or 1.0  # its square may overflow
    unit, rows = A / largest, b.T if b.ndim == 2 else b[None, :]
    wide = m < n
    normal = unit @ unit.T if wide else unit.T @ unit
    normal = normal + ridge / largest / largest * like(xp.eye(normal.shape[0]), A)
    shape = partial(as_sides, matrix=b.ndim == 2)
    try:
        program = linear_program(normal, rows if wide else rows @ unit, temperature, target)
    except NotPositiveDefinite as error:
        gram = "AA'" if wide else "A'A"
        raise NotPositiveDefinite(
            f"A lacks rank to working precision: {gram} + ridge is singular, so that no x stands "
            f"out. Give a ridge, such as ridge={1e-3 * largest**2:.1g}, or drop dependent columns."
        ) from error
    scale = program.scale / largest
    if not wide:
        return replace(program, scale=scale, arrange=shape, one_noise=rows.shape[0] > 1)
    gain = math.sqrt(float(xp.sum(unit**2)))  # at least the norm of A
    return replace(
        program,
        scale=scale,
        decode=partial(apply_rows, M=unit.T),
        arrange=shape,
        one_noise=rows.shape[0] > 1,
        least=0.0,
        most=program.most * gain,
    )
