"""K-FAC as a whole: what it is made of, what it approximates, and how its device errs."""

import pickle

import numpy as np
import pytest
import scipy.stats

import models
from tests.tngd.linsolve.test_factored import numbers
from tests.tngd.oracles import Dense, assert_within
from tngd.curvature.fisher import SampledFisher
from tngd.curvature.ggn import GGN
from tngd.curvature.kronecker import Kronecker
from tngd.linsolve.factor_inverses import Eigen, ThermodynamicInverse
from tngd.linsolve.factored import Factored
from tngd.objective import Objective
from tngd.optimizers.contract import State
from tngd.optimizers.damping import LevenbergMarquardt
from tngd.optimizers.directions import NaturalGradient
from tngd.optimizers.kfac import KFAC, ThermodynamicKFAC
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import KLClip, Momentum, WeightDecay

PLAIN = {"kl_clip": None, "momentum": 0.0, "of": GGN()}
DEVICE = ThermodynamicInverse(200, 20.0)


def first_step(optimizer, objective, seed=0):
    return optimizer.step(objective, State(), np.random.default_rng(seed))


def direction(optimizer, objective, seed=0):
    return (objective.params - first_step(optimizer, objective, seed).params) / optimizer.rate


def test_composition_and_defaults():
    made = KFAC()
    assert made.direction == NaturalGradient(
        Kronecker(SampledFisher()), Factored(0.95, 10, True, Eigen()), 1e-3
    )
    assert (made.name, made.rule) == ("kfac", Rate(0.1))
    assert (made.before, made.after) == ((), (KLClip(1e-3), Momentum(0.9)))
    device = ThermodynamicKFAC(weight_decay=0.1, kl_clip=None, approximation="reduce")
    assert device.direction == NaturalGradient(
        Kronecker(SampledFisher(), "reduce"), Factored(0.95, 10, True, ThermodynamicInverse()), 1e-3
    )
    assert (device.before, device.after) == ((WeightDecay(0.1),), (Momentum(0.9),))


@pytest.mark.parametrize("optimizer", [KFAC(), KFAC(split=False), ThermodynamicKFAC()])
def test_progress_and_precision(optimizer):
    for dtype in (np.float32, np.float64):
        at = Dense([4, 8, 3], b=12, dtype=dtype).objective
        state, here = State(), at
        for step in range(30):
            move = optimizer.step(here, state, np.random.default_rng(step))
            state = move.state
            here = Objective(at.network, at.loss, move.params, at.x, at.y)
        assert here.value < at.value
        assert here.params.dtype == dtype


@pytest.mark.parametrize("make", [KFAC, ThermodynamicKFAC])
@pytest.mark.parametrize("damping", [1e-2, LevenbergMarquardt()])
def test_going_on_from_a_pickle_is_going_on(make, damping):
    optimizer, at = make(damping=damping, every=2), Dense([3, 4, 3], b=5).objective
    first = first_step(optimizer, at)
    here = Objective(at.network, at.loss, first.params, at.x, at.y)
    states = first.state, pickle.loads(pickle.dumps(first.state))
    on, back = (optimizer.step(here, state, np.random.default_rng(1)) for state in states)
    assert on.params.tobytes() == back.params.tobytes()
    assert numbers(on.state) == numbers(back.state)


@pytest.mark.parametrize("rate", [1e-3, 0.1, 10.0])
def test_the_clip_bounds_the_first_step(rate):
    """(rate ν)² v'g is at most the limit, and the limit where it clips: ν is c'g/u'g for the
    changes c with and u without a clip."""
    at = Dense([3, 4, 3], b=5).objective
    clipped, free = (
        -float((first_step(KFAC(rate, kl_clip=clip), at).params - at.params) @ at.gradient)
        for clip in (1e-3, None)
    )
    # changes are differences of parameters, that are rounded
    rounding = np.finfo(float).eps * np.linalg.norm(at.params) * np.linalg.norm(at.gradient)
    assert rate * clipped**2 / free == pytest.approx(
        min(1e-3, rate * free), rel=40 * rounding / min(clipped, free)
    )


def test_of_one_sample_without_hidden_layers_it_is_damped_gauss_newton():
    """Its one block is all of G, known by autograd; the damping of the product is G's."""
    at = Dense([3, 4], "squared", b=1)
    truth = np.linalg.solve(at.G + 0.1 * np.eye(at.p), at.gradient)
    found = direction(KFAC(1.0, damping=0.1, split=False, **PLAIN), at.objective)
    condition = (1 + at.size**2) / 0.1
    bound = at.terms * np.finfo(float).eps * condition * (1 + np.linalg.norm(truth))
    assert_within(found, truth, bound + np.finfo(float).eps * np.linalg.norm(at.params))


def test_of_gaussian_inputs_a_linear_layer_has_the_gauss_newton_matrix_on_average():
    """E[A ⊗ B] = E[x x'] ⊗ I = I for standard normal inputs, a bias and labels of the model's own.

    Each entry's mean over batches, in units of its standard error: false alarm 1e-6 for all of them
    in the normal limit, below 1e-4 with the skewness of means of this many.
    """
    net, rng, count, b = models.mlp([2, 2]), np.random.default_rng(11), 400, 16
    params = rng.standard_normal(net.size)
    found = []
    for _ in range(count):
        x, y = rng.standard_normal((b, 2)), rng.standard_normal((b, 2))
        o = Objective(net, models.SquaredError(), params, x, y)
        found.append(Kronecker(SampledFisher()).at(o, rng).to_dense())
    off = np.stack(found) - np.eye(net.size)
    spread = off.std(axis=0, ddof=1)
    z = np.abs(off.mean(axis=0)) / spread * count**0.5
    assert z.max() < scipy.stats.norm.isf(1e-6 / 2 / z.size)


def test_the_devices_direction_is_right_on_average():
    """Estimates of A⁻¹ and of B⁻¹ are independent, so that their product is unbiased.

    Student's t of every entry over seeds: false alarm 1e-6 in the normal limit, below 1e-4 with
    skewness.
    """
    at, count = Dense([2, 3], b=6).objective, 200
    far = ThermodynamicInverse(40, 1e5, 1e5)
    truth = direction(KFAC(1.0, damping=0.1, **PLAIN), at)
    device = ThermodynamicKFAC(1.0, damping=0.1, inverse=far, **PLAIN)
    off = np.stack([direction(device, at, seed) for seed in range(count)]) - truth
    t = np.abs(off.mean(axis=0)) / off.std(axis=0, ddof=1) * count**0.5
    assert t.max() < scipy.stats.t.isf(1e-6 / 2 / t.size, count - 1)
