"""One device asked once: what defines the task, its result, and the file that keeps the result."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from thermolinalg.analysis.study import Study
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit
from thermolinalg.files import atomic_write
from thermolinalg.threads import one_blas_thread


@final
@dataclass(frozen=True, slots=True)
class Result:
    """What came of a task: numbers by name, or why the device cannot hold the problem."""

    numbers: Mapping[str, float]
    refusal: str | None = None


@final
@dataclass(frozen=True, slots=True)
class Task:
    """A study asked of one device with one seed, the study's own knobs turned so."""

    device: Device
    seed: int
    knobs: tuple[tuple[str, float], ...] = ()

    def key(self, question: str) -> str:
        """A digest of all that the result follows from, one of the `question` among it."""
        return digest((question, self.device, self.seed, self.knobs))

    def run(self, study: Study) -> Result:
        """BLAS on one thread: sums do not depend on how many workers share the cores."""
        try:
            with one_blas_thread():
                numbers = study.measure(self.device, self.seed, **dict(self.knobs))
        except DoesNotFit as error:
            return Result({}, str(error))
        return Result({name: float(number) for name, number in numbers.items()})


def question_of(study: Study) -> str:
    """A digest of what is asked, and of what version of this package."""
    version = sys.modules["thermolinalg"].__version__
    return digest((version, type(study).__qualname__, study.name, study.metric, study.definition))


def digest(content: Any) -> str:
    """Of values, arrays and frozen records; alike in every process."""
    from joblib import hash as hash_of

    return str(hash_of(content, hash_name="sha1"))


def run_kept(task: Task, study: Study, path: Path | None) -> Result:
    """Run a task, and keep its result in a file before it is told to anyone."""
    result = task.run(study)
    if path is not None:
        content = json.dumps(asdict(result), indent=1)
        about = {"study": study.name, "device": repr(task.device), "seed": task.seed,
                 "knobs": dict(task.knobs)}  # fmt: skip
        kept = {"task": about, "result": content, "sum": checksum(content)}
        atomic_write(path, json.dumps(kept, indent=1))
    return result


def find_kept(path: Path) -> Result | None:
    """The result in a file; None if there is none that is whole."""
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
        content = kept["result"]
        if kept["sum"] == checksum(content):
            return Result(**json.loads(content))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return None


def checksum(content: str) -> str:
    """By which a damaged file is known."""
    return hashlib.sha256(content.encode()).hexdigest()
