"""The contract of a readout: one number array per window of a run, ready to be averaged.

A run is cut into windows that are long against the relaxation of the process. Window values are
then nearly independent, whatever the correlation of the samples inside, so that their spread is an
honest measure of the error of their mean.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from thermolinalg.backend import Array


class Readout(ABC):
    """What an instrument reports for each window of a run."""

    @abstractmethod
    def correlation_rate(self, process: Any) -> float:
        """A lower bound on the rate at which what is read forgets its past."""

    def interval(self, process: Any) -> float:
        """Time between samples.

        An integrator takes none; it counts as two for each relaxation time of the slowest mode.
        """
        return 0.5 / float(process.slowest)

    @abstractmethod
    def windows(
        self, process: Any, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Run on from states x (chains, n): values (count, ...) of windows, and last states."""

    @abstractmethod
    def numbers(self, process: Any, window: float) -> int:
        """How many numbers one window sends to the digital side."""

    def time(self, window: float, count: int) -> float:
        """Analog time that a chain takes for `count` windows."""
        return count * window
