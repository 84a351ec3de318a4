"""Questions that mitigation is tried on, and what every answer of it must hold."""

import numpy as np

from tests.thermolinalg.solvers.problems import wishart
from thermolinalg.analysis.problem import Problem
from thermolinalg.device.ledger import Ledger


def linear(n, seed, **options):
    """A x = b of a well conditioned matrix; cold, it is hardly noisy."""
    b = np.random.default_rng(seed).standard_normal(n)
    return Problem("solve", (wishart(n, seed) + 0.2 * np.eye(n), b), **options)


def cold(n, seed):
    """One whose sampling error is far below the errors of few bits."""
    return linear(n, seed, temperature=1e-8, rtol=1e-5)


def inverse(n, seed, **options):
    return Problem("inv", (wishart(n, seed) + 0.2 * np.eye(n),), **options)


def off(answer, truth):
    """The relative error."""
    return np.linalg.norm(np.asarray(answer) - truth) / np.linalg.norm(truth)


def orders(errors):
    """Of errors (problems, strengths), each strength half the one before: the mean order."""
    return float(np.mean(-np.diff(np.log2(errors), axis=1)))


def assert_adds_up(mitigated, apart=0.0):
    """The bill is that of all runs: modelled seconds, and each activity once."""
    whole = sum((member.ledger for member in mitigated.members), start=Ledger())
    seconds = whole.seconds("modelled")
    assert np.isclose(mitigated.ledger.seconds("modelled"), seconds + apart, rtol=1e-12)
    names = [(line.activity, line.source) for line in mitigated.ledger.lines]
    assert len(set(names)) == len(names)
