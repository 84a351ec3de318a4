"""Exact Gauss-Newton descent."""

from thermolinalg import checks
from tngd.curvature.ggn import GGN
from tngd.linsolve.row_space import RowSpace
from tngd.optimizers.contract import Optimizer, Rule, Transform
from tngd.optimizers.damping import Damping, LevenbergMarquardt
from tngd.optimizers.directions import NaturalGradient
from tngd.optimizers.rules import LineSearch, Rate
from tngd.optimizers.transforms import Average, Descending


def EGN(
    rate: float = 1.0,
    *,
    damping: float | Damping = 1.0,
    momentum: float = 0.0,
    search: bool | LineSearch = False,
    adaptive: bool = False,
) -> Optimizer:
    """Exact Gauss-Newton descent (Korbit, Adeoye, Bemporad and Zanon 2024, arXiv 2405.14402).

    (G + damping I)⁻¹ g with the Gauss-Newton matrix G of the batch, found in the space of samples
    and outputs; for softmax cross-entropy it is the exact natural gradient. Constants are those of
    the authors' code (Somax). There the adaptive damping is not implemented: its rule is the one
    that a comment states. An averaged direction that points uphill gives way to the direction
    itself, which the paper leaves open.

    Args:
        rate: learning rate; the largest that is tried, with search=True.
        damping: added to every eigenvalue of G; with 1, rates compare with those of SGD. A number,
            or a `Damping` that finds one for every step.
        momentum: decay of the average of directions, from 0 for none to below 1.
        search: backtrack from 1.5 times the last rate by factors of 0.8 until the loss falls a
            tenth of what its slope promises; or a `LineSearch`, whose own rate then counts.
        adaptive: let the damping follow how well the quadratic model did, by factors of 1.01 and
            0.99; then it must be a number.
    """
    if adaptive:
        damping = LevenbergMarquardt.gentle(checks.positive("damping", damping))
    direction = NaturalGradient(GGN(), RowSpace(), damping)
    after: tuple[Transform, ...] = (Descending(Average(momentum)),) if momentum else ()
    return Optimizer("egn", direction, _rule(rate, search), after=after)


def _rule(rate: float, search: bool | LineSearch) -> Rule:
    if isinstance(search, LineSearch):
        return search
    return LineSearch(rate) if search else Rate(rate)
