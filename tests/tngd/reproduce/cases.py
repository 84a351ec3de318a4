"""An experiment small enough to count: each case says how often it was run."""

from dataclasses import dataclass
from pathlib import Path

from tngd.reproduce.contract import Experiment
from tngd.reproduce.published import Published


@dataclass(frozen=True)
class Squares(Experiment):
    """Squares of numbers; once all are known, the square of the sum."""

    folder: str
    numbers: tuple[int, ...] = (1, 2, 3)
    fails: int = 0

    def cases(self, done):
        first = [{"n": n} for n in self.numbers]
        squares = [each.numbers["square"] for each in done if each.case["n"] in self.numbers]
        return first if len(squares) < len(first) else [*first, {"n": sum(squares)}]

    @property
    def context(self):
        return ""

    def measure(self, case):
        if case["n"] == self.fails:
            raise KeyboardInterrupt
        log = Path(self.folder, f"{case['n']}.log")
        log.write_text(log.read_text() + "x" if log.exists() else "x")
        return {"square": case["n"] ** 2}

    def findings(self, done):
        return " ".join(str(each.numbers["square"]) for each in done)

    def figure(self, done):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot([each.numbers["square"] for each in done])
        return figure


def squares(folder, **settings):
    words = ("Squares", "a book", "They grow.")
    return Published("squares", *words, settings, Squares(str(folder), **settings))


def times_run(folder):
    """How often each case was run."""
    return {int(log.stem): len(log.read_text()) for log in Path(folder).glob("*.log")}
