"""States at regular times, in blocks that end where windows end."""

from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from thermolinalg.backend import Array
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.walk import Block, walk
from thermolinalg.theory.operator import Runnable


def sampled(
    process: Runnable, x: Array, dt: float, samples: int, count: int, rng: np.random.Generator
) -> Iterator[tuple[int, Block]]:
    """Run on from x (chains, n) for `count` windows of so many states, dt apart.

    Each block comes with the number of its window. All share one prepared step, and so one set of
    coordinates; as those of `walk`, they are overwritten once the next is asked for.
    """
    integrator = find_integrator(choose_integrator(process), process)
    intervals = np.broadcast_to(dt, (count * samples,))  # one number in memory
    done = 0
    with tqdm(desc="measuring", total=count, delay=1, disable=None, leave=False) as progress:
        for block in walk(process, x, intervals, integrator, rng):
            begin, steps = 0, block.y.shape[0]
            while begin < steps:
                window = done // samples
                end = min(steps, begin + (window + 1) * samples - done)
                yield window, Block(block.y[begin:end, ...], block.step)
                done, begin = done + end - begin, end
                progress.update(done // samples - window)
