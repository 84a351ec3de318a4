"""What every layer keeps, whatever it is made of: the checks of the contract, one by one.

Tests run them over the table of cases and over layers that hypothesis draws.
"""

import tracemalloc
from dataclasses import replace

import numpy as np

from models import blocks, products
from models.composite import nested, pushed
from models.gram import taken
from models.layer import Place
from tests.models.cases import BATCH, COTANGENTS, place, point
from tests.models.oracles import assert_close, complex_step
from thermolinalg.streams import Streams


def output_has_the_shape_foretold(case):
    at = point(case)
    y, _ = case.forward(at.p, at.x)
    assert y.shape == (BATCH, *case.layer.output_shape(case.sample))


def init_gives_each_parameter_its_shape(case):
    parts = case.layer.init(Streams(1))
    shapes = {**case.layer.shapes(), **case.layer.constants()}
    assert {name: part.shape for name, part in parts.items()} == shapes


def samples_do_not_interact(case):
    """Another sample in the place of the first does not change what becomes of the rest."""
    at = point(case)
    y, _ = case.forward(at.p, at.x)
    other, _ = case.forward(at.p, np.concatenate([at.x[1:2], at.x[1:]]))
    if case.coupled:
        assert not np.allclose(other[1:], y[1:])
    else:
        assert_close(other[1:], y[1:], terms=case.terms)


def jvp_is_the_tangent_of_forward(case):
    at = point(case)
    dy, _ = _moved(case, at, case.forward(at.p, at.x)[1])
    assert_close(dy, _tangent(at, lambda p, x, _u: case.forward(p, x)[0]), terms=case.terms)


def way_back_is_adjoint_to_jvp(case):
    at = point(case)
    saved = case.forward(at.p, at.x)[1]
    dy, _ = _moved(case, at, saved)
    here = place(at, saved)
    p_bar = products.gradient(case.layer, here, at.u)
    assert set(p_bar) == set(at.dp)
    there, back, scale = inner(at.u, dy), inner(p_bar, at.dp), norm(p_bar) * norm(at.dp)
    if at.dx is not None:
        x_bar = products.input_cotangents(case.layer, here, (at.u,))[0]
        back, scale = back + inner(x_bar, at.dx), scale + norm(x_bar) * norm(at.dx)
    assert_close(there, back, terms=case.terms, scale=norm(at.u) * norm(dy) + scale)


def second_order_is_the_tangent_of_first_order(case):
    layer, at = case.layer, point(case)
    saved = case.forward(at.p, at.x)[1]
    _, dsaved = _moved(case, at, saved)
    here = place(at, saved, dsaved, moving=True)

    tangent = products.gradient_jvp(layer, here, at.u, at.du)
    truth = _tangent(at, lambda p, x, u: _first(case, p, x, u)[0])
    assert_close(tangent, truth, terms=case.terms)
    if at.dx is not None:
        _, tangent = products.input_cotangents(layer, here, (at.u, at.du))
        truth = _tangent(at, lambda p, x, u: _first(case, p, x, u)[1])
        assert_close(tangent, truth, terms=case.terms)


def no_tangent_is_a_zero_tangent(case):
    """Of x, and of the parameters."""
    layer, at = case.layer, point(case)
    if at.dx is None:
        return
    saved = case.forward(at.p, at.x)[1]
    p, dp, us = nested(at.p), nested(at.dp), (at.u, at.du)
    zero = nested({name: np.zeros_like(part) for name, part in at.dp.items()})
    for dx, dx0, along, along0 in [(None, 0 * at.dx, dp, dp), (at.dx, at.dx, {}, zero)]:
        dy, dsaved = pushed(layer, p, saved, dx, along)
        dy0, dsaved0 = layer.jvp(p, saved, dx0, along0)
        assert_close(np.zeros_like(dy0) if dy is None else dy, dy0, terms=case.terms)
        for i in range(2):  # the cotangent, and its tangent
            back, back0 = (
                products.input_cotangents(layer, Place(p, saved, True, d, moved), us)[i]
                for d, moved in ((along, dsaved), (along0, dsaved0))
            )
            assert_close(back, back0, terms=case.terms)


def per_sample_is_the_gradient_of_each_sample(case):
    at = point(case)
    _, saved = case.forward(at.p, at.x)
    each = products.per_sample(case.layer, place(at, saved), at.u)
    for i in range(BATCH):
        alone = place(at, taken(saved, slice(i, i + 1)))
        truth = products.gradient(case.layer, alone, at.u[i : i + 1])
        assert_close({name: g[i] for name, g in each.items()}, truth, terms=case.terms)


def many_cotangents_go_back_at_once(case):
    at = point(case, lead=(COTANGENTS,))
    here = place(at, case.forward(at.p, at.x)[1])
    verbs = [products.gradient, products.per_sample]
    for verb in verbs[: 1 if case.coupled else 2]:
        together = verb(case.layer, here, at.u)
        for k in range(COTANGENTS):
            one = {n: g[k] for n, g in together.items()}
            assert_close(one, verb(case.layer, here, at.u[k]), terms=case.terms)
    if at.dx is not None:
        (together,) = products.input_cotangents(case.layer, here, (at.u,))
        for k in range(COTANGENTS):
            (alone,) = products.input_cotangents(case.layer, here, (at.u[k],))
            assert_close(together[k], alone, terms=case.terms)


def gram_is_that_of_the_per_sample_gradients(case):
    """In one block, and in blocks of one sample and one cotangent."""
    at = point(case, lead=(COTANGENTS,))
    here = place(at, case.forward(at.p, at.x)[1])
    each = products.per_sample(case.layer, here, at.u)
    n = BATCH * COTANGENTS
    S = np.zeros((n, 0))
    if each:
        flat = [part.reshape(COTANGENTS, BATCH, -1) for part in each.values()]
        S = np.concatenate(flat, axis=-1).swapaxes(0, 1).reshape(n, -1)  # sample-major
    for workspace in (1, blocks.FREE // 4 - 1):  # the second leaves room for one of each
        K = blocks.gram(case.layer, here, at.u, workspace=workspace, limit=None)
        assert_close(K, S @ S.T, terms=case.terms, scale=norm(S) ** 2)


def way_back_keeps_to_its_workspace(case, cotangents=64):
    """Arrays of float64 on the way to the input, apart from small Python objects."""
    at = point(case, lead=(cotangents,))
    if at.dx is None:
        return
    here = place(at, case.forward(at.p, at.x)[1])
    numbers = cotangents * BATCH * case.layer.workspace(case.sample)
    buffer = np.setbufsize(16)  # NumPy's own for broadcasting, which hide small arrays
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        products.input_cotangents(case.layer, here, (at.u,))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        np.setbufsize(buffer)
    objects = 2**14  # frames, tuples and generators: kilobytes, whatever the arrays
    assert peak + at.u.nbytes <= 8 * numbers + objects


CHECKS = [
    output_has_the_shape_foretold,
    init_gives_each_parameter_its_shape,
    samples_do_not_interact,
    jvp_is_the_tangent_of_forward,
    way_back_is_adjoint_to_jvp,
    second_order_is_the_tangent_of_first_order,
    no_tangent_is_a_zero_tangent,
    many_cotangents_go_back_at_once,
    way_back_keeps_to_its_workspace,
]

SEPARATE = [per_sample_is_the_gradient_of_each_sample, gram_is_that_of_the_per_sample_gradients]
"""For layers whose samples do not interact."""


def everything_holds(case):
    """All of them, for a layer that was drawn."""
    for check in CHECKS:
        check(case)
    for check in SEPARATE:
        if not case.coupled:
            check(case)


def inner(a, b):
    if isinstance(a, dict):
        return sum(inner(a[name], b[name]) for name in a)
    return np.vdot(a, b)


def norm(a):
    return np.sqrt(inner(a, a))


def _moved(case, at, saved):
    return case.layer.jvp(nested(at.p), saved, at.dx, nested(at.dp))


def _first(case, p, x, u):
    """The gradient and the cotangent of x (or None) at any numbers, complex ones too."""
    _, saved = case.forward(p, x)
    here = place(replace(point(case), p=p), saved)
    back = None if case.integers else products.input_cotangents(case.layer, here, (u,))[0]
    return products.gradient(case.layer, here, u), back


def _tangent(at, f):
    """Of f(p, x, u) along the tangents of the point, by a complex step."""
    dp = {name: at.dp.get(name, np.zeros_like(part)) for name, part in at.p.items()}
    if at.dx is None:
        return complex_step(lambda p, u: f(p, at.x, u), (at.p, at.u), (dp, at.du))
    return complex_step(f, (at.p, at.x, at.u), (dp, at.dx, at.du))
