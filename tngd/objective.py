"""The mean loss of a network on one batch, at one point: what every optimizer sees of the problem.

Value, gradient, Jacobian and exact Hessian products; no optimizer looks at layers, no layer at
optimizers.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, final

from models.linearization import Linearization
from models.losses import Loss
from models.network import Network
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.streams import Streams


@final
@dataclass(frozen=True, eq=False, repr=False)
class Objective:
    """l(θ) = mean of L(f_θ(x_i), y_i) over a batch of b samples, with c outputs each.

    In training, `noise` draws the masks of dropout; without one the network is as in evaluation.
    """

    network: Network
    loss: Loss
    params: Array  # (p,)
    x: Array  # (b, ...)
    y: Array  # (b, ...)
    noise: Streams | None = None
    rows: NumpyArray | None = None  # (b,), numbers of these samples among all
    epoch: int = 0  # passes over all of them before this one

    def __repr__(self) -> str:
        return f"Objective({self.samples} samples, {self.network.size} parameters, {self.loss!r})"

    @property
    def samples(self) -> int:
        """b."""
        return int(self.x.shape[0])

    @property
    def outputs(self) -> int:
        """c."""
        return math.prod(self.output.shape[1:])

    @cached_property
    def linearization(self) -> Linearization:
        """The network's Jacobian on the batch, as an operator."""
        if self.noise is None:
            return self.network.linearize(self.params, self.x)
        return self.network.linearize(self.params, self.x, training=True, rng=self.noise.seed)

    @property
    def output(self) -> Array:
        """The network's outputs (b, c)."""
        return self.linearization.output

    @cached_property
    def value(self) -> float:
        """l(θ)."""
        return self.loss.value(self.output, self.y)

    @cached_property
    def gradient(self) -> Array:
        """∇l(θ) (p,)."""
        return self.linearization.vjp(self.loss.gradient(self.output, self.y) / self.samples)

    def moved(self, params: Array) -> Self:
        """The same batch, with the same masks, at other parameters."""
        return replace(self, params=params)

    def hessian(self, v: Array) -> Array:
        """∇²l(θ) v (p,), exact, by the R-operator."""
        return self.linearization.hvp(self.loss, self.y, v)
