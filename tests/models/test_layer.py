"""The contract of a layer, for every layer in the table."""

import numpy as np
import pytest

from tests.models.cases import BATCH, CASES, COTANGENTS, point
from tests.models.oracles import assert_close, complex_step
from thermolinalg.backend import like, to_numpy
from thermolinalg.streams import Streams

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def inner(a, b):
    if isinstance(a, dict):
        return sum(inner(a[name], b[name]) for name in a)
    return np.vdot(a, b)


def norm(a):
    return np.sqrt(inner(a, a))


def zeros_like(a):
    return {name: np.zeros_like(part) for name, part in a.items()}


def rows(per_sample, lead):
    """Per-sample gradients, each as one row; `lead` axes stand in front."""
    return np.concatenate([part.reshape(*lead, -1) for part in per_sample.values()], axis=-1)


def test_output_has_the_shape_foretold(case):
    at = point(case)
    y, _ = case.layer.forward(at.p, at.x)
    assert y.shape == (BATCH, *case.layer.output_shape(case.sample))


def test_init_gives_each_parameter_its_shape(case):
    parts = case.layer.init(Streams(1))
    assert {name: part.shape for name, part in parts.items()} == case.layer.shapes()


def test_samples_do_not_interact(case):
    at = point(case)
    y, _ = case.layer.forward(at.p, at.x)
    alone = np.concatenate([case.layer.forward(at.p, at.x[i : i + 1])[0] for i in range(BATCH)])
    assert_close(alone, y, terms=case.terms)


def test_jvp_is_the_tangent_of_forward(case):
    at = point(case)
    dy, _ = case.layer.jvp(at.p, case.layer.forward(at.p, at.x)[1], at.dx, at.dp)
    truth = complex_step(lambda p, x: case.layer.forward(p, x)[0], (at.p, at.x), (at.dp, at.dx))
    assert_close(dy, truth, terms=case.terms)


def test_backward_and_gradient_are_adjoint_to_jvp(case):
    at = point(case)
    _, saved = case.layer.forward(at.p, at.x)
    dy, _ = case.layer.jvp(at.p, saved, at.dx, at.dp)
    x_bar, p_bar = case.layer.backward(at.p, saved, at.u), case.layer.gradient(at.p, saved, at.u)
    scale = norm(at.u) * norm(dy) + norm(x_bar) * norm(at.dx) + norm(p_bar) * norm(at.dp)
    there, back = inner(at.u, dy), inner(x_bar, at.dx) + inner(p_bar, at.dp)
    assert_close(there, back, terms=case.terms, scale=scale)


def test_second_order_is_the_tangent_of_first_order(case):
    layer, at = case.layer, point(case)
    _, saved = layer.forward(at.p, at.x)
    _, dsaved = layer.jvp(at.p, saved, at.dx, at.dp)
    where, along = (at.p, at.x, at.u), (at.dp, at.dx, at.du)
    for first, second in [
        (layer.backward, layer.backward_jvp),
        (layer.gradient, layer.gradient_jvp),
    ]:
        tangent = second(at.p, saved, at.u, at.dp, dsaved, at.du)
        truth = complex_step(
            lambda p, x, u, first=first: first(p, layer.forward(p, x)[1], u), where, along
        )
        assert_close(tangent, truth, terms=case.terms)


def test_no_tangent_is_a_zero_tangent(case):
    layer, at = case.layer, point(case)
    _, saved = layer.forward(at.p, at.x)
    dy, dsaved = layer.jvp(at.p, saved, None, at.dp)
    dy0, dsaved0 = layer.jvp(at.p, saved, np.zeros_like(at.x), at.dp)
    assert_close(np.zeros_like(dy0) if dy is None else dy, dy0, terms=case.terms)
    for verb in (layer.backward_jvp, layer.gradient_jvp):
        without = verb(at.p, saved, at.u, at.dp, dsaved, at.du)
        with_zero = verb(at.p, saved, at.u, at.dp, dsaved0, at.du)
        assert_close(without, with_zero, terms=case.terms)


def test_per_sample_is_the_gradient_of_each_sample(case):
    at = point(case)
    _, saved = case.layer.forward(at.p, at.x)
    each = case.layer.per_sample(at.p, saved, at.u)
    for i in range(BATCH):
        _, alone = case.layer.forward(at.p, at.x[i : i + 1])
        truth = case.layer.gradient(at.p, alone, at.u[i : i + 1])
        assert_close({name: g[i] for name, g in each.items()}, truth, terms=case.terms)


@pytest.mark.parametrize("verb", ["backward", "gradient", "per_sample"])
def test_many_cotangents_go_back_at_once(case, verb):
    at = point(case, lead=(COTANGENTS,))
    _, saved = case.layer.forward(at.p, at.x)
    back = getattr(case.layer, verb)
    together = back(at.p, saved, at.u)
    for k in range(COTANGENTS):
        alone = back(at.p, saved, at.u[k])
        one = {n: g[k] for n, g in together.items()} if verb != "backward" else together[k]
        assert_close(one, alone, terms=case.terms)


def test_gram_is_that_of_the_per_sample_gradients(case):
    at = point(case, lead=(COTANGENTS,))
    _, saved = case.layer.forward(at.p, at.x)
    gram = case.layer.gram(at.p, saved, at.u)
    each = case.layer.per_sample(at.p, saved, at.u)
    S = rows(each, (COTANGENTS, BATCH)) if each else np.zeros((COTANGENTS, BATCH, 0))
    S = S.swapaxes(0, 1).reshape(BATCH * COTANGENTS, -1)  # sample-major
    assert_close(gram, S @ S.T, terms=case.terms, scale=norm(S) ** 2)


def everything(layer, at, lead_u):
    """What each verb returns, by name, as NumPy arrays."""
    y, saved = layer.forward(at["p"], at["x"])
    dy, dsaved = layer.jvp(at["p"], saved, at["dx"], at["dp"])
    first = (at["p"], saved, at["u"])
    second = (*first, at["dp"], dsaved, at["du"])
    answers = {
        "forward": y,
        "jvp": dy,
        "backward": layer.backward(*first),
        "backward_jvp": layer.backward_jvp(*second),
        "gram": layer.gram(at["p"], saved, lead_u),
    }
    for name in ("gradient", "per_sample"):
        answers |= {f"{name} {k}": g for k, g in getattr(layer, name)(*first).items()}
    answers |= {f"gradient_jvp {k}": g for k, g in layer.gradient_jvp(*second).items()}
    return answers


def converted(value, convert):
    if isinstance(value, dict):
        return {name: convert(part) for name, part in value.items()}
    return convert(value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict"])
def test_every_library_and_dtype_gives_the_same(case, library, dtype):
    xp = pytest.importorskip(library)
    if case.needs_erf and library == "array_api_strict":
        pytest.skip("array_api_strict has no erf")
    at, lead_u = vars(point(case)), point(case, lead=(COTANGENTS,)).u
    target = xp.zeros(1, dtype=getattr(xp, dtype))
    moved = {name: converted(value, lambda a: like(a, target)) for name, value in at.items()}
    truth = everything(case.layer, at, lead_u)
    answers = everything(case.layer, moved, like(lead_u, target))
    for name, answer in answers.items():
        assert answer.dtype == target.dtype, name
        assert type(answer) is type(target), name
        assert_close(to_numpy(answer), truth[name], terms=case.terms)
