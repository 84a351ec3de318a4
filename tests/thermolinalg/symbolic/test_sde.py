"""Systems in symbols: how they are made, what they become, and what is refused."""

import pickle

import array_api_strict
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

import thermolinalg as tla
from tests.thermolinalg.symbolic.potentials import G, K, M, T, X, quadratics, stable_linear
from thermolinalg.errors import InvalidInput, Unstable
from thermolinalg.symbolic.quadratic import split_quadratic
from thermolinalg.symbolic.sde import SDE
from thermolinalg.testing import assert_average
from thermolinalg.theory.langevin import Langevin, Multiplicative, Nonlinear

x, y, z = X
Q = sp.Symbol("Q", positive=True)
WELL = SDE.from_potential(K * (x**2 - 1) ** 2, x, temperature=T)
TURNED = SDE((x, y), (-x, -y), [[1 + x**2, x * y], [x * y, 1 + y**2]])


@settings(max_examples=25)
@given(quadratics())
def test_a_quadratic_potential_is_the_process_of_its_stiffness(drawn):
    S, force, state = drawn
    vector = sp.Matrix(state)
    U = (vector.T * S * vector)[0] / 2 - (force.T * vector)[0]
    S, f = np.array(S, float), np.array(force, float)[:, 0]
    for mass, make in ((None, tla.overdamped), (4, tla.underdamped)):
        knobs = {"temperature": 0.5, "friction": 2.0} | ({} if mass is None else {"mass": mass})
        found, truth = SDE.from_potential(U, state, **knobs).to_ou(), make(S, f, **knobs)
        for part in "AbD":
            np.testing.assert_array_equal(getattr(found, part), getattr(truth, part))


@settings(max_examples=15)
@given(stable_linear())
def test_a_process_survives_being_written_in_symbols(drawn):
    A, b, D, state = drawn
    ou = tla.OU(*(np.array(part, float) / 3 for part in (A, sp.Matrix(b).T.tolist()[0], D)))
    again = SDE.from_ou(ou, state).to_ou()
    for part in "AbD":
        np.testing.assert_array_equal(getattr(again, part), getattr(ou, part))
    assert [str(s) for s in SDE.from_ou(ou).state] == [f"x{i}" for i in range(ou.n)]


def test_unequal_baths_stand_one_for_each_coordinate():
    sde = SDE.from_potential(x**2 + y**4, (x, y), temperature=(T, 2), friction=(G, 3), mass=(M, 5))
    assert sde.state == (x, y, *sp.symbols("v_x v_y", real=True))
    assert sde.diffusion == sp.diag(0, 0, 2 * G * T / M**2, sp.Rational(12, 25))
    vx, vy = sde.state[2:]
    drift = [vx, vy, -2 * x / M - G * vx / M, -4 * y**3 / 5 - 3 * vy / 5]
    assert [sp.expand(f - g) for f, g in zip(sde.drift, drift, strict=True)] == [0] * 4
    assert sde.parameters == (T, G, M)


def test_floats_are_the_decimals_they_are_written_as():
    sde = SDE.from_potential(0.1 * x**2, x, temperature=0.3, friction=0.7)
    assert not sde.drift[0].atoms(sp.Float)
    assert sde.drift[0] == -sp.Rational(2, 7) * x
    assert sde.stationary_density().log_density == -(x**2) / 3


def test_linearization_is_the_jacobian_at_a_point():
    c = sp.Symbol("c", real=True)
    near = WELL.linearize({x: c})
    (f,) = WELL.drift
    assert sp.expand(near.drift[0] - (f.subs(x, c) + f.diff(x).subs(x, c) * (x - c))) == 0
    assert near.is_linear
    assert near.parameters == (T, c, K)
    number = WELL.substitute({K: 0.5, T: 0.1}).linearize([1]).to_ou()
    assert (number.A[0, 0], number.b[0]) == (4.0, 4.0)
    growth = SDE(Q, Q * (1 - Q), noise=Q).linearize({Q: 1})
    assert (growth.drift[0], growth.diffusion[0, 0]) == (1 - Q, 1)


def test_substitution_reaches_the_potential_and_may_bring_new_symbols():
    sde = WELL.substitute({K: G**2})
    assert sde.parameters == (T, G)
    assert sp.expand(sde.drift[0] - WELL.drift[0].subs(K, G**2)) == 0
    assert sde.stationary_density().log_density.has(G)
    noisy = SDE(Q, K * Q, noise=T * Q).substitute({T: 2})
    assert (noisy.parameters, noisy.diffusion[0, 0]) == ((K,), 4 * Q**2)


@pytest.mark.parametrize("sde", [WELL, TURNED, SDE(Q, K * Q, noise=T * Q)], ids=repr)
def test_systems_are_pickled_and_print(sde):
    again = pickle.loads(pickle.dumps(sde))
    assert (again.drift, again.diffusion, again.calculus) == (
        sde.drift, sde.diffusion, sde.calculus
    )  # fmt: skip
    assert str(again) == str(sde)
    assert str(sde).startswith(f"d{sde.state[0]} = (")
    assert sde._repr_latex_().count(r"dt") == sde.n
    assert repr(sde).startswith(f"SDE(n={sde.n}, ito")


def test_long_systems_print_in_a_line():
    state = sp.symbols("a:20")
    assert str(SDE.linear(state, np.eye(20), np.zeros(20), np.eye(20))).startswith("SDE(n=20")


def test_what_runs_is_the_most_special_process():
    q = x**2 + y**2
    swing = SDE.from_potential(-sp.cos(x), x, mass=2, friction=0.5, temperature=0.1).process()
    assert isinstance(swing, Langevin)
    assert (swing.temperature, swing.friction, float(swing.mass[0])) == (0.1, 0.5, 2.0)
    np.testing.assert_array_equal(swing.F(np.array([[0.3]])), -np.sin([[0.3]]))
    assert isinstance(SDE.from_potential(q, (x, y), mass=1).process(), tla.OU)
    assert isinstance(SDE.from_potential(x**4, x).process(), Nonlinear)
    two = SDE.from_potential(q**2, (x, y), mass=1, temperature=(1, 2))
    assert isinstance(two.process(), Nonlinear)
    assert isinstance(SDE(x, 0, 1).process(), Nonlinear)  # no equilibrium, but it runs
    assert isinstance(TURNED.process(), Multiplicative)
    pole = SDE(x, 1 / (x - sp.Rational(1, 2)), 1)
    assert isinstance(pole.process(probe=np.array([1.0])), Nonlinear)


@pytest.mark.parametrize(
    "sde",
    [
        WELL.substitute({K: 1, T: 2}),
        TURNED,
        SDE((x, y), (-x, -y), [[2, 1], [1, 2]]),
        SDE((x, y), (-x, -y), noise=sp.Matrix([[1, x, 2], [y, 1, x]])),
        SDE((x, y), (-x, -y), noise=sp.Matrix([x, 1])),
    ],
    ids=repr,
)
def test_noise_as_code_is_a_root_of_the_diffusion(sde):
    points = np.random.default_rng(0).normal(size=(3, 4, sde.n))
    code = pickle.loads(pickle.dumps(sde.lambdify()))
    B, D = code.noise(points), code.diffusion(points)
    assert code.drift(points).shape == (3, 4, sde.n)
    np.testing.assert_allclose(B @ np.swapaxes(B, -1, -2), D, atol=1e-14 * np.abs(D).max())
    strict = code.noise(array_api_strict.asarray(points))
    np.testing.assert_allclose(np.asarray(strict), B, atol=1e-14 * np.abs(B).max())
    if not sde.is_additive:
        run = sde.process()
        root = run.noise(points[0])
        assert root.shape == (4, sde.n, sde.n)
        np.testing.assert_allclose(
            root @ np.swapaxes(root, -1, -2), D[0], atol=1e-14 * np.abs(D).max()
        )


V = sp.Symbol("v_x", real=True)

N, LOW = sp.Symbol("n", integer=True), sp.Symbol("x", negative=True)

MISTAKES = [
    (lambda: SDE("x", -x, 1), "sp.Symbol"),
    (lambda: SDE.from_potential(sp.sin(sp.pi * N), N), "declared to be an integer"),
    (lambda: SDE(LOW, -LOW - 1, 2), "over x > 0"),
    (lambda: SDE((x, x), (-x, -x), [1, 1]), "twice"),
    (lambda: SDE((x, y), -x, [1, 1]), "drift has 1 entries and state has 2"),
    (lambda: SDE(x, "-x", 1), "string"),
    (lambda: SDE(x, sp.I * x, 1), "complex"),
    (lambda: SDE(x, -x * sp.cbrt(-1), 1), "complex"),
    (lambda: SDE(x, -x), "exactly one"),
    (lambda: SDE(x, -x, 1, noise=1), "exactly one"),
    (lambda: SDE((x, y), (x, y), 1), r"\[1\] \* 2"),
    (lambda: SDE((x, y), (x, y), [1, 2, 3]), "3 entries"),
    (lambda: SDE((x, y), (x, y), sp.Matrix([1, 2])), "noise=B"),
    (lambda: SDE((x, y), (x, y), np.ones((2, 2, 2))), "3 axes"),
    (lambda: SDE((x, y), (x, y), [[1, 2], [0, 1]]), "not symmetric"),
    (lambda: SDE((x, y), (x, y), [[1, 2], [2, 1]]), "eigenvalue"),
    (lambda: SDE(x, -x, -T), "variance per time"),
    (lambda: SDE((x, y), (x, y), noise=[1, 2]), "share a noise"),
    (lambda: SDE((x, y), (x, y), noise=[[1, 2]]), "2 rows"),
    (lambda: SDE(x, -x * sp.Symbol("t"), 1), "depends on time"),
    (lambda: SDE(sp.Symbol("t"), -x, 1), "which is time"),
    (lambda: SDE(x, -sp.Symbol("x"), 1), "one and the same symbol"),
    (lambda: SDE(x, -sp.Function("x")(y), 1), "function of which nothing is known"),
    (lambda: SDE(x, -x, 1, calculus="wiener"), "'ito' or 'stratonovich'"),
    (lambda: SDE(TURNED.state, TURNED.drift, TURNED.diffusion, calculus="stratonovich"), "noise=B"),
    (lambda: TURNED.to_stratonovich(), "noise=B"),
    (lambda: SDE.linear((x, y), np.eye(3), [0, 0], np.eye(2)), "2 rows"),
    (lambda: SDE.linear((x, y), np.eye(2), [0], np.eye(2)), "b has 1 entries"),
    (lambda: SDE.linear((x, y), [[1, 2, 3], [1, 2, 3]], [0, 0], np.eye(2)), "A has shape"),
    (lambda: SDE.from_ou(np.eye(2)), "OU, is needed"),
    (lambda: SDE.from_potential(x**2, x, temperature=-1), "temperature = -1 must be >= 0"),
    (lambda: SDE.from_potential(x**2, x, friction=0), "friction = 0 must be > 0"),
    (lambda: SDE.from_potential(x**2, x, mass=-M), "mass = -m must be > 0"),
    (lambda: SDE.from_potential(x**2, x, friction=[1, 2]), "friction has 2 entries"),
    (lambda: SDE.from_potential(x**2, x, temperature=1 + x**2), "depends on the coordinate x"),
    (lambda: WELL.substitute({y: 1}), "y is no parameter of the system; they are: T, k"),
    (lambda: WELL.substitute({sp.Symbol("k", real=True): 1}), "Keys are symbols"),
    (lambda: WELL.substitute({x: 1}), "x is a coordinate"),
    (lambda: WELL.substitute({K: x}), "depends on the coordinate x"),
    (lambda: WELL.substitute({T: -1}), "T = -1 is not >= 0, as the symbol T was declared"),
    (lambda: WELL.substitute({K: -2}), "k = -2 is not >= 0"),
    (lambda: WELL.substitute([K]), "must be a dict"),
    (lambda: WELL.linearize({}), "no value for x"),
    (lambda: WELL.linearize({x: 1, y: 2}), "names y"),
    (lambda: WELL.linearize([1, 2]), "2 entries"),
    (lambda: WELL.linearize({x: x + 1}), "a point is fixed"),
    (lambda: WELL.to_ou(), r"drift of x holds -4\*k\*x\*\*3"),
    (lambda: SDE(x, -x, 1 + x**2).to_ou(), r"D\[0, 0\] = x\*\*2 \+ 1"),
    (lambda: SDE(x, -K * x, T).to_ou(), r"T, k have no number yet.*sde.substitute\(\{T: 1.0\}\)"),
    (lambda: WELL.process(), "have no number yet"),
    (lambda: WELL.lambdify(), "have no numbers yet"),
    (lambda: WELL.moment_equations(0), "order = 0"),
    (lambda: WELL.generator("x"), "string"),
    (
        lambda: SDE((x, y), (-x, -y), [[1, x], [x, 1]]).lambdify().noise(np.array([2.0, 0.0])),
        "eigenvalue < 0 at some state",
    ),
    (lambda: WELL.generator(sp.Symbol("x") ** 2), "f holds a symbol x .* assumptions differ"),
    (lambda: WELL.ito(sp.Symbol("x") ** 2), "f holds a symbol x .* assumptions differ"),
    (lambda: WELL.fokker_planck(sp.exp(-(sp.Symbol("x") ** 2))), "p holds a symbol x"),
    (lambda: WELL.probability_current(sp.exp(-(sp.Symbol("x") ** 2))), "p holds a symbol x"),
    (lambda: WELL.fokker_planck(x * sp.Symbol("t") * sp.Symbol("t", real=True)), "two symbols t"),
    (lambda: SDE.from_potential(sp.Symbol("x") ** 2, x), "U holds a symbol x .* differ"),
    (lambda: SDE.from_potential(x**2 - V * x, x, mass=1), "U holds the symbol v_x"),
    (lambda: SDE.from_potential(x**2, x, mass=1, friction=1 + V**2), "friction holds .* v_x"),
]


@pytest.mark.parametrize(("mistake", "says"), MISTAKES, ids=[says for _, says in MISTAKES])
def test_a_mistake_gets_one_clear_error(mistake, says):
    with pytest.raises(InvalidInput, match=says):
        mistake()


def test_stratonovich_noise_runs_with_its_own_drift():
    """dx = x o dW has <x> = e^{t/2} by Ito, of which Euler's steps make (1 + dt/2)^n."""
    process = SDE(Q, 0, noise=Q / 2, calculus="stratonovich").process()
    run = tla.simulate(process, [0.0, 1.0], x0=[1.0], chains=40_000, step=0.125, rng=0)
    assert_average(run.states[:, -1, 0], (1 + 0.125 / 8) ** 8)


def test_an_unstable_mode_is_named():
    with pytest.raises(Unstable, match=r"mode along x \+ y relaxes at the rate -1"):
        SDE((x, y), (y, x), [1, 1]).to_ou()


def test_a_dense_system_of_fifty_coordinates_is_exact():
    n = 50
    state = sp.symbols(f"x:{n}")
    L = np.random.default_rng(0).integers(-3, 4, (n, n))
    S = L @ L.T + np.eye(n, dtype=int)
    U = sp.Add(*(int(S[i, j]) * state[i] * state[j] for i in range(n) for j in range(n))) / 2
    squares = sp.Add(*((state[i] - state[j]) ** 2 for i in range(n) for j in range(i)))
    assert split_quadratic(U, state).is_quadratic
    sde = SDE.from_potential(U + squares, state, temperature=2)
    stiffness = S + 2 * (n * np.eye(n) - 1)
    np.testing.assert_array_equal(sde.to_ou().A, stiffness)
    density = sde.stationary_density()
    assert "checked by symbols" in density.verified
    np.testing.assert_array_equal(density.gaussian().precision, stiffness / 2)


def test_parameters_may_be_named():
    k = sp.Symbol("k", positive=True)
    sde = SDE(x, -k * x, 2)
    assert sde.substitute({"k": 3}).drift == sde.substitute({k: 3}).drift
