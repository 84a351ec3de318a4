"""Curvature products and a natural gradient against curvlinops, on the same PyTorch networks.

A product is G v with the Gauss-Newton matrix G, for which ours has linearized before and curvlinops
runs the network; "with linearization" makes ours do so too. A direction is (G + damping I)⁻¹ g:
exact by the Gram matrix, linearization included, against 100 iterations of SciPy's conjugate
gradients on curvlinops' operator. The contenders take turns. The bars: a product takes at most as
long as curvlinops', a direction is at least 20 times faster.

    OMP_NUM_THREADS=2 python benchmarks/curvature_products.py [--turns 15] [--damping 0.1]
"""

import argparse
import statistics

import numpy as np
import torch
from curvlinops import GGNLinearOperator
from scipy.sparse.linalg import LinearOperator, cg
from turns import in_turns

import models
import tngd
from tngd.objective import Objective

BATCH, CLASSES, ITERATIONS, BAR = 128, 10, 100, 20.0


class ChannelsLast(torch.nn.Module):
    """The order in which our features are flattened."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1)


def objective(net: models.Network) -> Objective:
    """Random images and labels."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 784), dtype=np.float32)
    y = rng.integers(CLASSES, size=BATCH)
    return Objective(net, models.SoftmaxCrossEntropy(), net.init(rng=0), x, y)


def in_torch(at: Objective) -> torch.nn.Sequential:
    """The network as a module with the same parameters."""
    named, modules = at.network.parameters(at.params), []
    for i, layer in enumerate(at.network.layer.layers):
        match layer:
            case models.Dense():
                own = torch.nn.Linear(layer.inputs, layer.outputs)
                axes = (1, 0)
            case models.Conv2D():
                own = torch.nn.Conv2d(layer.inputs, layer.outputs, layer.kernel)
                axes = (3, 2, 0, 1)
            case models.Reshape():  # one channel, so its place does not matter
                modules.append(torch.nn.Unflatten(1, (1, *layer.shape[:2])))
                continue
            case models.Flatten():
                modules += [ChannelsLast(), torch.nn.Flatten()]
                continue
            case models.MaxPool2D():
                modules.append(torch.nn.MaxPool2d(2))
                continue
            case _:
                modules.append(torch.nn.ReLU())
                continue
        own.weight.data = torch.from_numpy(named[f"{i}.W"].transpose(axes).copy())
        own.bias.data = torch.from_numpy(named[f"{i}.c"].copy())
        modules.append(own)
    return torch.nn.Sequential(*modules)


def report(name: str, net: models.Network, turns: int, damping: float) -> bool:
    """Times of one network, and whether both bars are kept."""
    at = objective(net)
    module, rng = in_torch(at), np.random.default_rng(1)
    x, y = torch.from_numpy(at.x), torch.from_numpy(at.y)
    difference = np.abs(module(x).detach().numpy() - at.output).max()
    assert difference < 1e-3, f"not the same network: outputs differ by {difference:g}"
    params = list(module.parameters())
    theirs = GGNLinearOperator(
        module, torch.nn.CrossEntropyLoss(), params, [(x, y)], check_deterministic=False
    )
    v, tensors = rng.standard_normal(net.size, dtype=np.float32), [*map(torch.randn_like, params)]
    G, g = tngd.GGN().at(at), rng.standard_normal(net.size, dtype=np.float32)
    scipy_theirs = theirs.to_scipy()
    damped = LinearOperator(
        scipy_theirs.shape, lambda v: scipy_theirs @ v + damping * v, dtype=np.float32
    )

    def fresh() -> Objective:
        return Objective(net, at.loss, at.params, at.x, at.y)

    def direction(of: Objective) -> None:
        tngd.Woodbury().solve(tngd.GGN().at(of), damping, g, None, rng)

    product = in_turns(
        {
            "curvlinops": lambda: theirs @ tensors,
            "ours": lambda: G @ v,
            "ours, with linearization": lambda: tngd.GGN().at(fresh()) @ v,
        },
        turns,
    )
    solve = in_turns(
        {
            "curvlinops, 100 iterations of CG": lambda: cg(damped, g, rtol=0.0, maxiter=ITERATIONS),
            "ours, exact": lambda: direction(fresh()),
            "ours, exact, linearized before": lambda: direction(at),
        },
        max(3, turns // 5),
    )
    print(f"\n{name}, {net.size} parameters, batch {BATCH}, damping {damping:g}")
    print(f"  {'':36}{'median':>13}{'ratio':>11}{'least':>13}{'ratio':>11}")
    for times in (product, solve):
        reference = next(iter(times.values()))
        for what, seconds in times.items():
            cells = [
                f"{1e3 * of(seconds):10.2f} ms{of(reference) / of(seconds):9.1f} x"
                for of in (statistics.median, min)
            ]
            print(f"  {what:36}{''.join(cells)}")
    faster = [statistics.median(seconds) for seconds in solve.values()]
    ours, known = (statistics.median(product[name]) for name in ("ours", "curvlinops"))
    return ours <= known and faster[0] >= BAR * faster[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--damping", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2, help="of torch; ours: OMP_NUM_THREADS")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    print(f"float32, {options.turns} turns")
    networks = {"MLP 784-256-256-10": models.mlp([784, 256, 256, 10]), "LeNet": models.lenet()}
    kept = [report(name, net, options.turns, options.damping) for name, net in networks.items()]
    print(f"\nboth bars are {'kept' if all(kept) else 'MISSED'}")


if __name__ == "__main__":
    main()
