"""The analog integrator of a network that moves from tick to tick: (1/T) ∫ x dt in whole ticks."""

import numpy as np

from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.simulation.clocked import clock_step
from thermolinalg.theory.clocked import Clocked


def clocked_windows(
    process: Clocked,
    x: Array,
    window: float,
    count: int,
    rng: np.random.Generator,
    *,
    one_noise: bool,
) -> tuple[Array, Array]:
    """From states x (chains, n): averages (count, chains, network.n), and the last states.

    With `one_noise` all chains meet the noise of one, which is drawn once.
    """
    xp, ticks = namespace(x), process.ticks(window)
    step = clock_step(process, ticks, with_area=True)
    values = like(np.zeros((count, x.shape[0], process.network.n)), x)
    for k in range(count):
        y = step.enter(x)  # with an area of zero
        z = normals(rng, (1, 1, y.shape[1]) if one_noise else (1, *y.shape), x)
        y = step(y, xp.broadcast_to(step.color(z)[0, ...], y.shape))
        values[k, ...] = step.area(y) / (ticks * process.clock)
        x = step.leave(y)
    return values, x
