"""Seconds for a training step and for S S' of `models.lenet`, against PyTorch.

Both have the same network, parameters and batch. A step is the forward pass and the gradient of the
mean cross-entropy. S S' is as in `gram_versus_jacobian.py`: ours never forms the Jacobian, theirs
is vmap(jacrev) and a product. Both take turns, since other work on the machine comes and goes.

    OMP_NUM_THREADS=1 python benchmarks/lenet_versus_torch.py [--threads 1] [--repeats 40]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.func import functional_call, jacrev, vmap

import models

STEP_BATCH, GRAM_BATCH = 64, 128


def turns(tasks: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Wall times in seconds, after one run each to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def torch_lenet(net: models.Network, params: np.ndarray) -> torch.nn.Sequential:
    """The same network with the same parameters."""
    p = {name: torch.from_numpy(value) for name, value in net.parameters(params).items()}
    conv, first, last = torch.nn.Conv2d(1, 8, 5), torch.nn.Linear(1152, 64), torch.nn.Linear(64, 10)
    rows = p["5.W"].reshape(12, 12, 8, 64).permute(3, 2, 0, 1)
    weights = [p["1.W"].permute(3, 2, 0, 1), rows.reshape(64, 1152), p["7.W"].T]
    for module, W, c in zip((conv, first, last), weights, ("1.c", "5.c", "7.c"), strict=True):
        module.weight.data, module.bias.data = W.contiguous(), p[c].clone()
    relu = torch.nn.ReLU()
    pool = torch.nn.MaxPool2d(2)
    return torch.nn.Sequential(conv, pool, relu, torch.nn.Flatten(), first, relu, last)


def torch_gram(module: torch.nn.Module, x: torch.Tensor, roots: torch.Tensor) -> torch.Tensor:
    """S S' from the blocks of the Jacobian."""
    named = {name: value.detach() for name, value in module.named_parameters()}

    def one(named: dict[str, torch.Tensor], sample: torch.Tensor) -> torch.Tensor:
        return functional_call(module, named, (sample[None],))[0]

    total = torch.zeros(())
    for block in vmap(jacrev(one), (None, 0))(named, x).values():
        S = (roots.mT @ block.flatten(2)).flatten(0, 1)
        total = total + S @ S.T
    return total


def report(title: str, seconds: dict[str, list[float]]) -> None:
    print(title)
    for name, values in seconds.items():
        print(f"  {name:8} least {min(values):9.5f} s   median {statistics.median(values):9.5f} s")
    ours, theirs = seconds.values()
    medians = statistics.median(theirs) / statistics.median(ours)
    print(f"  torch / models: least {min(theirs) / min(ours):.2f}   median {medians:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="of torch; ours: OMP_NUM_THREADS")
    parser.add_argument("--repeats", type=int, default=40, help="of the step; a tenth for S S'")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    net, loss, rng = models.lenet(), models.SoftmaxCrossEntropy(), np.random.default_rng(1)
    params = net.init(rng=0)
    module = torch_lenet(net, params)
    x = rng.standard_normal((GRAM_BATCH, 784), dtype=np.float32)
    images = torch.from_numpy(x).reshape(-1, 1, 28, 28)
    x0, images0, y = x[:STEP_BATCH], images[:STEP_BATCH], rng.integers(0, 10, STEP_BATCH)
    labels = torch.from_numpy(y)

    def step() -> np.ndarray:
        lin = net.linearize(params, x0)
        return lin.vjp(loss.gradient(lin.output, y)) / STEP_BATCH

    def torch_step() -> list[torch.Tensor]:
        output = torch.nn.functional.cross_entropy(module(images0), labels)
        return list(torch.autograd.grad(output, list(module.parameters())))

    ours = net.parameters(step())["1.W"]
    theirs = torch_step()[0].permute(2, 3, 1, 0).numpy()
    difference = np.linalg.norm(ours - theirs) / np.linalg.norm(ours)
    print(f"relative difference of gradients {difference:.1e}")
    tasks = {"models": step, "torch": torch_step}
    report(f"training step, batch {STEP_BATCH}, float32", turns(tasks, options.repeats))

    roots = loss.hessian_root(net.apply(params, x))
    troots = torch.from_numpy(roots)
    K, truth = net.linearize(params, x).gram(roots), torch_gram(module, images, troots).numpy()
    print(f"relative difference of S S' {np.linalg.norm(K - truth) / np.linalg.norm(truth):.1e}")
    grams = {
        "models": lambda: net.linearize(params, x).gram(roots),
        "torch": lambda: torch_gram(module, images, troots),
    }
    title = f"linearize and S S', batch {GRAM_BATCH}, {roots.shape[2]} columns, float32"
    report(title, turns(grams, max(3, options.repeats // 10)))


if __name__ == "__main__":
    main()
