"""Attention against PyTorch, and what masks promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import models
from models import Dense, DotProductAttention, Network, self_attention, transformer_block
from models.setting import Setting
from tests.models.battery import everything_holds
from tests.models.cases import BATCH, Case
from tests.models.oracles import assert_close
from tests.models.torch_oracle import assert_same_as_torch
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

lengths = st.integers(1, 3)
drawn = settings(deadline=None, derandomize=True, max_examples=20)


@st.composite
def masks(draw, b, T, *, real=0):
    """Masks of b samples, each with so many real positions in front at least."""
    mask = draw(arrays(bool, (b, T)))
    mask[:, :real] = True
    return mask


@drawn
@given(data=st.data(), heads=lengths, n=lengths, T=lengths, causal=st.booleans())
def test_heads_keep_the_contract(data, heads, n, T, causal):
    mask = data.draw(st.none() | masks(BATCH, T))
    rate = data.draw(st.sampled_from([0.0, 0.3]))
    layer = DotProductAttention(heads, causal, rate)
    everything_holds(
        Case("heads", layer, (T, 3 * heads * n), setting=Setting(True, Streams(0), mask))
    )


@drawn
@given(data=st.data(), heads=lengths, n=lengths, T=lengths, causal=st.booleans())
def test_attention_is_that_of_torch(data, heads, n, T, causal):
    torch = pytest.importorskip("torch")
    mask = data.draw(masks(2, T, real=1))
    width = heads * n

    def function(p, x):
        module = torch.nn.MultiheadAttention(width, heads, batch_first=True, dtype=torch.float64)
        names = {
            "in_proj_weight": p["qkv.W"].T,
            "in_proj_bias": p["qkv.c"],
            "out_proj.weight": p["output.W"].T,
            "out_proj.bias": p["output.c"],
        }
        later = torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None
        options = {"key_padding_mask": torch.tensor(~mask), "attn_mask": later}
        return torch.func.functional_call(module, names, (x, x, x), options)[0]

    x = np.random.default_rng(T).standard_normal((2, T, width))
    assert_same_as_torch(self_attention(width, heads, causal=causal), function, x, mask=mask)


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_is_the_encoder_layer_of_torch(norm_first):
    torch = pytest.importorskip("torch")
    mask = np.array([[True, True, False], [True, True, True]])
    module = torch.nn.TransformerEncoderLayer(
        4, 2, 6, 0.0, "gelu", batch_first=True, norm_first=norm_first, dtype=torch.float64
    )
    norm, norm2 = ("attention.norm", "feedforward.norm")
    if not norm_first:
        norm, norm2 = ("attention_norm", "feedforward_norm")

    def function(p, x):
        names = {
            "self_attn.in_proj_weight": p["attention.attend.qkv.W"].T,
            "self_attn.in_proj_bias": p["attention.attend.qkv.c"],
            "self_attn.out_proj.weight": p["attention.attend.output.W"].T,
            "self_attn.out_proj.bias": p["attention.attend.output.c"],
            "linear1.weight": p["feedforward.hidden.W"].T,
            "linear1.bias": p["feedforward.hidden.c"],
            "linear2.weight": p["feedforward.output.W"].T,
            "linear2.bias": p["feedforward.output.c"],
            "norm1.weight": p[f"{norm}.scale"],
            "norm1.bias": p[f"{norm}.shift"],
            "norm2.weight": p[f"{norm2}.scale"],
            "norm2.bias": p[f"{norm2}.shift"],
        }
        options = {"src_key_padding_mask": torch.tensor(~mask)}
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return torch.func.functional_call(module, names, (x,), options)

    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    block = transformer_block(4, 2, 6, norm_first=norm_first)
    assert_same_as_torch(block, function, x, mask=mask)


def heads_of(x, *, causal=False, mask=None):
    return DotProductAttention(2, causal).forward({}, x, Setting(mask=mask))[0]


def test_nothing_is_read_from_padding_nor_from_later():
    x = np.random.default_rng(0).standard_normal((2, 4, 12))
    mask = np.array([[True, True, False, True]] * 2)
    other = x.copy()
    other[:, 2] = 1e6
    real = [0, 1, 3]
    y, z = heads_of(x, mask=mask), heads_of(other, mask=mask)
    assert np.array_equal(y[:, real], z[:, real])
    y, z = heads_of(x, causal=True), heads_of(other, causal=True)
    assert np.array_equal(y[:, :2], z[:, :2])
    assert not np.array_equal(y[:, 3], z[:, 3])


def test_a_sample_with_nothing_to_read_gives_zero_and_no_gradient():
    x = np.random.default_rng(0).standard_normal((2, 3, 12))
    layer, mask = DotProductAttention(2), np.array([[False] * 3, [True] * 3])
    y, saved = layer.forward({}, x, Setting(mask=mask))
    back = layer.backward({}, saved, np.ones_like(y))
    assert not y[0].any()
    assert not back[0].any()
    assert y[1].all()


def test_scores_beyond_the_range_of_the_exponential_do_no_harm():
    x = np.full((1, 2, 3), 1e18, dtype=np.float32)
    assert np.array_equal(DotProductAttention(1).forward({}, x)[0], x[..., :1])


def test_three_projections_are_one_with_their_weights_next_to_each_other():
    one = Network(self_attention(4, 2))
    three = Network(self_attention(4, 2, query=Dense(4, 4)))
    named = three.parameters(three.init(rng=0, dtype=np.float64))
    side_by_side = {
        f"qkv.{w}": np.concatenate([named[f"qkv.{part}.{w}"] for part in "qkv"], axis=-1)
        for w in "Wc"
    }
    params = one.layout.flatten({**named, **side_by_side})
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    y = three.apply(three.layout.flatten(named), x)
    assert_close(one.apply(params, x), y, terms=40 * one.size)


def test_dropout_drops_weights_in_training_alone():
    x = np.zeros((1, 50, 6))
    x[..., 4:] = 1.0
    layer = DotProductAttention(2, dropout=0.5)
    y, (_, P, _, mask) = layer.forward({}, x, Setting(True, Streams(0)))
    assert set(np.unique(mask)) == {0.0, 2.0}
    assert_close(y[0, :, 0], np.mean(mask[0, 0], axis=-1), terms=100)
    y, _ = layer.forward({}, x, Setting(False, Streams(0)))
    assert_close(y, np.ones_like(y), terms=100)
    assert np.all(P[0, 0, 0, 0] == P)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: DotProductAttention(0), InvalidInput, "heads = 0"),
        (lambda: DotProductAttention(2, dropout=1.0), InvalidInput, "1.0"),
        (lambda: DotProductAttention(2).output_shape((3, 8)), ShapeMismatch, r"\(3, 8\)"),
        (lambda: DotProductAttention(2).output_shape((6,)), ShapeMismatch, "next to each other"),
        (lambda: self_attention(6, 4), InvalidInput, "not a multiple"),
        (lambda: self_attention(0, 1), InvalidInput, "width = 0"),
        (lambda: transformer_block(4, 2, 0), InvalidInput, "outputs = 0"),
        (lambda: models.transformer(5, layers=0), InvalidInput, "layers = 0"),
        (lambda: models.transformer(0), InvalidInput, "vocabulary = 0"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
