"""Hypothesis strategies for normal laws and linear processes, made of those for matrices."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from thermolinalg.backend import NumpyArray
from thermolinalg.testing.matrix import (
    WIDEST,
    Size,
    diffusions,
    matrices,
    resolved,
    sized,
    spd_matrices,
    stable_drifts,
)
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.process import OU

OfSize: TypeAlias = Callable[[int], SearchStrategy[NumpyArray]]


def gaussians(
    n: Size = None, *, definite: bool = False, condition: float = 100.0, largest: float = 3.0
) -> SearchStrategy[Gaussian]:
    """Normal laws of n coordinates; they shrink to N(0, I).

    Args:
        n: number of coordinates; None is 1 to 4.
        definite: laws with a density alone; else covariances have any rank, zero too.
        condition: largest ratio of two widths that are not zero, as in `diffusions`.
        largest: entry of a mean, in size.
    """
    covariance = partial(diffusions, definite=definite, condition=condition)
    return _gaussians(sized(n), _checked(covariance), _checked(partial(_vectors, largest=largest)))


def ou_processes(
    n: Size = None,
    *,
    reversible: bool = False,
    definite: bool = False,
    condition: float = 100.0,
    rates: tuple[float, float] = (0.05, 5.0),
    shear: float = 5.0,
    largest: float = 1.0,
) -> SearchStrategy[OU]:
    """Processes dx = -(Ax - b) dt + N(0, D dt) that settle; they shrink to A = D = I, b = 0.

    Any stable drift meets any diffusion. With `reversible`, A = DS with D and S positive definite:
    all processes in detailed balance with noise in all directions, whose A need not be symmetric.

    Args:
        n: number of coordinates; None is 1 to 4.
        reversible: in detailed balance alone; `rates` and `shear` then say nothing.
        definite: noise in all directions.
        condition: largest ratio of two eigenvalues, not zero, of D and of S.
        rates: between which the real parts of the eigenvalues of A lie, as in `stable_drifts`.
        shear: how far from normal A may be, as in `stable_drifts`.
        largest: entry of b, in size.
    """
    drive = _checked(partial(_vectors, largest=largest))
    definite_ones = _checked(partial(spd_matrices, condition=condition))
    if reversible:
        resolved("condition", condition, most=WIDEST**0.4)  # c² of A, times √c of its vectors
        return _reversible(sized(n), definite_ones, drive)
    drift = _checked(partial(stable_drifts, rates=rates, shear=shear))
    diffusion = _checked(partial(diffusions, definite=definite, condition=condition))
    return _processes(sized(n), drift, drive, diffusion)


def _vectors(n: int, *, largest: float) -> SearchStrategy[NumpyArray]:
    return matrices(1, n, largest=largest).map(lambda M: M[0])


def _checked(of_size: OfSize) -> OfSize:
    """The same, its knobs looked at before any example is drawn."""
    of_size(1)
    return of_size


@st.composite
def _gaussians(
    draw: DrawFn, size: SearchStrategy[int], covariance: OfSize, mean: OfSize
) -> Gaussian:
    n = draw(size)
    cov = draw(covariance(n))
    return Gaussian(draw(mean(n)), cov)


@st.composite
def _processes(
    draw: DrawFn, size: SearchStrategy[int], drift: OfSize, drive: OfSize, diffusion: OfSize
) -> OU:
    n = draw(size)
    return OU(draw(drift(n)), draw(drive(n)), draw(diffusion(n)))


@st.composite
def _reversible(draw: DrawFn, size: SearchStrategy[int], definite: OfSize, drive: OfSize) -> OU:
    n = draw(size)
    D = draw(definite(n))
    return OU(D @ draw(definite(n)), draw(drive(n)), D)
