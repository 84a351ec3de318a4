"""What someone who is new to devices gets wrong is said in one clear line."""

import matplotlib
import numpy as np
import pytest

from thermolinalg.analysis.crossover import crossover
from thermolinalg.analysis.problem import Problem
from thermolinalg.analysis.sensitivity import sensitivity
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Quantisation
from thermolinalg.device.knobs import KNOBS
from thermolinalg.device.limits import Limits
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import Temperatures
from thermolinalg.errors import DoesNotFit, InvalidInput, OutputError
from thermolinalg.mitigation.calibration import calibrate
from thermolinalg.mitigation.extrapolation import extrapolate
from thermolinalg.mitigation.read_noise import subtract_read_noise
from thermolinalg.mitigation.rounding import rounding_ensemble
from thermolinalg.plots.budget import plot_budget
from thermolinalg.plots.sensitivity_report import write_sensitivity
from thermolinalg.solvers.exponential import expm
from thermolinalg.solvers.linear import solve
from thermolinalg.theory.process import OU

matplotlib.use("Agg")

A, b = np.array([[2.0, -0.5, 0.0], [-0.5, 2.0, -0.3], [0.0, -0.3, 1.5]]), np.ones(3)
PROBLEM = Problem("solve", (A, b))
ROUNDED = Device(quantisation=Quantisation(bits=8))
NETWORK = OU(A, b, np.eye(3))

WRONG = {
    "A without b": (lambda: Problem("solve", A), r"solve takes \(A, b\), and 1 arg"),
    "inv with b": (lambda: Problem("inv", (A, b)), r"inv takes \(A\), and 2 arg"),
    "a wrong option": (lambda: Problem("inv", A, rtl=1), "'rtl' is no option.*rtol"),
    "device as option": (lambda: Problem("inv", A, device=None), "'device' is no option"),
    "budget of an array": (lambda: ROUNDED.error_budget(A), "type ndarray, and a Problem"),
    "bars of a device": (lambda: plot_budget(ROUNDED), "device.error_budget"),
    "ensemble of an array": (lambda: rounding_ensemble(A, ROUNDED), "question is of type ndarray"),
    "device first": (lambda: rounding_ensemble(ROUNDED, PROBLEM), "question is of type Device"),
    "no device": (lambda: extrapolate(PROBLEM, None, "bits"), "device is of type NoneType"),
    "device by name": (lambda: subtract_read_noise(PROBLEM, "spu"), "device is of type str"),
    "study of an array": (lambda: sensitivity(A, None, {"bits": [8]}), "study is of type ndarray"),
    "run of an array": (lambda: ROUNDED.run(A), "process is of type ndarray"),
    "readout by name": (lambda: ROUNDED.run(NETWORK, "mean"), "readout = 'mean'"),
    "one size": (lambda: crossover(None, sizes=100), "sizes = 100 must be a list"),
    "device by its name": (lambda: solve(A, b, device="spu"), r"Device\.spu\(\)"),
    "no knob, but a field": (lambda: Device().vary("time_constant", 1), r"replace\(device, time"),
    "nothing as TOML": (lambda: Device.from_toml(""), "not from ''"),
    "a section's typo": (lambda: Device.from_toml("[mismatches]\n"), "Is it 'mismatch'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_named(what):
    ask, says = WRONG[what]
    with pytest.raises(InvalidInput, match=says):
        ask()


def test_a_section_is_not_confused_with_a_key():
    with pytest.raises(InvalidInput) as caught:
        Device.from_toml("[converters]\nbits = 8\n")
    assert "time_constant" not in str(caught.value)


@pytest.mark.parametrize("circuit", [RLC(), MassSpring()], ids=["rlc", "mass-spring"])
def test_what_swings_measures_no_exponential(circuit):
    with pytest.raises(DoesNotFit, match=circuit.kind):
        expm(-A, device=Device(circuit=circuit))


def test_a_chip_without_a_living_node_is_refused():
    with pytest.raises(DoesNotFit, match="all 3 nodes"):
        solve(A, b, device=Device(dead=DeadNodes(nodes=(0, 1, 2))), rng=0)


def test_a_range_that_is_too_wide_is_not_blamed_on_the_matrix():
    wide = Device(quantisation=Quantisation(bits=8, full_scale=1e4))
    with pytest.raises(DoesNotFit, match="smaller full_scale"):
        solve(A, b, device=wide, rng=0)


def test_a_calibration_is_of_its_own_chip():
    calibration = calibrate(ROUNDED, 3, rtol=0.1, rng=0)
    with pytest.raises(InvalidInput, match="calibrate the one that answers"):
        calibration.apply(PROBLEM.run(ROUNDED.vary("chip", 9), rng=0))
    with pytest.raises(InvalidInput, match="answer is of type ndarray"):
        calibration.apply(b)


def test_knobs_are_those_of_vary():
    assert Device.knobs().keys() == KNOBS.keys()
    assert all(Device.knobs().values())


def test_an_unnamed_device_is_called_ideal_only_where_it_is():
    assert Device().describe().startswith("ideal:")
    assert Device(mismatch=Mismatch(couplings=0.1)).describe().startswith("unnamed device:")
    assert str(ROUNDED.error_budget(PROBLEM)).startswith("unnamed device:")


def test_a_report_says_what_its_error_bar_does_not_know():
    assert "in no error bar" in str(solve(A, b, device=ROUNDED, rng=0))
    assert "in no error bar" not in str(solve(A, b, device=Device(link=1e9), rng=0))


def test_a_budget_blames_what_temperatures_share():
    hot = Device(temperatures=Temperatures(offset=0.2))
    assert "offset 0.2 -> " in hot.error_budget(Problem("inv", A)).advice


def test_a_crossover_says_where_the_device_ends():
    small = Device(limits=Limits(nodes=8))
    assert "the device has 8 nodes" in str(crossover(small, sizes=(4, 30), conditions=(10,)))
    assert "nodes" not in str(crossover(small, sizes=(4, 8), conditions=(10,)))


def test_records_are_said_in_a_line():
    run = ROUNDED.run(NETWORK, rng=0)
    assert "\n" not in repr(run)
    assert "mean" in str(run)
    assert "\n" not in repr(PROBLEM)
    assert "\n" not in repr(ROUNDED.error_budget(PROBLEM))


def test_a_report_makes_its_folder(tmp_path):
    result = sensitivity(PROBLEM, None, {"bits": [8]}, seeds=1, workers=1)
    written = write_sensitivity(result, tmp_path / "a" / "b")
    assert all(path.exists() for path in written)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_sensitivity(result, tmp_path / "file")
