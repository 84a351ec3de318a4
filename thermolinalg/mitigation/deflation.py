"""Take a few extreme modes off the device: it holds a better conditioned network, and errs by less.

Let V (n, k) be eigenvectors of A with rates θ, found by products with A, and P = VV'. The device is
programmed with A' = A + V diag(τ - θ) V', in which they have rates τ like those of their nearest
neighbours, and is driven by (I - P) b. Then

    A⁻¹b = (I - P) A'⁻¹ (I - P) b + V θ⁻¹ V'b,     A⁻¹ = (I - P) A'⁻¹ (I - P) + V θ⁻¹ V'.

Errors of coefficients are amplified by |A'|/τ_min and no longer by |A|/θ_min; their expected size,
so amplified, is part of the error bar, for deflation does not take them away. Averages take less
time as well. The digital side never solves: it multiplies by A and by V.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.mitigation.mitigated import Mitigated, norm
from thermolinalg.mitigation.question import COVARIANCE
from thermolinalg.solvers.baseline import digital_inverse, digital_solve
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.encode import right_hand_sides
from thermolinalg.solvers.inverse import inv_program
from thermolinalg.solvers.linear import solve_program
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.prethermal import soft_modes
from thermolinalg.solvers.program import Program
from thermolinalg.streams import RNG, open_streams

METHOD = "deflation"


@final
@dataclass(frozen=True, eq=False, slots=True)
class ExtremeModes:
    """Modes at both ends of a spectrum, the rates that stand in for theirs, and what is left."""

    vectors: Array  # (n, k), orthonormal
    rates: Array  # (k,)
    instead: Array  # (k,)
    slowest: float  # of all of A: Ritz value, or the bound on it
    stiffest: float  # upper bound on all rates
    residual: float  # Frobenius norm of A V - V diag(rates)

    def raised(self, A: Array) -> Array:
        """A': the matrix with these modes moved."""
        V = self.vectors
        moved = A + (V * (self.instead - self.rates)) @ V.T
        return (moved + moved.T) / 2

    def outside(self, b: Array) -> Array:
        """(I - P) b."""
        return b - self.vectors @ (self.vectors.T @ b)

    def inside(self, b: Array) -> Array:
        """V θ⁻¹ V'b."""
        xp = namespace(b)
        sides = xp.reshape(b, (b.shape[0], -1))
        known = self.vectors @ ((self.vectors.T @ sides) / self.rates[:, None])
        return xp.reshape(known, tuple(b.shape))


def deflate(
    A: Array,
    b: Array | None = None,
    /,
    *,
    device: Device,
    soft: int = 1,
    stiff: int = 0,
    rtol: float | None = None,
    atol: float = 0.0,
    confidence: float = 0.95,
    max_time: float = float("inf"),
    rng: RNG = None,
) -> Mitigated:
    """A⁻¹b, or A⁻¹, with the softest and stiffest modes of A handled digitally.

    It is refused where it does not pay: where the amplification of this device's errors of
    coefficients, relative to the answer, falls by less than the sampling error asked for.

    Args:
        A: (n, n), symmetric positive definite.
        b: (n,) or (n, k); None for the inverse.
        device: what runs it.
        soft: how many of the softest modes are taken off.
        stiff: how many of the stiffest.
        rtol: wanted relative error; by default that of `solve` or `inv`.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        max_time: stop after this analog time, in RC.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: an argument cannot be used; the message says which, and what to do.
    """
    A = checks.symmetric("A", A, "Modes that are their own mirror image are taken off.")
    b = None if b is None else right_hand_sides(A, b)
    default = 1e-1 if b is None else 1e-2
    target = Target.checked(default if rtol is None else rtol, atol, confidence)
    streams, control = open_streams(rng), Control(max_time=max_time)
    modes = _extreme_modes(A, soft, stiff)
    plain = _program(A, b, target)
    program = _deflated(A, b, modes, target)
    before, after = (_amplified(device, p.process) for p in (plain, program))
    if before - after <= target.relative(plain.most):
        reason = (
            f"it lowers the coefficients' error in the answer from {before:.2g} to {after:.2g}, "
            f"by less than the sampling error asked for, {target.relative(plain.most):.2g}. Take "
            "more modes off, ask for a smaller error, or leave it."
        )
        answer = run(plain, target, device, streams, control)
        return Mitigated.declined(METHOD, answer, reason, (answer,), streams.seed)
    answer = run(program, target, device, streams, control)
    xp, count = namespace(A), int(modes.rates.shape[0])
    inexact = modes.residual / modes.slowest * norm(answer.value)
    coefficients = _left(device, program, modes, answer.value)
    entries = float(xp.sum(0 * answer.value + 1))
    doubt = inexact**2 + coefficients**2
    return Mitigated(
        method=METHOD,
        value=answer.value,
        stderr=xp.sqrt(answer.stderr**2 + doubt / entries),
        dof=answer.dof,
        members=(answer,),
        ledger=answer.ledger,
        did=(
            f"{count} mode{'' if count == 1 else 's'} off the device, which lowers the "
            f"coefficients' error in the answer from {before:.2g} to {after:.2g} at most"
        ),
        seed=streams.seed,
    )


def _extreme_modes(A: Array, soft: int, stiff: int) -> ExtremeModes:
    xp, n = namespace(A), int(A.shape[0])
    soft, stiff = (checks.count(name, k, least=0) for name, k in (("soft", soft), ("stiff", stiff)))
    if not 1 <= soft + stiff < n:
        raise InvalidInput(
            f"soft + stiff = {soft + stiff} modes are to be taken off a network of {n}: take one "
            f"at least, and leave one to the device."
        )
    low = soft_modes(A, max(soft, 1))
    vectors, rates = [low.vectors[:, :soft]], [low.rates[:soft]]
    instead, residual = [0 * low.rates[:soft] + low.following], low.residual
    if stiff:
        ceiling = 2 * low.stiffest  # beyond all rates, so that the stiffest are the softest of this
        high = soft_modes(ceiling * xp.eye(n, dtype=A.dtype) - A, stiff)
        vectors.append(high.vectors)
        rates.append(ceiling - high.rates)
        instead.append(0 * high.rates + (ceiling - high.following))
        residual += high.residual
    return ExtremeModes(
        vectors=xp.concat(vectors, axis=1),
        rates=xp.concat(rates),
        instead=xp.concat(instead),
        slowest=float(low.rates[0]),
        stiffest=low.stiffest,
        residual=residual,
    )


def _program(A: Array, b: Array | None, target: Target) -> Program:
    return inv_program(A, target=target) if b is None else solve_program(A, b, target=target)


def _deflated(A: Array, b: Array | None, modes: ExtremeModes, target: Target) -> Program:
    """The program of A' whose windows are those of the whole answer."""
    raised, V, xp = modes.raised(A), modes.vectors, namespace(A)
    least, most = 1 / modes.stiffest, 1 / modes.slowest
    if b is None:
        program = _program(raised, None, target)
        known = modes.inside(xp.eye(A.shape[0], dtype=A.dtype))
        decode = partial(_outside_both, V=V, known=known / program.scale)
        least, most = most, float(A.shape[0]) ** 0.5 * most
        baseline: Any = partial(digital_inverse, A)
    else:
        left = modes.outside(b)
        if norm(left) <= checks.rounding(A) * norm(b):
            raise InvalidInput(
                "b lies in the modes that are taken off, so that nothing is left to the device. "
                "Take fewer."
            )
        program = _program(raised, left, target)
        known = xp.reshape(modes.inside(b), (A.shape[0], -1)).T
        decode = partial(_outside, V=V, known=known / program.scale)
        least, most = least * norm(b), most * norm(b)
        baseline = partial(digital_solve, A, b)
    return replace(
        program,
        name=f"{program.name}, {V.shape[1]} modes off",
        decode=decode,
        least=least / program.scale,
        most=most / program.scale,
        baseline=baseline,
    )


def _outside(windows: Array, *, V: Array, known: Array) -> Array:
    return windows - (windows @ V) @ V.T + known


def _outside_both(windows: Array, *, V: Array, known: Array) -> Array:
    rows = windows - (windows @ V) @ V.T
    return rows - V @ (V.T @ rows) + known


def _left(device: Device, program: Program, modes: ExtremeModes, value: Array) -> float:
    """How far the device's errors move the answer, at most.

    Those of A' by |dA' x|/τ of what was measured, those of drives by |db|/τ, and those of noise
    by |dD|/2τ; what is the same on all chips adds up in x before it is squared.
    """
    network: Any = program.process
    xp, outside = namespace(value), modes.outside(value)
    square, same = 0.0, 0 * outside
    for part in device.imperfections:
        chance, mean = part.variance(network), part.expected(network)
        square += float(xp.sum(chance.A @ outside**2))
        same = same + mean.A @ outside
        drives = float(xp.sum(chance.b + mean.b**2))
        noise = float(xp.sum(chance.D + mean.D**2)) / 4
        square += program.scale**2 * (noise if isinstance(program.readout, COVARIANCE) else drives)
    return (square + norm(same) ** 2) ** 0.5 / network.slowest


def _amplified(device: Device, network: Any) -> float:
    """|A⁻¹| times the size of this device's errors of A: the row with the largest squares."""
    xp = namespace(network.A)
    rows = xp.sum(_squared_errors(device, network), axis=1)
    return float(xp.max(rows)) ** 0.5 / network.slowest


def _squared_errors(device: Device, network: Any) -> Array:
    """The expected square of this device's error of each entry of A."""
    square = 0 * network.A
    for part in device.imperfections:
        square = square + part.variance(network).A + part.expected(network).A ** 2
    return square
