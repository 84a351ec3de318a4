"""Transformers, from their parts."""

from models.activation import GELU, Elementwise
from models.attention import self_attention
from models.branches import Residual
from models.chain import Sequential
from models.checks import positive_integer
from models.dense import Dense
from models.dropout import Dropout
from models.embedding import Embedding
from models.layer import Layer
from models.network import Network
from models.normalization import LayerNorm
from models.padding import MeanPosition, Padded
from models.positional import Positional
from models.tied import TiedEmbedding


def transformer(
    vocabulary: int,
    *,
    length: int = 64,
    width: int = 128,
    heads: int = 4,
    layers: int = 2,
    hidden: int | None = None,
    causal: bool = True,
    tied: bool = True,
    outputs: int | None = None,
    dropout: float = 0.0,
    padding: int | None = None,
) -> Network:
    """A transformer: token numbers (b, T) to the logits of the next token, (b, T, vocabulary).

    Embedding and position, `layers` times `transformer_block`, and one norm before the head.

    Args:
        vocabulary: tokens are 0 to vocabulary - 1.
        length: of the longest sequence.
        width: of the vector at each position, a multiple of `heads`.
        heads: of attention, in each layer.
        layers: number of blocks.
        hidden: width inside the feedforward networks, 4 width by default.
        causal: no position sees those that come later.
        tied: one table of vectors reads tokens and predicts them (`TiedEmbedding`).
        outputs: classify instead: (b, outputs) from the mean over the positions; nothing is tied.
        dropout: part of vectors and attention weights to drop in training.
        padding: the token that fills up short sequences, which nothing attends to.

    Raises:
        InvalidInput: a number is not a positive integer, the heads cannot share the width, or
            `dropout` is not below 1.
    """
    positive_integer("layers", layers)
    parts: dict[str, Layer] = {"position": Positional(length, width)}
    if dropout:
        parts["dropout"] = Dropout(dropout)
    for i in range(layers):
        parts[f"block{i}"] = transformer_block(
            width, heads, hidden or 4 * width, causal=causal, dropout=dropout
        )
    parts["norm"] = LayerNorm(width)
    if outputs is not None:
        parts |= {"mean": MeanPosition(), "head": Dense(width, outputs)}
    elif not tied:
        parts["head"] = Dense(width, vocabulary)
    layer: Layer
    if tied and outputs is None:
        layer = TiedEmbedding(vocabulary, width, Sequential(parts))
    else:
        layer = Sequential({"embedding": Embedding(vocabulary, width), **parts})
    return Network(layer if padding is None else Padded(layer, padding))


def transformer_block(
    width: int,
    heads: int,
    hidden: int,
    *,
    norm_first: bool = True,
    causal: bool = False,
    activation: Elementwise | None = None,
    dropout: float = 0.0,
    attention: Layer | None = None,
    epsilon: float = 1e-5,
) -> Sequential:
    """x + attention(x), then x + feedforward(x), at every position of a sequence (T, width).

    Args:
        width: of the vector at each position, a multiple of `heads`.
        heads: of attention.
        hidden: width inside the feedforward network.
        norm_first: norms lie in the branches, before what they hold (as in GPT-2), and not behind
            the sums (as in BERT).
        causal: no position sees those that come later.
        activation: of the feedforward network; GELU by default.
        dropout: part of the attention weights and of what is added to drop in training.
        attention: a layer in place of `self_attention`.
        epsilon: of the norms.

    Raises:
        InvalidInput: as for the layers it is made of.
    """
    activation = GELU() if activation is None else activation
    attend = attention or self_attention(width, heads, causal=causal, dropout=dropout)
    branches: dict[str, dict[str, Layer]] = {
        "attention": {"attend": attend},
        "feedforward": {
            "hidden": Dense(width, hidden, gain=activation.gain),
            "activation": activation,
            "output": Dense(hidden, width),
        },
    }
    parts: dict[str, Layer] = {}
    for name, branch in branches.items():
        norm = LayerNorm(width, epsilon)
        inside = {"norm": norm, **branch} if norm_first else branch
        if dropout:
            inside = {**inside, "dropout": Dropout(dropout)}
        parts[name] = Residual(Sequential(inside))
        if not norm_first:
            parts[f"{name}_norm"] = norm
    return Sequential(parts)
