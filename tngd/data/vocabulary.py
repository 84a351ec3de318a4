"""Tokens as numbers: words, characters or whatever a text was cut into."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self, final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.files import atomic_write


@final
@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Token number i is `tokens[i]`; the first three are padding, the unknown, and the mask.

    A string is read as its characters: `Vocabulary.of("abc")`.
    """

    SPECIAL: ClassVar[tuple[str, ...]] = ("<pad>", "<unk>", "<mask>")
    padding: ClassVar[int] = 0
    unknown: ClassVar[int] = 1
    mask: ClassVar[int] = 2

    tokens: tuple[str, ...]
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tokens[:3] != self.SPECIAL or len(set(self.tokens)) < len(self.tokens):
            raise InvalidInput(
                f"tokens must begin with {', '.join(self.SPECIAL)} and be different from each "
                "other. `Vocabulary.of` makes them from a text."
            )
        object.__setattr__(self, "_numbers", {token: i for i, token in enumerate(self.tokens)})

    @classmethod
    def of(cls, tokens: Iterable[str], *, size: int | None = None, minimum: int = 1) -> Self:
        """The most frequent tokens; of equally frequent ones, those first in order of code points.

        Args:
            tokens: of a text.
            size: largest number of tokens, the three special ones included; None takes all.
            minimum: how often a token must occur.

        Raises:
            InvalidInput: `size` leaves no room for the special tokens, or `minimum` is below 1.
        """
        if (size is not None and size < len(cls.SPECIAL)) or minimum < 1:
            raise InvalidInput(
                f"size = {size} must be at least {len(cls.SPECIAL)}, and minimum = {minimum} at "
                "least 1."
            )
        counts = Counter(tokens)
        kept = sorted(
            (token for token, n in counts.items() if n >= minimum and token not in cls.SPECIAL),
            key=lambda token: (-counts[token], token),
        )
        return cls((*cls.SPECIAL, *kept)[:size])

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """What `save` wrote.

        Raises:
            DataError: the file cannot be read, or holds something else.
        """
        path = Path(path)
        try:
            return cls(tuple(map(str, json.loads(path.read_bytes()))))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, TypeError) as error:
            raise DataError(f"{path} does not hold a vocabulary: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokens as a JSON list, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        atomic_write(path, json.dumps(self.tokens, ensure_ascii=False, indent=0))

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Iterable[str]) -> NumpyArray:
        """Their numbers (n,); those that are not in the vocabulary are unknown."""
        return np.array([self._numbers.get(token, self.unknown) for token in tokens], np.int64)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The tokens of these numbers.

        Raises:
            InvalidInput: there is no such number.
        """
        numbers = [int(number) for number in numbers]
        if numbers and not 0 <= min(numbers) <= max(numbers) < len(self):
            raise InvalidInput(
                f"numbers from {min(numbers)} to {max(numbers)} are not all of a vocabulary of "
                f"{len(self)} tokens."
            )
        return [self.tokens[number] for number in numbers]
