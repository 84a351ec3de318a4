"""Layers that read tokens: against one-hot vectors, explicit Jacobians and PyTorch."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models import Dense, Embedding, Network, Padded, Positional, Sequential, Tanh, TiedEmbedding
from tests.models.battery import everything_holds
from tests.models.cases import Case
from tests.models.oracles import assert_close
from tests.models.torch_oracle import assert_same_as_torch
from thermolinalg.errors import DataError, InvalidInput, ShapeMismatch

lengths = st.integers(1, 3)
drawn = settings(deadline=None, derandomize=True, max_examples=20)


@drawn
@given(tokens=st.integers(2, 9), width=lengths, T=st.integers(1, 4), padded=st.booleans())
def test_layers_of_tokens_keep_the_contract(tokens, width, T, padded):
    padding = 0 if padded else None
    everything_holds(Case("e", Embedding(tokens, width, padding), (T,), integers=tokens))
    body = Sequential([Positional(T + 1, width), Dense(width, width), Tanh()])
    tied = TiedEmbedding(tokens, width, body, bias=padded)
    everything_holds(Case("t", tied, (T,), integers=tokens))


@drawn
@given(tokens=st.integers(1, 9), width=lengths, b=lengths, T=lengths)
def test_an_embedding_multiplies_one_hot_vectors(tokens, width, b, T):
    rng = np.random.default_rng([tokens, width, b, T])
    x = rng.integers(0, tokens, (b, T))
    one, other = Network(Embedding(tokens, width)), Network(Dense(tokens, width, bias=False))
    params = rng.standard_normal(one.size)
    a, c = one.linearize(params, x), other.linearize(params, np.eye(tokens)[x])
    u, roots = rng.standard_normal((b, T, width)), rng.standard_normal((b, T, width, 2))
    terms = T * T * tokens * width * b
    assert np.array_equal(a.output, c.output)
    assert_close(a.vjp(u), c.vjp(u), terms=terms)
    assert_close(a.per_sample(u), c.per_sample(u), terms=terms)
    assert_close(a.gram(roots), c.gram(roots), terms=terms)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_tokens_may_be_of_any_integers(dtype):
    net = Network(Embedding(200, 2))
    params = net.init(rng=0)
    lin = net.linearize(params, np.array([[199, 7], [0, 199]], dtype=dtype))
    rows = lin.per_sample(np.ones((2, 2, 2), dtype=np.float32)).reshape(2, 200, 2)
    assert np.argwhere(rows[..., 0]).tolist() == [[0, 7], [0, 199], [1, 0], [1, 199]]


def test_padding_is_zero_and_gets_no_gradient():
    net = Network(Embedding(3, 2, padding=1))
    params = np.ones(net.size)
    lin = net.linearize(params, np.array([[0, 1, 1]]))
    assert lin.output[0].tolist() == [[1, 1], [0, 0], [0, 0]]
    assert lin.vjp(np.ones((1, 3, 2))).tolist() == [1, 1, 0, 0, 0, 0]
    assert not net.parameters(net.init(rng=0))["W"][1].any()


@pytest.mark.parametrize("bias", [False, True])
def test_the_gram_of_shared_weights_has_the_terms_of_both_uses(bias):
    """Against the Jacobian by columns, each from one forward product."""
    body = Sequential([Dense(3, 3), Tanh(), Dense(3, 3)])
    net = Network(TiedEmbedding(4, 3, body, bias))
    rng = np.random.default_rng(0)
    params, x = rng.standard_normal(net.size), np.array([[0, 1, 0], [2, 0, 1]])
    lin = net.linearize(params, x)
    J = np.stack([lin.jvp(unit) for unit in np.eye(net.size)], axis=-1)
    roots = rng.standard_normal((2, 3, 4, 2))
    S = np.einsum("ntvp,ntvr->nrp", J, roots).reshape(4, -1)
    scale, terms = np.linalg.norm(S) ** 2, 40 * net.size
    assert_close(lin.gram(roots), S @ S.T, terms=terms, scale=scale)
    assert_close(lin.gram(roots, memory_limit=2**21), S @ S.T, terms=terms, scale=scale)
    assert_close(lin.jacobian().reshape(J.shape), J, terms=terms)


@pytest.mark.parametrize("room", [6_000, 30_000, 2**20])
def test_the_gram_of_shared_weights_keeps_to_its_room(room):
    b, r, T, tokens, width = 6, 2, 4, 100, 8
    rng = np.random.default_rng(0)
    ids, h = rng.integers(0, tokens, (b, T)), rng.standard_normal((b, T, width))
    side = (ids, h), rng.standard_normal((r, b, T * (width + tokens)))
    table = TiedEmbedding(tokens, width, Tanh(), bias=True).table
    tracemalloc.start()
    try:
        K = table.gram({}, side, side, room)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    objects = 2**17  # frames, tuples and the buffers of broadcasting, whatever the arrays
    assert peak <= 8 * room + 2 * K.nbytes + objects
    flat = [g.reshape(r, b, -1) for g in table.per_sample({}, *side).values()]
    S = np.concatenate(flat, axis=-1).swapaxes(0, 1).reshape(b * r, -1)
    assert_close(K, S @ S.T, terms=40 * S.shape[1], scale=np.linalg.norm(S) ** 2)


def test_parts_of_a_tied_network_freeze():
    net = models.transformer(5, length=3, width=4, heads=2, layers=1)
    params = net.init(rng=0, dtype=np.float64)
    frozen, rest = net.freeze(params, ["body.block0"])
    x, u = np.array([[0, 1, 2]]), np.ones((1, 3, 5))
    lin = frozen.linearize(rest, x)
    whole = net.parameters(net.linearize(params, x).vjp(u))
    assert np.array_equal(lin.output, net.apply(params, x))
    assert set(frozen.layout.shapes) == {
        "W",
        "body.position.P",
        "body.norm.scale",
        "body.norm.shift",
    }
    for name, part in frozen.parameters(lin.vjp(u)).items():
        assert_close(part, whole[name], terms=40 * net.size)


@pytest.mark.parametrize("tied", [True, False])
def test_a_transformer_is_that_of_torch(tied):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    tokens, T, d, H = 5, 3, 4, 2

    def function(p, x):
        start = "body." if tied else ""

        def norm(h, name):
            return functional.layer_norm(
                h, (d,), p[f"{start}{name}.scale"], p[f"{start}{name}.shift"]
            )

        def dense(h, name):
            return h @ p[f"{start}{name}.W"] + p[f"{start}{name}.c"]

        table = p["W"] if tied else p["embedding.W"]
        h = table[x] + p[f"{start}position.P"][:T]
        qkv = dense(norm(h, "block0.attention.norm"), "block0.attention.attend.qkv")
        Q, K, V = (part.reshape(2, T, H, d // H).transpose(1, 2) for part in qkv.split(d, -1))
        scores = Q @ K.mT / (d // H) ** 0.5
        later = torch.ones(T, T, dtype=torch.bool).triu(1)
        read = torch.softmax(scores.masked_fill(later, -torch.inf), -1) @ V
        read = read.transpose(1, 2).reshape(2, T, d)
        h = h + dense(read, "block0.attention.attend.output")
        hidden = dense(norm(h, "block0.feedforward.norm"), "block0.feedforward.hidden")
        h = h + dense(functional.gelu(hidden), "block0.feedforward.output")
        h = norm(h, "norm")
        return h @ p["W"].T if tied else dense(h, "head")

    net = models.transformer(tokens, length=4, width=d, heads=H, layers=1, tied=tied)
    assert_same_as_torch(net.layer, function, np.array([[0, 1, 0], [4, 0, 1]]))


def test_padding_does_not_change_what_a_classifier_says():
    net = models.transformer(
        6, length=5, width=4, heads=2, layers=2, causal=False, outputs=3, padding=0
    )
    params = net.init(rng=0, dtype=np.float64)
    short, padded = np.array([[3, 1, 5]]), np.array([[3, 1, 5, 0, 0]])
    assert net.apply(params, short).shape == (1, 3)
    terms = 40 * net.size
    assert_close(net.apply(params, padded), net.apply(params, short), terms=terms)
    u = np.ones((1, 3))
    gradients = [net.linearize(params, x).vjp(u) for x in (padded, short)]
    assert_close(*gradients, terms=terms)


def test_a_mask_leaves_out_more_than_padding():
    net = models.transformer(
        6, length=5, width=4, heads=2, layers=1, causal=False, outputs=3, padding=0
    )
    params, x = net.init(rng=0), np.array([[3, 1, 5, 0]])
    mask = np.array([[True, True, False, True]])
    same = net.apply(params, np.array([[3, 1, 0, 0]]))
    assert np.array_equal(net.apply(params, x, mask=mask), same)
    assert np.array_equal(net.apply(params, x, mask=x == x), net.apply(params, x))


@pytest.mark.parametrize(
    "reader", [models.Recurrent(4, 4), models.DotProductAttention(1), models.MeanPosition()]
)
@pytest.mark.parametrize("shape", [(1, 12), (6, 2)])
def test_a_mask_of_another_length_than_the_sequence_is_refused(reader, shape):
    width = 12 if isinstance(reader, models.DotProductAttention) else 4
    net = Network(Sequential([models.Reshape((3, 4)), Dense(4, width), reader]))
    mask = np.ones((2, shape[0]), dtype=bool)
    with pytest.raises(ShapeMismatch, match="in front has changed their length"):
        net.apply(net.init(0), np.ones((2, *shape)), mask=mask)


def test_a_transformer_draws_dropout_in_training():
    net = models.transformer(6, length=4, width=4, heads=2, layers=1, dropout=0.5)
    params, x = net.init(rng=0), np.array([[3, 1, 5]])
    drawn = [net.apply(params, x, training=True, rng=seed) for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert np.array_equal(net.apply(params, x), net.apply(params, x, rng=1))


def test_sinusoids_are_those_of_the_paper():
    y = models.Sinusoidal().forward({}, np.zeros((1, 3, 4)))[0][0]
    truth = [[np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)] for t in range(3)]
    assert_close(y, np.array(truth), terms=10)


def apply_tokens(layer, x):
    net = Network(layer)
    return net.apply(net.init(rng=0), np.array(x))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Embedding(0, 2), InvalidInput, "vocabulary = 0"),
        (lambda: Embedding(2, 0), InvalidInput, "width = 0"),
        (lambda: Embedding(2, 2, padding=2), InvalidInput, "padding = 2"),
        (lambda: apply_tokens(Embedding(3, 2), [[0, 3]]), DataError, "token 3"),
        (lambda: apply_tokens(Embedding(3, 2), [[0, -1]]), DataError, "token -1"),
        (lambda: apply_tokens(Embedding(3, 2), [[0.0]]), InvalidInput, "token numbers"),
        (lambda: TiedEmbedding(0, 2, Tanh()), InvalidInput, "vocabulary = 0"),
        (lambda: TiedEmbedding(3, 2, Embedding(3, 2)), InvalidInput, "body"),
        (lambda: TiedEmbedding(3, 2, Dense(2, 1)).output_shape((4,)), ShapeMismatch, "width 2"),
        (lambda: apply_tokens(Embedding(3, 2), np.zeros((2, 0), int)), ShapeMismatch, "one entry"),
        (lambda: Sequential([Dense(2, 3), Embedding(5, 2)]), InvalidInput, "Put it first"),
        (lambda: models.Parallel([Embedding(5, 3), Tanh()]), InvalidInput, "only some of them"),
        (lambda: Padded(Tanh(), 0), InvalidInput, "reads tokens"),
        (lambda: Padded(Embedding(2, 2), "0"), InvalidInput, "padding = '0'"),
        (lambda: Positional(0, 2), InvalidInput, "length = 0"),
        (lambda: Positional(3, 2).output_shape((4, 2)), ShapeMismatch, "3 positions.* of 4"),
        (lambda: Positional(3, 2).output_shape((3, 1)), ShapeMismatch, r"\(T, 2\)"),
        (lambda: models.Sinusoidal().output_shape((3, 3)), ShapeMismatch, "even width"),
        (lambda: models.MeanPosition().output_shape((3,)), ShapeMismatch, r"\(T, width\)"),
        (lambda: models.FirstPosition().output_shape((3,)), ShapeMismatch, r"\(T, width\)"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
