"""What watched runs say of condition numbers: their course, their estimates and their bounds."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tngd.qnewton.regularize import condition_limit
from tngd.reproduce.contract import Numbers
from tngd.reproduce.qnewton_study import Study
from tngd.reproduce.qnewton_watch import LARGEST
from tngd.reproduce.tables import markdown

Watched = Mapping[str, Sequence[Numbers]]

FALL = 1000
"""By what factor κ is said to fall."""

SINGULAR = 1 / (2**-52)
"""From here on, a κ says no more than that a matrix is singular in double precision."""

LARGEST_FLOAT = 1e308
"""Stands for an infinite bound."""

HEADINGS = (
    "entry", "block", "rows", "κ of H, first", "last", "κ as regularised, first", "last",
    "largest by a bound", "negative eigenvalues, first", "last",
)  # fmt: skip


def condition_table(watched: Watched) -> str:
    """A row for each block of each entry."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for name, runs in watched.items():
        for k, block in enumerate(runs[0]["blocks"]):
            first, last = ([run["looks"][at]["blocks"][k] for run in runs] for at in (0, -1))
            every = [look["blocks"][k] for run in runs for look in run["looks"]]
            rows.append((
                name, block, str(first[0]["N"]),
                _kappa(mean(first, "raw")), _kappa(mean(last, "raw")),
                _kappa(mean(first, "regularized")), _kappa(mean(last, "regularized")),
                _bound(max(each["general"] for each in every)),
                _percent(first), _percent(last),
            ))  # fmt: skip
    return markdown(rows)


def mean(blocks: Sequence[Numbers], number: str) -> float:
    """The geometric mean of a number that is above 0."""
    return _geometric([block[number] for block in blocks])


def _geometric(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(math.log(value) for value in values))


def _kappa(value: float) -> str:
    return "singular" if value >= SINGULAR else f"{value:.2g}"


def _bound(value: float) -> str:
    return "none" if value >= LARGEST_FLOAT else f"{value:.2g}"


def _percent(blocks: Sequence[Numbers]) -> str:
    return f"{100 * statistics.fmean(block['negative'] for block in blocks):.0f} %"


def condition_answers(study: Study, watched: Watched) -> Iterator[str]:
    """Sentences."""
    for name, runs in watched.items():
        if any(len(run["looks"]) < 2 for run in runs):
            yield f"{name}: a run ended without a number before its second look."
            continue
        yield _course(name, runs)
    every = [block for runs in watched.values() for run in runs
             for look in run["looks"] for block in look["blocks"]]  # fmt: skip
    yield _estimates(every)
    yield _bounds(every)
    yield from _regularisation(study, every)
    yield from _pruning(study, every)


def _course(name: str, runs: Sequence[Numbers]) -> str:
    """Does κ fall to a thousandth?"""
    falls = {}
    for k, block in enumerate(runs[0]["blocks"]):
        values = [
            run["looks"][0]["blocks"][k]["regularized"]
            / run["looks"][-1]["blocks"][k]["regularized"]
            for run in runs
        ]
        falls[block] = _geometric(values)
    most = max(falls, key=lambda block: falls[block])
    verdict = "is seen" if falls[most] >= FALL else "is not seen"
    told = ", ".join(f"{block} {fall:.2g}" for block, fall in falls.items())
    return (
        f"{name}: that κ falls to 1/1000 {verdict}; from first to last, as regularised, it falls "
        f"by the factors {told} (below 1 it rises)."
    )


def _estimates(blocks: Sequence[Numbers]) -> str:
    usable = [block for block in blocks if block["regularized"] < SINGULAR]
    ratios = [block["lanczos"] / block["regularized"] for block in usable]
    return (
        f"Lanczos' estimate from 50 products is {min(ratios):.2g} to {max(ratios):.2g} of κ as "
        f"regularised, {statistics.median(ratios):.2g} in the median of {len(ratios)} systems."
    )


def _bounds(blocks: Sequence[Numbers]) -> str:
    """By the size of blocks."""
    told = []
    for N in sorted({block["N"] for block in blocks}):
        logs = [
            math.log10(block["general"] / block["regularized"])
            for block in blocks
            if block["N"] == N and block["regularized"] < LARGEST
        ]
        if logs:
            told.append(f"{N} rows 10^{statistics.median(logs):.3g}")
    return (
        "The bound from norm and determinant is above κ by these factors in the median (10^300 "
        f"and more is none at all): {', '.join(told)}."
    )


def _regularisation(study: Study, blocks: Sequence[Numbers]) -> Iterator[str]:
    N, largest = _largest(blocks)
    found = _each(largest, "by_eps_norm", lambda value: value)
    told = ", ".join(
        f"{eps:g}: {kappa:.2g} (bound {condition_limit(N, eps):.2g})"
        for eps, kappa in zip(study.eps_norms, found, strict=True)
    )
    yield (
        f"Regularisation alone sets κ of the largest block, {N} rows; by eps_norm, with the bound "
        f"1 + N/eps_norm that positive semidefinite blocks have: {told}."
    )


def _pruning(study: Study, blocks: Sequence[Numbers]) -> Iterator[str]:
    N, largest = _largest(blocks)
    rows = _each(largest, "by_keep", lambda value: value[0])
    kappas = _each(largest, "by_keep", lambda value: value[1])
    before = mean(largest, "regularized")
    told = ", ".join(
        f"{keep:g}: fullest row {d:.0f}, κ {_kappa(kappa)}"
        for keep, d, kappa in zip(study.keeps, rows, kappas, strict=True)
    )
    raised = sum(kappa > before for kappa in kappas)
    yield (
        f"Pruning of the largest block, {N} rows, κ {before:.2g} before; by the fraction kept: "
        f"{told}. It raises κ for {raised} of {len(kappas)} fractions."
    )


def _largest(blocks: Sequence[Numbers]) -> tuple[int, list[Numbers]]:
    N = max(block["N"] for block in blocks)
    return N, [block for block in blocks if block["N"] == N]


def _each(blocks: Sequence[Numbers], number: str, part: Callable[[Any], float]) -> list[float]:
    """Geometric means over blocks, for each setting that was tried."""
    columns = zip(*(block[number] for block in blocks), strict=True)
    return [_geometric([part(value) for value in column]) for column in columns]
