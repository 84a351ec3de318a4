import json
import re
import sys

import numpy as np
import pytest
from scipy.special import erf

import models
from models import Dense, DistilBertConfig, LoRA
from models.checkpoints import read_arrays, write_arrays
from models.zoo.published import DENSE, EMBEDDINGS, NORMS
from tests.models.oracles import assert_close
from thermolinalg.backend import like, to_numpy
from thermolinalg.errors import DataError, InvalidInput, ShapeMismatch

pytest.importorskip("safetensors")

SIZES = {"vocab_size": 11, "dim": 6, "n_heads": 2, "n_layers": 2, "hidden_dim": 9}
SMALL = {**SIZES, "max_position_embeddings": 7}
CONFIG = DistilBertConfig(vocabulary=11, width=6, heads=2, layers=2, hidden=9, positions=7)
X = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 0, 0], [7, 0, 0, 0, 0]])
TERMS = 20 * models.distilbert(CONFIG).size


def shapes_of_checkpoint():
    """As `transformers` writes them."""
    V, d, h, P = (SMALL[k] for k in ("vocab_size", "dim", "hidden_dim", "max_position_embeddings"))
    shapes = {"word_embeddings.weight": (V, d), "position_embeddings.weight": (P, d)}
    shapes |= {"LayerNorm.weight": (d,), "LayerNorm.bias": (d,)}
    shapes = {f"distilbert.embeddings.{name}": shape for name, shape in shapes.items()}
    for i in range(SMALL["n_layers"]):
        block = f"distilbert.transformer.layer.{i}"
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            shapes |= {f"{block}.attention.{name}.weight": (d, d)}
            shapes |= {f"{block}.attention.{name}.bias": (d,)}
        for name in ("sa_layer_norm", "output_layer_norm"):
            shapes |= {f"{block}.{name}.weight": (d,), f"{block}.{name}.bias": (d,)}
        shapes |= {f"{block}.ffn.lin1.weight": (h, d), f"{block}.ffn.lin1.bias": (h,)}
        shapes |= {f"{block}.ffn.lin2.weight": (d, h), f"{block}.ffn.lin2.bias": (d,)}
    return shapes | {"qa_outputs.weight": (2, d), "qa_outputs.bias": (2,)}


def arrays():
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape) for name, shape in shapes_of_checkpoint().items()}


def written(folder, change=(), **config):
    """A checkpoint in this folder, with some arrays changed, or left out by None."""
    kept = {name: a for name, a in {**arrays(), **dict(change)}.items() if a is not None}
    write_arrays(folder / "model.safetensors", kept)
    text = json.dumps({"model_type": "distilbert", **SMALL, **config})
    (folder / "config.json").write_text(text)
    return folder


def by_hand(a, ids):
    """DistilBERT in nine lines of NumPy, one sentence at a time and without its padding."""

    def linear(x, name):
        return x @ a[f"{name}.weight"].T + a[f"{name}.bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * a[f"{name}.weight"] + a[f"{name}.bias"]

    e = "distilbert.embeddings"
    x = a[f"{e}.word_embeddings.weight"][ids] + a[f"{e}.position_embeddings.weight"][: len(ids)]
    x = norm(x, f"{e}.LayerNorm")
    for block in (f"distilbert.transformer.layer.{i}" for i in range(SMALL["n_layers"])):
        q, k, v = (
            linear(x, f"{block}.attention.{one}_lin").reshape(len(ids), SMALL["n_heads"], -1)
            for one in "qkv"
        )
        P = np.exp(np.einsum("thn,shn->hts", q, k) / np.sqrt(q.shape[-1]))
        y = np.einsum("hts,shn->thn", P / P.sum(-1, keepdims=True), v).reshape(x.shape)
        x = norm(x + linear(y, f"{block}.attention.out_lin"), f"{block}.sa_layer_norm")
        h = linear(x, f"{block}.ffn.lin1")
        h = linear(h * 0.5 * (1 + erf(h / np.sqrt(2))), f"{block}.ffn.lin2")
        x = norm(x + h, f"{block}.output_layer_norm")
    return linear(x, "qa_outputs")


def test_sizes_of_the_published_network():
    assert models.distilbert().size == 66_364_418
    assert models.distilbert(head=None).size == 66_364_418 - 2 * 769


def test_low_rank_corrections_of_the_published_network():
    """q, k, v and out of six blocks, each 2 (768 + 768), and the head."""
    net = models.distilbert(lora=LoRA)
    assert net.size == 6 * 4 * 2 * (768 + 768) + 2 * 769 == 75_266


def test_it_reads_like_the_formula(tmp_path):
    net, params = models.load_distilbert(written(tmp_path), dtype=np.float64)
    z = net.apply(params, X)
    for ids, answer in zip(X, z, strict=True):
        real = ids[ids != 0]
        assert_close(answer[: len(real)], by_hand(arrays(), real), terms=TERMS)


def test_names_may_lack_their_prefix_and_the_head(tmp_path):
    """As in the checkpoint of the bare network."""
    net, params = models.load_distilbert(written(tmp_path), head=None, dtype=np.float64)
    bare = {n.removeprefix("distilbert."): a for n, a in arrays().items() if n[:2] != "qa"}
    write_arrays(tmp_path / "model.safetensors", bare)
    again, theta = models.load_distilbert(tmp_path / "model.safetensors", head=None, dtype=float)
    assert np.array_equal(theta, params)
    assert np.array_equal(again.apply(theta, X), net.apply(params, X))


def test_it_runs_in_the_library_of_its_parameters(tmp_path):
    xp = pytest.importorskip("torch")
    net, params = models.load_distilbert(written(tmp_path), lora=LoRA, dtype=np.float64, rng=0)
    moved, ids = like(params, xp.zeros(1, dtype=xp.float64)), xp.asarray(X)
    truth, lin = net.linearize(params, X), net.like(moved).linearize(moved, ids)
    assert_close(to_numpy(lin.output), truth.output, terms=TERMS)
    u = real(truth.output.shape, 0)
    assert_close(to_numpy(lin.vjp(like(u, moved))), truth.vjp(u), terms=TERMS)


def test_a_head_that_is_missing_is_drawn_and_said(tmp_path):
    before = {"qa_outputs.weight": None, "qa_outputs.bias": None, "vocab_transform.bias": X}
    folder = written(tmp_path, before)
    with pytest.warns(UserWarning, match="no head for spans"):
        net, params = models.load_distilbert(folder, lora=LoRA, rng=0)
    init = net.parameters(net.init(rng=0))
    for name, part in net.parameters(params).items():
        assert np.array_equal(part, init[name])


def test_a_head_of_ones_own_is_drawn(tmp_path):
    net, params = models.load_distilbert(written(tmp_path), head=Dense(6, 3), rng=0)
    assert net.apply(params, X).shape == (3, 5, 3)
    assert net.parameters(params)["head.W"].any()


def test_with_low_rank_corrections_it_starts_as_it_was(tmp_path):
    net, params = models.load_distilbert(written(tmp_path), dtype=np.float64)
    lora, theta = models.load_distilbert(
        written(tmp_path), lora=lambda dense: LoRA(dense, 3), dtype=np.float64, rng=0
    )
    assert lora.parameters(theta)["block0.attention.qkv.q.A"].shape == (6, 3)
    assert np.array_equal(lora.apply(theta, X), net.apply(params, X))
    names = [f"block{i}.attention.{part}" for i in range(2) for part in ("qkv.q", "output")]
    other, phi = models.add_lora(net, params, names, train=["head"])
    assert np.array_equal(other.apply(phi, X), net.apply(params, X))


def test_what_was_trained_is_saved_and_read(tmp_path):
    net, params = models.load_distilbert(written(tmp_path), lora=LoRA, rng=0)
    models.save_parameters(tmp_path / "trained.safetensors", net, params + 1)
    fresh = models.distilbert(CONFIG, lora=LoRA)
    again, theta = models.load_parameters(tmp_path / "trained.safetensors", fresh)
    assert np.array_equal(theta, params + 1)
    assert np.array_equal(again.apply(theta, X), net.apply(params + 1, X))


def test_padding_changes_nothing(tmp_path):
    net, params = models.load_distilbert(written(tmp_path), dtype=np.float64)
    assert_close(net.apply(params, X)[1, :3], net.apply(params, X[1:2, :3])[0], terms=TERMS)


def test_dropout_drops_in_training_alone(tmp_path):
    net, params = models.load_distilbert(written(tmp_path), lora=LoRA)
    still = net.apply(params, X)
    moved = net.apply(params, X, training=True, rng=0)
    assert not np.allclose(still, moved)
    assert np.array_equal(moved, net.apply(params, X, training=True, rng=0))
    assert np.array_equal(still, net.apply(params, X))


@pytest.fixture(scope="module")
def transformers():
    """Without torchvision, which it would load for nothing."""
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torchvision", None)
        library = pytest.importorskip("transformers")
        assert library.DistilBertForQuestionAnswering
        yield library


def theirs(transformers, folder):
    import torch

    written(folder)
    made = transformers.DistilBertForQuestionAnswering(transformers.DistilBertConfig(**SMALL))
    made = made.double().eval()
    made.load_state_dict({name: torch.tensor(a) for name, a in arrays().items()})
    return made


def logits(model):
    import torch

    ids = torch.tensor(X)
    out = model(input_ids=ids, attention_mask=(ids != 0).long())
    return torch.stack([out.start_logits, out.end_logits], dim=-1)


def real(shape, seed):
    """Random, and 0 at positions that are padding."""
    return np.random.default_rng(seed).standard_normal(shape) * (X != 0)[..., None]


def own_name(name):
    """What our network calls a parameter of theirs."""
    parts = re.fullmatch(r"distilbert\.transformer\.layer\.(\d)\.(.*)\.(weight|bias)", name)
    if parts is None:
        table = {f"distilbert.{b}": a for a, b in EMBEDDINGS.items()}
        return {**table, "qa_outputs.weight": "head.W", "qa_outputs.bias": "head.c"}[name]
    i, layer, kind = parts.groups()
    dense, norms = ({b: a for a, b in table.items()} for table in (DENSE, NORMS))
    if layer in dense:
        return f"block{i}.{dense[layer]}.{'W' if kind == 'weight' else 'c'}"
    return f"block{i}.{norms[layer]}.{'scale' if kind == 'weight' else 'shift'}"


def test_outputs_and_gradients_are_those_of_transformers(transformers, tmp_path):
    import torch

    model = theirs(transformers, tmp_path)
    z = logits(model)
    net, params = models.load_distilbert(tmp_path, dtype=np.float64)
    lin = net.linearize(params, X)
    assert_close(lin.output, z.detach().numpy(), terms=TERMS)

    u = real(lin.output.shape, 1)
    (z * torch.tensor(u)).sum().backward()
    gradient = net.layout.views(lin.vjp(u))
    whole = np.linalg.norm(lin.vjp(u))
    for name, parameter in model.named_parameters():
        own = own_name(name)
        expected = parameter.grad.numpy()
        turned = own.endswith(".W") and own != "words.W"
        found = gradient.pop(own)
        assert_close(found.T if turned else found, expected, terms=TERMS, scale=whole)
    assert not gradient


def test_derivatives_of_low_rank_corrections_are_those_of_torch(transformers, tmp_path):
    """The first and the second, of corrections that are not 0 any more."""
    import torch

    model = theirs(transformers, tmp_path).requires_grad_(False)
    model.set_attn_implementation("eager")
    net, params = models.load_distilbert(
        tmp_path, lora=lambda dense: LoRA(dense, 2, alpha=3.0), dtype=np.float64, rng=0
    )
    rng = np.random.default_rng(2)
    params = params + 0.3 * rng.standard_normal(params.shape)
    theta = torch.tensor(params, requires_grad=True)
    parts = net.layout.views(theta)

    def correct(layer, name):
        A, B = parts[f"{name}.A"], parts[f"{name}.B"]
        layer.register_forward_hook(lambda _, x, y: y + 3.0 / 2 * x[0] @ A @ B)

    for i, block in enumerate(model.distilbert.transformer.layer):
        for own, their in list(DENSE.items())[:4]:
            correct(block.get_submodule(their), f"block{i}.{own}")
    model.qa_outputs.register_forward_hook(
        lambda _, x, _y: x[0] @ parts["head.W"] + parts["head.c"]
    )

    z = logits(model)
    lin = net.linearize(params, X)
    assert_close(lin.output, z.detach().numpy(), terms=TERMS)
    u, v = real(lin.output.shape, 3), rng.standard_normal(params.shape)
    (g,) = torch.autograd.grad((z * torch.tensor(u)).sum(), theta, create_graph=True)
    assert_close(lin.vjp(u), g.detach().numpy(), terms=TERMS)
    (Hv,) = torch.autograd.grad(g @ torch.tensor(v), theta)
    assert_close(lin.vjp_jvp(v, u, np.zeros_like(u)), Hv.numpy(), terms=TERMS)


def test_a_checkpoint_that_transformers_wrote_is_read(transformers, tmp_path):
    """Config and weights, of the network as it was pre-trained, with a head that is passed by."""
    model = transformers.DistilBertForMaskedLM(transformers.DistilBertConfig(**SMALL)).eval()
    model.save_pretrained(tmp_path)
    import torch

    ids = torch.tensor(X)
    hidden = model.distilbert(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state
    net, params = models.load_distilbert(tmp_path, head=None)
    assert_close(net.apply(params, X), hidden.detach().numpy(), terms=TERMS)
    assert DistilBertConfig.read(tmp_path / "config.json") == CONFIG


def test_tokens_are_those_of_transformers(transformers, tmp_path):
    """Capitals, accents, punctuation, unknown letters, pairs and padding."""
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "ada",
        "##s",
        "cafe",
        "l",
        "'",
        "?",
        "中",
    ]
    ours = models.WordPiece(pieces)
    ours.save(tmp_path / "vocab.txt")
    tokenizer = transformers.DistilBertTokenizer(vocab=str(tmp_path / "vocab.txt"))
    pairs = [("Adas café?", "L'ada  中中 z\u00a0ADA\n?"), ("", "ada"), ("l'", "?")]
    for pair in pairs:
        theirs = tokenizer(*pair, padding="max_length", max_length=16, return_offsets_mapping=True)
        row = ours.encode(*pair, length=16)
        assert row.ids.tolist() == theirs["input_ids"]
        assert row.mask.tolist() == [bool(m) for m in theirs["attention_mask"]]
        assert [tuple(o) for o in row.offsets.tolist()] == theirs["offset_mapping"]


BLOCK = "distilbert.transformer.layer.1"


@pytest.mark.parametrize(
    ("change", "config", "says"),
    [
        ({f"{BLOCK}.ffn.lin1.bias": None}, {}, "lacks distilbert.transformer.layer.1.ffn.lin1.b"),
        ({f"{BLOCK}.ffn.lin1.bias": np.zeros(3)}, {}, r"has shape \(3,\), .* needs \(9,\)"),
        ({f"{BLOCK}.ffn.lin3.bias": np.zeros(3)}, {}, "also holds .*lin3"),
        ({}, {"n_layers": 1}, "also holds distilbert.transformer.layer.1"),
        ({}, {"n_layers": 3}, "lacks distilbert.transformer.layer.2"),
        ({}, {"hidden_dim": 8}, r"has shape \(9, 6\), but this network needs \(8, 6\)"),
        ({}, {"model_type": "bert"}, "does not describe a DistilBERT"),
        ({}, {"activation": "relu"}, "'relu'"),
        ({}, {"dropout": "much"}, "dropout = 'much'"),
        ({}, {"pad_token_id": None}, "pad_token_id = None"),
    ],
    ids=range(10),
)
def test_a_checkpoint_of_another_network_is_named(tmp_path, change, config, says):
    with pytest.raises(DataError, match=says):
        models.load_distilbert(written(tmp_path, change, **config))


def test_files_that_are_missing_or_damaged_are_named(tmp_path):
    with pytest.raises(DataError, match=r"config.json cannot be read .* config=DistilBertConfig"):
        models.load_distilbert(tmp_path)
    with pytest.raises(DataError, match=r"model.safetensors is not a file"):
        models.load_distilbert(tmp_path, config=CONFIG)
    (written(tmp_path) / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config.json cannot be read"):
        models.load_distilbert(tmp_path)


NET = models.distilbert(CONFIG)
PARAMS = NET.init(rng=0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: NET.apply(PARAMS, np.ones((1, 8), int)), ShapeMismatch, "7 positions, .* 8"),
        (lambda: NET.apply(PARAMS, X + 2), DataError, "token 11, .* 0 to 10"),
        (lambda: NET.apply(PARAMS, X - 1), DataError, "token -1"),
        (lambda: models.distilbert(CONFIG, head="words"), InvalidInput, "'words'"),
        (lambda: models.distilbert(DistilBertConfig(width=7, heads=2)), InvalidInput, "width = 7"),
        (lambda: models.distilbert(DistilBertConfig(layers=0)), InvalidInput, "layers = 0"),
    ],
    ids=range(6),
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_the_oracle_knows_every_array():
    """A checkpoint holds no array that the formula does not read."""
    seen = set()

    class Noted(dict):
        def __getitem__(self, name):
            seen.add(name)
            return super().__getitem__(name)

    by_hand(Noted(arrays()), X[0])
    assert seen == set(shapes_of_checkpoint())


def test_reading_does_not_need_the_names_in_order(tmp_path):
    folder = written(tmp_path)
    shapes = shapes_of_checkpoint()
    read = read_arrays(folder / "model.safetensors", dict(reversed(shapes.items())))
    assert list(read) == list(reversed(shapes))
