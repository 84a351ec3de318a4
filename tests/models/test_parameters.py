import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Layout

shapes = st.dictionaries(
    st.text("abc.", min_size=1), st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1
)


@settings(deadline=None, derandomize=True)
@given(shapes=shapes, lead=st.lists(st.integers(1, 3), max_size=2).map(tuple))
def test_flatten_undoes_views(shapes, lead):
    layout = Layout(shapes)
    flat = np.arange(np.prod(lead, dtype=int) * layout.size).reshape(*lead, layout.size)
    rows = [layout.views(row) for row in flat.reshape(-1, layout.size)]
    parts = {
        name: np.stack([row[name] for row in rows]).reshape((*lead, *shape))
        for name, shape in shapes.items()
    }
    assert np.array_equal(layout.flatten(parts), flat)


def test_views_share_the_memory():
    layout = Layout({"W": (2, 3), "c": (3,)})
    flat = np.zeros(layout.size)
    layout.views(flat)["c"][:] = 1.0
    assert flat.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1]


def test_order_of_the_parts_does_not_matter():
    layout = Layout({"W": (2,), "c": (1,)})
    assert layout.flatten({"c": np.array([3]), "W": np.array([1, 2])}).tolist() == [1, 2, 3]
