"""The table of layers that every test of the contract runs over, and what it needs of each."""

import math
from dataclasses import dataclass, field

import numpy as np

import models
from models import GELU, Dense, Frozen, Layer, Parallel, ReLU, Residual, Sequential, Tanh
from models.composite import nested
from models.layer import Place
from models.setting import EVALUATION, Setting
from thermolinalg.streams import Streams

BATCH, COTANGENTS = 3, 2

MASK = np.array([[True, True, True], [False, True, False], [False, False, False]])
"""Positions that are real: all, some, none."""


@dataclass(frozen=True)
class Case:
    """A layer, and the shape of one of its samples.

    `integers` is the number of tokens of a layer that reads them; `library_lacks` names what an
    array library needs beyond the standard; `setting` is how the layer is passed through.
    """

    name: str
    layer: Layer
    sample: tuple[int, ...]
    integers: int = 0
    library_lacks: str = ""
    setting: Setting = field(default=EVALUATION)

    @property
    def coupled(self):
        return self.layer.couples(self.setting)

    @property
    def terms(self):
        """Roundings that may add up in one entry: each number takes part once or twice, and GELU,
        the longest formula, rounds some twenty times."""
        y = self.layer.output_shape(self.sample)
        shapes = {**self.layer.shapes(), **self.layer.constants()}
        numbers = sum(math.prod(shape) for shape in shapes.values())
        return 40 * (numbers + BATCH * (math.prod(self.sample) + math.prod(y)))

    def forward(self, p, x):
        return self.layer.forward(nested(p), x, self.setting)


def _chain(*layers):
    return Sequential(layers)


_TRAINING = Setting(True, Streams(0))

CASES = [
    Case("dense", Dense(4, 3), (4,)),
    Case("dense-scalar", Dense(1, 1), (1,)),
    Case("dense-without-bias", Dense(4, 3, bias=False), (4,)),
    Case("dense-sequence", Dense(4, 3), (5, 4)),
    Case("dense-narrow-long-sequence", Dense(2, 1), (11, 2)),
    Case("dense-grid", Dense(2, 3), (2, 3, 2)),
    Case("relu", ReLU(), (4,)),
    Case("tanh", Tanh(), (4,)),
    Case("gelu", GELU(), (4,), library_lacks="erf"),
    Case("gelu-tanh-form", GELU(approximate=True), (4,)),
    Case("chain", _chain(Dense(4, 5), Tanh(), Dense(5, 3)), (4,)),
    Case(
        "chain-from-activation",
        _chain(GELU(), Tanh(), Dense(4, 3), ReLU(), Dense(3, 2)),
        (4,),
        library_lacks="erf",
    ),
    Case("chain-without-parameters", _chain(Tanh(), GELU()), (4,), library_lacks="erf"),
    Case("chain-in-chain", _chain(Dense(4, 3), _chain(Tanh(), Dense(3, 3)), Tanh()), (4,)),
    Case("chain-with-names", Sequential({"in": Dense(4, 3), "out": Dense(3, 2)}), (4,)),
    Case("residual", Residual(_chain(Dense(4, 3), Tanh(), Dense(3, 4))), (4,)),
    Case("sum", Parallel([Dense(4, 3), _chain(Tanh(), Dense(4, 3))]), (4,)),
    Case("concat", Parallel({"a": Dense(4, 3), "b": Tanh(), "c": Dense(4, 1)}, "concat"), (4,)),
    Case("frozen", Frozen(_chain(Dense(4, 3), Tanh())), (4,)),
    Case("frozen-in-chain", _chain(Dense(4, 3), Frozen(Dense(3, 3)), Tanh(), Dense(3, 2)), (4,)),
    Case("frozen-first", _chain(Frozen(Dense(4, 3)), Tanh(), Dense(3, 2), Frozen(Tanh())), (4,)),
    Case("frozen-branch", Parallel([Frozen(Dense(4, 3)), Dense(4, 3)], "concat"), (4,)),
    # Activations
    Case("leaky-relu", models.LeakyReLU(0.1), (5,)),
    Case("silu", models.SiLU(), (5,)),
    Case("sigmoid", models.Sigmoid(), (5,)),
    Case("softplus", models.Softplus(), (5,)),
    Case("softmax", models.Softmax(), (5,)),
    Case("softmax-sequence", models.Softmax(), (2, 3)),
    # Shapes, and dropout
    Case("reshape", models.Reshape((3, 2)), (6,)),
    Case("flatten", models.Flatten(), (2, 3, 2)),
    Case("flatten-in-chain", _chain(Dense(2, 3), models.Flatten(), Dense(6, 2)), (2, 2)),
    Case("dropout", models.Dropout(0.4), (5,), setting=Setting(True, Streams(0))),
    Case("dropout-in-evaluation", models.Dropout(0.4), (5,)),
    Case(
        "dropout-twice",
        _chain(Dense(4, 5), models.Dropout(0.3), Tanh(), models.Dropout(0.3), Dense(5, 3)),
        (4,),
        setting=Setting(True, Streams(0)),
    ),
    # Convolution and pooling
    Case("conv-1d", models.Conv1D(2, 3, 3), (5, 2)),
    Case("conv-1d-same", models.Conv1D(2, 3, 2, padding="same", dilation=2), (5, 2)),
    Case("conv-1d-one-entry", models.Conv1D(3, 2, 1), (4, 3)),
    Case("conv-2d", models.Conv2D(2, 3, (3, 2), padding=(1, 0)), (4, 3, 2)),
    Case("conv-2d-strided", models.Conv2D(1, 2, 2, stride=2, bias=False), (5, 4, 1)),
    Case("conv-2d-groups", models.Conv2D(4, 6, 2, groups=2, padding=1, stride=(2, 1)), (3, 3, 4)),
    Case("conv-2d-depthwise", models.Conv2D(3, 3, 2, groups=3), (3, 3, 3)),
    Case("max-pool-1d", models.MaxPool1D(2), (5, 2)),
    Case("max-pool-2d", models.MaxPool2D(3, 2, 1), (5, 4, 2)),
    Case("average-pool-1d", models.AveragePool1D(3, 1), (5, 2)),
    Case("average-pool-2d", models.AveragePool2D(2, (2, 1), (0, 1)), (4, 3, 2)),
    Case("adaptive-pool-1d", models.AdaptiveAveragePool1D(3), (5, 2)),
    Case("adaptive-pool-2d", models.AdaptiveAveragePool2D((1, 3)), (2, 4, 2)),
    Case(
        "conv-net",
        _chain(
            models.Reshape((5, 5, 1)),
            models.Conv2D(1, 2, 2),
            models.MaxPool2D(2),
            Tanh(),
            models.Conv2D(2, 2, 2),
            models.Flatten(),
            Dense(2, 2),
        ),
        (25,),
    ),
    # Norms
    Case("layer-norm", models.LayerNorm(4), (4,)),
    Case("layer-norm-sequence", models.LayerNorm(4), (3, 4)),
    Case("layer-norm-scalar", models.LayerNorm(1), (2, 1)),
    Case("rms-norm", models.RMSNorm(4), (4,)),
    Case("rms-norm-sequence", models.RMSNorm(3), (2, 3)),
    Case("group-norm", models.GroupNorm(2, 6), (6,)),
    Case("group-norm-image", models.GroupNorm(2, 4), (2, 3, 4)),
    Case("instance-norm", models.GroupNorm(3, 3), (4, 3)),
    Case("batch-norm", models.BatchNorm(4), (4,)),
    Case("batch-norm-in-training", models.BatchNorm(4), (4,), setting=Setting(True)),
    Case("batch-norm-image-in-training", models.BatchNorm(2), (3, 1, 2), setting=Setting(True)),
    Case(
        "batch-norms-in-training",  # which take off any bias: its gradient is 0
        _chain(
            Dense(4, 3, bias=False),
            models.BatchNorm(3),
            Tanh(),
            Dense(3, 2, bias=False),
            models.BatchNorm(2),
        ),
        (2, 4),
        setting=Setting(True),
    ),
    Case(
        "norms-in-chain",
        _chain(Dense(4, 6), models.LayerNorm(6), Tanh(), Dense(6, 4), models.GroupNorm(2, 4)),
        (3, 4),
    ),
    # Low-rank adaptation
    Case("lora", models.LoRA(Dense(4, 3)), (4,)),
    Case("lora-without-bias", models.LoRA(Dense(2, 3, bias=False), 3, alpha=1.0), (2,)),
    Case("lora-dropout", models.LoRA(Dense(4, 3), dropout=0.4), (5, 4), setting=_TRAINING),
    Case(
        "lora-in-chain",
        _chain(
            Frozen(Dense(4, 3)),
            models.LoRA(Dense(3, 4), 1, alpha=1.0),  # a larger one saturates tanh
            Tanh(),
            models.LoRA(Dense(4, 2)),
        ),
        (4,),
        setting=_TRAINING,
    ),
    # Sequences
    Case("embedding", models.Embedding(5, 3), (4,), integers=5),
    Case("embedding-padding", models.Embedding(5, 3, padding=1), (2, 2), integers=5),
    Case("embedding-long", models.Embedding(30, 2), (3,), integers=30),
    Case("tied", models.TiedEmbedding(5, 2, Dense(2, 2), bias=True), (3,), integers=5),
    Case("tied-shorter", models.TiedEmbedding(5, 2, models.MeanPosition()), (3,), integers=5),
    Case(
        "tied-in-chain",
        _chain(models.TiedEmbedding(5, 3, _chain(Dense(3, 3), Tanh(), Dense(3, 3))), Tanh()),
        (2,),
        integers=5,
    ),
    Case("positional", models.Positional(4, 2), (3, 2)),
    Case("positional-full", _chain(Dense(2, 2), models.Positional(3, 2), Tanh()), (3, 2)),
    Case("recurrent", models.Recurrent(2, 3), (3, 2)),
    Case("recurrent-last", models.Recurrent(2, 3, last=True), (3, 2)),
    Case("recurrent-masked", models.Recurrent(2, 3), (3, 2), setting=Setting(mask=MASK)),
    Case(
        "recurrent-masked-last",
        _chain(Dense(2, 2), models.Recurrent(2, 3, last=True), Dense(3, 2)),
        (3, 2),
        setting=Setting(mask=MASK),
    ),
    Case("sinusoidal", models.Sinusoidal(), (3, 4)),
    Case("mean-position", models.MeanPosition(), (3, 2)),
    Case("mean-position-masked", models.MeanPosition(), (3, 2), setting=Setting(mask=MASK)),
    Case("first-position", models.FirstPosition(), (3, 2)),
    Case(
        "padded",
        models.Padded(_chain(models.Embedding(3, 4), models.self_attention(4, 2)), 0),
        (3,),
        integers=3,
    ),
    Case("heads", models.DotProductAttention(2), (3, 12)),
    Case("heads-causal", models.DotProductAttention(1, causal=True), (3, 6)),
    Case("heads-masked", models.DotProductAttention(2), (3, 6), setting=Setting(mask=MASK)),
    Case(
        "heads-causal-masked",
        models.DotProductAttention(2, causal=True),
        (3, 6),
        setting=Setting(mask=MASK),
    ),
    Case(
        "heads-dropout",
        models.DotProductAttention(2, dropout=0.4),
        (3, 6),
        setting=Setting(True, Streams(0), MASK),
    ),
    Case("attention", models.self_attention(4, 2), (3, 4)),
    Case("attention-parts", models.self_attention(4, 2, key=Dense(4, 4, bias=False)), (3, 4)),
    Case("block", models.transformer_block(4, 2, 3, activation=Tanh()), (3, 4)),
    Case(
        "block-norm-last",
        models.transformer_block(4, 2, 3, norm_first=False, dropout=0.3),
        (3, 4),
        library_lacks="erf",
        setting=Setting(True, Streams(0), MASK),
    ),
]


@dataclass(frozen=True)
class Point:
    """Where a layer is differentiated, and along what: standard normal, but for variances."""

    p: dict
    x: np.ndarray
    u: np.ndarray
    dp: dict
    dx: np.ndarray | None
    du: np.ndarray


def point(case, *, lead=()):
    """A point for the case; u and du carry `lead` axes in front."""
    rng = Streams(0).stream(case.name)

    def normals(shape):
        return rng.standard_normal(shape)

    def parameter(name, shape):
        return normals(shape) ** 2 if name.endswith("var") else normals(shape)

    layer = case.layer
    trained = layer.shapes()
    x, y = (BATCH, *case.sample), (*lead, BATCH, *layer.output_shape(case.sample))
    return Point(
        p={
            name: parameter(name, shape) for name, shape in {**trained, **layer.constants()}.items()
        },
        dp={name: normals(shape) for name, shape in trained.items()},
        x=rng.integers(0, case.integers, x) if case.integers else normals(x),
        dx=None if case.integers else normals(x),
        u=normals(y),
        du=normals(y),
    )


def place(at, saved, dsaved=None, *, moving=False):
    """The place of the layer at this point; in motion, with the tangents of everything."""
    dp = nested(at.dp) if moving else {}
    return Place(nested(at.p), saved, moving, dp, dsaved)
