"""The contract of an experiment that is reproduced: cases, measured one by one, and what they say.

An experiment is a frozen record of its settings. It states cases, runs any of them alone, and makes
a picture and sentences of what came out; workers, files and interrupts are the runner's.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, final

Case: TypeAlias = Mapping[str, Any]
"""What one run is: values that JSON knows, a seed among them where there is chance."""

Numbers: TypeAlias = Mapping[str, Any]
"""What came of a run: values that JSON knows."""


@final
@dataclass(frozen=True, slots=True)
class Done:
    """A case that was run, and what came of it."""

    case: Case
    numbers: Numbers


class Experiment(ABC):
    """A published experiment. Its fields are the settings that its file states."""

    timed: ClassVar[bool] = False
    """Are seconds what is measured? Then cases run one at a time, with all cores to themselves."""

    @abstractmethod
    def cases(self, done: Sequence[Done]) -> list[Case]:
        """All cases that are known to be needed, given those that are done.

        It is asked again with the new results until it names no case that is not done: so tuning
        comes first, and the runs that follow from it next.
        """

    @property
    def context(self) -> str:
        """What numbers follow from beside their case; by default all settings."""
        return repr(self)

    @abstractmethod
    def measure(self, case: Case) -> Numbers:
        """Run one case. The same case gives the same numbers, but for seconds."""

    @abstractmethod
    def findings(self, done: Sequence[Done]) -> str:
        """What was found, as Markdown: tables and sentences, made from the numbers alone."""

    @abstractmethod
    def figure(self, done: Sequence[Done]) -> Any:
        """A matplotlib figure of it."""
