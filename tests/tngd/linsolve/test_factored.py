"""K-FAC's solver against dense Kronecker products, and what it remembers against sums by hand."""

import dataclasses
import pickle

import numpy as np
import pytest
import scipy.linalg

from tests.tngd.curvature.test_kronecker import NETWORKS, objective
from tests.tngd.oracles import Rows, assert_within, random_rows, solve_error
from thermolinalg.errors import InvalidInput
from tngd.curvature.kronecker import Kronecker, Product
from tngd.linsolve.factor_inverses import Cholesky, Eigen, ThermodynamicInverse
from tngd.linsolve.factored import Factored
from tngd.objective import Objective

SOLVERS = {
    "split": Factored(),
    "split, cholesky": Factored(inverse=Cholesky()),
    "product": Factored(split=False),
}
over_solvers = pytest.mark.parametrize("name", SOLVERS)


def points(count, network="dense", seed=0):
    """As many objectives in a row, on other batches and at other parameters."""
    return [objective(*NETWORKS[network], 3, seed=seed + k) for k in range(count)]


def dense(C, damping, *, split, factors=None):
    """The damped matrix (p, p) by np.kron, in the order of the parameters."""
    given = iter(factors or [(b.A, b.B) for b in C.blocks if isinstance(b, Product)])
    parts = []
    for block in C.blocks:
        if not isinstance(block, Product):
            parts.append(block.to_dense() + damping * np.eye(block.size))
            continue
        A, B = next(given)
        m, n = len(A), len(B)
        if split:
            pi = np.sqrt(np.mean(np.linalg.eigvalsh(A)) / np.mean(np.linalg.eigvalsh(B)))
            A, B = A + pi * damping**0.5 * np.eye(m), B + damping**0.5 / pi * np.eye(n)
            parts.append(np.kron(A, B))
        else:
            parts.append(np.kron(A, B) + damping * np.eye(m * n))
    whole = scipy.linalg.block_diag(*parts)
    if C.order is None:
        return whole
    back = np.argsort(C.order)
    return whole[np.ix_(back, back)]


def numbers(memory):
    """All that is remembered, to the bit."""
    if isinstance(memory, tuple):
        return [numbers(part) for part in memory]
    if dataclasses.is_dataclass(memory):
        return [numbers(getattr(memory, part.name)) for part in dataclasses.fields(memory)]
    return memory.tobytes() if isinstance(memory, np.ndarray) else memory


def terms(o):
    return 40 * (o.network.size + o.x.size)


def solve(solver, o, damping=0.1, memory=None, seed=0):
    C, g = Kronecker().at(o), o.gradient
    return solver.solve(C, damping, g, memory, np.random.default_rng(seed))


@over_solvers
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("damping", [1e-3, 0.3])
def test_the_first_step_is_the_dense_damped_solve(name, network, damping):
    (o,) = points(1, network)
    truth = dense(Kronecker().at(o), damping, split=SOLVERS[name].split)
    bound = solve_error(truth, damping, o.gradient, terms=terms(o))
    assert_within(solve(SOLVERS[name], o, damping).value, np.linalg.solve(truth, o.gradient), bound)


@over_solvers
def test_much_damping_leaves_the_gradient(name):
    """With M = λI + E, and no eigenvalue of M below λ, λ M⁻¹ g is g up to |E|/λ of it."""
    damping = 1e8
    (o,) = points(1)
    M = dense(Kronecker().at(o), damping, split=SOLVERS[name].split)
    x = solve(SOLVERS[name], o, damping).value
    left = np.linalg.norm(M - damping * np.eye(len(M))) / damping
    bound = (left + terms(o) * np.finfo(float).eps) * np.linalg.norm(o.gradient)
    assert_within(damping * x, o.gradient, bound)


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.7])
@pytest.mark.parametrize("every", [1, 2])
def test_averages_and_when_they_are_inverted(split, decay, every):
    """By hand: step k divides by Σ_j decay^(i-j) F_j / Σ_j decay^(i-j), of the last inversion i."""
    solver, damping, memory = Factored(decay, every, split), 0.1, None
    seen = []
    for k, o in enumerate(points(5, "exact-among-them")):
        C = Kronecker().at(o)
        seen.append([(b.A, b.B) for b in C.blocks if isinstance(b, Product)])
        i = k - k % every
        weights = decay ** np.arange(i, -1, -1.0)
        weights /= weights.sum()
        means = [
            tuple(sum(w * seen[j][n][side] for j, w in enumerate(weights)) for side in (0, 1))
            for n in range(len(seen[0]))
        ]
        M = dense(C, damping, split=split, factors=means)
        solution = solve(solver, o, damping, memory)
        memory = solution.memory
        bound = solve_error(M, damping, o.gradient, terms=terms(o))
        assert_within(solution.value, np.linalg.solve(M, o.gradient), bound)


@pytest.mark.parametrize(
    "solver", [*SOLVERS.values(), Factored(every=2, inverse=ThermodynamicInverse(30))]
)
def test_going_on_from_a_pickle_is_going_on(solver):
    before, now, later = points(3)
    memory = solve(solver, later, memory=solve(solver, before).memory).memory
    stored = pickle.dumps(memory)
    on, back = solve(solver, now, memory=memory), solve(solver, now, memory=pickle.loads(stored))
    assert on.value.tobytes() == back.value.tobytes()
    assert numbers(on.memory) == numbers(back.memory)
    assert pickle.dumps(memory) == stored, "what is handed in stays"


@pytest.mark.parametrize(
    "solver", [*SOLVERS.values(), Factored(inverse=ThermodynamicInverse(30, bits=16))]
)
def test_single_precision_and_torch(solver):
    torch = pytest.importorskip("torch")
    first, second = points(2, "exact-among-them")
    truth = solve(solver, second, memory=solve(solver, first).memory).value

    def again(convert):
        memory = None
        for o in (first, second):
            p, x = (convert(a) for a in (o.params, o.x))
            y = torch.from_numpy(o.y) if isinstance(p, torch.Tensor) else o.y
            here = Objective(o.network, o.loss, p, x, y)
            solution = solve(solver, here, memory=memory)
            memory = solution.memory
        return solution.value

    single = again(lambda a: a.astype(np.float32))
    assert single.dtype == np.float32
    theirs = again(torch.from_numpy)
    assert isinstance(theirs, torch.Tensor)
    size = 1 + sum(float(F.trace()) for b in _products(second) for F in (b.A, b.B))
    bound = terms(second) * np.finfo(float).eps * (1 + size / 0.1) ** 2
    assert_within(theirs.numpy(), truth, bound * (1 + np.linalg.norm(truth)))


def _products(o):
    return [b for b in Kronecker().at(o).blocks if isinstance(b, Product)]


def test_a_device_is_paid_for_when_it_inverts():
    solver = Factored(every=2, inverse=ThermodynamicInverse(5, 2.0, 7.0))
    (o,) = points(1)
    first = solve(solver, o)
    second = solve(solver, o, memory=first.memory)
    assert first.cost.analog_time == 2 * len(_products(o)) * (7.0 + 4 * 2.0)
    assert first.cost.device_seconds > 0
    assert (second.cost.analog_time, second.cost.device_seconds) == (0.0, 0.0)


def test_parameters_that_ran_away_give_no_number_and_are_not_remembered():
    good, bad = points(2)
    memory = solve(Factored(), good).memory
    params = bad.params.copy()
    params[0] = np.nan
    solution = solve(
        Factored(), Objective(bad.network, bad.loss, params, bad.x, bad.y), 0.1, memory
    )
    assert np.isnan(solution.value).all()
    assert solution.memory is memory


def test_another_networks_memory_is_named():
    memory = solve(Factored(), *points(1, "sequence")).memory
    with pytest.raises(InvalidInput, match="other layers"):
        solve(Factored(), *points(1), memory=memory)


def test_a_curvature_without_blocks_is_named():
    rows = Rows(random_rows(3, 4))
    with pytest.raises(InvalidInput, match=r"Kronecker\(\)"):
        Factored().solve(rows, 0.1, np.ones(4), None, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"decay": 1.0}, "decay"),
        ({"decay": -0.1}, "decay"),
        ({"every": 0}, "every"),
        ({"inverse": "eigen"}, "inverse"),
        ({"split": False, "inverse": Cholesky()}, "split=True"),
        ({"split": False, "inverse": ThermodynamicInverse()}, "split=True"),
    ],
)
def test_misuse_is_named(knobs, says):
    with pytest.raises(InvalidInput, match=says):
        Factored(**knobs)


def test_defaults():
    assert Factored() == Factored(0.95, 1, True, Eigen())
