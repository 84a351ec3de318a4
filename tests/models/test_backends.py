"""Products stay in the library they started in: nothing is converted on the way, back or forth."""

import numpy as np
import pytest

import models

X = np.random.default_rng(0).standard_normal((4, 5))
Y = np.arange(4) % 3
LOSS = models.SoftmaxCrossEntropy()
NET = models.mlp([5, 6, 3], activation=models.Tanh())
PARAMS = NET.init(0, dtype=np.float64)


def answers(params, x, y):
    lin = NET.linearize(params, x)
    gradient = LOSS.gradient(lin.output, y)
    return {
        "output": lin.output,
        "vjp": lin.vjp(gradient),
        "jvp": lin.jvp(params),
        "per_sample": lin.per_sample(gradient),
        "gram": lin.gram(LOSS.hessian_root(lin.output)),
        "hvp": lin.hvp(LOSS, y, params),
        "ggnvp": lin.ggnvp(LOSS, y, params),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_never_becomes_numpy(monkeypatch, dtype):
    torch = pytest.importorskip("torch")
    at = [torch.from_numpy(a).to(getattr(torch, dtype)) for a in (PARAMS, X)]

    def refuse(*_args, **_knobs):
        raise AssertionError("converted to NumPy")

    for verb in ("__array__", "numpy"):
        monkeypatch.setattr(torch.Tensor, verb, refuse)
    for name, answer in answers(*at, torch.from_numpy(Y)).items():
        assert isinstance(answer, torch.Tensor), name
        assert answer.dtype == getattr(torch, dtype), name


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")
def test_jax_gives_what_numpy_gives():
    """Without a limit of memory, no array is written to in place."""
    jnp = pytest.importorskip("jax.numpy")
    at = [jnp.asarray(a, dtype=jnp.float32) for a in (PARAMS, X)]
    truth = answers(PARAMS.astype(np.float32), X.astype(np.float32), Y)
    terms = 40 * (NET.size + X.size) * np.finfo(np.float32).eps
    for name, answer in answers(*at, jnp.asarray(Y)).items():
        assert not isinstance(answer, np.ndarray), name
        assert answer.dtype == np.float32, name
        error = np.linalg.norm(np.asarray(answer) - truth[name])
        assert error <= terms * np.linalg.norm(truth[name]), name
