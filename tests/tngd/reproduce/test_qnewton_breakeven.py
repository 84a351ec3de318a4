"""Maps and totals against the scheduler one system at a time; sentences that follow the numbers."""

import copy
import math
from collections import Counter

import numpy as np
import pytest

from tngd.qnewton.quantum_cost import QuantumCost
from tngd.qnewton.schedule import Scheduler
from tngd.reproduce.contract import Done
from tngd.reproduce.published import find_published
from tngd.reproduce.qnewton_maps import gate_time, mapped, quantum, rivals, totals
from tngd.reproduce.qnewton_watch import LARGEST, condition

EPS = np.finfo(float).eps
FLOPS = 1e13
MACHINES = {
    "slow": QuantumCost(gate_time=1e-6),
    "middle": QuantumCost(gate_time=1e-12),
    "bare": QuantumCost(gate_time=1e-14, formula="bare"),
}
over_machines = pytest.mark.parametrize("name", MACHINES)
over_rivals = pytest.mark.parametrize("rival", ["LU", "best"])


@over_machines
@over_rivals
@pytest.mark.parametrize("d", [None, 5])
def test_the_frontier_divides_what_the_scheduler_chooses(name, rival, d):
    sizes, decades, ratio = (100, 3000), 6, 10 ** (1 / 25)
    machine, classical = MACHINES[name], rivals(FLOPS)[rival]
    told = mapped(machine, FLOPS, sizes, decades, d)[rival]
    for N, frontier in zip(sizes, told["frontier"], strict=True):
        for kappa, wins in ((0.99 * frontier, True), (1.01 * ratio * frontier, False)):
            if 1 <= kappa <= 10**decades:
                choice = Scheduler(classical, machine).choose(N, d or N, kappa)
                assert (choice.solver == "quantum") is wins
        if not frontier:
            assert Scheduler(classical, machine).choose(N, d or N, 1.0).solver != "quantum"
    assert 0 <= told["share"] <= 1
    assert (told["share"] == 0) == (max(told["frontier"]) == 0)


@over_rivals
def test_below_the_gate_time_of_break_even_quantum_wins(rival):
    classical = rivals(FLOPS)[rival]
    at = gate_time(QuantumCost(), classical, 10**4, 10**4, 1e4)
    for factor, wins in ((0.99, True), (1.01, False)):
        scheduler = Scheduler(classical, QuantumCost(gate_time=factor * at))
        assert (scheduler.choose(10**4, 10**4, 1e4).solver == "quantum") is wins


def test_machines_are_read_from_files():
    assert quantum({"alpha": "d", "gate_time": 1.0}) == QuantumCost(alpha=None, gate_time=1.0)
    assert quantum({}) == QuantumCost()


@over_machines
def test_totals_are_sums_over_systems(name):
    systems = [(100, 10, 50.0), (30, 30, 1e6), (2000, 2000, 3.0), (1, 1, 1.0)]
    classical, machine = rivals(FLOPS)["best"], MACHINES[name]
    found = totals(systems, classical, machine)
    alone = [min(float(m.seconds(*s)) for m in classical) for s in systems]
    by_quantum = [float(machine.seconds(*s)) for s in systems]
    hybrid = sum(min(pair) for pair in zip(alone, by_quantum, strict=True))
    for number, wanted in (
        ("classical", sum(alone)),
        ("quantum", sum(by_quantum)),
        ("hybrid", hybrid),
    ):
        assert math.isclose(found[number], wanted, rel_tol=4 * len(systems) * EPS)
    won = [q < c for q, c in zip(by_quantum, alone, strict=True)]
    assert found["share"] == sum(won) / len(won)


def test_condition_numbers_have_an_end():
    H = np.array([[2.0, 1.0], [1.0, -3.0]])
    assert math.isclose(condition(H), np.linalg.cond(H), rel_tol=10 * EPS * np.linalg.cond(H))
    assert condition(np.diag([1.0, 0.0])) == condition(np.zeros((2, 2))) == LARGEST


@pytest.fixture(scope="module")
def quick():
    experiment, done = find_published("qnewton-breakeven", quick=True).experiment, {}
    while True:
        cases = {repr(case): case for case in experiment.cases(list(done.values()))}
        new = [key for key in cases if key not in done]
        if not new:
            return experiment, list(done.values())
        done |= {key: Done(cases[key], experiment.measure(cases[key])) for key in new}


def test_budgets_are_equal_and_watched_runs_are_reported_ones(quick):
    experiment, done = quick
    tuned = [each.case["entry"] for each in done if each.case["phase"] == "tuning"]
    assert set(Counter(tuned).values()) == {experiment.trials}
    assert set(tuned) == set(experiment.contenders)
    reported = {str({**d.case, "phase": ""}) for d in done if d.case["phase"] == "run"}
    watched = {str({**d.case, "phase": ""}) for d in done if d.case["phase"] == "watch"}
    assert watched < reported
    assert len(experiment.figure(done).axes) == 4, "three panels and the colours of one"


def test_what_is_watched_is_bounded_as_it_must_be(quick):
    _, done = quick
    (run,) = [each.numbers for each in done if each.case["phase"] == "watch"]
    assert len(run["systems"]) == run["looks"][-1]["step"] == 2
    for look in run["looks"]:
        for block in look["blocks"]:
            rounding = 1 + 1e-3 + block["N"] * EPS * block["regularized"]  # four digits are kept
            assert block["lanczos"] <= rounding * block["regularized"]
            assert block["regularized"] <= rounding * block["general"]
    sizes = [block["N"] for block in run["looks"][0]["blocks"]]
    for step in run["systems"]:
        assert [N for N, _, _ in step] == sizes
        assert all(1 <= d <= N for N, d, _ in step)


def changed(done, change):
    """A copy, with each watched run changed."""
    made = copy.deepcopy(done)
    for each in made:
        if each.case["phase"] == "watch":
            change(each.numbers)
    return made


def falling(run):
    for look, factor in zip(run["looks"], (5e3, 1.0, 1.0), strict=True):
        for block in look["blocks"]:
            block["regularized"] = 10.0 * factor


def solving(run):
    for look in run["looks"]:
        look["hessian_seconds"] = 1e-9


def singular(run):
    run["systems"] = [[[N, N, 1e12] for N, _, _ in step] for step in run["systems"]]


@pytest.mark.parametrize(
    ("change", "said", "other"),
    [
        (falling, "that κ falls to 1/1000 is seen", "that κ falls to 1/1000 is not seen"),
        (solving, "of the training can follow", "of the training does not follow"),
        (singular, "against LU is not reached", "against LU is reached with 1 as, bare formula"),
    ],
)
def test_sentences_follow_the_numbers(quick, change, said, other):
    experiment, done = quick
    before, after = experiment.findings(done), experiment.findings(changed(done, change))
    assert other in before
    assert said not in before
    assert said in after
    assert other not in after


@pytest.mark.parametrize(
    ("frontier", "said"),
    [
        ([2e3, 8e3], "holds to a factor 10 for 10 ns a gate, 1 as, bare formula"),
        ([2.0, 8e3], "quantum solver does not hold"),
    ],
)
def test_one_threshold_holds_where_all_sizes_have_it(quick, frontier, said):
    experiment, done = quick
    made = copy.deepcopy(done)
    for each in made:
        if each.case["phase"] == "map":
            each.numbers["dense"]["LU"]["frontier"] = frontier
    assert said in experiment.findings(made)
