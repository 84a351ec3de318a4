"""Milliseconds of a training step with Adam: ours beside PyTorch's, on the same network and data.

Ours is one step of `tngd.steps`: take the rows, pass them through, value and accuracy, gradient by
hand, Adam, new parameters. PyTorch's takes the rows, passes forward, CrossEntropyLoss, backward and
torch.optim.Adam with its defaults. The contenders take turns; medians. Bars: 1.2 times PyTorch for
the perceptron, 2 times for the convolutional network of the TNGD paper and for a transformer.

    OMP_NUM_THREADS=2 python benchmarks/training_step.py [--turns 10] [--threads 2]
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from turns import in_turns

import models
import tngd
from thermolinalg.streams import Streams

ROWS = 2048


@dataclass(frozen=True)
class Row:
    """A network of ours, the same in PyTorch, and the data of both."""

    name: str
    net: models.Network
    module: nn.Module
    x: np.ndarray
    y: np.ndarray
    batch: int
    bar: float


class Logits(nn.Module):
    """A transformer before its norms, causal, with tied tables: logits (b, T, V) of tokens."""

    def __init__(self, vocabulary: int, length: int, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        block = nn.TransformerEncoderLayer(
            width, heads, hidden, 0.0, nn.functional.gelu, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, 2, nn.LayerNorm(width), False)
        self.register_buffer("causal", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.tokens(x) + self.places.weight
        h = self.blocks(h, mask=self.causal, is_causal=True)
        return (h @ self.tokens.weight.T).transpose(1, 2)  # classes second, as the loss wants


def perceptron(rng: np.random.Generator) -> Row:
    widths = [784, 256, 256, 10]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    x = rng.standard_normal((ROWS, 784), dtype=np.float32)
    y, net = rng.integers(0, 10, ROWS), models.mlp(widths)
    return Row("MLP 784-256-256-10", net, nn.Sequential(*layers[:-1]), x, y, 128, 1.2)


def convolutional(rng: np.random.Generator) -> Row:
    module = nn.Sequential(
        *(nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(8 * 12 * 12, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    x = rng.standard_normal((ROWS, 28, 28, 1), dtype=np.float32)
    return Row("lenet", models.lenet(), module, x, rng.integers(0, 10, ROWS), 64, 2.0)


def transformer(rng: np.random.Generator) -> Row:
    vocabulary, length, width, heads, hidden = 256, 64, 128, 4, 512
    net = models.transformer(
        vocabulary, length=length, width=width, heads=heads, layers=2, hidden=hidden
    )
    x, y = rng.integers(0, vocabulary, (2, ROWS // 8, length))
    module = Logits(vocabulary, length, width, heads, hidden)
    return Row("transformer, 2 layers of 128", net, module, x, y, 32, 2.0)


def ours(row: Row) -> Callable[[], object]:
    """One step at a time of the generator that `fit` runs."""
    problem = tngd.Problem(row.net, models.SoftmaxCrossEntropy(), row.x, row.y)
    start, adam = row.net.init(rng=0), tngd.Adam(1e-3)
    run = tngd.steps(problem, adam, start, batch=row.batch, epochs=10**6, streams=Streams(0))
    return lambda: next(run)


def theirs(row: Row) -> Callable[[], object]:
    """The same in PyTorch."""
    optimizer = torch.optim.Adam(row.module.parameters())
    loss, rng = nn.CrossEntropyLoss(), np.random.default_rng(0)
    x = row.x.transpose(0, 3, 1, 2).copy() if row.x.ndim == 4 else row.x
    x, y = torch.from_numpy(x), torch.from_numpy(row.y)

    def step() -> None:
        rows = torch.from_numpy(rng.integers(0, len(x), row.batch))
        optimizer.zero_grad()
        loss(row.module(x[rows]), y[rows]).backward()
        optimizer.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2, help="of torch; ours: OMP_NUM_THREADS")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    print(f"A step of Adam, float32, {options.threads} threads, medians of {options.turns} turns")
    print(f"\n{'':30}{'batch':>6}{'ours ms':>10}{'torch ms':>10}{'ratio':>8}{'bar':>6}")
    for make in (perceptron, convolutional, transformer):
        row = make(np.random.default_rng(0))
        sizes = row.net.size, sum(w.numel() for w in row.module.parameters())
        runs = in_turns({"ours": ours(row), "torch": theirs(row)}, options.turns)
        mine, torchs = (1e3 * statistics.median(times) for times in runs.values())
        ratio = mine / torchs
        kept = "kept" if ratio <= row.bar else "MISSED"
        print(
            f"{row.name:30}{row.batch:6}{mine:10.2f}{torchs:10.2f}{ratio:8.2f}{row.bar:6.1f} {kept}"
            f"   ({sizes[0]} and {sizes[1]} parameters)"
        )


if __name__ == "__main__":
    main()
