"""Checkpoints: all that a run needs to go on bit for bit, in one file that is whole or not there.

The file is a line that says what it is, the SHA-256 of the rest, and an .npz archive: a JSON tree
and its arrays. Nothing is looked at before the sum is right, and nothing in it runs.
"""

import hashlib
import io
import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self, final
from zipfile import BadZipFile

import numpy as np

from thermolinalg.backend import Array
from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.files import atomic_write
from tngd.optimizers.contract import State
from tngd.training.encoding import decode, encode
from tngd.training.fingerprint import Fingerprint, differences
from tngd.training.history import History
from tngd.training.loop import Progress

StrPath = str | PathLike[str]

TITLE = b"tngd checkpoint 1\n"
MOST_NAMED = 3


@final
@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """Where a run is.

    Args:
        params: the parameters after the last step (p,).
        good: the last parameters whose loss was seen to be a number, and not to have exploded.
        state: what the optimizer carries to the next step.
        history: of all steps so far.
        seed: of the run's random streams.
        run: what the run is: optimizer, problem, batch, start.
    """

    params: Array
    good: Array
    state: State
    history: History
    seed: int
    run: Fingerprint

    @property
    def done(self) -> int:
        """Steps taken."""
        return len(self.history.steps)

    @property
    def first(self) -> float | None:
        """The loss of the first step."""
        return self.history.steps[0].loss if self.history.steps else None

    def after(self, moment: Progress, history: History) -> Self:
        """The same run, further on."""
        params, good, state = moment.params, moment.good, moment.state
        return replace(self, params=params, good=good, state=state, history=history)

    def save(self, path: StrPath) -> None:
        """Write it to one file, replacing what was there.

        Raises:
            OutputError: the file cannot be written; one that was there is untouched.
            InvalidInput: the optimizer remembers something that is not data.
        """
        arrays: list[np.ndarray] = []
        tree = json.dumps(encode(self, arrays))
        archive = io.BytesIO()
        kept: dict[str, Any] = {str(i): array for i, array in enumerate(arrays)}
        np.savez(archive, tree=np.array(tree), **kept)
        content = archive.getbuffer()
        atomic_write(path, b"".join((TITLE, hashlib.sha256(content).digest(), content)))

    def require(self, path: StrPath, run: Fingerprint, seed: int) -> None:
        """Go on only if this is the run that was asked for.

        Raises:
            InvalidInput: it is not; the message says what differs.
        """
        kept = (*self.run, ("seed", str(self.seed)))
        wanted = (*run, ("seed", str(seed)))
        if not (found := differences(kept, wanted)):
            return
        named = "; ".join(f"{name} was {old}, now {new}" for name, old, new in found[:MOST_NAMED])
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise InvalidInput(
            f"checkpoint = {str(path)!r} is of another run: {named}{more}. Ask for the same run, "
            "name another file, or delete this one to begin anew."
        )


def load_checkpoint(path: StrPath, reference: Array) -> Checkpoint:
    """What `Checkpoint.save` wrote; arrays that were not NumPy's in the library of the reference.

    Raises:
        DataError: the file is not there, damaged, or something else.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content.startswith(TITLE):
        raise DataError(f"{path} is no checkpoint. Name another file: this one is left as it is.")
    rest = memoryview(content)[len(TITLE) :]
    if hashlib.sha256(rest[32:]).digest() != rest[:32]:
        raise DataError(f"{path} is a damaged checkpoint. Delete it to begin the run anew.")
    try:
        with np.load(io.BytesIO(rest[32:]), allow_pickle=False) as archive:
            arrays = [archive[str(i)] for i in range(len(archive.files) - 1)]
            found = decode(json.loads(str(archive["tree"])), arrays, reference)
    except (LookupError, TypeError, ValueError, AttributeError, BadZipFile, EOFError) as error:
        raise DataError(
            f"{path} is a checkpoint that cannot be read ({error}): another version wrote it. "
            "Delete it to begin the run anew."
        ) from error
    if not isinstance(found, Checkpoint):
        raise DataError(f"{path} holds no checkpoint, but a {type(found).__name__}.")
    return found
