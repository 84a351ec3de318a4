"""Inner products of per-sample gradients, formed or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import outer
from tests.models.oracles import assert_close

lengths = st.integers(1, 5)


@settings(deadline=None, derandomize=True)
@given(b=lengths, r=lengths, T=lengths, inputs=lengths, outputs=lengths)
def test_both_forms_are_the_sum_over_positions(b, r, T, inputs, outputs):
    rng = np.random.default_rng([b, r, T, inputs, outputs])
    x, e = rng.standard_normal((b, T, inputs)), rng.standard_normal((b, r, T, outputs))
    x1 = np.concatenate([x, np.ones((b, T, 1))], axis=2)  # the bias is one more input
    G = np.einsum("nti,nrto->nrio", x1, e).reshape(b * r, -1)
    terms, scale = (inputs + 1) * outputs * T**2, np.linalg.norm(x1) ** 2 * np.linalg.norm(e) ** 2
    assert_close(outer.unformed(x, e), G @ G.T, terms=terms, scale=scale)
    assert_close(outer.formed(x, e), G @ G.T, terms=terms, scale=scale)
    assert_close(outer.gram(x, e.swapaxes(0, 1)), G @ G.T, terms=terms, scale=scale)


@pytest.mark.parametrize(
    ("T", "width", "cheaper"), [(1, 64, "unformed"), (64, 2, "formed"), (2, 64, "unformed")]
)
def test_the_cheaper_form_is_taken(monkeypatch, T, width, cheaper):
    taken = []
    for name in ("formed", "unformed"):
        monkeypatch.setattr(outer, name, lambda _x, _e, name=name: taken.append(name))
    outer.gram(np.ones((4, T, width)), np.ones((3, 4, T, width)))
    assert taken == [cheaper]
