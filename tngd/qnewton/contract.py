"""The contract of a cost model: seconds to solve a symmetric N x N system, and what it assumes."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from thermolinalg.backend import NumpyArray


class CostModel(ABC):
    """Seconds for H x = g, with H symmetric (N, N); no system is solved here."""

    name: ClassVar[str]

    @abstractmethod
    def seconds(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        """Modelled seconds; numbers or arrays, broadcast against each other.

        Args:
            N: rows of H.
            d: nonzero entries of the fullest row.
            kappa: condition number |λ|max/|λ|min, infinite for a singular H.
        """

    @abstractmethod
    def explain(self) -> str:
        """Every assumption, and what is left out, in words."""
