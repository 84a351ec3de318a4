"""A run that diverges stops at the last good parameters, and says why."""

from dataclasses import replace

import numpy as np
import pytest

import tngd
from tests.tngd.training.cases import LOSS, NET, points
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import State
from tngd.training.divergence import EXPLODED, until_divergence
from tngd.training.loop import Progress, StepRecord


def moments(losses, *, lost_at=None):
    """Progress as `steps` yields it: parameters count the steps, and `good` follows the loss."""
    good = entered = np.array([0.0])
    for step, loss in enumerate(losses, start=1):
        record = StepRecord(step, step / 4, loss, None, 0.1, 0.0, 0.0, 0.001)
        good = entered if np.isfinite(loss) else good
        entered = np.array([np.nan if step == lost_at else float(step)])
        yield Progress(entered, State(), record, good)


def ended(losses, explode=1e4, **knobs):
    """How many steps were seen, where they lead back to, and why."""
    run = moments(losses, **knobs)
    seen = list(until_divergence(run, good=np.array([-1.0]), explode=explode))
    assert [reason for _, reason in seen[:-1]] == [None] * (len(seen) - 1)
    return len(seen), float(seen[-1][0].good[0]), seen[-1][1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_loss_that_is_no_number(bad, step):
    """Step k measures the parameters that step k - 1 left; those of before are good."""
    losses = [2.0] * (step - 1) + [bad, 2.0]
    steps, good, reason = ended(losses)
    assert steps == step
    assert good == (step - 2 if step > 1 else -1.0)
    assert reason == f"the loss of step {step} was {bad}"


def test_parameters_that_are_no_numbers():
    assert ended([2.0] * 5, lost_at=3) == (3, 2.0, "the parameters after step 3 are no numbers")


def test_a_loss_that_explodes():
    reason = "the loss of step 3 was 3.1e+05, above explode = 10000 times the first, 2.3"
    assert ended([2.3, 9.0, 3.1e5, 1.0]) == (3, 1.0, reason)
    assert ended([2.3, 9.0, 2.2e4, 1.0]) == (4, 3.0, None)
    assert ended([2.3, 9.0, 3.1e5, 1.0], explode=None) == (4, 3.0, None)


@pytest.mark.parametrize("first", [0.0, 1e-9, -1.0])
def test_a_run_that_begins_at_little_loss_may_lose_it(first):
    assert ended([first, 9e3])[2] is None
    assert ended([first, 1.1e4])[2] is not None


def test_a_run_that_goes_on_knows_its_first_loss():
    run = until_divergence(moments([1e5]), good=np.array([7.0]), first=2.0, explode=1e4)
    [(moment, reason)] = run
    assert moment.good == [7.0]
    assert reason.endswith("times the first, 2")


def test_float32_cannot_tell_losses_apart_at_the_default():
    one = np.float32(1.0)
    assert np.spacing(np.float32(EXPLODED)) == one
    assert np.spacing(np.nextafter(np.float32(EXPLODED), 0 * one)) < one


def test_fit_goes_back_to_before_the_explosion():
    """The batch is the whole set, so losses are those of parameters that we know."""
    how = {"batch": 30, "epochs": 9, "progress": False, "rng": 4}
    lasting = tngd.fit(NET, LOSS, points(), optimizer=tngd.SGD(30.0), explode=None, **how)
    losses = lasting.history.column("loss")
    assert lasting.reason is None
    limit = float(losses[1:].max() / losses[0]) / 2
    at = int(np.argmax(losses > limit * max(losses[0], 1.0))) + 1
    assert at > 1
    ended = tngd.fit(NET, LOSS, points(), optimizer=tngd.SGD(30.0), explode=limit, **how)
    assert ended.ending is tngd.Ending.DIVERGED
    assert f"the loss of step {at} was {losses[at - 1]:.3g}, above explode" in ended.reason
    assert len(ended.history.steps) == at
    problem = tngd.Problem(NET, LOSS, *points())
    order = np.arange(30)
    assert problem.objective(ended.params, order).value == pytest.approx(losses[at - 2], rel=1e-5)
    assert ended.reason in repr(ended)


def test_the_reason_is_kept(tmp_path):
    ended = tngd.fit(NET, LOSS, points(), optimizer=tngd.SGD(1e38), progress=False, rng=0)
    assert ended.reason is not None
    ended.save(tmp_path / "run")
    again = tngd.load_result(tmp_path / "run")
    assert (again.reason, again.ending) == (ended.reason, tngd.Ending.DIVERGED)
    replace(ended, reason=None).save(tmp_path / "run")
    assert tngd.load_result(tmp_path / "run").reason is None


@pytest.mark.parametrize(
    ("explode", "words"), [(1.0, "above 1"), (-2, "explode"), ("a", "explode")]
)
def test_limits_that_cannot_be(explode, words):
    with pytest.raises(InvalidInput, match=words):
        tngd.fit(NET, LOSS, points(), optimizer=tngd.SGD(), explode=explode)
