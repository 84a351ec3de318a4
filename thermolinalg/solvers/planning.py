"""plan: what a solver would take, before any run, from the rates of what it would program."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from scipy.special import ndtri

from thermolinalg.backend import namespace, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.budget import BIAS, Target
from thermolinalg.solvers.campaign import FEWEST, PILOT
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.courses import at_rest, forecast
from thermolinalg.solvers.determinant import logdet, logdet_question
from thermolinalg.solvers.exponential import expm
from thermolinalg.solvers.forecast import Course, Forecast
from thermolinalg.solvers.inverse import inv
from thermolinalg.solvers.leastsquares import lstsq
from thermolinalg.solvers.linear import solve
from thermolinalg.solvers.lyapunov import solve_lyapunov
from thermolinalg.solvers.statements import (
    Bounds,
    Stated,
    state_expm,
    state_inv,
    state_lstsq,
    state_lyapunov,
    state_solve,
)


def plan(
    solver: Callable[..., Any],
    /,
    *problem: Any,
    rtol: float | None = None,
    atol: float | None = None,
    confidence: float = 0.95,
    bounds: Bounds = None,
    chains: int = 1,
    device: Device | None = None,
    **knobs: Any,
) -> Forecast:
    """What `solver(*problem, ...)` would take: no device runs, and no pilot.

    Averages of a linear process have an error whose law follows from its rates: how long they take
    is then the quantile of a generalised chi-square, beside which stands what Markov's inequality
    asks for. What rates do not settle is the norm of the answer, so that a run measures it by a
    pilot; a forecast is made for the worst answer, and for a typical one.

    Args:
        solver: `solve`, `lstsq`, `inv`, `solve_lyapunov`, `expm` or `logdet`.
        problem: its matrices and numbers, as the solver takes them.
        rtol: wanted relative error; None is the solver's own.
        atol: wanted absolute error; None is the solver's own.
        confidence: probability with which the wanted error is to be met.
        bounds: numbers 0 < low <= high between which all eigenvalues of A lie, on which alone the
            forecast then rests: of a symmetric positive definite A, for `solve` and `inv`. Of an A
            that is only multiplied they save finding them by products.
        chains: independent runs that share the time, a power of two up to 32; not of `logdet`.
        device: whose clock prices it; `Device.ideal()` by default.
        knobs: what else the solver is told about the problem, such as `temperature=`, `ridge=`,
            `precondition=`, `dynamics=`, `prethermalize=`, `only=` and `method=`.

    Raises:
        InvalidInput: there is no plan for such a solver, or the solver would refuse the problem;
            the message says why and what to do.
    """
    if solver not in PLANNERS:
        raise InvalidInput(_unplanned(solver))
    planner, options = PLANNERS[solver]
    unknown = sorted(set(knobs) - set(options))
    if unknown:
        raise InvalidInput(
            f"plan({solver.__name__}, ...) knows no {', '.join(unknown)}. What a run takes depends "
            f"on {', '.join(('rtol', 'atol', 'confidence', 'bounds', 'chains', *options))}."
        )
    signature = inspect.signature(solver)
    try:
        signature.bind(*problem)
    except TypeError as error:
        raise InvalidInput(
            f"plan({solver.__name__}, ...) takes the problem as {solver.__name__} does: {error}."
        ) from error
    own = signature.parameters
    return planner(
        *problem,
        rtol=own["rtol"].default if rtol is None else rtol,
        atol=own["atol"].default if atol is None else atol,
        confidence=confidence,
        bounds=bounds,
        chains=chains,
        device=Device.given(device),
        **knobs,
    )


def _unplanned(solver: object) -> str:
    """What there is instead of a plan."""
    name = getattr(solver, "__name__", repr(solver))
    instead = {
        "solve_qp": "Each of its Newton systems is a network that the answers before it made: "
        "bound it by max_time= instead.",
        "gaussian_posterior": "Where readings are independent it averages the network of its "
        "precision P = prior_precision + H'H/noise: plan(inv, P) says what the covariance takes; "
        "the mean takes less as a rule.",
        "gaussian_process": "It solves K = kernel(X, X) + noise I: plan(solve, K, y) says what the "
        "mean takes, to an error relative to K⁻¹y.",
        "logistic_posterior": "Its drift is not linear, and no rates tell its noise: bound it by "
        "max_time= instead.",
    }
    names = ", ".join(known.__name__ for known in PLANNERS)
    return f"there is no plan for {name}. " + instead.get(name, f"It is made for one of {names}.")


def _averaged(
    *problem: Any,
    state: Callable[..., Stated],
    rtol: float,
    atol: float,
    confidence: float,
    bounds: Bounds,
    chains: int,
    device: Device,
    **knobs: Any,
) -> Forecast:
    """Of a solver that averages a readout."""
    target, control = Target.checked(rtol, atol, confidence), Control(chains)
    stated = state(*problem, target=target, bounds=bounds, **knobs)
    return forecast(stated.program, target, device, control, stated.known, stated.rates)


def _repeated(
    A: Any,
    /,
    *,
    rtol: float,
    atol: float | None,
    confidence: float,
    bounds: Bounds,
    chains: int,
    device: Device,
    method: str = "bar",
    prethermalize: int = 0,
) -> Forecast:
    """Of ln det, from runs that are independent of each other."""
    if bounds is not None or chains != 1:
        raise InvalidInput("logdet is made of independent runs: leave bounds and chains out.")
    question, target = logdet_question(
        A,
        rtol=rtol,
        atol=atol,
        confidence=confidence,
        method=method,
        prethermalize=prethermalize,
        device=device,
    )
    runs = question.runs
    process = runs.way.protocol.A2
    xp = namespace(process)
    rates = to_numpy(xp.linalg.eigvalsh(process)).astype(float)
    answer = question.offset + float(sum(math.log(a / runs.way.pace.first) for a in rates))
    wanted = target.wanted(abs(answer)) * (1 - BIAS)
    variance = 4 * runs.scatter(rates)  # of ln det, which is twice the free energy
    needed = (float(ndtri(0.5 + confidence / 2)) / wanted) ** 2 * variance
    count = max(FEWEST, math.ceil(needed))
    ledger = device.prepare(runs.way.protocol, runs.numbers)
    for activity, time in (("settle", runs.settling), ("drive", runs.driving)):
        ledger = ledger.add(activity, (PILOT + count) * time * device.time_constant)
    course = Course(
        certain=True,
        assumes="in the limit of slow drives",
        source="normal law of the works",
        norm=abs(answer),
        burn_in=(PILOT + count) * runs.settling,
        by_chi_square=needed * runs.driving,
        by_markov=variance / wanted**2 / (1 - confidence) * runs.driving,
        averaging=count * runs.driving,
        pilot=PILOT * runs.driving,
        samples=count,
        expected_error=wanted * math.sqrt(needed / count),
        ledger=ledger.add("read", device.transfer(PILOT + count)),
    )
    return Forecast(
        problem=question.name,
        target=target,
        temperature=1.0,
        dynamics=f"overdamped, driven{at_rest(prethermalize)}",
        chains=1,
        slowest=float(rates[0]),
        fastest=float(rates[-1]),
        rates="all eigenvalues of A",
        courses=(course,),
        kind="runs",
    )


PLANNERS: dict[Callable[..., Any], tuple[Callable[..., Forecast], tuple[str, ...]]] = {
    solve: (partial(_averaged, state=state_solve), ("temperature", "precondition", "dynamics")),
    lstsq: (partial(_averaged, state=state_lstsq), ("temperature", "ridge")),
    inv: (partial(_averaged, state=state_inv), ("only", "dynamics", "prethermalize")),
    solve_lyapunov: (partial(_averaged, state=state_lyapunov), ()),
    expm: (partial(_averaged, state=state_expm), ()),
    logdet: (_repeated, ("method", "prethermalize")),
}
"""What makes the plan of each solver, and which of its own options it depends on."""
