"""Cost models against their published values, the scheduler, and break-even against both."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput
from tngd.qnewton.breakeven import break_even, plot_break_even
from tngd.qnewton.classical_cost import CGCost, CholeskyCost, LUCost
from tngd.qnewton.quantum_cost import OMITTED, QuantumCost
from tngd.qnewton.schedule import Scheduler

FORMULAS = ("jennings", "dalzell", "known norm", "bare")
TABLE = [
    (1e1, "9.4e3", "8.0e2", "2.4e2", "3.5e2"),
    (1e2, "7.07e4", "8.0e3", "2.4e3", "3.7e3"),
    (1e3, "7.54e5", "8.0e4", "2.4e4", "3.9e4"),
    (1e4, "9.07e6", "8.0e5", "2.4e5", "4.1e5"),
    (1e6, "1.27e9", "8.0e7", "2.4e7", "4.6e7"),
]
ALL = Scheduler((LUCost(), CholeskyCost(), CGCost()), QuantumCost())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]:g}")
def test_queries_are_as_published_to_each_digit(row):
    kappa, *texts = row
    for formula, text in zip(FORMULAS, texts, strict=True):
        queries = QuantumCost(formula, eps=1e-10).queries(10**4, 1, kappa)
        digits = len(text.split("e")[0]) - 2
        assert float(f"{float(queries):.{digits}e}") == float(text), formula


@given(
    formula=st.sampled_from(FORMULAS[:3]), kappa=st.floats(1, 1e8), alpha=st.floats(1, 100),
    d=st.integers(1, 50),
)  # fmt: skip
def test_queries_grow_with_the_rescaling_and_none_is_the_row_count(formula, kappa, alpha, d):
    one, scaled = (QuantumCost(formula, alpha=a).queries(100, d, kappa) for a in (1.0, alpha))
    assert one <= scaled <= alpha * one * (1 + 1e-12)
    by_rows = QuantumCost(formula, alpha=None).queries(100, d, kappa)
    assert by_rows == QuantumCost(formula, alpha=float(d)).queries(100, d, kappa)
    assert QuantumCost(formula).queries(100, d, math.inf) == math.inf


def test_what_a_query_and_a_readout_take():
    N, d = 1024, 4
    gates = [float(QuantumCost(access=a).gates(N, d)) for a in ("unit", "qram", "qrom")]
    assert gates == [1.0, 12.0, 16384.0]
    assert float(QuantumCost().gates(1, 1)) == 1.0
    made = [QuantumCost(readout=r, precision=0.125) for r in ("once", "tomography", "sampling")]
    assert [float(model.readouts(N)) for model in made] == [1.0, 8 * N, 64 * N]
    model = QuantumCost(access="qram", readout="tomography", precision=0.125, gate_time=0.5)
    product = 0.5 * 8 * N * 12 * float(model.queries(N, d, 10.0))
    assert math.isclose(float(model.seconds(N, d, 10.0)), product, rel_tol=1e-15)


@pytest.mark.parametrize(("N", "text"), [(1e3, "6.7e-05"), (1e4, "6.7e-02"), (1e5, "6.7e+01")])
def test_seconds_of_factorisations_at_ten_teraflops(N, text):
    assert f"{float(LUCost(1e13).seconds(N, N, 10.0)):.1e}" == text
    assert float(CholeskyCost(1e13).seconds(N, 1, 1.0) * 2) == float(LUCost().seconds(N, 1, 1.0))


def test_seconds_of_conjugate_gradients():
    seconds = float(CGCost(eps=math.exp(-20), flops=1e9).seconds(100, 5, 49.0))
    assert math.isclose(seconds, 7 * 20 * 2 * 100 * 5 / 1e9, rel_tol=1e-14)


@pytest.mark.parametrize("model", [*ALL.models, QuantumCost(readout="sampling")])
def test_models_say_what_they_assume_and_leave_out(model):
    assert "Left out" in model.explain()
    if model.name == "quantum":
        assert all(omission in model.explain() for omission in OMITTED)
        assert f"{model.gate_time:g} s a gate (assumed)" in model.explain()
        assert ("reading out" in model.explain()) == (model.readout == "once")
    assert pickle.loads(pickle.dumps(model)) == model


def test_a_scheduler_tells_what_all_its_models_assume():
    assert ALL.explain().splitlines() == [model.explain() for model in ALL.models]


# the scheduler


@given(
    N=st.integers(1, 10**6), share=st.floats(0, 1), kappa=st.floats(1, 1e12),
    power=st.floats(-30, 0),
)  # fmt: skip
def test_the_cheapest_is_chosen(N, share, kappa, power):
    d = max(1, round(share * N))
    scheduler = Scheduler(ALL.classical, QuantumCost(gate_time=10**power))
    choice = scheduler.choose(N, d, kappa)
    assert [name for name, _ in choice.costs] == ["lu", "cholesky", "cg", "quantum"]
    for model in scheduler.models:
        assert choice.seconds[model.name] == float(model.seconds(N, d, kappa)) >= choice.least
    assert choice.least == choice.seconds[choice.solver]


def test_the_choice_moves_with_the_gate_time_and_the_condition_number():
    slow, fast = (Scheduler(quantum=QuantumCost(gate_time=t)) for t in (1e-9, 1e-18))
    assert (slow.choose(10**3, 10, 100.0).solver, fast.choose(10**3, 10, 100.0).solver) == (
        "lu",
        "quantum",
    )
    assert fast.choose(10**3, 10, 1e12).solver == "lu"
    assert fast.choose(10**3, 10, math.inf).solver == "lu"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Scheduler().choose(3, 4, 10.0), "d = 4.*N = 3"),
        (lambda: Scheduler().choose(3, 1, 0.5), "kappa = 0.5"),
        (lambda: Scheduler().choose(3, 1, math.nan), "kappa"),
        (lambda: Scheduler(()), "classical"),
        (lambda: Scheduler((LUCost(), LUCost(1e9))), "different names"),
        (lambda: LUCost(0.0), "flops"),
        (lambda: LUCost().seconds(0, 1, 1), "at least 1"),
        (lambda: CGCost(eps=1.0), "eps"),
        (lambda: QuantumCost("hhl"), 'formula.*"jennings"'),
        (lambda: QuantumCost(alpha=0.5), "alpha = 0.5"),
        (lambda: QuantumCost(gate_time=0.0), "gate_time"),
        (lambda: QuantumCost(readout="all"), "readout"),
        (lambda: break_even(Scheduler(), [0.5], [1.0]), "at least 1"),
        (lambda: plot_break_even(break_even(Scheduler(), [5], [1.0, 2.0])), "two or more"),
    ],
)
def test_what_cannot_be_asked(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()


# break-even


@pytest.mark.parametrize("readout", ["once", "tomography"])
@pytest.mark.parametrize("d", [None, 7])
def test_at_the_break_even_gate_time_costs_are_equal(readout, d):
    classical = (LUCost(), CGCost())
    model = QuantumCost(readout=readout, access="qrom", alpha=None)
    N, kappa = np.array([5, 100, 10**5]), np.array([1.0, 30.0, 1e8])
    result = break_even(Scheduler(classical, model), N, kappa, d)
    assert result.gate_time.shape == result.wins.shape == (3, 3)
    for i, n in enumerate(N):
        for j, k in enumerate(kappa):
            at = QuantumCost(
                readout=readout, access="qrom", alpha=None, gate_time=float(result.gate_time[i, j])
            )
            rows = int(n) if d is None else min(d, int(n))
            choice = Scheduler(classical, at).choose(int(n), rows, k)
            rival = min(choice.seconds["lu"], choice.seconds["cg"])
            assert math.isclose(choice.seconds["quantum"], rival, rel_tol=1e-13)
            assert math.isclose(result.classical[i, j], rival, rel_tol=1e-13)
    np.testing.assert_array_equal(result.wins, result.gate_time > model.gate_time)


def test_break_even_of_a_query_that_is_published():
    """At N = 1e4 and κ = 1e4 a query of Jennings' solver may take 7e-9 s beside an LU."""
    one_gate = Scheduler(quantum=QuantumCost(access="unit"))
    result = break_even(one_gate, 1e4, 1e4)
    assert f"{result.gate_time[0, 0]:.0e}" == "7e-09"


@pytest.mark.parametrize("gate_time", [1e-30, 1e-9])
def test_the_picture_shows_the_break_even_gate_time(gate_time):
    plt = pytest.importorskip("matplotlib.pyplot")
    scheduler = Scheduler(quantum=QuantumCost(gate_time=gate_time))
    result = break_even(scheduler, np.geomspace(10, 1e6, 5), np.geomspace(1, 1e6, 4))
    axes = plot_break_even(result)
    shown = np.asarray(axes.collections[0].get_array()).reshape(4, 5)
    np.testing.assert_array_equal(shown, np.log10(result.gate_time).T)
    plt.close(axes.figure)
