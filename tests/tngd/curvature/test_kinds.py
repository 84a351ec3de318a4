"""Every kind of curvature against its definition, formed by autograd."""

from dataclasses import replace

import autograd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import tngd
from models.parameters import Layout
from tests.models.oracles import assert_close
from tests.tngd.curvature.matrices import (
    has_rows,
    has_these_top_eigenpairs,
    inverts,
    multiplies_and_measures,
)
from tests.tngd.oracles import LOSSES, Dense
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from tngd.curvature.blocks import BlockDiagonal
from tngd.curvature.fisher import EmpiricalFisher, ExactFisher, SampledFisher
from tngd.curvature.ggn import GGN
from tngd.curvature.hessian import Hessian
from tngd.curvature.kronecker import Kronecker
from tngd.optimizers.contract import State

few = settings(deadline=None, derandomize=True, max_examples=20)
over_problems = given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(sorted(LOSSES)),
    b=st.integers(1, 4),
    k=st.integers(1, 3),
)


def empirical_fisher(at):
    """Mean of g_i g_i', by autograd."""
    g = autograd.jacobian(lambda params: at.sample_loss(at.f(params, at.x), at.y))(at.params)
    return g.T @ g / at.b


def hessian(at):
    return autograd.hessian(at.value)(at.params)


def layer_mask(at):
    """1 where two parameters belong to one layer."""
    names = [
        name.split(".")[0]
        for name, place in Layout(at.objective.network.layer.shapes()).places()
        for _ in range(place.stop - place.start)
    ]
    return np.equal.outer(names, names)


TRUTHS = {
    GGN(): lambda at: at.G,
    ExactFisher(): lambda at: at.G,
    EmpiricalFisher(): empirical_fisher,
    Hessian(): hessian,
    BlockDiagonal(): lambda at: at.G * layer_mask(at),
    BlockDiagonal(EmpiricalFisher()): lambda at: empirical_fisher(at) * layer_mask(at),
}
each_kind = pytest.mark.parametrize("kind", TRUTHS, ids=str)


def size_of(at, truth):
    """Bound of what is summed on the way: residuals weigh gradients and second derivatives."""
    residual = 1.0 + np.linalg.norm(at.sample_loss(at.z, at.y))
    return max(at.size**2 * residual**2, np.linalg.norm(truth))


@each_kind
@over_problems
@few
def test_matrix(kind, widths, loss, b, k):
    at = Dense(widths, loss, b=b)
    C, truth = kind.at(at.objective), TRUTHS[kind](at)
    scale = size_of(at, truth)
    multiplies_and_measures(C, truth, terms=at.terms, scale=scale)
    has_these_top_eigenpairs(C, truth, k, terms=at.terms, scale=scale)


@pytest.mark.parametrize("kind", [ExactFisher(), EmpiricalFisher(), SampledFisher(2)], ids=str)
@over_problems
@few
def test_fisher_has_rows(kind, widths, loss, b, k):
    del k
    at = Dense(widths, loss, b=b)
    C = kind.at(at.objective, rng=0)
    has_rows(C, C.to_dense(), terms=at.terms, scale=size_of(at, at.G) * at.c)


@over_problems
@few
def test_blocks_have_rows_and_inverses(widths, loss, b, k):
    at = Dense(widths, loss, b=b)
    C = BlockDiagonal().at(at.objective)
    scale, start = size_of(at, at.G), 0
    for block in C.blocks:
        own = slice(start, start + block.size)
        has_rows(block, at.G[own, own], terms=at.terms, scale=scale)
        inverts(block, 0.1 * k, terms=at.terms, scale=scale)
        start = own.stop
    inverts(C, 0.1 * k, terms=at.terms, scale=scale)


@pytest.mark.parametrize("loss", LOSSES)
def test_sampled_fisher_is_right_on_average(loss):
    """Draws s of a sample are independent: the mean of s s' errs by their spread over √draws."""
    at, draws = Dense([2, 2], loss, b=2), 2000
    S = SampledFisher(draws).at(at.objective, rng=0).rows.reshape(draws, at.b, at.p)
    each = draws * np.einsum("kbp,kbq->kpq", S, S)
    error = each.std(axis=0, ddof=1) / draws**0.5
    limit = norm.isf(1e-6 / (2 * at.p**2))
    assert np.all(np.abs(each.mean(axis=0) - at.G) <= limit * error + 1e-12 * at.size**2)


def test_sampled_fisher_is_one_matrix_for_one_seed():
    at = Dense([3, 4, 3])
    once, again = (SampledFisher().at(at.objective, rng=1).gram for _ in range(2))
    other = SampledFisher().at(at.objective, rng=2).gram
    assert np.array_equal(once, again)
    assert not np.allclose(once, other)


def test_empirical_fisher_has_one_row_a_sample():
    assert EmpiricalFisher().at(Dense([3, 5], b=4).objective).gram.shape == (4, 4)


def test_eigenvalues_are_found_as_often_as_they_occur():
    """With squared error and one layer, G = (X X' with a bias) ⊗ I: each occurs c times."""
    at = Dense([2, 3], "squared", b=4)
    found = GGN().at(at.objective).top(4)
    truth = np.linalg.eigvalsh(at.G)[::-1][:4]
    assert_close(found.values, truth, terms=at.terms)
    assert np.ptp(truth[:3]) < 1e-12 < truth[2] - truth[3]


def test_residuals_bound_the_error_of_eigenvalues():
    at = Dense([6, 8, 4], b=8)
    found = Hessian().at(at.objective).top(2, iterations=3)
    truth = np.linalg.eigvalsh(hessian(at))
    nearest = np.abs(truth[:, None] - found.values).min(axis=0)
    assert np.all(nearest <= found.residuals)
    assert found.residuals.max() > 1e-3 * truth[-1]  # it was stopped early, and says so


def test_trace_is_estimated_with_its_error():
    at = Dense([4, 5, 3])
    C = Hessian().at(at.objective)
    truth = np.trace(hessian(at))
    errors = [(e.value - truth) / e.stderr for e in (C.estimate_trace(16, i) for i in range(40))]
    limit = norm.isf(1e-6 / 2)
    assert abs(np.mean(errors)) <= limit / 40**0.5
    assert 0.5 < np.std(errors) < 2.0


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
@each_kind
def test_other_libraries_and_float32(kind, library):
    xp = pytest.importorskip(library)
    at = Dense([3, 4, 3], dtype=np.float32)
    o = at.objective
    there = tngd.Objective(
        o.network, o.loss, xp.asarray(o.params), xp.asarray(o.x), xp.asarray(o.y)
    )
    C, ours = kind.at(there), kind.at(o)
    v = at.normals().astype(np.float32)
    scale = size_of(at, TRUTHS[kind](at))
    answers = [(C @ xp.asarray(v), ours @ v), (C.diagonal(), ours.diagonal())]
    answers += [(C.top(2).vectors, ours.top(2).vectors)]
    for theirs, mine in answers:
        assert theirs.dtype == there.params.dtype
        assert mine.dtype == np.float32
        assert type(theirs) is type(there.params)
    for theirs, mine in answers[:2]:
        size = scale * np.linalg.norm(v)
        assert_close(np.asarray(theirs), mine, terms=at.terms, scale=size)
    slack = 2 * at.terms * np.finfo(np.float32).eps * scale
    assert np.all(np.abs(C.top(2).values - ours.top(2).values) <= slack)
    assert (C.linear_operator() @ v).dtype == np.float32


OBJECTIVE = Dense([3, 4, 3]).objective
V1 = np.ones(OBJECTIVE.network.size + 1)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        pytest.param(lambda: Hessian().at(OBJECTIVE).gram, InvalidInput, "no Gram", id="gram"),
        pytest.param(lambda: Hessian().at(OBJECTIVE).rows, InvalidInput, "rows S", id="rows"),
        pytest.param(
            lambda: BlockDiagonal().at(OBJECTIVE).root(None), InvalidInput, "blocks", id="root"
        ),
        pytest.param(
            lambda: tngd.NGD(curvature=Kronecker()).step(
                OBJECTIVE, State(), np.random.default_rng(0)
            ),
            InvalidInput,
            r"Kronecker.*inverse\(damping\).*CG\(\)",
            id="blocks-by-woodbury",
        ),
        *(
            pytest.param(call, error, says, id=f"{type(kind).__name__}-{says}")
            for kind in (BlockDiagonal(), Kronecker())
            for call, error, says in [
                (lambda kind=kind: kind.at(OBJECTIVE).top(999), InvalidInput, "k = 999"),
                (lambda kind=kind: kind.at(OBJECTIVE) @ np.ones(99), ShapeMismatch, "99"),
                (lambda kind=kind: kind.at(OBJECTIVE).inverse(1)(V1), ShapeMismatch, "32"),
            ]
        ),
        pytest.param(
            lambda: tngd.NGD(curvature=Hessian()).step(
                OBJECTIVE, State(), np.random.default_rng(0)
            ),
            InvalidInput,
            r"CG\(\)",
            id="woodbury",
        ),
        pytest.param(
            lambda: BlockDiagonal(Hessian()).at(OBJECTIVE), InvalidInput, "of = Hes", id="of"
        ),
        pytest.param(lambda: GGN().at(OBJECTIVE).top(999), InvalidInput, "k = 999", id="k"),
        pytest.param(lambda: GGN().at(OBJECTIVE).top(0), InvalidInput, "k = 0", id="zero"),
        pytest.param(
            lambda: GGN().at(OBJECTIVE).estimate_trace(1), InvalidInput, "probes = 1", id="probes"
        ),
        pytest.param(lambda: SampledFisher(0), InvalidInput, "samples = 0", id="samples"),
        pytest.param(
            lambda: BlockDiagonal().at(OBJECTIVE).inverse(0), InvalidInput, "damping", id="damping"
        ),
        pytest.param(
            lambda: GGN().at(replace(OBJECTIVE, params=np.nan * OBJECTIVE.params)).top(1),
            NotFinite,
            "NaN",
            id="nan",
        ),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
