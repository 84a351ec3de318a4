"""The rules that no reviewer should have to hold: layers, oracles, imports, names and sizes."""

import ast
import importlib
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [p for p in ("thermolinalg", "models", "tngd") if (ROOT / p / "__init__.py").exists()]
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

LAYERS = [
    "theory",
    "symbolic",
    "coupling",
    "simulation",
    "measurement",
    "device",
    "solvers",
    "mitigation",
    "analysis",
    "programs",
    "plots",
    "testing",
]
GROUND = {"backend", "errors", "streams", "files", "checks", "threads", "products", "parallel"}
RUNS = ("simulation", "measurement", "device", "solvers", "mitigation")
SAMPLERS = {
    "thermolinalg.coupling.chromatic",
    "thermolinalg.programs.metropolis",
    "thermolinalg.programs.integration",
    "thermolinalg.programs.sampling",
}
ORACLE = "thermolinalg.theory.equilibrium"
BASELINE = "thermolinalg.solvers.baseline"
DIGITAL = """
solve inv pinv lstsq tensorsolve tensorinv cho_factor cho_solve lu lu_factor lu_solve ldl
solve_triangular solve_banded solveh_banded solve_toeplitz solve_circulant solve_sylvester
solve_continuous_lyapunov spsolve spsolve_triangular splu spilu factorized
cg bicg bicgstab gmres minres lsqr lsmr
det slogdet
"""
SLOW = [
    "sympy",
    "matplotlib",
    "networkx",
    "hypothesis",
    "joblib",
    "sklearn",
    "torch",
    "jax",
    "safetensors",
    "tokenizers",
    "transformers",
    "scipy.stats",
    "scipy.optimize",
]
LONGEST = 400


def name_of(path):
    """thermolinalg/theory/modes.py is thermolinalg.theory.modes."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {name_of(path): ast.parse(path.read_text()) for path in FILES}
each_file = pytest.mark.parametrize("name", TREES)


def imports(tree):
    """Full names of what a syntax tree imports: modules, and names out of modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_used(name):
    """The project's modules that a module imports."""
    for full in imports(TREES[name]):
        if full in TREES:
            yield full
        elif (module := full.rpartition(".")[0]) in TREES:
            yield module


def reach(name):
    """Every module of the project that importing this one brings in, packages' own files aside."""
    seen, todo = set(), [name]
    while todo:
        new = set(modules_used(todo.pop())) - seen - set(PACKAGES)
        seen |= new
        todo.extend(new)
    return seen


def level(name):
    """Where a module of thermolinalg stands: 0 for ground files, the last for the front door."""
    parts = name.split(".")
    if len(parts) == 1:
        return len(LAYERS) + 1
    return LAYERS.index(parts[1]) + 1 if parts[1] in LAYERS else 0


def part(name):
    return name.split(".")[1] if "." in name else ""


def aliases(tree):
    """What the names in a file stand for: {'sla': 'scipy.linalg'}."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom):
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return known


def dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def digital_solvers(tree):
    """Every mention of a digital solver: `xp.linalg.inv`, `sla.solve`, `from ... import cg`."""
    known = aliases(tree)
    mentioned = [full for full in known.values() if "linalg" in full.split(".")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, *rest = dotted(node).split(".")
            full = ".".join([known.get(head, head), *rest])
            if "linalg" in full.split(".")[:-1]:
                mentioned.append(full)
    return [full for full in mentioned if full.split(".")[-1] in DIGITAL.split()]


def must_not_solve(name):
    """What simulates, measures and solves, samplers, and the thermodynamic solver of tngd."""
    if name.startswith("tngd.linsolve."):
        thermodynamic = "tngd.linsolve.thermodynamic"
        return thermodynamic in TREES and name in {thermodynamic} | reach(thermodynamic)
    runs = part(name) in RUNS or name in SAMPLERS
    return name.startswith("thermolinalg.") and runs and name != BASELINE


@each_file
def test_a_file_begins_by_saying_its_one_idea(name):
    assert ast.get_docstring(TREES[name])


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_enough_for_one_idea(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@each_file
def test_packages_import_one_way(name):
    later = PACKAGES[PACKAGES.index(name.split(".")[0]) + 1 :]
    assert not [full for full in imports(TREES[name]) if full.split(".")[0] in later]


@each_file
def test_no_import_of_our_own_is_hidden_in_a_function(name):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inner = [node for node in ast.walk(TREES[name]) if isinstance(node, functions)]
    hidden = [full for node in inner for full in imports(node)]
    assert not [full for full in hidden if full.split(".")[0] in PACKAGES]


def test_no_import_cycles():
    try:
        list(TopologicalSorter({name: set(modules_used(name)) for name in TREES}).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("name", [n for n in TREES if n.split(".")[0] == "thermolinalg"])
def test_layers_of_thermolinalg_import_one_way(name):
    higher = [other for other in modules_used(name) if level(other) > level(name)]
    assert not [other for other in higher if other != "thermolinalg"]


@pytest.mark.parametrize("name", [n for n in TREES if n.split(".")[0] == "models"])
def test_models_stand_on_the_ground_files_alone(name):
    used = {full.split(".")[1] for full in modules_used(name) if full.startswith("thermolinalg.")}
    assert used <= GROUND


@pytest.mark.parametrize("name", [n for n in TREES if must_not_solve(n)])
def test_what_runs_never_looks_at_the_answer(name):
    assert ORACLE not in reach(name) | set(imports(TREES[name]))
    assert "thermolinalg" not in modules_used(name), "the front door brings the oracle in"


@pytest.mark.parametrize("name", [n for n in TREES if must_not_solve(n)])
def test_what_runs_never_solves_digitally(name):
    assert not digital_solvers(TREES[name])


@pytest.mark.parametrize("name", [n for n in TREES if n != BASELINE])
def test_the_baseline_is_handed_on_and_never_called(name):
    """Solvers pass `digital_solve` to the report as a partial function; only a reader calls it."""
    known = aliases(TREES[name])
    called = [
        known.get(node.func.id, "")
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert not [full for full in called if full.startswith(f"{BASELINE}.digital")]


def test_the_search_for_digital_solvers_finds_them():
    """A rule that finds nothing anywhere may be a rule that cannot find."""
    guilty = """
import numpy as np, scipy.linalg as sla
from scipy.sparse.linalg import cg
from numpy import linalg
def f(xp, A): return xp.linalg.inv(A), np.linalg.solve, sla.cho_factor(A), linalg.lstsq(A), cg
"""
    found = {full.split(".")[-1] for full in digital_solvers(ast.parse(guilty))}
    assert found == {"inv", "solve", "cho_factor", "lstsq", "cg"}
    assert digital_solvers(TREES[BASELINE])
    assert digital_solvers(TREES[ORACLE])
    innocent = "import numpy as np\ndef solve(A): return np.linalg.eigh(A), tla.solve(A)"
    assert not digital_solvers(ast.parse(innocent))


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_exist_and_explain_themselves(package):
    module = importlib.import_module(package)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        thing = getattr(module, name)
        assert not callable(thing) or thing.__doc__, f"{package}.{name} has no docstring"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_front_door_stays_light(package):
    """Importing brings in no library that is slow or optional."""
    loaded = f"[m for m in {SLOW!r} if m in sys.modules]"
    script = f"import sys, {package}\nprint(*{loaded})"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


def test_functions_do_not_share_the_name_of_their_module():
    """Re-exporting such a function would hide the module behind it."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        clashes = [n for n in module.__all__ if f"{package}.{n}" in TREES]
        assert not clashes
