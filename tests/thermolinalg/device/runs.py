"""Many copies of a programmed device at once, as a test of its law needs them."""

import numpy as np
from scipy.special import stdtrit

from thermolinalg.device.machine import Device


def settled(device, process, chains, time, *, seed, start=None):
    """The device in mid-run, `chains` copies of it, a time after they were switched on."""
    x0 = np.zeros((chains, process.n)) if start is None else np.tile(start, (chains, 1))
    return device.settle(device.program(process, x0), time, np.random.default_rng(seed))


def positions(run, n):
    """What the network's own coordinates are (chains, n)."""
    return run.states[:, :n]


def dressed(*dressings, **parts):
    """A device whose only imperfections are these."""
    return Device(dressings=dressings, **parts)


def farthest(x):
    """The error in norm that chance seldom exceeds, by each entry's interval."""
    return -stdtrit(x.dof, 1e-6 / (2 * np.size(x.stderr))) * np.linalg.norm(x.stderr)
