"""Stretches: the same states as one step after another, up to rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.simulation import recursion
from thermolinalg.simulation.exact import Exact
from thermolinalg.simulation.recursion import FEW, STRETCH, advance
from thermolinalg.simulation.symmetric import Symmetric
from thermolinalg.theory.process import OU

PROCESSES = {
    "matrix": (Exact(), OU([[1.0, 5.0], [0.0, 2.0]], [1.0, -1.0], np.eye(2))),
    "modes": (Symmetric(), OU([[2.0, 1.0], [1.0, 3.0]], [1.0, -1.0], np.eye(2))),
}


@pytest.mark.parametrize("name", PROCESSES)
@given(
    steps=st.integers(1, 12 * STRETCH),
    chains=st.integers(1, 2 * FEW),
    dt=st.sampled_from([1e-3, 0.3, 5]),
    cores=st.integers(1, 4),
)
def test_stretches_equal_one_step_after_another(name, steps, chains, dt, cores):
    """However many cores share the work."""
    integrator, process = PROCESSES[name]
    step = integrator.prepare(process, dt)
    rng = np.random.default_rng(steps)
    start, kicks = rng.standard_normal((chains, 2)), rng.standard_normal((steps, chains, 2))
    expected, y = [], start
    for kick in kicks:
        y = step(y, kick)
        expected.append(y)
    states = kicks.copy()
    with pytest.MonkeyPatch.context() as machine:
        machine.setattr(recursion, "HEAVY", 0)
        machine.setattr(recursion, "CORES", cores)
        last = advance(step, start, states)
    # Each of at most `steps` additions rounds once, at the size of the largest state.
    tolerance = 4 * steps * np.finfo(float).eps * np.abs(expected).max()
    assert np.abs(states - expected).max() <= tolerance
    assert np.array_equal(last, states[-1])
