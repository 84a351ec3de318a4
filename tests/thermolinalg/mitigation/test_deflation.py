import numpy as np
import pytest

from tests.thermolinalg.mitigation.asked import assert_adds_up, off
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg.analysis.problem import Problem
from thermolinalg.device.coefficients import Mismatch, Parasitics
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.mitigation.deflation import deflate
from thermolinalg.testing import assert_agrees

UNEVEN = Device(mismatch=Mismatch(couplings=1e-3))


def stretched(n, seed, low=0.01, high=6.0):
    """A matrix with one rate far below, and one far above the others."""
    rates, U = np.linalg.eigh(wishart(n, seed) + 0.2 * np.eye(n))
    rates[0], rates[-1] = low, high
    A = (U * rates) @ U.T
    return (A + A.T) / 2, np.random.default_rng(seed).standard_normal(n)


def asked(A, b, **options):
    """(the problem, the arguments of `deflate`)."""
    problem = Problem("solve", (A, b), **options) if b is not None else Problem("inv", A, **options)
    return problem, (A,) if b is None else (A, b)


@pytest.mark.parametrize("inverse", [False, True], ids=["solve", "inv"])
@pytest.mark.parametrize(("soft", "stiff"), [(1, 0), (1, 1), (2, 1)])
@pytest.mark.parametrize("seed", range(2))
def test_the_answer_of_an_uneven_chip_is_mended_within_its_error_bar(inverse, soft, stiff, seed):
    A, b = stretched(9, seed)
    problem, arguments = asked(A, None if inverse else b, rtol=0.03)
    mended = deflate(*arguments, device=UNEVEN, soft=soft, stiff=stiff, rtol=0.03, rng=seed)
    assert mended.refused is None
    assert_agrees(mended, problem.truth)


def test_the_error_of_coefficients_falls_with_the_condition_number():
    """Means over chips; the sampling error is far below."""
    A, b = stretched(8, 0)
    problem = Problem("solve", (A, b), rtol=1e-4, temperature=1e-4)
    plain, mended = [], []
    for chip in range(6):
        device = UNEVEN.vary("chip", chip)
        plain.append(off(problem.run(device, rng=chip), problem.truth))
        mended.append(off(deflate(A, b, device=device, rtol=1e-3, rng=chip), problem.truth))
    rates = np.linalg.eigvalsh(A)
    assert np.mean(plain) / np.mean(mended) > np.sqrt(rates[1] / rates[0])


def test_stiff_modes_alone_and_several_sides():
    A, b = stretched(8, 3, low=0.3, high=40.0)
    B = np.stack([b, b[::-1]], axis=1)
    mended = deflate(A, B, device=UNEVEN.vary("mismatch", 1e-2), soft=0, stiff=1, rng=0)
    assert mended.refused is None
    assert mended.value.shape == (8, 2)
    assert_agrees(mended, np.linalg.solve(A, B))


@pytest.mark.parametrize(
    ("A", "device"),
    [(np.eye(6) + 0.1 * wishart(6), UNEVEN), (stretched(6, 0)[0], Device())],
    ids=["flat spectrum", "no errors"],
)
def test_it_refuses_where_it_does_not_pay(A, device):
    problem = Problem("solve", (A, np.ones(6)), rtol=0.05)
    mended = deflate(A, np.ones(6), device=device, rtol=0.05, rng=2)
    assert "by less than the sampling error" in mended.refused
    assert_agrees(mended, problem.truth)
    assert np.array_equal(mended.value, problem.run(device, rng=2).value)


def test_nothing_is_solved_digitally_and_the_bill_adds_up(monkeypatch):
    A, b = stretched(12, 1)
    forbid_digital_solvers(monkeypatch)
    for side in (b, None):
        mended = deflate(*(A,) if side is None else (A, side), device=UNEVEN, soft=2, rng=0)
        assert mended.programmings == 1
        assert_adds_up(mended)


def test_it_takes_less_time_too():
    A, b = stretched(10, 2)
    mended = deflate(A, b, device=UNEVEN, rtol=0.02, rng=0)
    assert mended.time < Problem("solve", (A, b), rtol=0.02).run(UNEVEN, rng=0).time


def test_what_cannot_be_used_is_an_error():
    A, b = stretched(5, 0)
    with pytest.raises(InvalidInput, match="soft \\+ stiff"):
        deflate(A, b, device=UNEVEN, soft=0)
    with pytest.raises(InvalidInput, match="soft \\+ stiff"):
        deflate(A, b, device=UNEVEN, soft=3, stiff=2)
    softest = np.linalg.eigh(np.diag([0.1, 1.0, 2.0, 3.0, 4.0]))[1][:, 0]
    with pytest.raises(InvalidInput, match="nothing is left"):
        deflate(np.diag([0.1, 1.0, 2.0, 3.0, 4.0]), softest, device=UNEVEN)


@pytest.mark.parametrize(
    "device",
    [Device(mismatch=Mismatch(2e-3, drives=0.05)), Device(parasitics=Parasitics(3e-3))],
    ids=["drives", "strays"],
)
def test_errors_of_drives_and_strays_are_in_the_error_bar(device):
    """Those that all chips share add up, coefficient by coefficient, and are no chance."""
    for seed in range(4):
        A, b = stretched(8, seed)
        mended = deflate(A, b, device=device.vary("chip", seed), rtol=2e-3, rng=seed)
        assert mended.refused is None
        assert_agrees(mended, np.linalg.solve(A, b))


def test_errors_of_noise_are_in_the_error_bar_of_an_inverse():
    A, _ = stretched(6, 0)
    device = Device(mismatch=Mismatch(1e-3)).vary("temperature_offset", 0.3)
    mended = deflate(A, device=device, rtol=0.01, rng=0)
    assert mended.refused is None
    assert_agrees(mended, np.linalg.inv(A))
