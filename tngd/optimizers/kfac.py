"""K-FAC, digital and thermodynamic, as compositions of slots."""

from dataclasses import replace

from tngd.curvature.contract import Curvature
from tngd.curvature.fisher import SampledFisher
from tngd.curvature.kronecker import Approximation, Kronecker
from tngd.linsolve.factor_inverses import Eigen, FactorInverse, ThermodynamicInverse
from tngd.linsolve.factored import Factored
from tngd.optimizers.contract import Optimizer, Transform
from tngd.optimizers.damping import Damping
from tngd.optimizers.directions import NaturalGradient
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import KLClip, Momentum, WeightDecay


def KFAC(
    rate: float = 0.1,
    *,
    damping: float | Damping = 1e-3,
    decay: float = 0.95,
    every: int = 10,
    split: bool = True,
    kl_clip: float | None = 1e-3,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    of: Curvature = SampledFisher(),
    approximation: Approximation = "expand",
    inverse: FactorInverse = Eigen(),
) -> Optimizer:
    """Kronecker-factored natural gradient descent (Martens and Grosse 2015).

    The rate, damping, decay and KL clip are those of the package kfac-pytorch (Pauloski), the
    momentum that of KFAC-Pytorch (Wang), which has the same damping, decay and clip. Inversions
    every 10 steps are a choice between the 5 of kfac-jax and the 100 of KFAC-Pytorch. Split damping
    is of the original and of kfac-jax; the two packages in PyTorch damp the product, as
    `split=False` does.

    Args:
        rate: learning rate; what the clip allows is often less.
        damping: added to every eigenvalue of the factored matrix, or to those of its factors.
        decay: of the factors' running averages, from 0 to below 1.
        every: steps from one inversion to the next.
        split: damp the factors, and not their product, as `Factored` does.
        kl_clip: largest rate² v'g of a direction v before momentum; None for no limit.
        momentum: fraction of the last direction that is kept, from 0 to below 1.
        weight_decay: times the parameters, is added to the gradient.
        of: what is factored: by default the Fisher matrix with one label of the model's own a
            sample.
        approximation: of layers whose weights are shared over positions, "expand" or "reduce".
        inverse: how damped factors are inverted.
    """
    solver = Factored(decay, every, split, inverse)
    before: tuple[Transform, ...] = (WeightDecay(weight_decay),) if weight_decay else ()
    after: tuple[Transform, ...] = () if kl_clip is None else (KLClip(kl_clip),)
    if momentum:
        after = (*after, Momentum(momentum))
    direction = NaturalGradient(Kronecker(of, approximation), solver, damping)
    return Optimizer("kfac", direction, Rate(rate), before, after)


def ThermodynamicKFAC(
    rate: float = 0.1,
    *,
    damping: float | Damping = 1e-3,
    decay: float = 0.95,
    every: int = 10,
    kl_clip: float | None = 1e-3,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    of: Curvature = SampledFisher(),
    approximation: Approximation = "expand",
    inverse: ThermodynamicInverse = ThermodynamicInverse(),
) -> Optimizer:
    """K-FAC whose factors a thermodynamic device inverts (arXiv 2502.08603).

    Damping is split: a device inverts a factor, and not a damped product of two. The paper's
    settings were not at hand; these are of `KFAC`.

    Args:
        rate: learning rate, as of `KFAC`, like all but the last.
        damping: split between the factors.
        decay: of the factors' running averages.
        every: steps from one inversion to the next.
        kl_clip: largest rate² v'g of a direction v before momentum; None for no limit.
        momentum: fraction of the last direction that is kept.
        weight_decay: times the parameters, is added to the gradient.
        of: what is factored.
        approximation: of shared weights, "expand" or "reduce".
        inverse: the device: how often and when it is read, and how its numbers are rounded.
    """
    made = KFAC(
        rate,
        damping=damping,
        decay=decay,
        every=every,
        kl_clip=kl_clip,
        momentum=momentum,
        weight_decay=weight_decay,
        of=of,
        approximation=approximation,
        inverse=inverse,
    )
    return replace(made, name="thermodynamic-kfac")
