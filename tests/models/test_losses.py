import math

import autograd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import models
from models import SoftmaxCrossEntropy, SpanExtraction, SquaredError, accuracy
from models.losses.softmax import hits
from tests.models.losses import IGNORED, ROWS
from tests.models.oracles import assert_close
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput, NotReal, ShapeMismatch

SOFTMAX, SQUARED, SPAN = SoftmaxCrossEntropy(), SquaredError(), SpanExtraction()
MASKED = SoftmaxCrossEntropy(ignore=IGNORED)

over_losses = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
few = settings(deadline=None, derandomize=True, max_examples=20)


def over_batches(test):
    draws = {"data": st.data(), "b": st.integers(1, 3), "spread": st.sampled_from([0.1, 1.0, 4.0])}
    return over_losses(few(given(**draws)(test)))


def drawn(row, data, b, spread):
    return row.draw(b, data.draw(st.sampled_from(row.shapes)), spread)


def size_of(*arrays):
    """Bound of what is summed; labels are not."""
    return 1 + sum(np.linalg.norm(a) for a in arrays if a.dtype.kind == "f")


def roundings(z):
    """exp turns an error in z into a relative error as large as z itself."""
    return 20 * z.size * (1 + np.abs(z).max())


def answers(loss, z, y, v, seed=0):
    """What every verb says."""
    return {
        "gradient": loss.gradient(z, y),
        "hessian": loss.hessian(z, v, y),
        "hessian_root": loss.hessian_root(z, y),
        "fisher_root": loss.fisher_root(z, y),
        "sampled_gradient": loss.sampled_gradient(z, np.random.default_rng(seed), y),
    }


@over_batches
def test_value_and_gradient(row, data, b, spread):
    z, y, _ = drawn(row, data, b, spread)
    truth = row.mean(z, y)
    size = size_of(z, y * 1.0) ** 2 if y.shape == z.shape else size_of(z) ** 2
    assert_close(row.loss.value(z, y), truth, terms=roundings(z), scale=size + abs(truth))
    truth = autograd.grad(row.mean)(z, y) * b
    assert_close(row.loss.gradient(z, y), truth, terms=roundings(z), scale=size)


@over_batches
def test_hessian_and_its_root(row, data, b, spread):
    """Against the Hessian of the whole batch: that of each sample stands alone."""
    z, y, v = drawn(row, data, b, spread)
    H = autograd.hessian(row.mean)(z, y).reshape(z.size, z.size) * b
    terms, size = roundings(z), 1 + np.linalg.norm(H)
    truth = (H @ v.reshape(-1)).reshape(z.shape)
    Hv = row.loss.hessian(z, v, y)
    assert_close(Hv, truth, terms=terms, scale=size * np.linalg.norm(v))
    R = row.loss.hessian_root(z, y).reshape(b, z[0].size, -1)
    whole = np.zeros((b, z[0].size, b, R.shape[2]))
    whole[np.arange(b), :, np.arange(b), :] = R
    whole = whole.reshape(z.size, -1)
    assert_close(whole @ whole.T, H, terms=terms, scale=size)
    if not row.needs_targets:
        assert np.array_equal(row.loss.hessian(z, v), Hv)
        assert np.array_equal(row.loss.hessian_root(z), row.loss.hessian_root(z, y))


@over_losses
def test_fisher_is_the_hessian_but_for_huber(row):
    z, y, _ = row.draw(3, row.shapes[-1])
    same = np.array_equal(row.loss.fisher_root(z, y), row.loss.hessian_root(z, y))
    assert same == (row.name != "huber")


@over_losses
def test_sampled_gradients_have_mean_zero_and_the_fisher_as_covariance(row):
    """Each entry within what chance allows: any of them is not for one seed in a million."""
    n, alarm = 20_000, 1e-6
    z, y, _ = row.draw(2, row.shapes[-1])
    many, targets = np.repeat(z[:1], n, axis=0), np.repeat(y[:1], n, axis=0)
    one = row.loss.fisher_root(many[:1], targets[:1])[0].reshape(z[0].size, -1)
    g = row.loss.sampled_gradient(many, np.random.default_rng(1), targets).reshape(n, -1)
    products = (g[:, :, None] * g[:, None, :]).reshape(n, -1)
    both = np.concatenate([g, products], axis=1)
    truth = np.concatenate([np.zeros(g.shape[1]), (one @ one.T).reshape(-1)])
    limit = norm.isf(alarm / (2 * truth.size))
    stderr = both.std(axis=0, ddof=1) / math.sqrt(n)
    assert np.all(np.abs(both.mean(axis=0) - truth) <= limit * stderr)


def test_fisher_of_huber_is_that_of_its_density():
    """By quadrature of slope² and of h'' over e^{-h}, outliers far out included."""
    for delta in (0.1, 1.0, 3.0):
        loss = models.Huber(delta)
        r = np.linspace(-40 / delta - delta, 40 / delta + delta, 400_001)[:, None]
        density = np.exp(-loss.term(r, 0 * r))
        mean_square = (loss.slope(r, 0 * r) ** 2 * density).sum() / density.sum()
        step = r[1, 0] - r[0, 0]
        assert abs(mean_square - loss.inside) < step  # the rule errs where the density has a kink
        root = loss.fisher_root(np.zeros((1, 1)))[0, 0, 0]
        assert_close(root**2, loss.inside, terms=4)


def test_default_score_is_gaussian_with_the_fisher():
    """A loss that says no more than it must."""

    class Tilted(models.Loss):
        def value(self, z, _y, /):
            return float((z**2).sum()) / len(z)

        def gradient(self, z, _y, /):
            return 2 * z

        def hessian(self, _z, v, _y=None, /):
            return 2 * v

        def hessian_root(self, z, _y=None, /):
            return np.tile(np.array([[1.0, 1.0], [0.0, 1.0]]), (len(z), 1, 1))

    z, loss = np.zeros((3, 2)), Tilted()
    noise = np.random.default_rng(0).standard_normal((3, 2))
    g = loss.sampled_gradient(z, np.random.default_rng(0))
    assert_close(g, np.stack([noise.sum(axis=1), noise[:, 1]], axis=1), terms=4)
    assert loss.tally(z + 1, None) == models.Tally((6.0,), (3,))


def test_softmax_root_has_no_spare_column():
    assert SOFTMAX.hessian_root(np.zeros((5, 10))).shape == (5, 10, 9)
    assert SOFTMAX.hessian_root(np.zeros((5, 3, 10))).shape == (5, 3, 10, 27)
    assert SPAN.hessian_root(np.zeros((5, 4, 2))).shape == (5, 4, 2, 6)


@pytest.mark.parametrize(
    "loss", [SOFTMAX, models.SoftmaxCrossEntropy(0.2)], ids=["plain", "smoothed"]
)
@pytest.mark.parametrize("shape", [(6, 2), (6, 5), (2, 3, 4)])
def test_coordinates_of_the_gradient_are_the_least_squares_ones(loss, shape):
    """Columns are independent, so that there is one s; lstsq knows no closed form.

    Its error is eps cond², for each entry; an s has some 20 roundings behind it.
    """
    rng = np.random.default_rng(0)
    z, y = 2.0 * rng.normal(size=shape), rng.integers(shape[-1], size=shape[:-1])
    R = loss.hessian_root(z, y).reshape(shape[0], -1, loss.hessian_root(z, y).shape[-1])
    u = loss.gradient(z, y).reshape(shape[0], -1)
    for own, right, s in zip(R, u, loss.root_coordinates(z, y), strict=True):
        truth, _, rank, sizes = np.linalg.lstsq(own, right)
        assert rank == len(s)
        bound = (
            (20 + own.size)
            * np.finfo(float).eps
            * (sizes[0] / sizes[-1]) ** 2
            * np.linalg.norm(truth)
        )
        assert np.linalg.norm(s - truth) <= bound


def test_softmax_hessian_is_the_fisher_information():
    z = np.random.default_rng(0).standard_normal((1, 5))
    scores = np.stack([SOFTMAX.gradient(z, np.array([label]))[0] for label in range(5)])
    p = np.exp(z[0]) / np.exp(z[0]).sum()
    R = SOFTMAX.hessian_root(z)[0]
    assert_close(R @ R.T, scores.T @ np.diag(p) @ scores, terms=100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_are_no_trouble(dtype):
    z = np.array([[3e4, 0, -3e4], [-3e4, 3e4, 0], [0, 0, 3e4]], dtype=dtype)
    y = np.array([1, 1, 2])
    assert SOFTMAX.value(z, y) == 1e4  # one sample is wrong by 3e4, the others are sure and right
    assert SOFTMAX.gradient(z, y).tolist() == [[1, -1, 0], [0, 0, 0], [0, 0, 0]]
    R = SOFTMAX.hessian_root(z)
    assert not np.any(SOFTMAX.hessian(z, np.ones_like(z)))
    assert not np.any(R @ R.swapaxes(1, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@over_losses
def test_extreme_outputs_give_numbers(row, dtype):
    z, y, v = row.draw(3, row.shapes[-1])
    top = 40.0 if row.name == "poisson" else 1e4  # where e^z is a number, and counts have 64 bits
    z = np.where(z > 0, top, -1e4).astype(dtype)
    assert math.isfinite(row.loss.value(z, y))
    for name, answer in answers(row.loss, z, y, v.astype(dtype)).items():
        assert answer.dtype == dtype, name
        assert np.all(np.isfinite(answer)), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
@over_losses
def test_other_libraries_give_what_numpy_gives(row, library, dtype):
    xp = pytest.importorskip(library)
    z, y, v = row.draw(3, row.shapes[-1])
    z, v = z.astype(dtype), v.astype(dtype)
    y = y.astype(dtype) if y.dtype.kind == "f" else y
    theirs = [xp.asarray(a) for a in (z, y, v)]
    value, truth = (np.asarray(row.loss.value(*a[:2]), dtype) for a in (theirs, (z, y)))
    assert_close(value, truth, terms=roundings(z), scale=size_of(z) ** 2)
    for name, truth in answers(row.loss, z, y, v).items():
        answer = answers(row.loss, *theirs)[name]
        assert type(answer) is type(theirs[0]), name
        assert answer.dtype == theirs[0].dtype, name
        assert_close(to_numpy(answer), truth, terms=roundings(z), scale=size_of(truth))


def test_gradient_is_not_divided_by_the_batch():
    z, y = np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])
    assert SQUARED.value(np.tile(z, (2, 1)), np.tile(y, (2, 1))) == 2.5
    assert SQUARED.gradient(np.tile(z, (2, 1)), np.tile(y, (2, 1))).tolist() == [[1, 2], [1, 2]]


@pytest.mark.parametrize("loss", [MASKED, SPAN], ids=["masked", "span"])
def test_a_batch_without_any_label_is_0(loss):
    z, v = np.ones((2, 3, 2)), np.ones((2, 3, 2))
    y = np.full((2, 3) if loss is MASKED else (2, 2), IGNORED)
    assert loss.value(z, y) == 0.0
    assert not any(np.any(answer) for answer in answers(loss, z, y, v).values())
    assert accuracy(z, np.full((2, 3), IGNORED), ignore=IGNORED) == 0.0


@over_losses
def test_tallies_of_parts_add_up(row):
    z, y, _ = row.draw(5, row.shapes[-1])
    parts = row.loss.tally(z[:2], y[:2]) + row.loss.tally(z[2:], y[2:])
    value = row.loss.value(z, y)
    assert_close(parts.mean, value, terms=roundings(z), scale=size_of(z) ** 2 + abs(value))
    assert parts.counts == row.loss.tally(z, y).counts


def test_impossible_positions_take_no_part():
    """Logits of -inf: padding in a span."""
    z, y, v = np.zeros((2, 5, 2)), np.array([[0, 1], [2, 2]]), np.ones((2, 5, 2))
    z[:, 3:] = -np.inf
    short = z[:, :3]
    assert_close(SPAN.value(z, y), math.log(3), terms=4)
    assert SPAN.value(z, y) == SPAN.value(short, y)
    for name, answer in answers(SPAN, z, y, v).items():
        assert not np.any(answer[:, 3:]), name
        if name in ("gradient", "hessian", "sampled_gradient"):
            assert_close(answer[:, :3], answers(SPAN, short, y, v[:, :3])[name], terms=100)


def test_accuracy():
    z = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], dtype=np.float32)
    y = np.array([1, 0, 1, 0])
    assert accuracy(z, y) == 0.75
    assert accuracy(z.reshape(2, 2, 2), y.reshape(2, 2)) == 0.75
    y[3] = IGNORED
    assert accuracy(z, y, ignore=IGNORED) == 1.0
    assert hits(z, y, ignore=IGNORED) == models.Tally((3.0,), (3,))


def test_kinks_of_huber_belong_to_the_middle():
    z, y = np.array([[-1.0, 1.0, 1.0000001, 0.0]]), np.zeros((1, 4))
    assert models.Huber(1.0).hessian(z, np.ones((1, 4)), y).tolist() == [[1, 1, 0, 1]]


def test_labels_of_a_narrow_integer_type_are_not_wrapped():
    z = np.zeros((1, 300))
    assert SOFTMAX.gradient(z, np.array([7], dtype=np.uint8)).argmin() == 7
    assert (SOFTMAX.gradient(z, np.array([7], dtype=np.uint8)) < 0).sum() == 1


RNG = np.random.default_rng(0)
MISUSE = {
    "label too large": (lambda z: SOFTMAX.value(z, np.array([0, 3])), InvalidInput, "from 0 to 3"),
    "label below 0": (lambda z: SOFTMAX.value(z, np.array([-1, 0])), InvalidInput, "ignore=-100"),
    "labels not integers": (lambda z: SOFTMAX.value(z, z[:, 0]), InvalidInput, "integers"),
    "a label missing": (lambda z: SOFTMAX.value(z, np.array([0])), ShapeMismatch, r"\(2,\)"),
    "one-hot labels": (
        lambda z: SOFTMAX.gradient(z, np.eye(3)[:2]),
        ShapeMismatch,
        "one integer label",
    ),
    "labels of samples": (
        lambda z: SOFTMAX.value(z[:, None], np.array([0, 1])),
        ShapeMismatch,
        "label for each position",
    ),
    "tangent": (lambda z: SOFTMAX.hessian(z, z[:, :2]), ShapeMismatch, r"\(2, 3\)"),
    "one class": (lambda z: SOFTMAX.hessian_root(z[:, :1]), ShapeMismatch, "two outputs"),
    "no batch": (lambda z: SOFTMAX.hessian_root(z[0]), ShapeMismatch, r"\(any, any\)"),
    "no sample": (lambda z: SOFTMAX.hessian_root(z[:0]), ShapeMismatch, "at least one sample"),
    "integer outputs": (
        lambda z: SOFTMAX.hessian_root(z.astype(int)),
        InvalidInput,
        "z holds integers",
    ),
    "masks unknown": (lambda z: MASKED.hessian(z, z), InvalidInput, "y is missing"),
    "smoothing": (lambda _: SoftmaxCrossEntropy(1.5), InvalidInput, "label_smoothing = 1.5"),
    "smoothing in words": (lambda _: SoftmaxCrossEntropy("0.1"), InvalidInput, "must be a number"),
    "ignored label": (lambda _: SoftmaxCrossEntropy(ignore=0.5), InvalidInput, "ignore = 0.5"),
    "labels to a squared error": (
        lambda z: SQUARED.value(z, np.array([0, 1])),
        ShapeMismatch,
        "one-hot",
    ),
    "complex targets": (lambda z: SQUARED.value(z, 1j * z), NotReal, "complex128"),
    "boolean outputs": (lambda z: SQUARED.hessian_root(z > 0), NotReal, "bool"),
    "not probabilities": (
        lambda z: models.BinaryCrossEntropy().value(z, z + 2),
        InvalidInput,
        r"\[0, 1\]",
    ),
    "negative counts": (lambda z: models.Poisson().value(z, z - 1), InvalidInput, "below 0"),
    "rates beyond counts": (
        lambda z: models.Poisson().sampled_gradient(z + 50, RNG),
        InvalidInput,
        "log-rates up to 50",
    ),
    "no outliers": (lambda _: models.Huber(0.0), InvalidInput, "delta = 0 must"),
    "Huber without targets": (lambda z: models.Huber().hessian(z, z), InvalidInput, "y is missing"),
    "span of one number": (lambda z: SPAN.value(z, np.zeros((2, 2), int)), ShapeMismatch, "T, 2"),
    "span without an end": (
        lambda _: SPAN.value(np.zeros((2, 3, 2)), np.array([0, 1])),
        ShapeMismatch,
        "last position",
    ),
    "wrong labels counted": (lambda z: accuracy(z, np.array([0, 3])), InvalidInput, "Renumber"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse_is_named(name):
    call, error, says = MISUSE[name]
    with pytest.raises(error, match=says):
        call(np.zeros((2, 3)))


class AlmostOne:
    """A generator whose numbers float32 rounds up to 1."""

    def random(self, shape):
        return np.full(shape, np.nextafter(1.0, 0.0))


def test_no_draw_is_impossible():
    z = np.array([[0.0, 0.0, -np.inf]], np.float32)
    assert SOFTMAX.sampled_gradient(z, AlmostOne())[0, 2] == 0.0


def test_huber_whose_delta_has_no_square():
    assert models.Huber(1e200).inside == 1.0


def test_smoothing_of_any_float_keeps_the_dtype():
    z, y = np.zeros((2, 3), np.float32), np.array([0, 1])
    assert SoftmaxCrossEntropy(np.float32(0.5)) == SoftmaxCrossEntropy(0.5)
    assert SoftmaxCrossEntropy(np.float64(0.5)).gradient(z, y).dtype == np.float32
