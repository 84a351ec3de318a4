"""Many ticks at once against the same ticks one by one."""

import numpy as np
import pytest

from thermolinalg.simulation.clocked import Clockwork
from thermolinalg.simulation.recursion import LinearFlow, advance
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.process import OU

A = np.array([[1.0, 0.3, 0.0], [0.3, 0.8, -0.2], [0.0, -0.2, 0.6]])
NETWORK = OU(A, np.array([1.0, -2.0, 0.5]), 2 * np.eye(3))
CLOCKED = {
    "held": Clocked(NETWORK, tick=0.3),
    "clipped": Clocked(NETWORK, tick=0.3, bound=1.2),
    "late": Clocked(NETWORK, delay=0.2, late=A),
    "late and held": Clocked(NETWORK, tick=0.25, delay=0.1, late=A),
}


@pytest.mark.parametrize("kind", CLOCKED)
@pytest.mark.parametrize("chains", [1, 3])
def test_a_block_of_steps_is_its_steps_one_by_one(kind, chains):
    process, rng = CLOCKED[kind], np.random.default_rng(0)
    step = Clockwork().prepare(process, 1.0)
    assert isinstance(step, LinearFlow)  # so that blocks are stepped in large products
    y = step.enter(process.started(rng.standard_normal((chains, 3))))
    kicks = step.color(rng.standard_normal((700, *y.shape)))
    known, block = y, kicks.copy()
    advance(step, y, block)
    for k in range(len(kicks)):
        known = step(known, kicks[k])
        np.testing.assert_allclose(step.leave(block[k]), step.leave(known), atol=1e-12)
