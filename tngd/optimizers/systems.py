"""The optimizers of the field, each a composition of slots with its published defaults."""

from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import Curvature
from tngd.curvature.ggn import GGN
from tngd.linsolve.cg import CG
from tngd.linsolve.contract import LinearSolver
from tngd.linsolve.relaxation import ExactRelaxation, Relaxation
from tngd.linsolve.thermodynamic import Start, Thermodynamic
from tngd.linsolve.woodbury import Woodbury
from tngd.optimizers.contract import Optimizer, Transform
from tngd.optimizers.damping import Damping
from tngd.optimizers.directions import Gradient, NaturalGradient
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import Adaptive, Momentum, WeightDecay


def SGD(rate: float = 0.1, *, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum.

    Args:
        rate: learning rate, what a step multiplies the direction by.
        momentum: fraction of the last direction that is kept, from 0 to below 1.
        nesterov: look ahead along the momentum; needs momentum > 0.
    """
    if nesterov and not momentum:
        raise InvalidInput("nesterov looks ahead along the momentum: give a momentum above 0.")
    return Optimizer("sgd", Gradient(), Rate(rate), after=_kept(momentum, nesterov))


def Adam(
    rate: float = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Adam (Kingma and Ba 2015).

    Args:
        rate: learning rate, about the size of each parameter's step.
        beta1: memory of the mean gradient, from 0 to below 1.
        beta2: memory of the mean squared gradient, from 0 to below 1.
        epsilon: added to the root of that mean square, so that it can be divided by.
    """
    return Optimizer("adam", Gradient(), Rate(rate), after=(Adaptive(beta1, beta2, epsilon),))


def AdamW(
    rate: float = 1e-3,
    *,
    decay: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Args:
        rate: learning rate, about the size of each parameter's step.
        decay: a step takes rate times decay of each parameter away.
        beta1: memory of the mean gradient, as for `Adam`.
        beta2: memory of the mean squared gradient.
        epsilon: added to the root of that mean square.
    """
    after = (Adaptive(beta1, beta2, epsilon), WeightDecay(decay))
    return Optimizer("adamw", Gradient(), Rate(rate), after=after)


def NGD(
    rate: float = 0.1,
    *,
    damping: float | Damping = 0.1,
    momentum: float = 0.0,
    curvature: Curvature = GGN(),
    solver: LinearSolver = Woodbury(),
) -> Optimizer:
    """Natural gradient descent, step = -rate (C + damping I)⁻¹ g.

    Args:
        rate: learning rate; 1 is a full Newton step on the damped quadratic model.
        damping: added to every eigenvalue of C; much larger than them all, it makes this SGD with
            the rate rate/damping. A number, or a `Damping` that finds one for every step.
        momentum: fraction of the last direction that is kept, from 0 to below 1.
        curvature: C, the Gauss-Newton matrix by default.
        solver: `Woodbury()` solves exactly, `CG()` iteratively.
    """
    direction = NaturalGradient(curvature, solver, damping)
    return Optimizer("ngd", direction, Rate(rate), after=_kept(momentum))


def NGDCG(
    rate: float = 0.1,
    *,
    damping: float | Damping = 0.1,
    momentum: float = 0.0,
    rtol: float = 1e-5,
    iterations: int = 200,
    warm: float = 0.0,
    progress: float = 0.0,
) -> Optimizer:
    """Natural gradient descent by conjugate gradients.

    Args:
        rate: learning rate, as for `NGD`.
        damping: as for `NGD`.
        momentum: as for `NGD`.
        rtol: where the iteration stops, as for `CG`.
        iterations: at most.
        warm: how much of the last step's solution to start from, 0 to 1.
        progress: stop where the quadratic model hardly falls, as for `CG`; 0 for never.
    """
    direction = NaturalGradient(solver=CG(rtol, iterations, warm, progress), damping=damping)
    return Optimizer("ngd-cg", direction, Rate(rate), after=_kept(momentum))


def TNGD(
    rate: float = 0.1,
    *,
    damping: float | Damping = 0.1,
    time: float = 50.0,
    start: Start = "gradient",
    delay: float = 0.0,
    noise: float = 0.0,
    momentum: float = 0.0,
    relaxation: Relaxation = ExactRelaxation(),
    device: Device = Device.ideal(),
) -> Optimizer:
    """Thermodynamic natural gradient descent (Donatella et al. 2024).

    Args:
        rate: learning rate, what a step multiplies the device's answer by.
        damping: added to every eigenvalue of the Gauss-Newton matrix.
        time: how long the device relaxes before it is read, in units of RC; longer is closer to
            the exact solution.
        start: where it relaxes from: "gradient", "zero", or "carried" from the last step.
        delay: time it goes on under the old problem, in units of RC; needs start="carried".
        noise: kappa0, half the diffusion constant of the device's thermal noise.
        momentum: fraction of the last direction that is kept, from 0 to below 1.
        relaxation: how the device is simulated, `ExactRelaxation()` or `EulerRelaxation(step)`.
        device: what the arrays and the gradient are programmed on, and whose time is charged.

    `Thermodynamic` says more of `time`, `start`, `delay`, `noise` and `device`.
    """
    solver = Thermodynamic(time, start, delay, noise, relaxation, device)
    direction = NaturalGradient(solver=solver, damping=damping)
    return Optimizer("tngd", direction, Rate(rate), after=_kept(momentum))


def TNGDAdam(
    rate: float = 1e-3,
    *,
    damping: float | Damping = 1.0,
    time: float = 0.4,
    start: Start = "gradient",
    delay: float = 0.0,
    noise: float = 0.0,
    beta1: float = 0.0,
    beta2: float = 0.0,
    epsilon: float = 1e-8,
    relaxation: Relaxation = ExactRelaxation(),
    device: Device = Device.ideal(),
) -> Optimizer:
    """TNGD with Adam's rule on the device's answer.

    The paper's beta1 = beta2 = 0 make it sign descent on the natural gradient; give (0.9, 0.999)
    for the moving averages of Adam.

    Args:
        rate: learning rate, about the size of each parameter's step.
        damping: added to every eigenvalue of the Gauss-Newton matrix.
        time: how long the device relaxes before it is read, as for `TNGD`.
        start: where it relaxes from, as for `TNGD`.
        delay: time it goes on under the old problem, as for `TNGD`.
        noise: of the device, as for `TNGD`.
        relaxation: how the device is simulated, as for `TNGD`.
        beta1: memory of the mean answer, from 0 to below 1.
        beta2: memory of the mean squared answer, from 0 to below 1.
        epsilon: added to the root of that mean square, so that it can be divided by.
        device: what the arrays and the gradient are programmed on, as for `TNGD`.
    """
    solver = Thermodynamic(time, start, delay, noise, relaxation, device)
    direction = NaturalGradient(solver=solver, damping=damping)
    adaptive = Adaptive(beta1, beta2, epsilon)
    return Optimizer("tngd-adam", direction, Rate(rate), after=(adaptive,))


def _kept(momentum: float, nesterov: bool = False) -> tuple[Transform, ...]:
    """Momentum of the direction, if any."""
    return (Momentum(momentum, nesterov),) if momentum or nesterov else ()
