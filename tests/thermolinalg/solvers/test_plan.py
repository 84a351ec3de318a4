"""plan: runs as long as a forecast says do err as it says, and nothing runs to make it.

A false alarm of a statistical test here comes once in 10^6.
"""

import math

import networkx as nx
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS, SIZES
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, ring, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotPositiveDefinite
from thermolinalg.solvers import planning
from thermolinalg.solvers.budget import BIAS, WINDOWS, Target
from thermolinalg.solvers.campaign import PILOT
from thermolinalg.solvers.linear import solve_program
from thermolinalg.solvers.planning import PLANNERS
from thermolinalg.solvers.reading import Reading
from thermolinalg.solvers.trajectories import dissipated
from thermolinalg.streams import open_streams
from thermolinalg.theory.process import OU

N = 4
RNG = np.random.default_rng(5)
A = wishart(N)
SHEARED = A + 0.4 * np.triu(np.ones((N, N)), 1)
B = RNG.standard_normal(N)
TALL, WIDE = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 5))
X = np.linalg.inv(A)
NORM = float(np.linalg.norm(X))
SPARSE = scipy.sparse.csr_array(ring(6, ridge=1.0))
CONFIDENCE, RUNS = 0.8, 400
CHAIN = nx.path_graph(2)
CHAIN.nodes[1]["stiffness"] = 2.0
UNEVEN = np.diag([3.0, 1.0, 1.0, 0.5])
LYAPUNOV = scipy.linalg.solve_continuous_lyapunov(SHEARED, UNEVEN)
PAIRS = [(0, 0), (0, 1)]


def case(solver, *problem, truth, atol, **knobs):
    return solver, problem, truth, atol, knobs


EXACT = {
    "solve": case(tla.solve, A, B, truth=np.linalg.solve(A, B), atol=0.05),
    "solve, sheared": case(tla.solve, SHEARED, B, truth=np.linalg.solve(SHEARED, B), atol=0.02),
    "solve, scaled": case(
        tla.solve, A, B, truth=np.linalg.solve(A, B), atol=0.02, precondition="diagonal"
    ),
    "solve, two sides": case(
        tla.solve, A, np.stack([B, B[::-1]], 1), atol=0.02,
        truth=np.linalg.solve(A, np.stack([B, B[::-1]], 1)),
    ),
    "lstsq, tall": case(
        tla.lstsq, TALL, np.ones(5), truth=np.linalg.lstsq(TALL, np.ones(5))[0], atol=0.01
    ),
    "lstsq, wide": case(
        tla.lstsq, WIDE, np.ones(3), atol=0.01, ridge=0.5,
        truth=WIDE.T @ np.linalg.solve(WIDE @ WIDE.T + 0.5 * np.eye(3), np.ones(3)),
    ),
    "solve, underdamped": case(
        tla.solve, A, B, truth=np.linalg.solve(A, B), atol=0.05, dynamics="underdamped"
    ),
    "solve, underdamped, scaled": case(
        tla.solve, A, B, truth=np.linalg.solve(A, B), atol=0.02, dynamics="underdamped",
        precondition="diagonal",
    ),
    "inv": case(tla.inv, A, truth=X, atol=0.07 * NORM),
    "inv, underdamped": case(tla.inv, A, truth=X, atol=0.07 * NORM, dynamics="underdamped"),
    "trace, underdamped": case(
        tla.inv, A, truth=np.trace(X), atol=0.05 * np.trace(X), only="trace",
        dynamics="underdamped",
    ),
    "trace": case(tla.inv, A, truth=np.trace(X), atol=0.02 * np.trace(X), only="trace"),
}  # fmt: skip
BOUNDED = {
    "diagonal": case(tla.inv, A, truth=np.diag(X), atol=0.07 * NORM, only="diagonal"),
    "entries": case(tla.inv, A, truth=X[[0, 0], [0, 1]], atol=0.07 * NORM, only=PAIRS),
    "diagonal, underdamped": case(
        tla.inv, A, truth=np.diag(X), atol=0.07 * NORM, only="diagonal", dynamics="underdamped"
    ),
    "entries, underdamped": case(
        tla.inv, A, truth=X[[0, 0], [0, 1]], atol=0.07 * NORM, only=PAIRS, dynamics="underdamped"
    ),
    "lyapunov": case(
        tla.solve_lyapunov, SHEARED, UNEVEN, truth=LYAPUNOV, atol=0.2 * np.linalg.norm(LYAPUNOV)
    ),
    "expm": case(tla.expm, A, truth=scipy.linalg.expm(A), atol=2.0),
    "sparse": case(
        tla.solve, SPARSE, np.ones(6), truth=np.linalg.solve(SPARSE.toarray(), np.ones(6)), atol=0.1
    ),
    "graph": case(tla.solve, CHAIN, {0: 1.0}, truth=np.array([1.5, 0.5]), atol=0.1),
}
ALL = {
    **EXACT,
    **BOUNDED,
    "logdet": case(tla.logdet, A, truth=np.linalg.slogdet(A)[1], atol=0.1),
}
each_problem = pytest.mark.parametrize("name", ALL)


def stated(solver, problem, atol, knobs):
    """The program behind a forecast."""
    target = Target(0.0, atol, CONFIDENCE)
    state = PLANNERS[solver][0].keywords["state"]
    return state(*problem, target=target, bounds=None, **knobs).program


def errors(program, course, truth, runs):
    """2-norm errors of runs that burn in and average as long as a course says."""
    device, copies = tla.Device.ideal(), program.replicas
    found = np.empty(runs)
    for seed in range(runs):
        rng = open_streams(seed).stream("thermal")
        running = device.program(program.process, program.start)
        running = device.settle(running, course.burn_in / copies, rng)
        values, _ = device.measure(
            running, program.readout, course.averaging / WINDOWS, WINDOWS // copies, rng
        )
        windows = values.reshape(WINDOWS, *program.start.shape[1:]) if copies > 1 else values
        if copies > 1:
            windows = windows[:, None, :]
        answer = program.scale * program.arrange(program.decode(windows).mean(axis=0))
        found[seed] = np.linalg.norm(answer - truth)
    return found


def forecast_of(name, **more):
    solver, problem, _, atol, knobs = ALL[name]
    wanted = {"rtol": 0.0, "atol": atol, "confidence": CONFIDENCE}
    return tla.plan(solver, *problem, **{**wanted, **knobs, **more})


@pytest.mark.parametrize("name", EXACT)
def test_errors_exceed_the_expected_one_as_often_as_is_said(name):
    """To both sides: the law is known. For products it is the limit of long averages."""
    solver, problem, truth, atol, knobs = EXACT[name]
    course = forecast_of(name).certain
    assert course.averaging < 1.01 * course.by_chi_square, "the shortest run proves nothing"
    e = errors(stated(solver, problem, atol, knobs), course, truth, RUNS)
    testing.assert_frequency(int((e <= course.expected_error).sum()), RUNS, CONFIDENCE)


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_are_kept(name):
    solver, problem, truth, atol, knobs = BOUNDED[name]
    course, runs = forecast_of(name).certain, RUNS // 4
    e = errors(stated(solver, problem, atol, knobs), course, truth, runs)
    testing.assert_at_least(int((e <= course.expected_error).sum()), runs, CONFIDENCE)


@given(data=st.data(), n=SIZES, seed=SEEDS)
@settings(max_examples=10)
def test_a_certain_course_is_certain(data, n, seed):
    """The norm is no larger than that of the answer, whatever b is; a typical one is larger."""
    S = data.draw(testing.spd_matrices(n, condition=1000))
    b = np.random.default_rng(seed).standard_normal(n)
    found = tla.plan(tla.solve, S, b)
    assert found.certain.norm <= np.linalg.norm(np.linalg.solve(S, b)) * (1 + 1e-9)
    assert found.certain.norm <= found.typical.norm * (1 + 1e-9)
    assert found.typical.averaging <= found.certain.averaging * (1 + 1e-9)
    inverse = np.linalg.inv(S)
    assert tla.plan(tla.inv, S).certain.norm == pytest.approx(np.linalg.norm(inverse), rel=1e-6)
    trace, diagonal = (tla.plan(tla.inv, S, only=part) for part in ("trace", "diagonal"))
    assert trace.certain.norm == pytest.approx(np.trace(inverse), rel=1e-6)
    assert diagonal.certain.norm <= np.linalg.norm(np.diag(inverse)) * (1 + 1e-6)
    assert diagonal.typical.by_chi_square <= diagonal.certain.by_chi_square
    assert tla.plan(tla.expm, S).certain.norm <= np.linalg.norm(scipy.linalg.expm(S)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("solver", "problem", "knobs", "answer"),
    [
        (tla.solve, A, {}, np.linalg.solve),
        (tla.solve, SHEARED, {}, np.linalg.solve),
        (tla.lstsq, TALL, {}, lambda M, b: np.linalg.lstsq(M, b)[0]),
        (tla.lstsq, TALL, {"ridge": 0.7},
         lambda M, b: np.linalg.solve(M.T @ M + 0.7 * np.eye(M.shape[1]), M.T @ b)),
        (tla.lstsq, WIDE, {"ridge": 0.7},
         lambda M, b: M.T @ np.linalg.solve(M @ M.T + 0.7 * np.eye(len(M)), b)),
    ],
    ids=["solve", "sheared", "tall", "ridge", "wide"],
)  # fmt: skip
def test_a_typical_norm_is_that_of_random_sides(solver, problem, knobs, answer):
    """The mean of |x|² over b of the same drive and any direction."""
    draws, rng = 4000, np.random.default_rng(3)
    b = rng.standard_normal((problem.shape[0], draws))
    x = answer(problem, b)
    found = tla.plan(solver, problem, b[:, 0], **knobs)
    size = found.typical.norm / _drive(problem, b[:, 0], solver)
    drives = np.array([_drive(problem, column, solver) for column in b.T])
    # E|x|²/E|drive|² is the square of that ratio: the mean of |x|² - ratio² |drive|² is zero
    testing.assert_average((x**2).sum(axis=0) - (size * drives) ** 2, 0.0)


def _drive(M, b, solver):
    """The norm of what drives the network: b, or A'b in least squares of tall A."""
    return float(np.linalg.norm(M.T @ b if solver is tla.lstsq and len(M) > M.shape[1] else b))


@each_problem
def test_the_law_asks_for_no_more_than_markov(name):
    for course in forecast_of(name, confidence=0.95).courses:
        assert course.by_chi_square <= course.by_markov
        assert course.gain >= 1
        assert course.time >= course.averaging > 0


@each_problem
def test_nothing_runs_and_nothing_is_solved(name, monkeypatch):
    def forbidden(*_args, **_kwargs):
        raise AssertionError("a device ran")

    for verb in ("settle", "measure", "drive", "dwell"):
        monkeypatch.setattr(tla.Device, verb, forbidden)
    forbid_digital_solvers(monkeypatch)
    assert forecast_of(name).typical.norm > 0


@each_problem
def test_a_report(name):
    found = forecast_of(name)
    words = str(found)
    for part in ("wanted", "rates", "Markov", "certain", "modelled", "averaging", "burn-in"):
        assert part in words
    assert ("runs" if name == "logdet" else "samples") in words
    assert repr(found).startswith("Forecast(")
    assert found.condition >= 1


@pytest.mark.parametrize("dynamics", ["overdamped", "underdamped"])
def test_a_run_takes_what_was_forecast(dynamics):
    """Burn-in and upload to the digit; the averaging, for which a pilot stands in, within three."""
    b = RNG.standard_normal(60)
    S = wishart(60)
    found = tla.plan(tla.solve, S, b, rtol=3e-3, chains=4, dynamics=dynamics)
    x = tla.solve(S, b, rtol=3e-3, chains=4, dynamics=dynamics, rng=0)
    assert found.typical.burn_in == x.plan.burn_in
    lines = {line.activity: line.seconds for line in found.typical.ledger.lines}
    spent = {s.activity: s.seconds for s in x.ledger.lines if s.source == "modelled"}
    assert set(lines) == set(spent)
    for activity in ("upload", "settle"):
        assert lines[activity] == pytest.approx(spent[activity], rel=1e-12)
    assert found.typical.averaging / 3 < x.plan.averaging < found.certain.averaging


PLANNED = {
    "solve": (tla.solve, {}),
    "solve, underdamped": (tla.solve, {"dynamics": "underdamped"}),
    "inv": (tla.inv, {}),
    "inv, underdamped": (tla.inv, {"dynamics": "underdamped"}),
    "trace": (tla.inv, {"only": "trace"}),
    "lstsq": (tla.lstsq, {}),
}
PILOTS = 60


@pytest.mark.parametrize("name", PLANNED)
def test_runs_plan_what_was_forecast(name):
    """For an answer as large as is to be expected, on average over seeds.

    A run measures tr C by a pilot of 31 degrees of freedom, in at least one and at most n (or n²)
    directions ν, and takes F(ν, 31ν) for the law of the error; and it wants an error relative to
    the norm less two error bars, which a pilot knows to a tenth. Windows may be correlated by a
    twentieth at most, and are taken to be.
    """
    solver, knobs = PLANNED[name]
    lean = np.linalg.eigh(A)[1].sum(axis=1)  # all modes are driven alike
    problem = (A,) if solver is tla.inv else (A, lean)
    found = tla.plan(solver, *problem, **knobs).typical
    plans = [solver(*problem, **knobs, rng=seed).plan for seed in range(PILOTS)]
    assert {plan.burn_in for plan in plans} == {found.burn_in}
    ratio = np.mean([plan.averaging for plan in plans]) / found.averaging
    dof, n = WINDOWS - 1, N**2 if solver is tla.inv else N
    tails = stats.chi2.ppf([5e-7, 1 - 5e-7], dof * PILOTS) / (dof * PILOTS)
    mean = found.gain * (1 - 0.95)  # tr C over the quantile of the law
    reach = [float(stats.f.ppf(0.95, v, v * dof)) * mean for v in (n, 1)]
    knows = 1 / (1 - 2 * 0.1) ** 2
    assert reach[0] * tails[0] <= ratio <= reach[1] * tails[1] * knows * (1 + 1 / 19)


@pytest.mark.parametrize("knobs", [{}, {"dynamics": "underdamped"}, {"prethermalize": 2}])
def test_the_price_is_that_of_a_run_of_the_same_length(knobs):
    """A pilot and an answer of the shortest windows."""
    found = tla.plan(tla.inv, A, atol=10 * NORM, **knobs)
    x = tla.inv(A, atol=10 * NORM, rng=0, **knobs)
    assert found.certain.averaging == pytest.approx(x.plan.averaging, rel=1e-12)
    assert found.certain.pilot == pytest.approx(x.plan.pilot, rel=1e-12)
    spent = {s.activity: s.seconds for s in x.ledger.lines if s.source == "modelled"}
    for line in found.certain.ledger.lines:
        assert line.seconds == pytest.approx(spent[line.activity], rel=1e-12)


def test_temperature_is_a_signal_to_noise_knob():
    warm, cold = (tla.plan(tla.solve, A, B, rtol=1e-3, temperature=t) for t in (1.0, 0.1))
    assert cold.typical.by_chi_square == pytest.approx(warm.typical.by_chi_square / 10)
    assert cold.typical.burn_in == warm.typical.burn_in


def test_a_typical_time_follows_from_temperature_alone():
    """By Markov: |e|²/|x|² is 2 temperature/T on average, whatever the condition."""
    for S in (A, wishart(30), np.diag([1.0, 1e-3])):
        found = tla.plan(tla.solve, S, np.ones(len(S)), rtol=1e-2).typical
        assert found.by_markov * (0.98 * 1e-2) ** 2 * 0.05 == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize("solver", [tla.solve, tla.inv])
def test_bounds_alone_promise_no_less(solver):
    low, *_, high = np.linalg.eigvalsh(A)
    problem = (A, B) if solver is tla.solve else (A,)
    exact = tla.plan(solver, *problem, rtol=1e-2)
    tight, wide = (
        tla.plan(solver, *problem, rtol=1e-2, bounds=ends)
        for ends in ((low, high), (low / 2, 2 * high))
    )
    assert exact.certain.by_chi_square <= tight.certain.by_chi_square < wide.certain.by_chi_square
    assert "bounds given" in tight.rates
    assert exact.typical.burn_in <= tight.certain.burn_in * (1 + 1e-9)


@pytest.mark.parametrize("only", ["diagonal", "trace", PAIRS])
def test_bounds_alone_promise_no_less_of_parts(only):
    low, *_, high = np.linalg.eigvalsh(A)
    exact, wide = (
        tla.plan(tla.inv, A, only=only, rtol=1e-2, bounds=ends).certain
        for ends in (None, (low, high))
    )
    assert exact.by_chi_square <= wide.by_chi_square * (1 + 1e-9)


def test_difference_of_two_has_a_typical_course_where_the_certain_one_is_hopeless():
    found = tla.plan(tla.solve_lyapunov, A, np.diag([1.0, 1.0, -1.0, 0.0]))
    assert found.certain.averaging > 10 * found.typical.averaging


def test_an_answer_that_may_be_zero_has_no_certain_course():
    found = tla.plan(tla.lstsq, WIDE, np.ones(3))
    assert found.certain.averaging == math.inf
    assert math.isfinite(found.typical.averaging)
    assert "may be zero" in str(found)
    assert math.isfinite(tla.plan(tla.lstsq, WIDE, np.ones(3), atol=0.1).certain.averaging)


@pytest.mark.parametrize("dynamics", ["overdamped", "underdamped"])
def test_pilots_of_that_noise_plan_as_runs_do(dynamics):
    """Windows drawn at random from a normal law with the covariance that autocovariances add up to,
    judged as those of a run, against the plans of runs.

    Windows of a run are taken to be correlated by a twentieth, as those of its slowest mode are;
    of modes that swing they scatter more, by 1/(20 friction) relaxation rates, a fortieth at most.
    """
    atol = 0.01
    goal, draws = Target(0.0, atol, 0.95), 600
    program = solve_program(A, B, target=goal, dynamics=dynamics)
    whole = program.process
    law = OU(*_over_states(whole)) if dynamics == "underdamped" else whole
    C = tla.covariance_of_mean(law, 0.02, 2**20)[:N, :N] * (0.02 * 2**20) * program.scale**2
    rng = np.random.default_rng(0)
    windows = rng.multivariate_normal(np.zeros(N), C, size=(draws, WINDOWS))
    pilots = [Reading.of(x, 1.0) for x in windows]
    drawn = [x.time * (x.reach(0.95) / (atol * (1 - BIAS))) ** 2 for x in pilots]
    ran = [
        tla.solve(A, B, rtol=0.0, atol=atol, dynamics=dynamics, rng=seed).plan.averaging
        for seed in range(100)
    ]
    gap = np.mean(ran) - np.mean(drawn)
    limit = stats.norm.isf(5e-7) * math.hypot(stats.sem(ran), stats.sem(drawn))
    assert -limit <= gap <= limit + (1 / 19 + 1 / 40) * np.mean(drawn)


def _over_states(swinging):
    """Drift, drive and diffusion (2n, 2n) of positions and velocities, written out."""
    n, zero, one = N, np.zeros((N, N)), np.eye(N)
    drift = np.block([[zero, -one], [swinging.A, swinging.friction * one]])
    drive = np.concatenate([np.zeros(n), swinging.b.ravel()])
    diffusion = np.block([[zero, zero], [zero, swinging.friction * swinging.network.D]])
    return drift, drive, diffusion


def test_prethermalised_starts_settle_as_runs_do():
    S = np.diag([0.01, 1.0, 2.0, 3.0])
    plain, started = (tla.plan(tla.inv, S, prethermalize=k).certain for k in (0, 1))
    x = tla.inv(S, prethermalize=1, rng=0)
    assert started.burn_in == x.plan.burn_in < plain.burn_in / 50
    assert started.by_chi_square == plain.by_chi_square
    assert "at rest from the start: 1" in str(tla.plan(tla.inv, S, prethermalize=1))
    found = tla.plan(tla.logdet, S, prethermalize=1, atol=0.2)
    y = tla.logdet(S, prethermalize=1, atol=0.2, rng=0)
    each = (PILOT + y.plan.windows) / (PILOT + found.certain.samples)
    assert y.plan.burn_in == pytest.approx(each * found.certain.burn_in, rel=1e-9)
    assert found.certain.burn_in < tla.plan(tla.logdet, S, atol=0.2).certain.burn_in
    assert "at rest from the start: 1" in found.dynamics


def test_inertia_is_told_and_gains_what_it_is_for():
    """The averaging time of a mean falls with the friction, that of a soft mode's square with
    the root of its rate."""
    S = np.diag([1e-4, 1.0])
    creeps, swings = (
        tla.plan(tla.solve, S, np.ones(2), atol=1e-3, rtol=0.0, dynamics=d).certain
        for d in ("overdamped", "underdamped")
    )
    friction = math.sqrt(2 * 1e-4)
    assert swings.by_chi_square == pytest.approx(friction * creeps.by_chi_square, rel=1e-2)
    found = tla.plan(tla.inv, S, dynamics="underdamped")
    assert found.dynamics.startswith("underdamped, friction 0.01")
    assert found.certain.by_chi_square < tla.plan(tla.inv, S).certain.by_chi_square / 20


@pytest.mark.parametrize(
    ("problem", "source"),
    [
        (SPARSE, "Lanczos and Gershgorin's discs"),
        (scipy.sparse.linalg.aslinearoperator(SPARSE), "from Lanczos, which hold but"),
        (tla.LowRank(np.ones(6), np.ones((6, 1)), np.ones(1)), "the low rank"),
    ],
    ids=["sparse", "operator", "low rank"],
)
def test_where_the_rates_of_an_operator_come_from(problem, source):
    found = tla.plan(tla.solve, problem, np.ones(6))
    assert source in found.rates
    given = tla.plan(tla.solve, problem, np.ones(6), bounds=(0.5, 8.0))
    assert given.rates == "the bounds given"
    assert given.condition == pytest.approx(16.0)


@pytest.mark.parametrize("method", ["jarzynski", "bar", "integration"])
def test_runs_of_a_determinant(method):
    """As many as the solver finds out by its own pilots, of which 128 works know a variance to an
    eighth, and 30 on average to 1/40; drives of ten relaxation times are slow to a tenth."""
    found = tla.plan(tla.logdet, A, atol=0.05, method=method).certain
    runs = [tla.logdet(A, atol=0.05, method=method, rng=seed) for seed in range(30)]
    assert np.mean([x.plan.windows for x in runs]) == pytest.approx(found.samples, rel=1 / 6)
    for x in runs:
        each = (PILOT + x.plan.windows) / (PILOT + found.samples)
        assert x.plan.burn_in == pytest.approx(each * found.burn_in, rel=1e-9)


def test_what_a_drive_dissipates():
    """Half the variance of its works, and a share 1/(slowest rate x duration) or so less: what a
    drive meets in its first relaxation time has no past to go with."""
    question, _ = planning.logdet_question(
        A, rtol=0.0, atol=0.05, confidence=0.95, method="jarzynski", device=tla.Device.ideal()
    )
    works, _ = question.runs.perform(
        tla.Device.ideal(), tla.Ledger(), 4000, open_streams(1).stream("works")
    )
    rates = np.linalg.eigvalsh(np.asarray(question.runs.way.protocol.A2))
    expected = 2 * dissipated(question.runs.way, rates)
    squares, slow = (works - works.mean()) ** 2, 1 / (rates[0] * question.runs.way.duration)
    limit = 4.9 * squares.std() / math.sqrt(len(works))  # a false alarm once in 10^6
    assert expected * (1 - 2 * slow) - limit <= squares.mean() <= expected + limit


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tla.plan(tla.solve_qp, A), "no plan for solve_qp.*max_time"),
        (lambda: tla.plan(tla.gaussian_posterior, A, B), "no plan for.*plan.inv, P"),
        (lambda: tla.plan(tla.gaussian_process, A, B), "no plan for.*plan.solve, K, y"),
        (lambda: tla.plan(tla.logistic_posterior, A, B), "no plan for.*max_time"),
        (lambda: tla.plan(max, A), "made for one of solve"),
        (lambda: tla.plan(tla.inv, A, bounds=(0.01, 9), prethermalize=1), "Leave bounds out"),
        (lambda: tla.plan(tla.inv, A, bounds=(0.01, 9), dynamics="underdamped"), "bounds out"),
        (lambda: tla.plan(tla.solve, A, B, bounds=(0.01, 9), dynamics="underdamped"), "bounds out"),
        (lambda: tla.plan(tla.solve, SHEARED, B, dynamics="underdamped"), "is for a dense"),
        (lambda: tla.plan(tla.logdet, A, method="jarzynski", prethermalize=1), "prethermalize"),
        (lambda: tla.plan(tla.solve, A, B, rate=3), "knows no rate"),
        (lambda: tla.plan(tla.inv, A, temperature=0.1), "knows no temperature"),
        (lambda: tla.plan(tla.lstsq, A, B, bounds=(1, 2)), "bounds are for"),
        (lambda: tla.plan(tla.expm, A, bounds=(1, 2)), "bounds are for"),
        (lambda: tla.plan(tla.solve_lyapunov, A, A, bounds=(1, 2)), "bounds are for"),
        (lambda: tla.plan(tla.solve, SHEARED, B, bounds=(0.1, 9)), "bounds are for"),
        (lambda: tla.plan(tla.logdet, A, bounds=(0.1, 9)), "leave bounds"),
        (lambda: tla.plan(tla.logdet, A, chains=2), "leave bounds and chains"),
        (lambda: tla.plan(tla.inv, A, bounds=(1.0, 1.1)), "do not hold"),
        (lambda: tla.plan(tla.inv, A, bounds=(-1.0, 9.0)), "0 < low"),
        (lambda: tla.plan(tla.inv, A, bounds=3.0), "two numbers"),
        (lambda: tla.plan(tla.solve, A, B, rtol=0.0), "both 0"),
        (lambda: tla.plan(tla.solve, A, B, chains=3), "power of two"),
        (lambda: tla.plan(tla.solve, A, B, confidence=1.0), "confidence"),
    ],
)
def test_bad_questions(call, words):
    with pytest.raises(InvalidInput, match=words):
        call()


def test_problems_are_refused_as_the_solver_refuses_them():
    with pytest.raises(NotPositiveDefinite):
        tla.plan(tla.inv, np.diag([1.0, 0.0]))
