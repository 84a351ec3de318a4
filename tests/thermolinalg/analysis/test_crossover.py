"""Closed forms of times against sums by hand, plans and counts; crossings against their sides."""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import cg

import thermolinalg as tla
from thermolinalg.analysis.crossover import bisected, crossover
from thermolinalg.analysis.digital import (
    KERNELS,
    MACHINES,
    MeasuredMachine,
    StatedMachine,
    grown,
    measure_digital,
)
from thermolinalg.analysis.tasks import TASKS, Inverse, NaturalGradientStep, Sampling, Solve
from thermolinalg.analysis.workload import GROUPS, Step, cg_iterations, spectrum
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.crossover import plot_crossover, plot_crossover_times

mpl.use("Agg")
import matplotlib.pyplot as plt

RC, BITS, LINK = 1e-6, 16, 50e9
SLOW = StatedMachine("slow", 1e9, 1e9, 1e12, source="made up")
FEW = {"sizes": (10, 100, 1000), "conditions": (2.0, 20.0)}


def seconds(ledger):
    return {line.activity: line.seconds for line in ledger.lines}


@pytest.mark.parametrize(
    ("samples", "outputs", "n", "milliseconds"),
    [(32, 20, 10_000, "4.2"), (32, 20, 100_000, "41"), (64, 10, 20_000, "8.3")],
)
def test_the_ledger_has_the_arithmetic_of_the_tngd_paper(samples, outputs, n, milliseconds):
    work = NaturalGradientStep(samples, outputs, time=50.0).workload(n, 1.0)
    spent = seconds(work.ledger(tla.Device.ideal()))
    assert f"{1e3 * spent['upload']:.2g}" == milliseconds
    assert spent["settle"] == pytest.approx(50e-6)
    rows = samples * outputs
    assert spent["upload"] == pytest.approx((rows * (rows + 2 * n) + n) * BITS / LINK)
    assert spent["read"] == pytest.approx(n * BITS / LINK)


@given(st.integers(1, 3000), st.floats(1.0, 1e6))
def test_a_spectrum_has_its_size_and_its_ends(n, condition):
    a, counts = spectrum(n, condition)
    exact = np.geomspace(1 / condition, 1, n) if n > 1 else np.array([1 / condition])
    assert counts.sum() == n
    assert len(a) == min(n, GROUPS)
    if n <= GROUPS:
        np.testing.assert_allclose(a, exact)
    # A group spans condition^(1/GROUPS): its mean of a^-2 is off by the square of that at most.
    span = 2 * np.log(condition) / (GROUPS - 1)
    assert counts @ a**-2 == pytest.approx((exact**-2).sum(), rel=np.sinh(span / 2) ** 2 + 1e-9)


def known_problem(n, condition):
    """Of norm 1 and with the spectrum of the workloads."""
    U = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    return (U * np.geomspace(1 / condition, 1, n)) @ U.T


@pytest.mark.parametrize("rtol", [1e-1, 1e-2, 1e-3])
def test_a_solve_takes_what_its_plan_says(rtol):
    n, condition = 6, 10.0
    course = tla.plan(tla.solve, known_problem(n, condition), np.ones(n), rtol=rtol).typical
    ledger = Solve(error=rtol).workload(n, condition).ledger(tla.Device.ideal())
    assert seconds(ledger) == pytest.approx(seconds(course.ledger), rel=1e-6)


@pytest.mark.parametrize("rtol", [0.3, 0.1, 0.03])
def test_an_inverse_takes_what_its_plan_says(rtol):
    n, condition = 6, 10.0
    course = tla.plan(tla.inv, known_problem(n, condition), rtol=rtol).typical
    ledger = Inverse(error=rtol).workload(n, condition).ledger(tla.Device.ideal())
    assert seconds(ledger) == pytest.approx(seconds(course.ledger), rel=1e-3)


def test_a_cold_solve_without_an_error_bar_is_burn_in_alone():
    work = Solve(error=1e-2, temperature=0.0, pilot=False).workload(50, 30.0)
    assert work.measure == 0
    assert work.settle == pytest.approx(30 * np.log(50 / 1e-2))
    assert (work.coefficients, work.drives, work.readings) == (2500, 50, 50)


def test_averaging_grows_with_the_temperature_and_the_square_of_the_digits():
    def time(**knobs):
        return Solve(pilot=False, **knobs).workload(40, 30.0).measure

    assert time(temperature=3.0) == pytest.approx(3 * time())
    assert time(error=1e-3) == pytest.approx(100 * time(error=1e-2))


def test_samples_wait_until_the_last_is_forgotten():
    work = Sampling(samples=11, error=1e-2).workload(20, 100.0)
    a_min = 1 / 100.0
    assert np.exp(-2 * a_min * work.settle) == pytest.approx(1e-2)  # of the covariance
    assert np.exp(-a_min * work.measure / 10) == pytest.approx(1e-2)  # of neighbours
    assert work.readings == 220


def test_correlators_on_the_device_leave_no_digital_work():
    without, with_them = (Inverse(correlators=on).workload(30, 10.0) for on in (False, True))
    assert with_them.digital == ()
    assert with_them.readings == 30**2 * 64
    (outer,) = without.digital
    assert without.readings == 30 * outer.times
    assert with_them.measure == without.measure


@pytest.mark.parametrize(("n", "condition"), [(30, 10.0), (60, 300.0)])
@pytest.mark.parametrize("error", [1e-1, 1e-3])
def test_iterations_of_cg_are_those_of_a_dense_matrix(n, condition, error):
    U = np.linalg.qr(np.random.default_rng(1).standard_normal((n, n)))[0]
    a = np.geomspace(1 / condition, 1, n)
    A, b = (U * a) @ U.T, U @ np.ones(n)
    truth, errors = U @ (1 / a), []
    cg(A, b, rtol=1e-12, callback=lambda x: errors.append(np.linalg.norm(x - truth)))
    first = 1 + next(k for k, e in enumerate(errors) if e <= error * np.linalg.norm(truth))
    assert cg_iterations(n, condition, error) == first
    root = np.sqrt(condition)
    assert first <= np.ceil(root / 2 * np.log(2 * root / error))  # Chebyshev's bound


def test_what_rounding_hides_cg_never_reaches():
    assert cg_iterations(20, 1e6, 1e-18) == np.inf


def test_a_stated_machine_is_a_roofline():
    machine = StatedMachine("m", 4e12, 1e12, 1e11, source="made up", efficiency=0.5, overhead=1e-6)
    computing = Step("k", 10, 2e9, 10.0, times=3)
    assert machine.seconds(computing, 1e-3) == pytest.approx(3 * (1e-6 + 2e9 / 2e12))
    assert machine.seconds(computing, 1e-9) == pytest.approx(3 * (1e-6 + 2e9 / 0.5e12))
    moving = Step("k", 10, 1.0, 1e9)
    assert machine.seconds(moving, 1e-3) == pytest.approx(1e-6 + 4e9 / 1e11)
    assert machine.seconds(moving, 1e-9) == pytest.approx(1e-6 + 8e9 / 1e11)


def test_operations_of_a_solve_and_of_an_inverse():
    (cholesky, iterative), (inverse,) = Solve().methods(9, 2.0), Inverse().methods(9, 2.0)
    assert sum(s.flops * s.times for s in cholesky.steps) == pytest.approx(9**3 / 3 + 2 * 81)
    assert iterative.steps[0].flops == 2 * 81
    assert sum(s.flops * s.times for s in inverse.steps) == pytest.approx(9**3)


def test_the_cheaper_method_is_taken():
    found = crossover(None, "EPYC 7763", sizes=(10, 10_000), conditions=(2.0, 1e4))
    assert found.methods[0][1] == "CG"
    assert found.methods[1][0] == "Cholesky"


def test_a_fit_through_exact_times_is_exact_and_extrapolates():
    sizes, powers = (10, 20, 40, 80, 160), (0, 2, 3)
    fit = grown(sizes, [3e-6 + 2e-9 * n**2 + 5e-11 * n**3 for n in sizes], powers)
    assert fit.coefficients == pytest.approx((3e-6, 2e-9, 5e-11))
    assert fit.at(1e4) == pytest.approx(3e-6 + 2e-1 + 5e1)
    assert fit.error < 1e-9
    assert fit.beyond < 1e-9


def test_a_fit_says_how_far_it_is_off():
    fit = grown((10, 20, 40, 80), [1.0, 1.0, 1.0, 2.0], (0,))
    c = fit.coefficients[0]
    assert fit.error == pytest.approx(max(abs(c - 1), abs(c / 2 - 1)))
    assert fit.beyond == pytest.approx(0.5)


def test_kernels_are_measured_and_compared():
    machine = measure_digital("sample", (20, 40, 60, 80), repeats=1)
    assert isinstance(machine, MeasuredMachine)
    assert set(machine.kernels) == {"Cholesky factor", "triangular solve"}
    found = crossover(None, machine, task="sample", **FEW)
    assert found.label == "measured"
    assert "measured" in str(found)
    assert "fit within" in str(machine)
    cholesky, triangular = machine.kernels["Cholesky factor"], machine.kernels["triangular solve"]
    expected = [cholesky.at(n) + triangular.at(n) for n in found.sizes]
    assert found.digital_seconds[0] == pytest.approx(expected)


@pytest.mark.parametrize("kernel", list(KERNELS))
def test_every_kernel_runs(kernel):
    KERNELS[kernel][0](8)()


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 100))
def test_bisection_finds_the_last_of_a_kind(low, width, at):
    high = low + width
    turn = low + at % width
    assert bisected(lambda n: n <= turn, low, high) == turn
    assert bisected(lambda n: n > turn, low, high) == turn


@pytest.mark.parametrize("task", [Sampling(), Solve(pilot=False), Sampling(samples=100)])
def test_a_crossing_lies_where_the_times_are_equal(task):
    found = crossover(None, SLOW, task=task, sizes=(10, 100, 1000, 10_000), conditions=(2.0, 50.0))
    for boundary in found.boundaries:
        assert boundary.size is not None
        assert 10 < boundary.size < 10_000
        sides = (boundary.size - 1, boundary.size)
        beside = crossover(None, SLOW, task=task, sizes=sides, conditions=(boundary.condition,))
        assert beside.wins[0].tolist() == [False, True]
        ledger = beside.ledgers[0][1]
        assert boundary.dominant == ledger.longest.activity
        assert boundary.share == pytest.approx(ledger.share(boundary.dominant))


def test_the_crossing_of_cubes_with_an_upload_is_known_in_closed_form():
    """d³/(3 rate) = d² bits/link, where all else is free."""
    machine = StatedMachine("cubes", 1e12, 1e12, 1e18, source="made up")
    device = tla.Device(time_constant=1e-15)
    (boundary,) = crossover(
        device, machine, task="sample", sizes=(10, 100_000), conditions=(2.0,)
    ).boundaries
    assert boundary.size == pytest.approx(3 * 1e12 * BITS / LINK, rel=5e-3)
    assert boundary.dominant == "upload"
    assert boundary.until is None


def test_a_device_that_never_wins_says_so():
    found = crossover(tla.Device(link=1e3), "H100 SXM", **FEW)
    assert not found.wins.any()
    assert all(b.size is None for b in found.boundaries)
    assert "never in range" in str(found)
    assert "stated rates" in str(found)
    assert repr(found).endswith("wins at 0 of 2 condition numbers)")


def test_a_win_may_end():
    """A machine that only takes time to start is slow where there is little to upload."""
    machine = StatedMachine("late", 1e30, 1e30, 1e30, source="made up", overhead=1e-3)
    (boundary,) = crossover(
        None, machine, task="sample", sizes=(10, 100_000), conditions=(2.0,)
    ).boundaries
    last = boundary.until
    assert boundary.size == 10
    assert last * (last + 2) * BITS / LINK < 2e-3 < (last + 1) * (last + 3) * BITS / LINK + 1e-4
    assert f"d >= 10 to {last}" in str(boundary)


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_is_compared_with_upload_in_the_ledger(name):
    found = crossover(None, "A100 80GB SXM", task=name, error=1e-1, **FEW)
    assert found.task.error == 1e-1
    assert found.device_seconds == pytest.approx(
        np.array([[sum(seconds(x).values()) for x in row] for row in found.ledgers])
    )
    coefficients = found.task.workload(1000, 2.0).coefficients
    assert seconds(found.ledgers[0][-1])["upload"] >= coefficients * BITS / LINK
    assert found.held == pytest.approx(0.1 * 2**16)


def test_every_stated_rate_has_its_source():
    for name, machine in MACHINES.items():
        assert machine.name == name
        assert machine.source
        assert machine.double <= machine.single


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"task": "sort"}, "task = 'sort' must be"),
        ({"error": 1.0}, "error = 1 must lie"),
        ({"sizes": (20, 10)}, "sizes = .* must increase"),
        ({"sizes": ()}, "sizes = .* must increase"),
        ({"conditions": (0.5, 2.0)}, "conditions has 0.5"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        crossover(None, **call)


def test_wrong_machines_are_named():
    with pytest.raises(InvalidInput, match="digital = 'abacus' must be one of"):
        crossover(None, "abacus")
    with pytest.raises(InvalidInput, match="efficiency = 2"):
        StatedMachine("m", 1.0, 1.0, 1.0, source="", efficiency=2.0)
    with pytest.raises(InvalidInput, match=r"sizes = .* must be 4 or more"):
        measure_digital("solve", (10, 20))
    with pytest.raises(InvalidInput, match="not timed here: Jacobian"):
        measure_digital("tngd step", (10, 20, 30, 40))
    machine = MeasuredMachine("bare", {}, "nothing")
    with pytest.raises(InvalidInput, match="bare has no times of the kernel"):
        crossover(None, machine, **FEW)


def test_pictures_show_the_boundary_and_the_parts():
    found = crossover(None, SLOW, task=Sampling(), sizes=(10, 100, 1000), conditions=(2.0, 2000.0))
    ax = plot_crossover(found)
    assert ax.get_legend().get_texts()[0].get_text() == "as fast"
    ax = plot_crossover_times(found, condition=2.0)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"upload", "settle", "read"} <= set(labels)
    assert "slow\n(stated rates)" in labels
    with pytest.raises(InvalidInput, match=r"condition = 3.0 must be one of 2, 2000"):
        plot_crossover_times(found, condition=3.0)
    with pytest.raises(InvalidInput, match="two sizes"):
        plot_crossover(crossover(None, SLOW, sizes=(10,), conditions=(2.0,)))
    with pytest.raises(InvalidInput, match="found is a str"):
        plot_crossover("found")
    plt.close("all")
