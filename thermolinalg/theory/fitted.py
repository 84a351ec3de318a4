"""A fitted process: its coefficients, their error bars, and how the fit ended."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import final

import numpy as np
from scipy.special import ndtri

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.theory.process import OU
from thermolinalg.theory.propagators import Coefficients


class FitOutcome(Enum):
    """How a fit ended. Not an error: every outcome comes with a Fit."""

    CONVERGED = "the likelihood is at a maximum"
    ITERATIONS_SPENT = "iterations ran out first; the maximum lies elsewhere, give more"
    FLAT = "the data do not determine every parameter: fix some, or give more data"
    UNSTABLE = "the most likely drift has a mode that never settles: it is no stable process"


@final
@dataclass(frozen=True, eq=False)
class Fit:
    """What `fit` returns. Printing gives the full report.

    `covariance` is of the entries in the order of `names`: all of A and b, and the lower triangle
    of D. It is the inverse of the observed information, carried over from the free parameters. Of
    known entries it is zero; where the data do not determine every parameter, all is infinite.
    """

    A: NumpyArray
    b: NumpyArray
    D: NumpyArray
    covariance: NumpyArray
    log_likelihood: float
    parameters: int  # free ones
    steps: int  # first states drawn from a law included
    evaluations: int
    outcome: FitOutcome

    @cached_property
    def process(self) -> OU:
        """The fitted process.

        Raises:
            Unstable: the most likely drift is not stable.
        """
        return OU(self.A, self.b, self.D)

    @property
    def names(self) -> list[str]:
        """The entries of A, b and D that `covariance` is of: "A[0, 0]" and so on."""
        n = len(self.b)
        A = [f"A[{i}, {j}]" for i in range(n) for j in range(n)]
        return [*A, *(f"b[{i}]" for i in range(n)), *(f"D[{i}, {j}]" for i, j in _lower(n))]

    @property
    def stderr(self) -> Coefficients:
        """The standard error of every entry."""
        n, error = len(self.b), np.sqrt(np.diag(self.covariance))
        D = np.zeros((n, n))
        D[np.tril_indices(n)] = error[n * n + n :]
        return Coefficients(
            error[: n * n].reshape(n, n), error[n * n : n * n + n], D + np.tril(D, -1).T
        )

    def interval(self, confidence: float = 0.95) -> tuple[Coefficients, Coefficients]:
        """Lower and upper ends of the interval that covers each entry with this probability."""
        reach = float(ndtri(0.5 + checks.probability("confidence", confidence) / 2))
        pairs = list(zip((self.A, self.b, self.D), self.stderr, strict=True))
        low, high = ([x + sign * reach * error for x, error in pairs] for sign in (-1, 1))
        return Coefficients(*low), Coefficients(*high)

    @property
    def aic(self) -> float:
        """Akaike's criterion: the model with the smallest predicts new data best."""
        return 2 * self.parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """The Bayesian criterion, counting every step as one observation."""
        return self.parameters * float(np.log(self.steps)) - 2 * self.log_likelihood

    def __repr__(self) -> str:
        return (
            f"Fit(n={len(self.b)}, {self.outcome.name}, {self.parameters} parameters, "
            f"log likelihood {self.log_likelihood:.6g})"
        )

    def __str__(self) -> str:
        rows = [
            ("data", f"{self.steps} steps"),
            (
                "model",
                f"{self.parameters} free parameters, found in {self.evaluations} evaluations",
            ),
            (
                "likelihood",
                f"log {self.log_likelihood:.6g}, AIC {self.aic:.6g}, BIC {self.bic:.6g}",
            ),
        ]
        for name, value, error in zip("AbD", (self.A, self.b, self.D), self.stderr, strict=True):
            lines = _with_errors(np.atleast_2d(value), np.atleast_2d(error))
            rows += zip([name, *[""] * len(lines)], lines, strict=False)
        title = f"fit: {self.outcome.name}, {self.outcome.value}"
        return "\n".join([title, *(f"  {label:<11} {text}" for label, text in rows)])


def _lower(n: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n) for j in range(i + 1)]


def _with_errors(values: NumpyArray, errors: NumpyArray) -> list[str]:
    return [
        "   ".join(f"{x:>9.4g} ± {e:<8.2g}" for x, e in zip(row, widths, strict=True)).rstrip()
        for row, widths in zip(values, errors, strict=True)
    ]
