"""The command as a user types it: a report and a file, or one clear line."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.linalg
import scipy.sparse
from click.testing import CliRunner

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import ring, wishart
from thermolinalg.__main__ import DENSE, main, parse_sweep

N = 4
A, B = wishart(N), np.arange(1.0, N + 1)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder with the same problem in files of every kind."""
    monkeypatch.chdir(tmp_path)
    np.save("A.npy", A)
    np.save("b.npy", B)
    np.savez("A.npz", A)
    scipy.io.mmwrite("A.mtx", scipy.sparse.csr_array(A))
    scipy.io.mmwrite("dense.mtx", A)
    scipy.io.mmwrite("b.mtx", B[:, None])
    scipy.sparse.save_npz("S.npz", scipy.sparse.csr_array(A))


def call(*words):
    return CliRunner().invoke(main, list(words))


def right(*words):
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def assert_one_clear_line(result, words, code=1):
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    assert words in line
    assert "Traceback" not in result.output


@pytest.mark.parametrize("a", ["A.npy", "A.npz", "A.mtx", "dense.mtx", "S.npz"])
@pytest.mark.parametrize("b", ["b.npy", "b.mtx"])
def test_any_kind_of_file_holds_the_same_problem(a, b):
    words = right("solve", a, b, "--seed", "1", "--out", "x.npy")
    assert "CONVERGED" in words
    assert "written: x.npy" in words
    x = np.load("x.npy")
    assert x.shape == (N,)
    assert np.linalg.norm(x - np.linalg.solve(A, B)) < 0.05 * np.linalg.norm(x)
    right("solve", "A.npy", "b.npy", "--seed", "1", "--out", "again.npy")
    assert np.array_equal(x, np.load("again.npy"))


@pytest.mark.parametrize(
    ("words", "truth"),
    [
        (["inv", "A.mtx", "--seed", "0", "--rtol", "0.2"], np.linalg.inv(A)),
        (["inv", "A.npy", "--only", "trace", "--seed", "0"], np.trace(np.linalg.inv(A))),
        (["logdet", "A.mtx", "--seed", "0", "--atol", "0.2"], np.linalg.slogdet(A)[1]),
        (["expm", "A.mtx", "--time", "-0.5", "--seed", "0"], scipy.linalg.expm(-0.5 * A)),
    ],
)
def test_an_answer_with_its_error_bar(words, truth):
    report = right(*words, "--out", "x.npz")
    assert "measured" in report
    with np.load("x.npz") as found:
        gap = np.abs(found["value"] - truth)
        assert (gap <= 8 * found["stderr"]).all()  # of 31 degrees of freedom: once in 10^8


def test_without_a_file_the_answer_is_printed():
    words = right("solve", "A.npy", "b.npy", "--seed", "1", "--temperature", "0.01")
    assert words.strip().splitlines()[-1].startswith("[")


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["A.mtx", "b.npy", "--rtol", "1e-3"], "solve, n = 4"),
        (["A.mtx"], "inv, n = 4"),
        (["A.mtx", "--only", "trace"], "inv, n = 4, trace"),
        (["A.npy", "b.npy", "--solver", "lstsq", "--ridge", "0.1"], "lstsq, n = 4"),
        (["A.npy", "A.npy", "--solver", "solve_lyapunov"], "solve_lyapunov, n = 4"),
        (["A.npy", "--solver", "expm", "--time", "2"], "expm, n = 4, t = 2"),
        (["A.npy", "--solver", "logdet", "--method", "jarzynski"], "logdet by jarzynski"),
        (["A.mtx", "b.npy", "--bounds", "0.01", "9"], "solve, n = 4, only multiplied"),
    ],
)
def test_a_forecast(words, title):
    report = right("plan", *words)
    assert report.startswith(title)
    assert "nothing has run" in report
    assert "Markov" in report


def test_a_large_sparse_matrix_stays_sparse():
    n = DENSE + 1
    S = scipy.sparse.diags_array([np.full(n, 3.0)], offsets=[0]).tocsr()
    scipy.io.mmwrite("large.mtx", S)
    np.save("ones.npy", np.ones(n))
    assert "only multiplied" in right("plan", "large.mtx", "ones.npy")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["solve", "none.npy", "b.npy"], "none.npy could not be read: No such file"),
        (["solve", "A.txt", "b.npy"], "is of no kind that is read here"),
        (["solve", "torn.npy", "b.npy"], "torn.npy could not be read"),
        (["solve", "torn.npz", "b.npy"], "torn.npz could not be read"),
        (["solve", "torn.mtx", "b.npy"], "torn.mtx could not be read"),
        (["inv", "two.npz"], "it holds the arrays"),
        (["inv", "objects.npy"], "objects.npy could not be read"),
        (["solve", "A.npy", "long.npy"], "b has shape (9,)"),
        (["inv", "indefinite.npy"], "indefinite"),
        (["inv", "A.npy", "--rtol", "-1"], "rtol"),
        (["inv", "A.npy", "--out", "x.txt"], "must end in .npy"),
        (["inv", "A.npy", "--out", "no/x.npy"], "no folder"),
        (["logdet", "A.npy", "--method", "magic"], "unknown"),
        (["plan", "A.npy", "b.npy", "--solver", "inv"], "inv takes A alone"),
        (["plan", "A.npy", "--solver", "lstsq"], "lstsq takes A and B"),
        (["plan", "A.npy", "--time", "1"], "no --time"),
        (["plan", "A.npy", "--ridge", "1"], "knows no ridge"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(words, message):
    for name in ("torn.npy", "torn.npz", "torn.mtx"):
        Path(name).write_bytes(b"\x93NUMPY torn")
    np.savez("two.npz", A=A, B=B)
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save("long.npy", np.ones(9))
    np.save("indefinite.npy", ring(4) - 2 * np.eye(4))
    assert_one_clear_line(call(*words), message)
    assert not list(Path().glob("x.*"))


def test_the_module_runs_as_a_program():
    run = subprocess.run(
        [sys.executable, "-m", "thermolinalg", "plan", "A.npy", "b.npy"],
        capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("solve, n = 4: a forecast")


SWEEP = ["sensitivity", "solve", "A.npy", "b.mtx", "--sweep", "bits=8:12:2", "--sweep",
         "drift=0,0.5", "--workers", "1", "--seeds", "2", "--out", "swept"]  # fmt: skip


def test_a_sweep_leaves_a_report_and_runs_again_from_what_it_left():
    first = right(*SWEEP)
    assert "bits: bits of a coefficient" in first
    record = json.loads(Path("swept/sensitivity.json").read_text())
    with open("swept/sensitivity.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(record["points"]) == 2 * (1 + 3 + 2)
    assert [row["value"] for row in rows if row["knob"] == "bits"] == [
        "8",
        "8",
        "10",
        "10",
        "12",
        "12",
    ]
    errors = [point["relative error"] for point in record["points"]]
    assert [float(row["relative error"]) for row in rows] == errors
    assert Path("swept/sensitivity.png").read_bytes().startswith(b"\x89PNG")
    kept = sorted(Path("swept/runs").iterdir())
    before = [path.stat().st_mtime_ns for path in kept]
    for path in kept[:3]:
        path.unlink()
    assert right(*SWEEP) == first
    assert sorted(Path("swept/runs").iterdir()) == kept
    assert [path.stat().st_mtime_ns for path in kept[3:]] == before[3:]


def test_an_inverse_is_swept_too():
    words = right("sensitivity", "inv", "A.npy", "--rtol", "0.2", "--seeds", "1", "--workers", "1",
                  "--sweep", "temperature_offset=0:0.2:0.1")  # fmt: skip
    assert "error of the temperature" in words
    assert Path("sensitivity/sensitivity.csv").exists()


def test_a_sweep_begins_at_the_device_that_a_file_describes():
    right(*SWEEP)
    plain = json.loads(Path("swept/sensitivity.json").read_text())
    tla.Device(name="rough", floor=0.1).to_toml(Path("rough.toml"))
    right(*SWEEP, "--device", "rough.toml")
    rough = json.loads(Path("swept/sensitivity.json").read_text())
    assert "rough" in rough["device"]
    for point, worse in zip(plain["points"], rough["points"], strict=True):
        assert point["relative error"] < 0.05 < worse["relative error"] < 0.2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["solve", "A.npy", "--sweep", "bits=8"], "solve takes A and B"),
        (["inv", "A.npy", "b.npy", "--sweep", "bits=8"], "inv takes A alone"),
        (["inv", "A.npy", "--sweep", "bits"], "--sweep bits is not understood"),
        (["inv", "A.npy", "--sweep", "bits=3:2"], "--sweep bits=3:2 is not understood"),
        (["inv", "A.npy", "--sweep", "bits=3:9:0"], "is not understood"),
        (["inv", "A.npy", "--sweep", "bits=3:9:2:1"], "is not understood"),
        (["inv", "A.npy", "--sweep", "drift=0:inf"], "is not understood"),
        (["inv", "A.npy", "--sweep", "drift=nan"], "is not understood"),
        (["inv", "A.npy", "--sweep", "bitz=3"], "'bitz' in sweep is no knob"),
        (["inv", "A.npy", "--sweep", "bits=3", "--out", "A.npy"], "A.npy"),
        (["inv", "A.npy", "--sweep", "bits=3", "--device", "no.toml"], "no.toml"),
    ],
)
def test_a_sweep_that_cannot_be_ends_in_one_line(words, says):
    assert_one_clear_line(call("sensitivity", *words), says)


def test_a_sweep_that_is_stopped_says_how_to_go_on(monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("thermolinalg.sensitivity", stopped)
    assert_one_clear_line(call(*SWEEP), "kept in swept: run this again")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("bits=3:6", [3, 4, 5, 6]),
        ("x=0:0.3:0.1", [0, 0.1, 0.2, 0.3]),
        ("x=0,1e-6,4:6", [0, 1e-6, 4, 5, 6]),
        ("x=-1:0:0.4", [-1, -0.6, -0.2]),
    ],
)
def test_values_of_a_sweep_are_exact_decimals(text, values):
    found = parse_sweep(text)[1]
    assert found == values
    assert [type(x) for x in found] == [int if x == int(x) else float for x in values]


def test_a_device_is_a_file_or_a_preset():
    np.save("A.npy", np.diag([1.0, 2.0, 3.0]))
    Path("board.toml").write_text('name = "my board"\n[mismatch]\ncouplings = 0.02\n')
    ask = CliRunner().invoke
    on_mine = ask(main, ["inv", "A.npy", "--device", "board.toml", "--seed", "0"])
    assert on_mine.exit_code == 0
    assert "my board" in on_mine.output
    on_two = ask(main, ["inv", "A.npy", "--device", "breadboard"])
    assert on_two.exit_code == 1
    assert "takes 3 nodes, and the device has 2" in on_two.output
    on_none = ask(main, ["plan", "A.npy", "--device", "nope"])
    assert on_none.exit_code == 1
    assert "nope cannot be read" in on_none.output


def test_a_sweep_of_too_many_values_is_refused_at_once():
    np.save("A.npy", np.eye(3))
    given = ["sensitivity", "inv", "A.npy", "--sweep", "mismatch=0:1e9:1e-3"]
    refused = CliRunner().invoke(main, given)
    assert refused.exit_code == 1
    assert "values" in refused.output
