"""One seed, many independent random streams, each known by its name.

A run owns one `Streams`; whoever needs randomness asks it for a stream by name. The numbers depend
on the seed and the name only, never on the order or the process in which streams are asked for.
"""

import zlib
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from thermolinalg.errors import InvalidInput

RNG: TypeAlias = int | np.random.Generator | np.random.SeedSequence | None
"""What a caller may pass as `rng=`, after SPEC 7 of the scientific Python ecosystem."""


@final
@dataclass(frozen=True, slots=True)
class Streams:
    """Named random streams below one seed. `Streams(seed)` again gives the same numbers."""

    seed: int

    def stream(self, *name: str | int) -> np.random.Generator:
        """The stream of this name, from its beginning."""
        words = [zlib.crc32(repr(word).encode()) for word in name]
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=words))

    def child(self, *name: str | int) -> "Streams":
        """Streams of their own for a part of the work, such as one contender or one chain."""
        return Streams(int.from_bytes(self.stream("child", *name).bytes(8), "little"))


def open_streams(rng: RNG) -> Streams:
    """Streams for the caller's `rng`; `None` draws fresh entropy, a Generator is advanced.

    Raises:
        InvalidInput: `rng` is of another type, or a negative integer.
    """
    if rng is None:
        return Streams(_words_to_int(np.random.SeedSequence().generate_state(2)))
    if isinstance(rng, np.random.Generator):
        return Streams(int.from_bytes(rng.bytes(8), "little"))
    if isinstance(rng, np.random.SeedSequence):
        return Streams(_words_to_int(rng.generate_state(2)))
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return Streams(int(rng))
    raise InvalidInput(
        f"rng = {rng!r} cannot seed a random stream. Pass a non-negative int, a "
        "numpy.random.Generator, a numpy.random.SeedSequence, or None for fresh entropy."
    )


def _words_to_int(words: np.ndarray) -> int:
    return int.from_bytes(words.astype("<u4").tobytes(), "little")
