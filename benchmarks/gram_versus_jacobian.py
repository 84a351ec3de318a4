"""Seconds for S S' of two networks: our Gram matrix against a Jacobian formed by torch.func.

Both start from the parameters, the batch and the same root R of the output Hessian, and end with
the (b r, b r) matrix S S', S = R' J. Ours linearizes and never forms J, which at batch 128 holds
1.4 GB for the perceptron. torch.func forms J (b, c, p) in two ways: jacrev of the batch's outputs,
which is the plain call, and vmap(jacrev) of one sample's outputs, which spares the zeros between
samples and is its best; then S S' is one product. The bars are on the whole way from parameters to
S S' by the better of the two: 300 times ours for the perceptron, 30 for the convolutional network
of the TNGD paper. What forming J alone takes is printed too. They
take turns.

    python benchmarks/gram_versus_jacobian.py [--batch 128] [--turns 5] [--threads 2]
"""

import argparse
import statistics
from collections.abc import Callable

import numpy as np
import torch
from torch.func import functional_call, jacrev, vmap
from turns import in_turns

import models

WIDTHS = [784, 256, 256, 10]


class ChannelsLast(torch.nn.Module):
    """Images with their channels behind, as ours have them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(-3, -1)


def torch_mlp(net: models.Network, params: np.ndarray) -> torch.nn.Sequential:
    """The same network with the same parameters."""
    named = net.parameters(params)
    modules: list[torch.nn.Module] = []
    for i in range(0, 2 * len(WIDTHS) - 2, 2):
        modules += [linear(named[f"{i}.W"], named[f"{i}.c"]), torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def torch_lenet(net: models.Network, params: np.ndarray) -> torch.nn.Sequential:
    """The same network with the same parameters."""
    named = net.parameters(params)
    W, c = named["1.W"], named["1.c"]
    conv = torch.nn.Conv2d(W.shape[2], W.shape[3], W.shape[:2])
    conv.weight.data = torch.from_numpy(W.transpose(3, 2, 0, 1).copy())
    conv.bias.data = torch.from_numpy(c.copy())
    return torch.nn.Sequential(
        *(torch.nn.Unflatten(1, (1, 28, 28)), conv, torch.nn.MaxPool2d(2), torch.nn.ReLU()),
        *(ChannelsLast(), torch.nn.Flatten(), linear(named["5.W"], named["5.c"])),
        *(torch.nn.ReLU(), linear(named["7.W"], named["7.c"])),
    )


def linear(W: np.ndarray, c: np.ndarray) -> torch.nn.Linear:
    """x W + c."""
    module = torch.nn.Linear(*W.shape)
    module.weight.data = torch.from_numpy(W.T.copy())
    module.bias.data = torch.from_numpy(c.copy())
    return module


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
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of torch; ours: OMP_NUM_THREADS")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    mlp, lenet = models.mlp(WIDTHS), models.lenet()
    compare(f"MLP {'-'.join(map(str, WIDTHS))}", mlp, torch_mlp, options, bar=300.0)
    compare("lenet", lenet, torch_lenet, options, bar=30.0)


def compare(
    name: str,
    net: models.Network,
    make: Callable[[models.Network, np.ndarray], torch.nn.Module],
    options: argparse.Namespace,
    bar: float,
) -> None:
    """Time the ways to S S' of one network, and say whether ours keeps its bar."""
    loss, params = models.SoftmaxCrossEntropy(), net.init(rng=0)
    x = np.random.default_rng(1).standard_normal((options.batch, 784), dtype=np.float32)
    roots = loss.hessian_root(net.apply(params, x))
    module, tx, troots = make(net, params), torch.from_numpy(x), torch.from_numpy(roots)

    ours = net.linearize(params, x).gram(roots)
    theirs = torch_gram(torch_jacobian(module, tx), troots).numpy()
    disagreement = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)

    rows = {
        "linearize + gram (models)": lambda: net.linearize(params, x).gram(roots),
        "Jacobian, jacrev": lambda: plain_jacobian(module, tx),
        "Jacobian, vmap(jacrev)": lambda: torch_jacobian(module, tx),
        "Jacobian, vmap(jacrev), and S S'": lambda: torch_gram(torch_jacobian(module, tx), troots),
    }
    runs = in_turns(rows, options.turns)
    seconds = {row: statistics.median(times) for row, times in runs.items()}
    first = seconds["linearize + gram (models)"]

    print(f"\n{name}, batch {options.batch}, float32, medians of {options.turns} turns")
    print(f"S S' is {ours.shape[0]} x {ours.shape[1]}; relative difference {disagreement:.1e}\n")
    print(f"{'':34}{'seconds':>10}{'ratio':>10}")
    for row, value in seconds.items():
        print(f"{row:34}{value:10.4f}{value / first:10.0f}")
    ratio = seconds["Jacobian, vmap(jacrev), and S S'"] / first
    verdict = "kept" if ratio >= bar else "MISSED"
    print(f"S S' by torch.func / ours: {ratio:.0f}; the bar of {bar:g} is {verdict}")


if __name__ == "__main__":
    main()
