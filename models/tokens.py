"""WordPiece: text as numbers of pieces of words, for networks such as BERT (Wu et al. 2016).

    [CLS] who wrote it ? [SEP] it was written by ad ##a . [SEP] [PAD] [PAD]

is a pair of texts, as a network reads it. Every piece knows which characters it stands for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias, final

import numpy as np

from models.checks import positive_integer
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.files import atomic_write

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

Pieces: TypeAlias = tuple[list[int], list[tuple[int, int]]]
"""Token numbers, and the characters (start, stop) of each."""


@final
@dataclass(frozen=True, eq=False)
class Encoded:
    """One text, or a pair, as T tokens: a row of a batch.

    Args:
        ids: (T,) token numbers.
        which: (T,) 0 for a token of the first text, 1 for one of the second, and -1 for special
            tokens and padding.
        offsets: (T, 2) the characters [start, stop) of its text that a token stands for; (0, 0)
            for special tokens and padding.
        mask: (T,) False where a token is padding.
    """

    ids: NumpyArray
    which: NumpyArray
    offsets: NumpyArray
    mask: NumpyArray

    def offsets_in(self, which: int, /) -> NumpyArray:
        """The offsets of tokens of one text, and (0, 0) for all others."""
        return np.where((self.which == which)[:, None], self.offsets, 0)


@final
@dataclass(frozen=True)
class WordPiece:
    """Splits words into the longest pieces of a vocabulary, those inside a word marked by ##.

    Args:
        vocabulary: the pieces in the order of their numbers, or the path of a vocab.txt that has
            one on each line. [PAD], [UNK], [CLS] and [SEP] are among them.
        lowercase: are capitals and accents taken off before, as for "uncased" networks?

    Raises:
        DataError: the file is missing or no vocabulary, or tokenizers is not installed.
    """

    vocabulary: Any  # Sequence[str] | str | Path, and then tuple[str, ...]
    lowercase: bool = True
    numbers: dict[str, int] = field(init=False, repr=False, compare=False)
    engine: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces, source = self.vocabulary, "vocabulary"
        if isinstance(pieces, str | Path):
            pieces, source = _lines(pieces), str(pieces)
        pieces = tuple(pieces)
        numbers = {piece: i for i, piece in enumerate(pieces)}
        if missing := [piece for piece in SPECIAL[:4] if piece not in numbers]:
            raise DataError(
                f"{source} is no WordPiece vocabulary: it lacks {', '.join(missing)}. Each line "
                "of a vocab.txt is one piece."
            )
        if len(numbers) < len(pieces):
            raise DataError(f"{source} has the same piece on two lines, so numbers are ambiguous.")
        object.__setattr__(self, "vocabulary", pieces)
        object.__setattr__(self, "numbers", numbers)
        object.__setattr__(self, "engine", _engine(numbers, self.lowercase))

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __repr__(self) -> str:
        return f"WordPiece({len(self)} pieces, lowercase={self.lowercase})"

    @classmethod
    def learn(cls, texts: Iterable[str], size: int, *, lowercase: bool = True) -> Self:
        """A vocabulary of at most `size` pieces, those that shorten these texts most.

        Raises:
            DataError: tokenizers is not installed.
            InvalidInput: `texts` is one string.
        """
        positive_integer("size", size)
        if isinstance(texts, str):
            raise InvalidInput("texts is one string; pass a list of them: [text].")
        texts = list(texts)
        engine = _engine({piece: i for i, piece in enumerate(SPECIAL)}, lowercase)
        trainer = _tokenizers().trainers.WordPieceTrainer(
            vocab_size=size,
            special_tokens=[*SPECIAL, *_inner_letters(engine, texts)],
            show_progress=False,
        )
        engine.train_from_iterator(texts, trainer)
        numbers = engine.get_vocab()
        return cls(sorted(numbers, key=numbers.__getitem__), lowercase)

    def save(self, path: str | Path) -> None:
        """Write a vocab.txt, whole or not at all."""
        atomic_write(path, "".join(f"{piece}\n" for piece in self.vocabulary))

    def encode(self, text: str, second: str | None = None, *, length: int | None = None) -> Encoded:
        """A text, or a pair such as a question and its context.

        Args:
            text: the first text.
            second: the second.
            length: number of tokens, filled up by padding; by default as many as there are.

        Raises:
            InvalidInput: there are more than `length`. Nothing is cut silently.
        """
        parts = self._parts(text, second)
        tokens = sum(len(ids) + 1 for ids, _ in parts) + 1
        if length is not None and tokens > length:
            raise InvalidInput(
                f"the text has {tokens} tokens, more than length = {length}. Raise it as far as "
                "the network goes, or read the second text in overlapping parts: windows(...)."
            )
        return self._row(parts, tokens if length is None else length)

    def windows(self, text: str, second: str, *, length: int, overlap: int) -> list[Encoded]:
        """The first text with each part of the second, so that all of the second is read.

        Args:
            text: the first text, whole in every window.
            second: the text that may be too long.
            length: number of tokens of a window.
            overlap: number of tokens of the second text that a window shares with the next. A
                span of at most overlap + 1 tokens is whole in one of them.

        Raises:
            InvalidInput: `length` leaves no room for more of the second text than `overlap`.
        """
        first, (ids, offsets) = self._parts(text, second)
        room = length - len(first[0]) - 3
        if not 0 <= overlap < room:
            raise InvalidInput(
                f"length = {length} leaves room for {room} tokens of the second text beside the "
                f"first, which must be more than overlap = {overlap}, and that not negative."
            )
        starts = range(0, max(1, len(ids) - overlap), room - overlap)
        parts = [(ids[i : i + room], offsets[i : i + room]) for i in starts]
        return [self._row([first, part], length) for part in parts]

    def decode(self, ids: Iterable[int]) -> str:
        """The pieces put together, without special tokens: the text but for case and spaces.

        Raises:
            DataError: a number is not that of a piece.
        """
        ids = [int(i) for i in ids]
        if wrong := [i for i in ids if not 0 <= i < len(self)]:
            raise DataError(f"{wrong[0]} is no token: those are 0 to {len(self) - 1}.")
        pieces = [self.vocabulary[i] for i in ids if self.vocabulary[i] not in SPECIAL]
        return " ".join(pieces).replace(" ##", "")

    def _parts(self, text: str, second: str | None) -> list[Pieces]:
        texts = [text] if second is None else [text, second]
        found = [self.engine.encode(part, add_special_tokens=False) for part in texts]
        return [(part.ids, part.offsets) for part in found]

    def _row(self, parts: Sequence[Pieces], length: int) -> Encoded:
        """[CLS], the parts, each with [SEP] behind, and padding."""
        rows = list(_framed(parts, self.numbers["[CLS]"], self.numbers["[SEP]"]))
        padding = [(self.numbers["[PAD]"], -1, (0, 0))] * (length - len(rows))
        ids, which, offsets = zip(*rows, *padding, strict=True)
        return Encoded(
            np.asarray(ids), np.asarray(which), np.asarray(offsets), np.arange(length) < len(rows)
        )


def stacked(rows: Sequence[Encoded]) -> tuple[NumpyArray, NumpyArray]:
    """Token numbers and mask, both (b, T), of rows of one length: x and mask for a network.

    Raises:
        InvalidInput: there is no row, or they differ in length.
    """
    lengths = {len(row.ids) for row in rows}
    if len(lengths) != 1:
        raise InvalidInput(
            f"rows have the lengths {sorted(lengths)}, and a batch has one. Encode all with the "
            "same length=."
        )
    return np.stack([row.ids for row in rows]), np.stack([row.mask for row in rows])


def _framed(
    parts: Sequence[Pieces], first: int, behind: int
) -> Iterator[tuple[int, int, tuple[int, int]]]:
    yield first, -1, (0, 0)
    for which, (ids, offsets) in enumerate(parts):
        for i, characters in zip(ids, offsets, strict=True):
            yield i, which, characters
        yield behind, -1, (0, 0)


def _engine(numbers: dict[str, int], lowercase: bool) -> Any:
    """The splitting of BERT: by spaces and punctuation, then the longest pieces from the left."""
    library = _tokenizers()
    engine = library.Tokenizer(library.models.WordPiece(numbers, unk_token="[UNK]"))
    engine.normalizer = library.normalizers.BertNormalizer(lowercase=lowercase)
    engine.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    return engine


def _inner_letters(engine: Any, texts: Iterable[str]) -> list[str]:
    """Letters inside words. Left to the trainer they get numbers, and win ties, at random."""
    found = set()
    for text in texts:
        for word, _ in engine.pre_tokenizer.pre_tokenize_str(engine.normalizer.normalize_str(text)):
            found |= set(word[1:])
    return [f"##{letter}" for letter in sorted(found)]


def _lines(path: str | Path) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read as a vocabulary: {error}. Name the vocab.txt of a "
            "network, or learn one: WordPiece.learn(texts, size)."
        ) from error
    return text.removesuffix("\n").split("\n")  # splitlines would split at rare spaces as well


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise DataError(
            "WordPiece needs the package tokenizers: pip install 'thermolinalg[text]'."
        ) from error
    return tokenizers
