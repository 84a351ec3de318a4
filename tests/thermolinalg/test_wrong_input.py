"""What anyone may get wrong: one error that names the argument, and no traceback from elsewhere."""

import numpy as np
import pytest
from click.testing import CliRunner

import thermolinalg as tla
from thermolinalg.__main__ import main
from thermolinalg.errors import InvalidInput, Unstable

A, B = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, 2.0])

CALLS = {
    "solve": lambda **knobs: tla.solve(A, B, rng=0, **knobs),
    "inv": lambda **knobs: tla.inv(A, rng=0, **knobs),
    "logdet": lambda **knobs: tla.logdet(A, rng=0, **knobs),
    "posterior": lambda **knobs: tla.gaussian_posterior(
        A, B, noise=1.0, prior_cov=1.0, rng=0, **knobs
    ),
    "process": lambda **knobs: tla.gaussian_process(
        [0.0, 1.0], B, [0.5], kernel=tla.RBF(1.0), noise=0.1, rng=0, **knobs
    ),
}
BOUND = CALLS | {
    "solve_qp": lambda **knobs: tla.solve_qp(A, B, rng=0, **knobs),
    "logistic": lambda **knobs: tla.logistic_posterior(A, [0, 1], rng=0, **knobs),
}


@pytest.mark.parametrize("value", ["long", np.nan, None], ids=str)
@pytest.mark.parametrize("name", BOUND)
def test_a_limit_is_a_number(name, value):
    with pytest.raises(InvalidInput, match=r"max_time = .* must be .* Leave it out for no limit"):
        BOUND[name](max_time=value)


@pytest.mark.parametrize("name", CALLS)
def test_a_number_of_samples_is_a_number(name):
    with pytest.raises(InvalidInput, match="max_samples = 'many' must be a number"):
        CALLS[name](max_samples="many")


@pytest.mark.parametrize("name", CALLS)
def test_a_callback_can_be_called(name):
    with pytest.raises(InvalidInput, match="callback = 3 cannot be called"):
        CALLS[name](callback=3)


@pytest.mark.parametrize("name", CALLS)
def test_a_device_is_one(name):
    with pytest.raises(InvalidInput, match="device = 'ideal' is no Device"):
        CALLS[name](device="ideal")


def test_a_device_of_other_solvers_is_one_too():
    for call in (tla.solve_qp, lambda *p, **knobs: tla.plan(tla.solve, *p, **knobs)):
        with pytest.raises(InvalidInput, match="device = 3 is no Device"):
            call(A, B, device=3)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_numpy_matrix_is_an_array():
    assert np.array_equal(tla.solve(np.matrix(A), B, rng=0), tla.solve(A, B, rng=0))


def test_a_masked_array_hides_numbers():
    with pytest.raises(InvalidInput, match="A is a masked array"):
        tla.solve(np.ma.masked_less(A, 1.5), B)


def test_a_dict_of_drives_belongs_to_a_graph():
    with pytest.raises(InvalidInput, match="belongs to a graph"):
        tla.solve(A, {0: 1.0})


@pytest.mark.parametrize("problem", [(), (A,), (A, B, B)], ids=len)
def test_a_plan_names_what_its_problem_lacks(problem):
    with pytest.raises(InvalidInput, match="takes the problem as solve does"):
        tla.plan(tla.solve, *problem)


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (-1.0, 1.0)], ids=str)
def test_bounds_that_are_given_are_asked_for_no_second_time(bounds):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(Unstable, match="0 < low <= high"):
        tla.solve(sparse.csr_array(A), B, bounds=bounds)


def test_a_kernel_is_made_before_it_is_passed():
    with pytest.raises(InvalidInput, match=r"kernel = .*RBF.* cannot be called"):
        tla.gaussian_process([0.0, 1.0], B, [0.5], kernel=tla.RBF, noise=0.1)


@pytest.mark.parametrize("bound", ["low", 1j, [True, False]], ids=str)
def test_a_bound_is_a_number(bound):
    with pytest.raises(InvalidInput, match="lower has dtype"):
        tla.solve_qp(A, B, lower=bound)


def test_a_singular_matrix_has_an_infinite_condition_number():
    with pytest.raises(InvalidInput, match="condition number of infinity"):
        tla.solve(np.diag([1.0, 0.0]), B)


def test_the_version_needs_no_installation():
    assert tla.__version__ in CliRunner().invoke(main, ["--version"]).output
