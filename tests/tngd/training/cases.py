"""A tiny problem: three classes of points in the plane."""

import numpy as np

import models
import tngd

NET = models.mlp([2, 6, 3])
LOSS = models.SoftmaxCrossEntropy()


def points(n=30, seed=0):
    """Rows (n, 2) around three corners, and their classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    corners = np.array([[0.0, 1.0], [1.0, -0.5], [-1.0, -0.5]])
    x = corners[y] + 0.3 * rng.standard_normal((n, 2))
    return x.astype(np.float32), y


def untimed(record):
    """A record without the wall time, which no two runs share."""
    return {name: getattr(record, name) for name in record.__slots__ if name != "seconds"}


def keeps_steps_short(optimizer):
    """Does something between direction and step limit it, however large the rate is?"""
    clipped = any(isinstance(each, tngd.KLClip) for each in optimizer.after)
    return clipped or isinstance(optimizer.rule, tngd.LineSearch)


PROPORTIONAL = [n for n in tngd.list_optimizers() if not keeps_steps_short(tngd.optimizer(n))]
"""Optimizers whose steps grow with their rate for ever."""

OPTIMIZERS = {
    **{name: tngd.optimizer(name) for name in tngd.list_optimizers()},
    "tngd, carried with noise and delay": tngd.TNGD(
        time=2.0, start="carried", delay=0.5, noise=1e-3, momentum=0.5
    ),
    "tngd-adam, carried, with averages": tngd.TNGDAdam(
        start="carried", noise=1e-3, beta1=0.9, beta2=0.999
    ),
    "tngd, by euler": tngd.TNGD(time=1.0, noise=1e-3, relaxation=tngd.EulerRelaxation(0.1)),
    "ngd-cg, warm": tngd.NGD(solver=tngd.CG(warm=True)),
}
"""All there are, and some whose state is more than that of their defaults."""
