"""Functions of a matrix by Lanczos, against all eigenvectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.oracles import assert_within
from tngd.linsolve.lanczos import apply_function, spectral_weights

FUNCTIONS = {  # h, its largest value for μ >= 0, its largest slope
    "decay": (lambda mu: np.exp(-50 * mu), 1.0, 50.0),
    "resolvent": (lambda mu: 1 / (0.1 + mu), 10.0, 100.0),
    "constant": (lambda mu: np.full_like(mu, 3.0), 3.0, 0.0),
    "rising": (lambda mu: mu**2, 16.0, 8.0),
}
over_functions = pytest.mark.parametrize("name", FUNCTIONS)
spectra = st.lists(
    st.one_of(st.sampled_from([0.0, 1e-9, 1.0, 4.0]), st.floats(0, 4)), min_size=1, max_size=24
)


def rotated(spectrum, seed=0, dtype=np.float64):
    """A matrix of this spectrum, and a random vector."""
    rng, q = np.random.default_rng([seed, len(spectrum)]), len(spectrum)
    Q, _ = np.linalg.qr(rng.standard_normal((q, q)))
    K = ((Q * np.array(spectrum)) @ Q.T).astype(dtype)
    return (K + K.T) / 2, rng.standard_normal(q).astype(dtype)


def assert_applied(K, w, name):
    """K is known to eps |K|, which moves h(K) by at most that times the slope of h."""
    h, largest, slope = FUNCTIONS[name]
    values, V = np.linalg.eigh(K.astype(float))
    truth = V @ (h(np.maximum(values, 0)) * (V.T @ w))
    answer = apply_function(K, w, h)
    assert answer.dtype == w.dtype
    terms, eps = 20 * len(w), float(np.finfo(w.dtype).eps)
    size = (largest + slope * np.linalg.norm(K)) * np.linalg.norm(w)
    assert_within(answer, truth, terms * eps * size)


@over_functions
@given(spectrum=spectra, seed=st.integers(0, 99), dtype=st.sampled_from([np.float32, np.float64]))
def test_any_spectrum(name, spectrum, seed, dtype):
    assert_applied(*rotated(spectrum, seed, dtype), name)


@over_functions
@pytest.mark.parametrize(
    "spectrum",
    [
        pytest.param([0.0] * 7, id="zero"),
        pytest.param([1.0] * 7, id="identity"),
        pytest.param([2.5], id="q = 1"),
        pytest.param([0.0] * 5 + [1.0] * 5, id="projection"),
        pytest.param([0.0, 0.0, 1e-12, 1e-6, 1.0, 4.0], id="stiff"),
        pytest.param(list(np.linspace(0, 4, 150)), id="more than one allotment of rows"),
    ],
)
def test_spectra_on_the_border(name, spectrum):
    assert_applied(*rotated(spectrum), name)


@over_functions
def test_an_eigenvector_takes_one_iteration(name):
    K, _ = rotated([0.0, 0.5, 1.0, 2.0])
    assert_applied(K, np.linalg.eigh(K)[1][:, 2], name)


def test_exactly_diagonal_matrices():
    K, w = np.diag([0.0, 1.0, 1.0, 3.0]), np.array([1.0, 0.0, 2.0, -1.0])
    assert_applied(K, w, "resolvent")


@pytest.mark.parametrize("scale", [2.0**-100, 2.0**100])
def test_vectors_whose_squares_no_float32_holds(scale):
    K, w = rotated([0.5, 1.0, 3.0], dtype=np.float32)
    scaled = apply_function(K, np.float32(scale) * w, FUNCTIONS["resolvent"][0])
    assert np.array_equal(
        scaled, np.float32(scale) * apply_function(K, w, FUNCTIONS["resolvent"][0])
    )


def test_no_vector_no_answer():
    K, w = rotated([1.0, 2.0, 3.0])
    assert np.array_equal(apply_function(K, 0 * w, FUNCTIONS["decay"][0]), 0 * w)


def test_a_function_that_vanishes_on_the_first_ritz_values():
    """e^{-1000μ} is zero to the computer until a Ritz value has found the eigenvalue 0."""
    K, w = np.diag(np.arange(60.0)), np.ones(60)
    answer = apply_function(K, w, lambda mu: np.exp(-1000 * mu))
    assert_within(answer, np.eye(60)[0], 20 * 60 * np.finfo(float).eps * 1000 * 59)


@pytest.mark.filterwarnings("ignore:(invalid value|overflow):RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_makes_no_number(bad):
    K, w = rotated([1.0, 2.0, 3.0])
    K[1, 2] = K[2, 1] = bad
    assert np.isnan(apply_function(K, w, FUNCTIONS["decay"][0])).all()


def test_torch_stays_torch():
    torch = pytest.importorskip("torch")
    K, w = rotated(list(np.linspace(0, 3, 20)))
    answer = apply_function(torch.from_numpy(K), torch.from_numpy(w), FUNCTIONS["decay"][0])
    assert isinstance(answer, torch.Tensor)
    truth = apply_function(K, w, FUNCTIONS["decay"][0])
    assert_within(answer.numpy(), truth, 20 * 20 * np.finfo(float).eps * 150 * np.linalg.norm(w))


@given(spectrum=spectra, seed=st.integers(0, 99))
def test_weights_give_quadratic_forms(spectrum, seed):
    """g'(C + 0.1)⁻²g, against a dense solve; the function has slope 2000 at most."""
    K, g = rotated(spectrum, seed)
    mu, w = spectral_weights(lambda v: K @ v, g, 99)
    x = np.linalg.solve(K + 0.1 * np.eye(len(g)), g)
    eps = np.finfo(float).eps
    bound = 40 * len(g) * eps * (100 + 2000 * np.linalg.norm(K)) * float(g @ g)
    assert abs(float(np.sum(w / (mu + 0.1) ** 2)) - float(x @ x)) <= bound


def test_few_products_give_low_moments():
    K, g = rotated(list(np.linspace(0, 4, 20)))
    mu, w = spectral_weights(lambda v: K @ v, g, 3)
    assert len(mu) == 3
    for degree in range(6):
        truth = float(g @ np.linalg.matrix_power(K, degree) @ g)
        assert float(np.sum(w * mu**degree)) == pytest.approx(truth, rel=1e-12)
