"""What the findings of Q-Newton need to know of the experiment that made the numbers."""

from collections.abc import Mapping
from typing import Any, Protocol

from tngd.reproduce.bench import Bench


class Study(Protocol):
    """Settings, as `QNewtonBreakeven` states them."""

    @property
    def bench(self) -> Bench: ...

    @property
    def watched(self) -> tuple[str, ...]: ...

    @property
    def machines(self) -> Mapping[str, Mapping[str, Any]]: ...

    @property
    def flops(self) -> float: ...

    @property
    def sizes(self) -> tuple[int, ...]: ...

    @property
    def decades(self) -> int: ...

    @property
    def sparse(self) -> int: ...

    @property
    def eps_norms(self) -> tuple[float, ...]: ...

    @property
    def keeps(self) -> tuple[float, ...]: ...

    @property
    def target(self) -> float: ...
