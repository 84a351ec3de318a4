"""The recurrent cell against PyTorch, and what masks promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import GELU, Network, Recurrent, Tanh
from models.setting import Setting
from tests.models.battery import everything_holds
from tests.models.cases import BATCH, Case
from tests.models.oracles import assert_close
from tests.models.test_attention import masks
from tests.models.torch_oracle import assert_same_as_torch
from thermolinalg.errors import InvalidInput, ShapeMismatch

lengths = st.integers(1, 3)
drawn = settings(deadline=None, derandomize=True, max_examples=20)


@drawn
@given(data=st.data(), inputs=lengths, width=lengths, T=st.integers(1, 4), last=st.booleans())
def test_recurrence_keeps_the_contract(data, inputs, width, T, last):
    mask = data.draw(st.none() | masks(BATCH, T))
    activation = data.draw(st.sampled_from([Tanh(), GELU(approximate=True)]))
    layer = Recurrent(inputs, width, activation, last)
    everything_holds(Case("recurrent", layer, (T, inputs), setting=Setting(mask=mask)))


@drawn
@given(inputs=lengths, width=lengths, T=st.integers(1, 4), last=st.booleans())
def test_recurrence_is_that_of_torch(inputs, width, T, last):
    torch = pytest.importorskip("torch")

    def function(p, x):
        module = torch.nn.RNN(inputs, width, batch_first=True, dtype=torch.float64)
        names = {
            "weight_ih_l0": p["W"].T,
            "weight_hh_l0": p["U"].T,
            "bias_ih_l0": p["c"],
            "bias_hh_l0": torch.zeros(width, dtype=torch.float64),
        }
        h = torch.func.functional_call(module, names, (x,))[0]
        return h[:, -1] if last else h

    x = np.random.default_rng(T).standard_normal((2, T, inputs))
    assert_same_as_torch(Recurrent(inputs, width, last=last), function, x)


def test_the_last_state_is_that_of_the_last_real_position():
    net = Network(Recurrent(2, 3, last=True))
    params = net.init(rng=0, dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((1, 5, 2))
    mask = np.array([[True, True, True, False, False]])
    cut = net.apply(params, x[:, :3])
    assert_close(net.apply(params, x, mask=mask), cut, terms=40 * net.size)


def test_the_state_starts_from_a_rotation():
    net = Network(Recurrent(2, 5))
    U = net.parameters(net.init(rng=0, dtype=np.float64))["U"]
    assert_close(U @ U.T, np.eye(5), terms=5 * 5)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: Recurrent(0, 2), InvalidInput, "inputs = 0"),
        (lambda: Recurrent(2, 0), InvalidInput, "width = 0"),
        (lambda: Recurrent(2, 2, np.tanh), InvalidInput, "activation"),
        (lambda: Recurrent(2, 2).output_shape((3, 1)), ShapeMismatch, r"\(T, 2\)"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
