"""A run that was killed goes on from its checkpoint as if nothing had been."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import models
import tngd
from tests.tngd.training.cases import LOSS, NET, OPTIMIZERS, points, untimed
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import TemperatureDrift
from thermolinalg.errors import DataError, InvalidInput, OutputError
from tngd.training.checkpoint import TITLE, load_checkpoint

HELD_OUT = points(12, seed=1)
LAST = 10
CHECKED = {
    **OPTIMIZERS,
    "egn, searched and averaged": tngd.EGN(search=True, momentum=0.5, adaptive=True),
    "ngd, trust region": tngd.NGD(damping=tngd.TrustRegion(1.0)),
    "model's rate": tngd.Optimizer("model", tngd.NaturalGradient(), tngd.QuadraticModel()),
    "sgd, cosine": tngd.Optimizer("cosine", tngd.Gradient(), tngd.Rate(0.1, tngd.Cosine(10))),
    "fngd, sample": tngd.FNGD(reading="sample"),
    "fngd, mean": tngd.FNGD(reading="mean"),
    "kfac, thermodynamic and rounded": tngd.ThermodynamicKFAC(
        inverse=tngd.ThermodynamicInverse(bits=12, read_bits=12)
    ),
    "tngd, on a drifting device": tngd.TNGD(
        start="carried", noise=1e-3, device=replace(Device.ideal(), drift=TemperatureDrift(0.1))
    ),
}
each_optimizer = pytest.mark.parametrize("optimizer", CHECKED.values(), ids=CHECKED)

DROPPING = models.Network(
    models.Sequential([models.Dense(2, 6), models.Dropout(0.5), models.Tanh(), models.Dense(6, 3)])
)
NORMALISED = models.Network(
    models.Sequential([models.Dense(2, 6), models.BatchNorm(6), models.Tanh(), models.Dense(6, 3)])
)


class Killed(BaseException):
    """What no part of the program expects."""


def killed_at(step):
    def kill(progress):
        if progress.record.step == step:
            raise Killed

    return kill


def fit(optimizer, *, network=NET, data=None, **knobs):
    how = {"batch": 7, "epochs": 2, "validation": HELD_OUT, "progress": False, "rng": 4, **knobs}
    return tngd.fit(network, LOSS, data or points(), optimizer=optimizer, **how)


def broken(path, optimizer, step, **knobs):
    """A run that is killed at a step: by then the checkpoint knows the steps before."""
    with pytest.raises(Killed):
        fit(optimizer, checkpoint=path, callbacks=[killed_at(step)], **knobs)


def checkpoints(optimizer, folder, *, every):
    """What is in the file when a run is killed at each of its steps, before that step is kept."""
    found, path = {}, folder / "run"

    def copy(progress):
        step = progress.record.step
        found[step] = folder / f"{step}"
        found[step].write_bytes(path.read_bytes())

    fit(optimizer, checkpoint=path, every=every, callbacks=[copy])
    assert len(found) == LAST
    return found


def assert_same(one, other):
    assert one.params.tobytes() == other.params.tobytes()
    assert one.params.dtype == other.params.dtype
    assert one.seed == other.seed
    for name in ("steps", "epochs"):
        ours, theirs = (getattr(result.history, name) for result in (one, other))
        assert [untimed(record) for record in ours] == [untimed(record) for record in theirs]


@each_optimizer
def test_it_goes_on_bit_for_bit(optimizer, tmp_path):
    """Inside an epoch, and in the first step of the next one."""
    unbroken = fit(optimizer)
    for step, path in checkpoints(optimizer, tmp_path, every=1).items():
        if step in {3, 6}:
            assert load_checkpoint(path, unbroken.params).done == step - 1
            assert_same(fit(optimizer, checkpoint=path), unbroken)


@pytest.mark.parametrize("every", [1, 3, None])
@pytest.mark.parametrize("name", ["tngd-carried", "soap", "fngd"])
def test_killed_at_any_step_it_repeats_what_is_lost(name, every, tmp_path):
    optimizer = tngd.optimizer(name)
    unbroken = fit(optimizer)
    for step, path in checkpoints(optimizer, tmp_path, every=every).items():
        kept = every or 5
        assert load_checkpoint(path, unbroken.params).done == (step - 1) // kept * kept
        assert_same(fit(optimizer, checkpoint=path), unbroken)


def test_killed_time_and_again(tmp_path):
    path, optimizer = tmp_path / "run", tngd.optimizer("kfac-thermodynamic")
    for step in range(1, LAST + 1):
        broken(path, optimizer, step, every=1)
    assert_same(fit(optimizer, checkpoint=path), fit(optimizer))


@pytest.mark.parametrize("network", [DROPPING, NORMALISED], ids=["dropout", "batch norm"])
def test_networks_that_behave_differently_in_training(network, tmp_path):
    adam, path = tngd.Adam(0.1), tmp_path / "run"
    broken(path, adam, 8, network=network, every=1)
    again, unbroken = fit(adam, network=network, checkpoint=path), fit(adam, network=network)
    assert_same(again, unbroken)
    for name, value in unbroken.network.constants.items():
        assert value.tobytes() == again.network.constants[name].tobytes()


def test_double_precision_stays(tmp_path):
    start, path = NET.init(rng=0, dtype=np.float64), tmp_path / "run"
    x, y = points()
    how = {"data": (x.astype(float), y), "params": start}
    broken(path, tngd.TNGDAdam(), 4, every=1, **how)
    assert_same(fit(tngd.TNGDAdam(), checkpoint=path, **how), fit(tngd.TNGDAdam(), **how))


@pytest.mark.parametrize("name", ["tngd-adam", "fngd", "soap"])
def test_torch(name, tmp_path):
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(a) for a in points())
    vx, vy = (torch.from_numpy(a) for a in HELD_OUT)
    how = {"data": (x, y), "validation": (vx, vy)}
    optimizer, path = tngd.optimizer(name), tmp_path / "run"
    broken(path, optimizer, 4, every=1, **how)
    again, unbroken = fit(optimizer, checkpoint=path, **how), fit(optimizer, **how)
    assert isinstance(again.params, torch.Tensor)
    assert torch.equal(again.params, unbroken.params)
    with pytest.raises(InvalidInput, match=r"data\[0\] was torch float32"):
        fit(optimizer, checkpoint=path)


SCRIPT = """
import sys, tngd
from tests.tngd.training.cases import LOSS, NET, points
def told(progress):
    print(progress.record.step, flush=True)
tngd.fit(NET, LOSS, points(), optimizer=tngd.TNGDAdam(), batch=7, epochs=10**6, callbacks=[told],
         progress=False, rng=4, checkpoint=sys.argv[1], every=2)
"""


def test_a_process_that_is_killed(tmp_path):
    path, optimizer = tmp_path / "run", tngd.TNGDAdam()
    root = os.path.dirname(os.path.dirname(tngd.__file__))
    command = [sys.executable, "-c", SCRIPT, str(path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        seen = next(int(line) for line in process.stdout if int(line) >= 9)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    done = load_checkpoint(path, NET.init(rng=0)).done
    assert done >= seen - 2
    epochs = -(-done // 5) + 1
    how = {"epochs": epochs, "validation": None}
    assert_same(fit(optimizer, checkpoint=path, **how), fit(optimizer, **how))


def test_a_run_that_is_over_is_not_run_again(tmp_path):
    path, calls = tmp_path / "run", []
    first = fit(tngd.SGD(), checkpoint=path)
    again = fit(tngd.SGD(), checkpoint=path, callbacks=[calls.append])
    assert not calls
    assert again.ending is tngd.Ending.FINISHED
    assert_same(first, again)
    assert again.history == first.history, "wall times too"


def test_it_goes_on_with_more_epochs(tmp_path):
    path = tmp_path / "run"
    fit(tngd.TNGDAdam(), checkpoint=path)
    longer = fit(tngd.TNGDAdam(), checkpoint=path, epochs=4)
    assert_same(longer, fit(tngd.TNGDAdam(), epochs=4))
    with pytest.raises(InvalidInput, match=r"20 steps on\. Ask for 4 epochs or more"):
        fit(tngd.TNGDAdam(), checkpoint=path, epochs=3)


def test_a_callback_that_stops_leaves_a_checkpoint(tmp_path):
    path = tmp_path / "run"
    stopped = fit(tngd.TNGD(), checkpoint=path, callbacks=[lambda at: at.record.step == 3])
    assert stopped.ending is tngd.Ending.STOPPED
    assert load_checkpoint(path, stopped.params).done == 3
    assert_same(fit(tngd.TNGD(), checkpoint=path), fit(tngd.TNGD()))


def test_the_seed_is_that_of_the_checkpoint(tmp_path):
    path = tmp_path / "run"
    broken(path, tngd.SGD(), 1, rng=None)
    again = fit(tngd.SGD(), checkpoint=path, rng=None)
    assert_same(again, fit(tngd.SGD(), rng=again.seed))


@pytest.mark.parametrize("explode", [None, 1e3])
def test_divergence_leaves_the_last_good_checkpoint(explode, tmp_path):
    path = tmp_path / "run"
    x, y = points()
    problem = {"data": (x * 1e3, y), "batch": 30, "epochs": 9, "validation": None}
    hot = tngd.SGD(30.0 if explode else 1e36)
    ended = fit(hot, checkpoint=path, every=1, explode=explode, **problem)
    assert ended.ending is tngd.Ending.DIVERGED
    kept = load_checkpoint(path, ended.params)
    assert kept.done == len(ended.history.steps) - 1
    assert kept.good.tobytes() == ended.params.tobytes()
    again = fit(hot, checkpoint=path, every=1, explode=explode, **problem)
    assert (again.ending, again.reason) == (ended.ending, ended.reason)
    assert_same(again, ended)


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        (
            {"optimizer": tngd.TNGD(time=3.0)},
            r"optimizer\.direction\.solver\.time was 50\.0, now 3",
        ),
        ({"optimizer": tngd.TNGD(momentum=0.5)}, "optimizer.* was absent, now"),
        ({"optimizer": tngd.SGD()}, "optimizer.name was 'tngd', now 'sgd'.* more"),
        ({"batch": 6}, "batch was 7, now 6"),
        ({"rng": 5}, "seed was 4, now 5"),
        ({"network": models.mlp([2, 7, 3])}, r"network\.layer.* was 6, now 7"),
        ({"data": points(seed=3)}, r"data\[0\] was numpy float32 \(30, 2\)"),
        ({"validation": None}, "validation"),
        ({"validation": points(12, seed=2)}, r"validation\[0\]"),
        ({"params": NET.init(rng=0)}, "params was None, now numpy"),
    ],
    ids=["knob", "slot", "optimizer", "batch", "seed", "network", "data", "none", "rows", "start"],
)
def test_a_checkpoint_of_another_run_says_what_differs(knobs, words, tmp_path):
    path = tmp_path / "run"
    broken(path, tngd.TNGD(), 3)
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match=words):
        fit(**{"optimizer": tngd.TNGD(), "checkpoint": path, **knobs})
    assert path.read_bytes() == before


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "run"
    broken(path, tngd.optimizer("kfac"), 4, every=1)
    return path.read_bytes()


def test_every_damage_is_seen(kept, tmp_path):
    """One bit anywhere, or the end missing."""
    rng, path = np.random.default_rng(0), tmp_path / "run"
    places = [0, len(TITLE), len(TITLE) + 40, *rng.integers(len(kept), size=40)]
    damaged = [kept[:i] + bytes([kept[i] ^ 1]) + kept[i + 1 :] for i in places]
    for content in (*damaged, *(kept[:i] for i in places), kept + b"\0"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is (a damaged|no) checkpoint"):
            fit(tngd.optimizer("kfac"), checkpoint=path)
        assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", TITLE])
def test_what_is_no_checkpoint(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match="checkpoint"):
        fit(tngd.SGD(), checkpoint=tmp_path / "a")
    with pytest.raises(DataError, match="directory"):
        fit(tngd.SGD(), checkpoint=tmp_path)
    with pytest.raises(DataError, match="No such file"):
        load_checkpoint(tmp_path / "missing", NET.init(rng=0))


def test_a_file_that_cannot_be_written_is_known_before_the_first_step(tmp_path):
    calls = []
    with pytest.raises(OutputError):
        fit(tngd.SGD(), checkpoint=tmp_path / "no" / "run", callbacks=[calls.append])
    assert not calls


def test_an_interrupted_write_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    path, real, calls = tmp_path / "run", os.fsync, []

    def interrupted(file):
        calls.append(file)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real(file)

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(tngd.SGD(), checkpoint=path, every=1)
    assert load_checkpoint(path, NET.init(rng=0)).done == 2
    assert list(tmp_path.iterdir()) == [path]
    assert_same(fit(tngd.SGD(), checkpoint=path), fit(tngd.SGD()))


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"every": 2}, "has no effect without checkpoint"),
        ({"every": 0, "checkpoint": "run"}, "every"),
        ({"checkpoint": 3}, "no path"),
    ],
    ids=["alone", "zero", "number"],
)
def test_knobs_that_cannot_be(knobs, words):
    with pytest.raises(InvalidInput, match=words):
        fit(tngd.SGD(), **knobs)


def test_slots_that_remember_what_is_no_data(tmp_path):
    optimizer = replace(tngd.SGD(), before=(Rememberer(),))
    with pytest.raises(InvalidInput, match=r"cannot hold a builtins\.set"):
        fit(optimizer, checkpoint=tmp_path / "run")


class Rememberer(tngd.optimizers.contract.Transform):
    def apply(self, v, memory, at):
        del memory
        return v, {at.step}
