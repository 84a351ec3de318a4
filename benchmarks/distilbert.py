"""Seconds and memory of DistilBERT with low-rank corrections, beside PyTorch.

Six blocks of width 768 with random weights in float32, LoRA of rank 2 on queries, keys, values and
outputs, and a head for spans: a forward pass and the gradient of what trains, 75,266 numbers, with
dropout. The contender is the network of `transformers` with the same corrections, its other weights
held fixed. The two take turns in one process; the peak is that of a process that runs ours alone.

    pip install '.[bench,text]'
    python benchmarks/distilbert.py [--batch 8] [--length 384] [--repeats 5] [--evaluation]
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import models
from models import DistilBertConfig, LoRA

ALPHA, RANK, RATE = 32.0, 2, 0.1


def batch(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Tokens, the last tenth of each sample padding, and cotangents of the logits."""
    rng = np.random.default_rng(0)
    shape = options.batch, options.length
    ids = rng.integers(1, DistilBertConfig().vocabulary, shape)
    ids[:, -max(1, options.length // 10) :] = 0
    return ids, rng.standard_normal((*shape, 2)).astype(np.float32)


def ours(options: argparse.Namespace) -> Callable[[], np.ndarray]:
    net = models.distilbert(lora=LoRA).with_constants(rng=0)
    rng = np.random.default_rng(1)
    params = (0.02 * rng.standard_normal(net.size)).astype(np.float32)
    ids, u = batch(options)

    def step() -> np.ndarray:
        return net.linearize(params, ids, training=not options.evaluation, rng=0).vjp(u)

    return step


def pytorch(options: argparse.Namespace) -> Callable[[], list]:
    import torch

    sys.modules.setdefault("torchvision", None)  # would be loaded for nothing
    from transformers import DistilBertConfig, DistilBertForQuestionAnswering

    class Corrected(torch.nn.Module):
        def __init__(self, base: torch.nn.Linear) -> None:
            super().__init__()
            self.base, self.drop = base, torch.nn.Dropout(RATE)
            self.A = torch.nn.Parameter(0.02 * torch.randn(base.in_features, RANK))
            self.B = torch.nn.Parameter(0.02 * torch.randn(RANK, base.out_features))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.base(x) + (ALPHA / RANK) * (self.drop(x) @ self.A) @ self.B

    model = DistilBertForQuestionAnswering(DistilBertConfig()).train(not options.evaluation)
    model.distilbert.requires_grad_(False)
    for block in model.distilbert.transformer.layer:
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            corrected = Corrected(getattr(block.attention, name)).train(not options.evaluation)
            setattr(block.attention, name, corrected)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) == models.distilbert(lora=LoRA).size
    ids, u = map(torch.tensor, batch(options))
    mask = (ids != 0).long()

    def step() -> list:
        out = model(input_ids=ids, attention_mask=mask)
        z = torch.stack([out.start_logits, out.end_logits], dim=-1)
        return torch.autograd.grad((z * u).sum(), trained)

    return step


def seconds(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def peak() -> float:
    """GB at most resident in a process that takes two steps of ours."""
    command = [sys.executable, __file__, "--one", *sys.argv[1:]]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--evaluation", action="store_true", help="without dropout")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        step = ours(options)
        step(), step()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    memory = peak()
    contenders = {"thermolinalg": ours(options), "PyTorch": pytorch(options)}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(options.repeats + 1):
        for name, step in contenders.items():
            took = seconds(step)
            if i:  # the first is for warming up
                times[name].append(took)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"{options.batch} x {options.length} tokens, medians of {options.repeats}")
    for name, median in medians.items():
        print(f"{name:>14}{median:8.2f} s   (least {min(times[name]):.2f} s)")
    ratio = medians["thermolinalg"] / medians["PyTorch"]
    print(f"{'ratio':>14}{ratio:8.2f}     (bar: 2)")
    print(f"{'peak of ours':>14}{memory:8.2f} GB  (bar: 8)")


if __name__ == "__main__":
    main()
