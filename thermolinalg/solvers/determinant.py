"""logdet: ln det A as the free energy between two networks, from the work of going there."""

import math
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.baseline import digital_logdet
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.campaign import Campaign, Question, rest_accuracy
from thermolinalg.solvers.encode import program_network
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.prethermal import SoftModes, modes_asked_for
from thermolinalg.solvers.trajectories import METHODS
from thermolinalg.solvers.way import lay
from thermolinalg.streams import RNG, open_streams

UNIT = 0.01
"""The default atol of n = 1; errors of n modes that are independent grow with n^(1/2)."""

REMEDY = (
    "Only a symmetric matrix is a network of springs or resistors at equilibrium. For a general "
    "square A, ln |det A| = logdet(A.T @ A)/2."
)


def logdet(
    A: Array,
    /,
    *,
    rtol: float = 0.0,
    atol: float | None = None,
    confidence: float = 0.95,
    method: str = "bar",
    prethermalize: int = 0,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    n_jobs: int = 1,
    device: Device | None = None,
    callback: Callback | None = None,
    rng: RNG = None,
) -> Estimate:
    """ln det A of symmetric positive definite A, from the work it takes to get there.

    A network is driven from stiffness a I to A. Its free energy is half of ln det, in units of the
    temperature, and so ln det A = n ln a + 2 (F_A - F_I) (Aifer et al. 2024). The plan aims at
    P(|value - ln det A| <= atol + rtol |ln det A|) >= confidence.

    A pilot of runs tells their scatter, and with it how many runs the answer takes. In the result
    `ess` are the runs that carry the answer; in its `plan`, `windows` are the runs, `burn_in` is
    the time of all of them at rest, pilot included, and `pilot` and `averaging` are the times
    driven or read.

    Args:
        A: (n, n).
        rtol: wanted relative error.
        atol: wanted absolute error; None is 0.01 n^(1/2).
        confidence: probability with which the wanted error is to be met.
        method: "jarzynski" from works there, "bar" from works there and back by Bennett's
            acceptance ratio, "integration" from the slope of the energy at stops on the way.
        prethermalize: how many of A's softest modes are found digitally (`soft_modes`), so that
            runs back start with these at rest, and rest at A as long as the next mode takes. Only
            for "bar": no other run starts at A.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        max_samples: stop after so many runs, pilots included, likewise.
        n_jobs: workers that simulate the runs, by joblib; the answer does not depend on it.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the campaign, with the `Estimate` so far; if what it
            returns is true it stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotSymmetric, NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal, InvalidInput: A or an
            option cannot be used; the message says why and what to do.
    """
    question, target = logdet_question(
        A,
        rtol=rtol,
        atol=atol,
        confidence=confidence,
        method=method,
        prethermalize=prethermalize,
        device=Device.given(device),
    )
    ledger = question.device.prepare(question.runs.way.protocol, question.runs.numbers)
    streams = open_streams(rng)
    campaign = Campaign.begin(question, target, streams, ledger, max_time, max_samples, n_jobs)
    return campaign.carry_on(callback)


def logdet_question(
    A: Array,
    /,
    *,
    rtol: float,
    atol: float | None,
    confidence: float,
    method: str,
    prethermalize: int = 0,
    device: Device,
) -> tuple[Question, Target]:
    """The problem as `logdet` states it; same arguments, same errors."""
    A = checks.symmetric("A", A, REMEDY)
    unit = UNIT * math.sqrt(A.shape[0])
    target = Target.checked(rtol, unit if atol is None else atol, confidence)
    if not isinstance(method, str) or method not in METHODS:
        raise InvalidInput(f"method = {method!r} is unknown. Use one of {', '.join(METHODS)}.")
    process, size = program_network(A, namespace(A).zeros_like(A[:1, :]), 1.0)
    way = lay(process)
    soft = _soft_modes(process.A, method, prethermalize)
    logs = math.log(size), math.log(way.pace.first)
    question = Question(
        name=f"logdet by {method}, n = {way.n}",
        runs=METHODS[method](way, rest_accuracy(target, unit), soft),
        offset=way.n * sum(logs),
        rounding=way.n * float(namespace(A).finfo(A.dtype).eps) * (1 + sum(map(abs, logs))),
        unit=unit,
        slowest=process.slowest,
        device=device,
        reference=A,
        baseline=partial(digital_logdet, A),
    )
    return question, target


def _soft_modes(A: Array, method: str, prethermalize: int) -> SoftModes | None:
    soft = modes_asked_for(A, prethermalize)
    if soft and method != "bar":
        raise InvalidInput(
            f"prethermalize = {prethermalize} is for runs that start at A, and by method = "
            f"{method!r} none does. Leave it out, or take method='bar'."
        )
    return soft
