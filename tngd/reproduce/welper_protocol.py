"""How the networks on a line are trained: method, widths, steps and points."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from thermolinalg.errors import InvalidInput
from tngd.reproduce.welper_model import Grid
from tngd.reproduce.welper_targets import Target, find_target
from tngd.reproduce.welper_training import Adam, Descent, Method


@final
@dataclass(frozen=True, slots=True)
class Protocol:
    """How networks are trained.

    Args:
        method: "adam" or "descent".
        rate: learning rate.
        widths: neurons.
        seeds: networks of each width.
        steps: of each target.
        decay: of Adam's rate after each quarter of the steps, for targets that have any.
        points: middles of equal cells to train on; 0 takes two points for each neuron, the ends
            among them, as published.
        paired: do neurons of opposite signs share biases at first, so that f = 0?
    """

    method: str
    rate: float
    widths: tuple[int, ...]
    seeds: int
    steps: Mapping[str, int]
    decay: Mapping[str, float] = field(default_factory=dict)
    points: int = 0
    paired: bool = False

    def __post_init__(self) -> None:
        if self.method not in ("adam", "descent"):
            raise InvalidInput(f'method = {self.method!r} must be "adam" or "descent".')
        for target in self.steps:
            find_target(target)

    def trainer(self, target: str) -> Method:
        """The method, with the steps of this target."""
        if self.method == "descent":
            return Descent(self.rate, self.steps[target])
        return Adam(self.rate, self.steps[target], self.decay.get(target, 1.0))

    def grid(self, target: Target, width: int) -> Grid:
        """The points to train on."""
        return Grid(self.points) if self.points else Grid(2 * width + target.centre, ends=True)
