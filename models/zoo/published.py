"""DistilBERT with the weights of a Hugging Face checkpoint."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.adaptation import drawn, holding
from models.checkpoints import names_in, read_arrays
from models.dense import Dense
from models.layer import Shape
from models.lora import LoRA
from models.network import Network
from models.zoo.distilbert import DistilBertConfig, Head, distilbert
from thermolinalg.backend import NumpyArray
from thermolinalg.streams import RNG, open_streams

EMBEDDINGS = {
    "words.W": "embeddings.word_embeddings.weight",
    "positions.P": "embeddings.position_embeddings.weight",
    "norm.scale": "embeddings.LayerNorm.weight",
    "norm.shift": "embeddings.LayerNorm.bias",
}

DENSE = {
    "attention.qkv.q": "attention.q_lin",
    "attention.qkv.k": "attention.k_lin",
    "attention.qkv.v": "attention.v_lin",
    "attention.output": "attention.out_lin",
    "feedforward.in": "ffn.lin1",
    "feedforward.out": "ffn.lin2",
}

NORMS = {"attention_norm": "sa_layer_norm", "feedforward_norm": "output_layer_norm"}

PREFIX = "distilbert."
"""In front of all names, but for those of heads, where a checkpoint has a head."""

HEADS = ("vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.",
         "classifier.", "qa_outputs.")  # fmt: skip
"""How the names of heads begin; those that are not asked for are passed by."""


def load_distilbert(
    path: str | Path,
    *,
    head: Head = "span",
    lora: Callable[[Dense], LoRA] | None = None,
    config: DistilBertConfig | None = None,
    dtype: npt.DTypeLike = np.float32,
    rng: RNG = None,
) -> tuple[Network, NumpyArray]:
    """DistilBERT with trained weights, and its parameters.

    What the file does not have is drawn at random: the factors of LoRA, a head of your own, and,
    with a warning, the head for spans where the checkpoint was trained for something else. Heads of
    the checkpoint that are not asked for, such as that of its pre-training, are passed by.

    Args:
        path: the folder of a Hugging Face checkpoint, or its model.safetensors.
        head: as for `distilbert`.
        lora: as for `distilbert`.
        config: sizes; by default those of the config.json beside the weights.
        dtype: of the result.
        rng: draws what is drawn.

    Raises:
        DataError: a file is missing or damaged, or its arrays are not those of a DistilBERT of
            these sizes.
    """
    path = Path(path)
    file = path / "model.safetensors" if path.is_dir() else path
    config = config or DistilBertConfig.read(file.with_name("config.json"))
    network = distilbert(config, head=head, lora=lora)
    there = names_in(file)
    names = _names(config.layers, PREFIX if any(n.startswith(PREFIX) for n in there) else "")
    if head == "span":
        names |= _head_names(file, there)
    known = _read(file, names, _all_shapes(network), dtype)
    new = drawn(network.layer, open_streams(rng).child("init"), known)
    return holding(network.layer, {name: a.astype(dtype) for name, a in new.items()} | known)


def _names(layers: int, prefix: str) -> dict[str, str]:
    """Our names of all arrays, and theirs."""
    names = {own: f"{prefix}{theirs}" for own, theirs in EMBEDDINGS.items()}
    for i in range(layers):
        block = f"{prefix}transformer.layer.{i}"
        for own, theirs in DENSE.items():
            names |= _pair(f"block{i}.{own}", f"{block}.{theirs}", "W", "c")
        for own, theirs in NORMS.items():
            names |= _pair(f"block{i}.{own}", f"{block}.{theirs}", "scale", "shift")
    return names


def _head_names(file: Path, there: list[str]) -> dict[str, str]:
    if any(name.startswith("qa_outputs.") for name in there):
        return _pair("head", "qa_outputs", "W", "c")
    warnings.warn(
        f"{file} has no head for spans, so one is drawn at random. Train it before you trust it.",
        stacklevel=3,
    )
    return {}


def _pair(own: str, theirs: str, weight: str, bias: str) -> dict[str, str]:
    return {f"{own}.{weight}": f"{theirs}.weight", f"{own}.{bias}": f"{theirs}.bias"}


def _all_shapes(network: Network) -> dict[str, Shape]:
    return {**network.layer.shapes(), **network.layer.constants()}


def _read(
    file: Path, names: dict[str, str], shapes: dict[str, Shape], dtype: npt.DTypeLike
) -> dict[str, NumpyArray]:
    """The arrays under our names. Weights of Dense layers are the other way round in the file."""
    turned = {own for own in names if own.endswith(".W") and own != "words.W"}
    wanted = {
        theirs: shapes[own][::-1] if own in turned else shapes[own] for own, theirs in names.items()
    }
    others = tuple(start for start in HEADS if not any(n.startswith(start) for n in wanted))
    arrays = read_arrays(file, wanted, surplus=others, dtype=dtype)
    return {own: arrays[n].T if own in turned else arrays[n] for own, n in names.items()}
