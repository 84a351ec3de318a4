"""What PyTorch says of the same function with the same weights."""

import numpy as np
import pytest

from models import Network
from models.layer import Place
from models.products import input_cotangents
from tests.models.cases import Case
from tests.models.oracles import assert_close


def assert_same_as_torch(layer, function, x, *, mask=None, seed=0):
    """Output, gradients and second derivatives are those of a function that PyTorch runs.

    Args:
        layer: ours.
        function: from our parameters by name, as tensors, and a batch to the output.
        x: the batch; integers, or numbers that are differentiated as well.
        mask: of its positions.
        seed: draws the parameters, and along what to differentiate.
    """
    torch = pytest.importorskip("torch")
    net, rng = Network(layer), np.random.default_rng(seed)
    params, v = rng.standard_normal((2, net.size))
    lin = net.linearize(params, x, mask=mask)
    u = rng.standard_normal(lin.output.shape)

    named = {
        name: torch.tensor(part, requires_grad=True)
        for name, part in net.parameters(params).items()
    }
    own = [torch.tensor(part) for part in net.parameters(v).values()]
    tokens = np.issubdtype(x.dtype, np.integer)
    batch = torch.tensor(x, requires_grad=not tokens)
    inputs = [*named.values()] if tokens else [*named.values(), batch]
    y = function(named, batch)
    first = torch.autograd.grad((y * torch.tensor(u)).sum(), inputs, create_graph=True)
    moved = sum((g * d).sum() for g, d in zip(first, own, strict=False))
    second = torch.autograd.grad(moved, list(named.values()), materialize_grads=True)

    def flat(parts):
        return np.concatenate([part.detach().numpy().reshape(-1) for part in parts])

    terms = Case("", layer, x.shape[1:]).terms
    gradient, tangent = lin.vjp(u), lin.vjp_jvp(v, u, np.zeros_like(u))
    assert_close(lin.output, y.detach().numpy(), terms=terms)
    assert_close(gradient, flat(first[: len(named)]), terms=terms)
    assert_close(tangent, flat(second), terms=terms)
    if not tokens:
        (back,) = input_cotangents(layer, Place(lin.parameters, lin.saved), (u,))
        assert_close(back, first[-1].detach().numpy(), terms=terms)
