"""Predicted bias and scatter against runs, against exact laws, and against numbers drawn.

The runs are at n = 4 and 20; `benchmarks/device_errors.py` has them up to 100.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from tests.thermolinalg.analysis.imperfect import MACHINES, cases, matrix, problem_of
from thermolinalg import errors
from thermolinalg.analysis.problem import Problem
from thermolinalg.analysis.rounding import clipped, rounded
from thermolinalg.analysis.schedule import Schedule
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.measurement.converter import Converter

TOLD = {"both": {"solve", "inv"}, "solve": {"solve"}}
"""Of which solvers there are runs at n = 20, by what is biased; of all others of inv alone."""
RUNS = [
    (solver, n, name)
    for solver in ("solve", "inv")
    for n in (4, 20)
    for name in dict.fromkeys(case[0] for case in cases(solver))
    if n == 4 or solver in TOLD.get(MACHINES[name][2], {"inv"})
]
FALSE_ALARM = 1e-6 / (3 * len(RUNS))
"""One in a million for all comparisons with runs together."""

FINEST = {4: 0.012, 20: 0.03}


def bias_of(case):
    """The size of that of inv at n = 20."""
    _, strength, build, _ = case
    return np.linalg.norm(problem_of("inv", 20).predict(build(strength, 20)).bias)


def fine(problem, device, n):
    """The problem, its error bar a tenth of the bias where that is had within a second."""
    if problem.solver == "solve":
        return problem.asked(rtol=1e-3)
    known = problem.predict(device)
    wanted = np.linalg.norm(known.bias) / np.linalg.norm(known.truth) / 10
    return problem.asked(rtol=float(np.clip(wanted, FINEST[n], 0.04)))


def without(prediction):
    """What would be said by one who knows of no bias, and has no doubt."""
    blind = [replace(c, bias=0 * c.bias, neglected=0.0, coupling=0.0) for c in prediction.causes]
    return replace(prediction, causes=tuple(blind))


@pytest.mark.parametrize(("solver", "n", "name"), RUNS)
def test_measured_bias_is_as_predicted_and_one_who_predicts_none_is_found_out(solver, n, name):
    """At n = 20 at that of three strengths of which the bias is largest."""
    told, strengths = [], [case for case in cases(solver) if case[0] == name]
    for _, strength, build, biased in strengths if n == 4 else [max(strengths, key=bias_of)]:
        device = build(strength, n)
        problem = fine(problem_of(solver, n, rtol=0.05), device, n)
        estimate = problem.run(device, rng=11)
        known = problem.predict(device, schedule=estimate)
        verdict = known.verdict(estimate, false_alarm=FALSE_ALARM)
        assert verdict.held, f"at strength {strength}: {verdict}"
        blind = without(known).verdict(estimate, along=known.bias, false_alarm=FALSE_ALARM)
        told.append(not blind.held)
        assert biased or blind.held
        assert not biased or known.neglected < np.linalg.norm(known.bias)
    assert any(told) == biased


@pytest.mark.parametrize(
    "name", ["mismatch", "temperature", "drift", "read-out noise", "inertia", "bounded noise"]
)
@pytest.mark.parametrize("solver", ["solve", "inv"])
def test_scatter_is_as_predicted(solver, name):
    """Squared error bars of one entry are chi-square with 31 degrees of freedom, or up to 1/19
    more, for windows of 20 correlation times; entries share the false alarm."""
    n, (strengths, build, _) = 4, MACHINES[name]
    problem, device = problem_of(solver, n, rtol=0.02), build(strengths[-1], n)
    estimate = problem.run(device, rng=3)
    known = problem.predict(device, schedule=estimate)
    ratio = estimate.dof * np.asarray(estimate.stderr) ** 2 / known.std**2
    tail = 1e-6 / (12 * 2 * ratio.size)
    first = np.abs(known.bias).max() / np.abs(known.truth).max()  # scatter is first order too
    slack = 1 + 4 * first
    assert ratio.max() <= stats.chi2.isf(tail, estimate.dof) * 20 / 19 * slack
    assert ratio.min() >= stats.chi2.ppf(tail, estimate.dof) / slack


def test_errors_of_many_runs_have_the_scatter_predicted():
    """The sum of (error/std)² over 50 ideal runs of one number, chi-square."""
    problem = Problem("solve", (np.array([[1.0]]), np.array([1.0])), rtol=0.05)
    total = 0.0
    for seed in range(50):
        estimate = problem.run(rng=seed)
        known = problem.predict(schedule=estimate)
        total += (float(estimate.value[0] - known.value[0]) / float(known.std[0])) ** 2
    assert stats.chi2.ppf(5e-7, 50) <= total <= stats.chi2.isf(5e-7, 50)


def test_start_that_is_not_forgotten_is_a_bias_that_falls():
    problem = problem_of("inv", 4)
    soon = problem.predict(schedule=Schedule(0.5, 40.0))
    A, S = matrix(4), np.linalg.inv(matrix(4))
    a, U = np.linalg.eigh(A)

    def short(t):
        return -(U * np.exp(-2 * a * t) / a) @ U.T

    exact, _ = integrate.quad_vec(short, 0.5, 40.5)
    norm = problem.program.process.fastest / a[-1]  # A is programmed in units of its norm
    scaled, _ = integrate.quad_vec(lambda t: short(t * norm), 0.5, 40.5)
    np.testing.assert_allclose(soon.bias, scaled / 40, rtol=1e-6)
    assert np.linalg.norm(exact) > 0
    late = problem.predict(schedule=Schedule(50.0, 40.0))
    assert np.linalg.norm(late.bias) < 1e-12 * np.linalg.norm(S)


def test_dead_nodes_leave_the_law_of_the_others():
    """Against the block that is left of A, by another solve."""
    A, b = matrix(6), np.arange(1.0, 7.0)
    device = Device(dead=DeadNodes(nodes=(1, 4)))
    alive = [0, 2, 3, 5]
    x, S = np.zeros(6), np.zeros((6, 6))
    block = A[np.ix_(alive, alive)]
    x[alive], S[np.ix_(alive, alive)] = np.linalg.solve(block, b[alive]), np.linalg.inv(block)
    np.testing.assert_allclose(Problem("solve", (A, b)).predict(device).value, x, atol=1e-12)
    np.testing.assert_allclose(Problem("inv", A).predict(device).value, S, atol=1e-12)


def combined(n):
    return Device(
        quantisation=Quantisation(bits=9),
        mismatch=Mismatch(0.01, 0.01, 0.05),
        parasitics=Parasitics(0.002),
        temperatures=Temperatures(spread=0.05),
        dead=DeadNodes(nodes=(n - 1,)),
    )


@pytest.mark.parametrize("solver", ["solve", "inv"])
@pytest.mark.parametrize("chip", range(5))
def test_all_together_is_within_what_is_neglected(solver, chip):
    """Against the exact law of the network that the chip holds."""
    device = replace(combined(6), chip=chip)
    problem = problem_of(solver, 6)
    known = problem.predict(device)
    real = device.realised(problem.network)
    if solver == "solve":
        exact = problem.scale * np.linalg.solve(real.A, real.b[0])
    else:
        L = np.kron(real.A, np.eye(6)) + np.kron(np.eye(6), real.A)
        exact = problem.scale * np.linalg.solve(L, real.D.ravel()).reshape(6, 6)
    off = np.linalg.norm(exact - known.value)
    assert off <= known.neglected < np.linalg.norm(known.bias)
    assert off > 0


def test_all_together_is_what_is_measured():
    device = replace(
        combined(4),
        drift=TemperatureDrift(0.1, 1e4),
        converter=Converter(bits=10, noise=0.2, gain=0.01, offset=0.05),
        floor=0.01,
    )
    for solver in ("solve", "inv"):
        problem = problem_of(solver, 4, rtol=0.01)
        estimate = problem.run(device, rng=0)
        known = problem.predict(device, schedule=estimate)
        assert known.verdict(estimate, false_alarm=5e-7).held
        blind = without(known).verdict(estimate, along=known.bias, false_alarm=5e-7)
        assert not blind.held


def fourier(mean, spread, step, terms=200):
    """E[round(x) - x] and the variance it adds, of a Gaussian, by their Fourier series."""
    k = np.arange(1, terms)
    e = np.exp(-2 * (np.pi * k * spread / step) ** 2)
    sign, w = (-1.0) ** k, 2 * np.pi * k / step
    shift = np.sum(sign * step / (np.pi * k) * e * np.sin(w * mean))
    wave = step**2 / (np.pi * k) ** 2 + 4 * spread**2
    added = step**2 / 12 + np.sum(sign * e * np.cos(w * mean) * wave) - shift**2
    return shift, added


@pytest.mark.parametrize("spread", [0.05, 0.1, 0.3, 0.6, 1.0, 5.0])
def test_rounding_is_its_fourier_series(spread):
    mean, step = np.linspace(-2.3, 2.9, 12), 0.7
    law = rounded(mean, np.full(12, spread), step)
    known = np.array([fourier(m, spread, step) for m in mean])
    np.testing.assert_allclose(law.shift, known[:, 0], atol=1e-9)
    np.testing.assert_allclose(law.added, known[:, 1], atol=1e-9)
    np.testing.assert_allclose(
        law.square, law.added + (mean + law.shift) ** 2 - mean**2, atol=1e-12
    )


def test_numbers_that_do_not_scatter_are_rounded_as_they_are():
    mean = np.array([0.2, 0.6, -1.2])
    law = rounded(mean, np.zeros(3), 0.5)
    np.testing.assert_allclose(law.shift, np.round(mean / 0.5) * 0.5 - mean)
    np.testing.assert_allclose(law.added, 0, atol=1e-12)


@pytest.mark.parametrize("mean", [0.0, 0.7, -1.5, 4.0])
def test_clipping_is_an_integral(mean):
    density = stats.norm(mean, 0.8).pdf
    law = clipped(np.array([mean]), np.array([0.8]), -1.1, 0.9)

    def moment(power):
        return integrate.quad(
            lambda x: (np.clip(x, -1.1, 0.9) ** power - x**power) * density(x),
            mean - 12,
            mean + 12,
            points=[-1.1, 0.9],
            limit=200,
        )[0]

    assert law.shift[0] == pytest.approx(moment(1), abs=1e-9)
    assert law.square[0] == pytest.approx(moment(2), abs=1e-9)


def test_bits_of_a_coarse_converter_are_bounded_by_a_step():
    problem = problem_of("solve", 4, rtol=1e-2)
    device = Device(mismatch=Mismatch(0.05), converter=Converter(bits=4, full_scale=4.0))
    known = problem.predict(device)
    step = problem.scale * 8 / 2**4
    assert np.abs(known.cause("bits").bias).max() <= step / 2 * (1 + 1e-9)
    assert known.cause("bits").neglected <= step * 2


def test_a_planned_run_is_about_the_one_that_is_made():
    for solver, rtol in (("solve", 1e-4), ("inv", 0.02)):
        problem = problem_of(solver, 4, rtol=rtol)
        estimate = problem.run(rng=0)
        plan, real = problem.predict().schedule, Schedule.of(estimate)
        assert 0.5 < plan.time / real.time < 2


@pytest.mark.parametrize(
    ("solver", "name"),
    [
        ("solve", "mismatch"),
        ("inv", "mismatch"),
        ("inv", "temperatures"),
        ("inv", "bits at random"),
    ],
)
def test_typical_size_is_that_of_many_chips(solver, name):
    """50 chips; six standard errors of a mean of squares are exceeded once in 1e9."""
    problem, chips, once = problem_of(solver, 4), 50, Schedule(1e3, 1e3)
    device = MACHINES[name][1](MACHINES[name][0][0], 4)
    squares = []
    for chip in range(chips):
        cause = problem.predict(replace(device, chip=chip), schedule=once).causes[1]
        squares.append(cause.size**2)
    (typical,) = problem.typical(device)
    stderr = np.std(squares, ddof=1) / np.sqrt(chips)
    assert abs(np.mean(squares) - typical.size**2) <= 6 * stderr


def test_typical_size_of_dead_nodes_is_that_of_all_places():
    problem = problem_of("solve", 5)
    (typical,) = problem.typical(Device(dead=DeadNodes(share=0.2)))
    sizes = [
        problem.predict(Device(dead=DeadNodes(nodes=(k,)))).cause("dead").size for k in range(5)
    ]
    assert typical.size == pytest.approx(np.sqrt(np.mean(np.square(sizes))))


def test_what_cannot_be_predicted_is_said():
    problem = problem_of("inv", 4)
    with pytest.raises(errors.DoesNotFit, match="cannot solve"):
        problem_of("solve", 4).predict(Device(circuit=RLC(resistances=(1.0, 2.0, 3.0, 4.0))))
    with pytest.raises(errors.ShapeMismatch, match="the estimate has shape"):
        problem.predict().verdict(problem_of("inv", 5).run(rng=0))
    with pytest.raises(KeyError):
        problem.predict().cause("bits")
    assert problem.predict(Device(circuit=MassSpring())).neglected < 1e-9
    with pytest.raises(errors.DoesNotFit, match="delay"):
        problem.predict(Device(dressings=(TransportDelay(2.0),)))
    huge = problem.predict(Device(mismatch=Mismatch(0.04), parasitics=Parasitics(0.3)))
    assert np.isinf(huge.neglected)
    assert not huge.cause("parasitics").linear
