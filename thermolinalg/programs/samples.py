"""Draws from the law of a model, and what they say, with error bars."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, NamedTuple, final

import numpy as np
from scipy.special import ndtri

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.device.ledger import Ledger
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.chains import SHORTEST, Chains
from thermolinalg.measurement.diagnosis import Diagnosis, RecordOutcome
from thermolinalg.measurement.effective import measured_size

ROWS = 20
"""Coordinates that are printed."""


class WithError(NamedTuple):
    """A value and its standard error, of the same shape (...)."""

    value: Any
    stderr: Any

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{self.value} ± {self.stderr}"


@final
@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Samples:
    """Draws (chains, m, n). `np.asarray` gives them one below the other; a name, one coordinate's.

    Error bars count what draws repeat of each other. `diagnosis` is that of the whole run, of which
    the draws are states that are evenly apart; None if the draws are independent. `ledger` is what
    they cost, if a device made them.
    """

    draws: NumpyArray
    names: tuple[str, ...]
    diagnosis: Diagnosis | None = None
    acceptance: float | None = None
    seed: int | None = None
    outcome: RecordOutcome = RecordOutcome.RELIABLE
    ledger: Ledger | None = None

    def of_names(self, names: Sequence[str]) -> "Samples":
        """The draws of these coordinates alone."""
        rows = [self._places(name)[0] for name in names]
        kept = None if self.diagnosis is None else self.diagnosis.of(rows)
        return replace(self, draws=self.draws[..., rows], names=tuple(names), diagnosis=kept)

    @property
    def values(self) -> NumpyArray:
        """All draws (chains m, n)."""
        return self.draws.reshape(-1, self.draws.shape[-1])

    @property
    def mean(self) -> NumpyArray:
        """The mean (n,) of the draws."""
        return self.values.mean(axis=0)

    @property
    def std(self) -> NumpyArray:
        """The standard deviation (n,) of the draws."""
        return _width(self.values)

    @property
    def ess(self) -> NumpyArray:
        """How many independent draws (n,) they are worth, for the mean of each coordinate."""
        return self._worth(self.draws)

    @property
    def stderr(self) -> NumpyArray:
        """Standard error (n,) of the mean."""
        return self._error(self.draws)

    def interval(self, confidence: float = 0.95) -> tuple[NumpyArray, NumpyArray]:
        """Lower and upper ends (n,) of what covers each mean with this probability."""
        reach = float(ndtri(0.5 + checks.probability("confidence", confidence) / 2)) * self.stderr
        return self.mean - reach, self.mean + reach

    def expectation(self, f: Callable[[NumpyArray], NumpyArray], /) -> WithError:
        """The mean of f over the law, and its error.

        Args:
            f: of points (draws, n), all at once: (draws,) or (draws, k); of truth values, the mean
                is a probability.

        Raises:
            ShapeMismatch: f gives something else.
        """
        if not callable(f):
            raise InvalidInput(
                f"f = {f!r} cannot be called. Pass a function of points (draws, n), as sp.lambdify "
                "makes: lambda x: x[:, 0] ** 2."
            )
        found = f(self.values)
        found = found * 1.0 if np.asarray(found).dtype.kind == "b" else found
        found = np.asarray(checks.real_array("f", found), float)
        if found.ndim not in {1, 2} or len(found) != len(self.values):
            raise ShapeMismatch(
                f"f of points {self.values.shape} has shape {found.shape}; one number, or one row, "
                "for each point is needed."
            )
        record = found.reshape(*self.draws.shape[:2], -1)
        shape = found.shape[1:]
        return WithError(found.mean(axis=0), self._error(record).reshape(shape))

    def quantile(self, q: float, /) -> WithError:
        """The q-quantile (n,) of each coordinate, and its error.

        Half the width between the quantiles that are one standard error of q apart from it, that of
        how many draws lie below (Vehtari et al. 2021, section 4.4).
        """
        q = checks.probability("q", q)
        found = np.quantile(self.values, q, axis=0)
        size = self._worth((self.draws <= found).astype(float))
        spread = np.sqrt(q * (1 - q) / np.maximum(size, 1.0))
        ends = [np.clip(q + side * spread, 0.0, 1.0) for side in (1, -1)]
        upper, lower = (
            np.array([np.quantile(x, p) for x, p in zip(self.values.T, end, strict=True)])
            for end in ends
        )
        return WithError(found, (upper - lower) / 2)

    def __getitem__(self, name: object) -> NumpyArray:
        """The draws (chains m,) of the coordinate of this name; of a plate (chains m, k)."""
        places = self._places(name)
        return self.values[:, places[0] if str(name) in self.names else places]

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NumpyArray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        chains, m, n = self.draws.shape
        return f"Samples({chains * m} draws of {chains} chains, n={n}, {self.outcome.name})"

    def __str__(self) -> str:
        columns = {
            "mean": self.mean, "stderr": self.stderr, "std": self.std, "ess": self.ess,
            "5%": self.quantile(0.05).value, "95%": self.quantile(0.95).value,
        }  # fmt: skip
        if self.diagnosis is not None:
            columns["rhat"] = self.diagnosis.rhat
        shown = self.names[:ROWS]
        wide = max(map(len, shown), default=0) + 2
        head = " " * wide + "".join(f"{name:>11}" for name in columns)
        rows = [
            f"{name:>{wide}}" + "".join(f"{column[i]:>11.4g}" for column in columns.values())
            for i, name in enumerate(shown)
        ]
        left = len(self.names) - len(shown)
        more = [f"  and {left} more"] if left else []
        seconds = None if self.ledger is None else self.ledger.seconds("modelled")
        cost = [] if seconds is None else [f"on the device: {seconds:.3g} s, modelled"]
        return "\n".join([self._title, head, *rows, *more, *cost])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _places(self, name: object) -> list[int]:
        """Where the coordinate of this name stands, or those of the plate."""
        if str(name) in self.names:
            return [self.names.index(str(name))]
        of_plate = re.compile(re.escape(str(name)) + r"(_\d+)+")
        found = [i for i, own in enumerate(self.names) if of_plate.fullmatch(own)]
        if not found:
            known = ", ".join(self.names[:ROWS]) + (", ..." if len(self.names) > ROWS else "")
            raise InvalidInput(f"{name} is no coordinate of these samples. They hold {known}.")
        return found

    @property
    def _title(self) -> str:
        chains, m, _ = self.draws.shape
        if self.diagnosis is None:
            return f"{chains * m} independent draws"
        taken = "" if self.acceptance is None else f", {self.acceptance:.0%} of steps accepted"
        return (
            f"{chains * m} draws of {chains} chains{taken}: "
            f"{self.outcome.name}, {self.outcome.value}"
        )

    def _worth(self, record: NumpyArray) -> NumpyArray:
        """The effective size (k,) of a record (chains, m, k) made of the draws.

        Chains are read as one, end to end: where few of them meet an event, some never do, and
        each of its own would count as stuck.
        """
        row = record.reshape(1, -1, record.shape[-1])
        if self.diagnosis is None or row.shape[1] < SHORTEST:
            return np.full(row.shape[2], float(row.shape[1]))
        return measured_size(Chains(row, row)).effective

    def _error(self, record: NumpyArray) -> NumpyArray:
        flat = record.reshape(-1, record.shape[-1])
        worth = self._worth(record)
        stuck = worth <= 0
        error = _width(flat) / np.sqrt(np.where(stuck, 1.0, worth))
        return np.where(stuck, math.nan, error)


def _width(x: NumpyArray) -> NumpyArray:
    """The standard deviation (k,) of draws (m, k), unknown if there is but one."""
    return x.std(axis=0, ddof=1) if len(x) > 1 else np.full(x.shape[1], math.nan)
