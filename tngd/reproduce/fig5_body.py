"""The trained body that corrections are put on: a miniature pretrained here, or DistilBERT.

A miniature is pretrained once. Its parameters are kept in a folder of what can be made again,
`$TNGD_CACHE` or ~/.cache/thermolinalg, under a digest of all that they follow from.
"""

import hashlib
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from models.adaptation import add_lora
from models.checkpoints import load_parameters, save_parameters
from models.dense import Dense
from models.losses.softmax import SoftmaxCrossEntropy
from models.network import Network
from models.tokens import WordPiece
from models.zoo.distilbert import ADAPTED, DistilBertConfig, distilbert
from models.zoo.published import load_distilbert
from thermolinalg.analysis.task import digest
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError
from thermolinalg.streams import Streams
from tngd.data.dataset import Split
from tngd.data.masking import IGNORED, masked
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.directions import Gradient
from tngd.optimizers.rules import Rate
from tngd.optimizers.schedule import Cosine
from tngd.optimizers.transforms import Adaptive
from tngd.reproduce.contract import Numbers
from tngd.reproduce.fig5_text import cut_rows, learn_pieces, read_texts
from tngd.training.fit import fit
from tngd.training.problem import Problem

CACHE_VARIABLE = "TNGD_CACHE"


@final
@dataclass(frozen=True, slots=True)
class Body:
    """A network of vectors for tokens, before it has a head.

    Args:
        pieces: splits text into its tokens.
        config: its sizes.
        params: its arrays by name.
    """

    pieces: WordPiece
    config: DistilBertConfig
    params: Mapping[str, NumpyArray]

    @property
    def digest(self) -> str:
        """By which it is known."""
        return digest((self.pieces.vocabulary, dict(self.params)))

    def corrected(
        self, rank: int, alpha: float, dropout: float, streams: Streams
    ) -> tuple[Network, NumpyArray]:
        """With a head for spans and corrections of Q, K, V and output, all that trains drawn."""
        network = distilbert(self.config)
        fresh = network.parameters(network.init(streams.stream("head")))
        params = network.layout.flatten({**fresh, **self.params})
        names = [f"block{i}.{part}" for i in range(self.config.layers) for part in ADAPTED]
        rng = streams.stream("lora")
        how: dict[str, Any] = {"rank": rank, "alpha": alpha, "dropout": dropout}
        return add_lora(network, params, names, train=["head"], rng=rng, **how)


@final
@dataclass(frozen=True, slots=True)
class Pretraining:
    """How a miniature learns to guess hidden words.

    Args:
        data: as `read_texts` takes it.
        vocabulary: most pieces of words.
        length: tokens in a row.
        width: of the vector of a token.
        heads: of each attention.
        layers: number of blocks.
        passes: over the text, each with other words hidden.
        batch: rows in a batch.
        rate: of Adam, which falls to nothing along a cosine.
        seed: of everything.
    """

    data: str
    vocabulary: int
    length: int
    width: int
    heads: int
    layers: int
    passes: int
    batch: int
    rate: float
    seed: int

    def body(self) -> Body:
        """Pretrained now, or read if it was before."""
        texts = read_texts(self.data)
        pieces = learn_pieces(texts, self.vocabulary)
        network = self._guesser(pieces)
        file = self._file(texts)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            save_parameters(file, network, self._trained(pieces, texts, file))
        _, params = load_parameters(file, network)
        return Body(pieces, self._config(pieces), _body_of(network, params))

    def judged(self) -> Numbers:
        """What the body guesses of hidden words in the last twentieth of the text."""
        texts = read_texts(self.data)
        body = self.body()
        train, test = self._split(texts, body.pieces)
        network = self._guesser(body.pieces)
        _, params = load_parameters(self._file(texts), network)
        hidden = self._hidden(test, body.pieces, "judge")
        loss, right = Problem(network, SoftmaxCrossEntropy(ignore=IGNORED), *hidden).evaluate(
            params
        )
        counts = 1.0 + np.bincount(train.ravel(), minlength=len(body.pieces))
        labels = hidden.y[hidden.y != IGNORED]
        guess = -np.mean(np.log(counts / counts.sum())[labels])
        return {
            "parameters": network.size, "pieces": len(body.pieces), "tokens": train.size,
            "steps": self._steps(train), "loss": loss, "right": right,
            "loss_by_frequency": float(guess),
            "right_by_frequency": float(np.mean(labels == counts.argmax())),
        }  # fmt: skip

    def _trained(self, pieces: WordPiece, texts: list[str], file: Path) -> NumpyArray:
        train, _ = self._split(texts, pieces)
        hidden = [self._hidden(train, pieces, k) for k in range(self.passes)]
        rows, labels = (np.concatenate(part) for part in zip(*hidden, strict=True))
        adam = Optimizer(
            "adam",
            Gradient(),
            Rate(self.rate, Cosine(self._steps(train))),
            after=(Adaptive(0.9, 0.999, 1e-8),),
        )
        unfinished = file.with_suffix(".checkpoint")
        result = fit(
            self._guesser(pieces),
            SoftmaxCrossEntropy(ignore=IGNORED),
            (rows, labels),
            optimizer=adam,
            batch=self.batch,
            epochs=1,
            progress=False,
            checkpoint=unfinished,
            every=100,
            rng=Streams(self.seed).child("pretraining").seed,
        )
        unfinished.unlink()
        return np.asarray(result.params)

    def _split(self, texts: list[str], pieces: WordPiece) -> tuple[NumpyArray, NumpyArray]:
        rows = cut_rows(texts, pieces, self.length)
        held = max(1, len(rows) // 20)
        return rows[:-held], rows[-held:]

    def _hidden(self, rows: NumpyArray, pieces: WordPiece, name: str | int) -> Split:
        special = [pieces.numbers[s] for s in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")]
        rng = Streams(self.seed).stream("hidden", name)
        mask = pieces.numbers["[MASK]"]
        return masked(rows, mask=mask, vocabulary=len(pieces), rng=rng, special=special)

    def _steps(self, train: NumpyArray) -> int:
        return -(-len(train) * self.passes // self.batch)

    def _guesser(self, pieces: WordPiece) -> Network:
        return distilbert(self._config(pieces), head=Dense(self.width, len(pieces)))

    def _config(self, pieces: WordPiece) -> DistilBertConfig:
        """Without dropout, as no text is read often."""
        sizes = (len(pieces), self.width, self.heads, self.layers, 4 * self.width, self.length)
        return DistilBertConfig(*sizes, dropout=0.0, attention_dropout=0.0, head_dropout=0.0)

    def _file(self, texts: list[str]) -> Path:
        version = sys.modules["thermolinalg"].__version__
        name = digest((version, repr(self), hashlib.sha256("\n".join(texts).encode()).hexdigest()))
        folder = os.environ.get(CACHE_VARIABLE)
        place = Path(folder) if folder else Path.home() / ".cache" / "thermolinalg"
        return place.expanduser() / f"fig5-{name}.safetensors"


def published_body(variable: str) -> Body:
    """DistilBERT from the folder that an environment variable names.

    Raises:
        DataError: it names none, or the folder holds no checkpoint.
    """
    named = os.environ.get(variable)
    folder = Path(named or "").expanduser()
    needed = ("config.json", "model.safetensors", "vocab.txt")
    missing = [name for name in needed if not named or not (folder / name).is_file()]
    if missing:
        fault = f"{folder} lacks {', '.join(missing)}" if named else "it is not set"
        raise DataError(
            f"the environment variable {variable} must name the folder of a DistilBERT checkpoint "
            f"with {', '.join(needed)}: {fault}. The package does not distribute one."
        )
    with warnings.catch_warnings():  # that it has no head for spans: it gets one, and is trained
        warnings.simplefilter("ignore")
        network, params = load_distilbert(folder, rng=0)
    config = DistilBertConfig.read(folder / "config.json")
    return Body(WordPiece(folder / "vocab.txt"), config, _body_of(network, params))


def _body_of(network: Network, params: NumpyArray) -> dict[str, NumpyArray]:
    arrays = network.parameters(params)
    return {name: a for name, a in arrays.items() if not name.startswith("head.")}
