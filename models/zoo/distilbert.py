"""DistilBERT: a small network that was trained to read English (Sanh et al. 2019)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, final

from models.adaptation import adapted
from models.attention import self_attention
from models.branches import Residual
from models.chain import Sequential
from models.checks import instance, positive_integer
from models.dense import Dense
from models.dropout import Dropout
from models.embedding import Embedding
from models.gelu import GELU
from models.layer import Layer
from models.lora import LoRA
from models.network import Network
from models.normalization import LayerNorm
from models.padding import Padded
from models.positional import Positional
from thermolinalg.errors import DataError, InvalidInput

EPSILON = 1e-12
"""Of all LayerNorms."""

ADAPTED = ("attention.qkv.q", "attention.qkv.k", "attention.qkv.v", "attention.output")
"""The layers of each block that LoRA corrects."""

Head = Layer | Literal["span"] | None

KEYS = {
    "vocabulary": "vocab_size",
    "width": "dim",
    "heads": "n_heads",
    "layers": "n_layers",
    "hidden": "hidden_dim",
    "positions": "max_position_embeddings",
    "dropout": "dropout",
    "attention_dropout": "attention_dropout",
    "head_dropout": "qa_dropout",
    "padding": "pad_token_id",
}
"""What the config.json of a Hugging Face checkpoint calls them."""


@final
@dataclass(frozen=True)
class DistilBertConfig:
    """The sizes of a DistilBERT; by default those of the published ones.

    Args:
        vocabulary: number of tokens.
        width: of the vector of a token.
        heads: of each attention.
        layers: number of blocks.
        hidden: width inside the feed-forward part of a block.
        positions: length of the longest sequence.
        dropout: part of what a feed-forward part, and the embeddings, give that is dropped.
        attention_dropout: part of the attention weights.
        head_dropout: part of what the head for spans sees.
        padding: the token that fills up short sequences.
    """

    vocabulary: int = 30522
    width: int = 768
    heads: int = 12
    layers: int = 6
    hidden: int = 3072
    positions: int = 512
    dropout: float = 0.1
    attention_dropout: float = 0.1
    head_dropout: float = 0.1
    padding: int = 0

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """That of the config.json of a Hugging Face checkpoint.

        Raises:
            DataError: the file is missing or damaged, or describes another kind of network.
        """
        try:
            entries = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} cannot be read as the description of a network: {error}. Put the "
                "config.json of the checkpoint there, or pass config=DistilBertConfig()."
            ) from error
        _require_distilbert(path, entries)
        return cls(**{own: entries[key] for own, key in KEYS.items() if key in entries})


def distilbert(
    config: DistilBertConfig | None = None,
    *,
    head: Head = "span",
    lora: Callable[[Dense], LoRA] | None = None,
) -> Network:
    """DistilBERT for token numbers (b, T), with random weights; `load_distilbert` has trained ones.

    Positions whose token is `config.padding` are not read. Blocks are called "block0" and so on,
    their parts "attention" ("qkv.q", "qkv.k", "qkv.v", "output") and "feedforward" ("in", "out").

    Args:
        config: its sizes.
        head: "span" gives logits (b, T, 2) that each position is the first, and the last, of an
            answer; a layer of your own takes (T, width), such as Dense(768, 9) to name tokens;
            None gives the vectors (b, T, width) themselves.
        lora: `LoRA`, or a function that gives one for a Dense layer, such as
            `lambda dense: LoRA(dense, 8)`. The queries, keys, values and outputs of all blocks get
            one, and all else is held fixed but for the head.

    Raises:
        InvalidInput: the sizes do not fit each other, or `head` is none of these.
    """
    config = DistilBertConfig() if config is None else config
    instance("config", config, DistilBertConfig, "Name its sizes: DistilBertConfig(layers=2).")
    positive_integer("layers", config.layers)
    if lora is not None and not callable(lora):
        raise InvalidInput(
            f"lora = {lora!r} is one layer, but every Dense gets its own. Pass LoRA itself, or a "
            "function: lambda dense: LoRA(dense, 8)."
        )
    d = config.width
    chain: dict[str, Layer] = {
        "words": Embedding(config.vocabulary, d),
        "positions": Positional(config.positions, d),
        "norm": LayerNorm(d, EPSILON),
        "dropout": Dropout(config.dropout),
    }
    chain |= {f"block{i}": _block(config) for i in range(config.layers)}
    layer = Padded(Sequential(chain | _head(config, head)), config.padding)
    if lora is None:
        return Network(layer)
    names = [f"block{i}.{part}" for i in range(config.layers) for part in ADAPTED]
    return Network(adapted(layer, names, lora, [] if head is None else ["head"]))


def _block(config: DistilBertConfig) -> Sequential:
    d, hidden = config.width, config.hidden
    attention = self_attention(
        d,
        config.heads,
        query=Dense(d, d),
        key=Dense(d, d),
        value=Dense(d, d),
        dropout=config.attention_dropout,
    )
    feedforward = {
        "in": Dense(d, hidden),
        "gelu": GELU(),
        "out": Dense(hidden, d),
        "dropout": Dropout(config.dropout),
    }
    return Sequential(
        {
            "attention": Residual(attention),
            "attention_norm": LayerNorm(d, EPSILON),
            "feedforward": Residual(Sequential(feedforward)),
            "feedforward_norm": LayerNorm(d, EPSILON),
        }
    )


def _head(config: DistilBertConfig, head: Head) -> dict[str, Layer]:
    if head is None:
        return {}
    if isinstance(head, Layer):
        return {"head": head}
    if head != "span":
        raise InvalidInput(f'head = {head!r} must be "span", a layer of your own, or None.')
    dense = Dense(config.width, 2)
    return {"head_dropout": Dropout(config.head_dropout), "head": dense}


def _require_distilbert(path: str | Path, entries: Any) -> None:
    if not isinstance(entries, dict) or entries.get("model_type", "distilbert") != "distilbert":
        raise DataError(f"{path} does not describe a DistilBERT. Name the folder of one.")
    if (activation := entries.get("activation", "gelu")) != "gelu":
        raise DataError(f"{path} asks for the activation {activation!r}, and DistilBERT has gelu.")
    for key in KEYS.values():
        value = entries.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise DataError(f"{key} = {value!r} in {path} is not a number.")
