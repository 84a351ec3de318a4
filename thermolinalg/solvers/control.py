"""How a run is carried out: chains, workers, and how much time or how many samples it may take."""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.errors import InvalidInput
from thermolinalg.parallel import workers
from thermolinalg.solvers.budget import WINDOWS


@final
@dataclass(frozen=True, slots=True)
class Control:
    """How a run is carried out.

    Args:
        chains: independent runs whose windows are pooled: a power of two, up to 32.
        n_jobs: workers that simulate them, as joblib understands it.
        max_time: most analog time of all chains together, in units of RC.
        max_samples: most states read of all chains together; an analog integrator's time counts
            as two for each relaxation time of the slowest mode.
    """

    chains: int = 1
    n_jobs: int = 1
    max_time: float = math.inf
    max_samples: float = math.inf

    def __post_init__(self) -> None:
        chains = checks.count("chains", self.chains)
        if chains > WINDOWS or WINDOWS % chains:
            raise InvalidInput(f"chains = {chains} must be a power of two, {WINDOWS} at most.")
        workers(self.n_jobs)
        checks.limit("max_time", self.max_time)
        checks.limit("max_samples", self.max_samples)

    def allowed(self, interval: float, least: float) -> float:
        """The analog time that a run may take which takes at least so much, a sample an interval.

        Raises:
            InvalidInput: that is too little.
        """
        if self.max_time < least:
            raise InvalidInput(
                f"max_time = {self.max_time:.3g} RC is too short to measure anything: burn-in, a "
                f"pilot and an equally long run take {least:.3g} RC here. Give at least that, or "
                "a coarser rtol."
            )
        if self.max_samples * interval < least:
            raise InvalidInput(
                f"max_samples = {self.max_samples:.3g} is too few to measure anything: burn-in, a "
                f"pilot and an equally long run take {math.ceil(least / interval)} here. Give at "
                "least that, or a coarser rtol."
            )
        return min(self.max_time, self.max_samples * interval)


def limits(max_time: float | None, max_samples: float | None) -> Control | None:
    """How a run that goes on is limited; None if both are left as they are.

    Raises:
        InvalidInput: a limit is no number.
    """
    if max_time is None and max_samples is None:
        return None
    return Control(
        max_time=math.inf if max_time is None else max_time,
        max_samples=math.inf if max_samples is None else max_samples,
    )
