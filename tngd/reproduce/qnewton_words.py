"""What maps, runs and watched runs say of Q-Newton: tables, and sentences that follow them."""

import statistics
from collections.abc import Iterator, Sequence

from tngd.reproduce.contract import Done, Numbers
from tngd.reproduce.qnewton_conditions import condition_answers, condition_table
from tngd.reproduce.qnewton_maps import System, gate_time, quantum, rivals, totals
from tngd.reproduce.qnewton_study import Study
from tngd.reproduce.questions import answer
from tngd.reproduce.tables import markdown, training_table

SAVED, THRESHOLD = 0.9, 1e4
"""What is claimed: the share of time that is saved, and the κ above which LU is cheaper."""

MACHINES = """
Everything in this table is modelled. The paper was not found to state gate times, and its program
has neither a scheduler nor a model of classical time: all constants are assumptions of this page.
Gates run one after the other and are perfect; preparing g, loading H and, but where it says "read
out", reading the solution are free; a query takes log2(N d) gates, as if there were a memory for
it. All of that favours the quantum solver. Unless named, queries are those of Jennings et al., with
the block encoding at its best. "LU" is the paper's rival; "best" is the cheapest of LU, Cholesky
and conjugate gradients without a preconditioner, which have the same d, and the root of κ."""

TRAINING = """
All entries have the same number of tuning draws (a star: best at the edge of its range), and ± are
95 % intervals over seeds. Device ms are the modelled time of all solves on the package's default
machine. The numbers of Q-Newton are those of a classical solve of the same system whoever is
chosen; "newton absolute" takes the absolute values of eigenvalues first, and is the classical
Newton method here. Made smaller than published: 8 x 8 digits and one small hidden layer, for the
Hessian is formed by as many products as there are parameters. "Pruned" blocks are pruned before
they are regularised, as in one half of the program: in the other order, that of the other half, a
block can become singular."""

TOTALS = """
Modelled seconds of all solves of a watched run, the mean over its seeds; saved is what a scheduler
with the quantum solver takes less than the classical solvers alone. Condition numbers are those
that the scheduler has: estimates from below, which favour the quantum solver. Cholesky and
conjugate gradients, which are among the "best", hold for positive definite blocks; of those that
are solved as they are, some are not (see below), and there LU alone is the rival."""


TOTAL_HEADINGS = (
    "entry", "machine", "LU alone, s", "saved", "given to quantum", "best alone, s", "saved",
    "given to quantum",
)  # fmt: skip


def words(study: Study, done: Sequence[Done]) -> str:
    """The findings."""
    bench, watched = study.bench, by_entry(study, done)
    runs = {name: bench.runs(entry, done) for name, entry in bench.entries.items()}
    sentences = [
        *_map_answers(study, done),
        *_saving_answers(study, watched),
        *condition_answers(study, watched),
        *_questions(study, runs),
    ]
    parts = [
        f"**Break-even.** {MACHINES.strip()}",
        _maps(study, done),
        f"**Training.** {TRAINING.strip()}",
        training_table(bench, done, study.target),
        f"**Modelled time of the solves.** {TOTALS.strip()}",
        _totals(study, watched),
        "**Condition numbers along the training**, geometric means over the watched seeds.",
        condition_table(watched),
        "\n".join(f"- {sentence}" for sentence in sentences),
    ]
    return "\n\n".join(parts)


def by_entry(study: Study, done: Sequence[Done]) -> dict[str, list[Numbers]]:
    """The watched runs of each entry."""
    runs = [each for each in done if each.case["phase"] == "watch"]
    return {
        name: [each.numbers for each in runs if each.case["entry"] == name]
        for name in study.watched
    }


def _maps(study: Study, done: Sequence[Done]) -> str:
    sizes, sparse = study.sizes, study.sparse
    shown = [size for size in sizes if size in (sizes[0], sizes[len(sizes) // 2], sizes[-1])]
    rows = [("machine", "rival", "wins, dense", f"wins, {sparse} a row",
             *(f"largest κ won, dense, N = {size:g}" for size in shown))]  # fmt: skip
    for each in done:
        if each.case["phase"] != "map":
            continue
        for rival in ("LU", "best"):
            dense, thin = (each.numbers[kind][rival] for kind in ("dense", "sparse"))
            largest = dict(zip(sizes, dense["frontier"], strict=True))
            rows.append(
                (each.case["machine"], rival, f"{100 * dense['share']:.0f} %",
                 f"{100 * thin['share']:.0f} %", *(_largest(largest[s], study.decades)
                                                   for s in shown))
            )  # fmt: skip
    return markdown(rows)


def _largest(kappa: float, decades: int) -> str:
    if not kappa:
        return "none"
    return f"all to {kappa:.0e}" if kappa >= 0.999 * 10**decades else f"{kappa:.2g}"


def _map_answers(study: Study, done: Sequence[Done]) -> Iterator[str]:
    sizes = study.sizes
    for formula in ("jennings", "bare"):
        machine, known = quantum({"formula": formula}), rivals(study.flops)
        lu, best = (gate_time(machine, known[name], 10**4, 10**4, 1e4) for name in known)
        yield (
            f'A dense system with N = κ = 10^4, "{formula}" queries: the quantum solver wins below '
            f"{lu:.2g} s a gate against LU, and below {best:.2g} s against the best classical one."
        )
    held, other = list[str](), list[str]()
    most = 0.999 * 10**study.decades  # what is won up to here has no threshold in the map
    for each in done:
        if each.case["phase"] == "map":
            frontier = each.numbers["dense"]["LU"]["frontier"]
            near = all(THRESHOLD / 10 <= k <= min(most, THRESHOLD * 10) for k in frontier)
            (held if near else other).append(each.case["machine"])
    verdict = f"holds to a factor 10 for {', '.join(held)}" if held else "does not hold"
    yield (
        f"That one threshold, κ > 10^4, divides the dense systems of {sizes[0]:g} to "
        f"{sizes[-1]:g} rows between LU and the quantum solver {verdict}; it moves with the size "
        f"or lies elsewhere for {len(other)} of {len(held) + len(other)} machines."
    )


def systems_of(run: Numbers) -> list[System]:
    """Every system of a run, block by block and step by step."""
    return [(int(N), int(d), kappa) for step in run["systems"] for N, d, kappa in step]


def _saved(
    study: Study, runs: Sequence[Numbers], machine: str, rival: str
) -> tuple[float, float, float, float]:
    """Seconds classical and by the scheduler, the share saved, and the share given to quantum."""
    made, classical = quantum(study.machines[machine]), rivals(study.flops)[rival]
    found = [totals(systems_of(run), classical, made) for run in runs]
    alone, mixed, share = (
        statistics.fmean(each[name] for each in found) for name in ("classical", "hybrid", "share")
    )
    return alone, mixed, 1 - mixed / alone, share


def _totals(study: Study, watched: dict[str, list[Numbers]]) -> str:
    rows: list[tuple[str, ...]] = [TOTAL_HEADINGS]
    for name, runs in watched.items():
        for machine in study.machines:
            cells: list[str] = []
            for rival in ("LU", "best"):
                alone, _, saved, share = _saved(study, runs, machine, rival)
                cells += [f"{alone:.3g}", f"{100 * saved:.1f} %", f"{100 * share:.0f} %"]
            rows.append((name, machine, *cells))
    return markdown(rows)


def _saving_answers(study: Study, watched: dict[str, list[Numbers]]) -> Iterator[str]:
    for name, runs in watched.items():
        for rival in ("LU", "best"):
            saved = {m: _saved(study, runs, m, rival)[2] for m in study.machines}
            reached = [machine for machine, share in saved.items() if share >= SAVED]
            told = f"is reached with {', '.join(reached)}" if reached else "is not reached"
            against = "LU" if rival == "LU" else "the best classical solver"
            yield (
                f"{name}: a saving of 90 % of the modelled solves against {against} {told} "
                f"({len(reached)} of {len(saved)} machines)."
            )
        yield _whole_step(name, runs)


def _whole_step(name: str, runs: Sequence[Numbers]) -> str:
    """What solves are of a step, as it was measured."""
    looks = [look for run in runs for look in run["looks"]]
    forming = sum(look["hessian_seconds"] for look in looks)
    solving, estimating = (
        sum(block[part] for look in looks for block in look["blocks"])
        for part in ("solve_seconds", "estimate_seconds")
    )
    share = solving / (forming + solving)
    verdict = "does not follow" if share < SAVED else "can follow"
    return (
        f"{name}: as measured here, at these sizes, solving is {100 * share:.2g} % of forming the "
        "Hessian and solving, so that solves in no time save no more, and a saving of 90 % of the "
        f"training {verdict}; estimating κ takes {estimating / solving:.2g} times as "
        "long as the solves that it schedules."
    )


def _questions(study: Study, runs: dict[str, list[Numbers]]) -> Iterator[str]:
    """Each watched entry against all first-order ones, by what a seed ended at."""
    others = [name for name in runs if name not in study.watched]
    for number in ("test", "train_loss"):
        for ours in study.watched:
            for theirs in others:
                asked = {"ask": "compare", "number": number, "entries": (ours, theirs)}
                yield answer(asked, runs, study.target)
    if len(study.watched) > 1:
        yield answer(
            {"ask": "compare", "number": "test", "entries": study.watched[::-1]}, runs, 0.0
        )
    yield answer({"ask": "race", "entries": study.watched, "against": others}, runs, study.target)
