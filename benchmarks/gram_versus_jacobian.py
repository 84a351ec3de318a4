"""Seconds for S S' of a perceptron: our Gram matrix against a Jacobian formed by torch.func.

Both start from the parameters, the batch and the same root R of the output Hessian, and end with
the (b r, b r) matrix S S', S = R' J. Ours linearizes and never forms J, which at batch 128 holds
1.4 GB. torch.func forms J (b, c, p) in two ways: jacrev of the batch's outputs, which is the plain
call, and vmap(jacrev) of one sample's outputs, which spares the zeros between samples and is its
best.

    python benchmarks/gram_versus_jacobian.py [--batch 128] [--repeats 5] [--threads 2]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.func import functional_call, jacrev, vmap

import models

WIDTHS = [784, 256, 256, 10]


def measured(task: Callable[[], object], repeats: int) -> float:
    """Median wall time in seconds, after one run to warm up."""
    task()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def torch_mlp(net: models.Network, params: np.ndarray) -> torch.nn.Sequential:
    """The same network with the same parameters."""
    modules: list[torch.nn.Module] = []
    named = net.parameters(params)
    for i in range(0, 2 * len(WIDTHS) - 2, 2):
        W, c = (torch.from_numpy(named[f"{i}.{name}"]) for name in "Wc")
        linear = torch.nn.Linear(*W.shape)
        linear.weight.data, linear.bias.data = W.T.contiguous(), c.clone()
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def plain_jacobian(module: torch.nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """J as jacrev gives it, one block (b, c, *shape) for each parameter tensor."""
    named = {name: value.detach() for name, value in module.named_parameters()}
    return jacrev(lambda named: functional_call(module, named, (x,)))(named)


def torch_jacobian(module: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """J (b, c, p), one block (b, c, size) for each parameter tensor."""
    named = {name: value.detach() for name, value in module.named_parameters()}

    def one(named: dict[str, torch.Tensor], sample: torch.Tensor) -> torch.Tensor:
        return functional_call(module, named, (sample[None],))[0]

    blocks = vmap(jacrev(one), (None, 0))(named, x)
    return [block.flatten(2) for block in blocks.values()]


def torch_gram(jacobian: list[torch.Tensor], roots: torch.Tensor) -> torch.Tensor:
    """S S' from the blocks of J."""
    total = torch.zeros(())
    for block in jacobian:
        S = (roots.mT @ block).flatten(0, 1)
        total = total + S @ S.T
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of torch; ours: OMP_NUM_THREADS")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    net, loss = models.mlp(WIDTHS), models.SoftmaxCrossEntropy()
    params = net.init(rng=0)
    x = np.random.default_rng(1).standard_normal((options.batch, WIDTHS[0]), dtype=np.float32)
    roots = loss.hessian_root(net.apply(params, x))
    module, tx, troots = torch_mlp(net, params), torch.from_numpy(x), torch.from_numpy(roots)

    ours = net.linearize(params, x).gram(roots)
    theirs = torch_gram(torch_jacobian(module, tx), troots).numpy()
    disagreement = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)

    rows = {
        "linearize + gram (models)": lambda: net.linearize(params, x).gram(roots),
        "Jacobian, jacrev": lambda: plain_jacobian(module, tx),
        "Jacobian, vmap(jacrev)": lambda: torch_jacobian(module, tx),
        "Jacobian, vmap(jacrev), and S S'": lambda: torch_gram(torch_jacobian(module, tx), troots),
    }
    seconds = {name: measured(task, options.repeats) for name, task in rows.items()}
    fastest = min(seconds.values())

    widths = "-".join(map(str, WIDTHS))
    print(f"MLP {widths}, batch {options.batch}, float32, median of {options.repeats} runs")
    print(f"S S' is {ours.shape[0]} x {ours.shape[1]}; relative difference {disagreement:.1e}\n")
    print(f"{'':34}{'seconds':>10}{'ratio':>10}")
    for name, value in seconds.items():
        print(f"{name:34}{value:10.4f}{value / fastest:10.0f}")


if __name__ == "__main__":
    main()
