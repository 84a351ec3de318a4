"""Work shared out over threads is the same work, and BLAS gets its threads back."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg import products, threads
from thermolinalg.products import applied, squares
from thermolinalg.threads import cut, one_blas_thread, share


class Library:
    """Stands for BLAS: how many threads it uses, and a limit that can be lifted."""

    def __init__(self, used):
        self.used = used

    def limit(self, limits):
        before, self.used = self.used, limits
        library = self

        class Limit:
            def restore_original_limits(self):
                library.used = before

        return Limit()


@pytest.fixture
def blas(monkeypatch):
    library = Library(4)
    monkeypatch.setattr(threads, "_blas", lambda: library)
    return library


def test_blas_gets_its_threads_back_when_the_last_holder_lets_go(blas):
    """Two threads that hold it overlap, and the first to take it is the first to let go."""
    first_out, second_in = threading.Event(), threading.Event()

    def second():
        with one_blas_thread():
            second_in.set()
            first_out.wait(10)
            assert blas.used == 1

    other = threading.Thread(target=second)
    with one_blas_thread():
        other.start()
        assert second_in.wait(10)
        assert blas.used == 1
    assert blas.used == 1
    first_out.set()
    other.join()
    assert blas.used == 4


def test_blas_gets_its_threads_back_after_an_error(blas):
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        raise ZeroDivisionError
    assert blas.used == 4


@given(st.integers(1, 1000), st.integers(1, 40))
def test_parts_are_even_and_whole(size, parts):
    slices = cut(size, parts)
    lengths = [part.stop - part.start for part in slices]
    assert np.array_equal(np.concatenate([np.arange(size)[part] for part in slices]), range(size))
    assert len(slices) == min(parts, size)
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_results_come_in_order_and_errors_through(monkeypatch, cores):
    monkeypatch.setattr(threads, "CORES", cores)
    assert share([lambda k=k: k for k in range(50)]) == list(range(50))
    with pytest.raises(ZeroDivisionError):
        share([lambda: 1, lambda: 1 / 0])


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("shape", [(5,), (1, 120), (700, 120), (13, 70, 120), (0, 120)])
def test_products_are_products(monkeypatch, cores, shape):
    """In integers, where the order of sums does not matter."""
    monkeypatch.setattr(products, "CORES", cores)
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, shape).astype(float)
    M = rng.integers(-9, 10, (110, shape[-1])).astype(float)
    assert np.array_equal(applied(x, M), np.einsum("...j,ij->...i", x, M))
    rows = x.reshape(-1, shape[-1])
    assert np.array_equal(squares(rows), np.einsum("ki,kj->ij", rows, rows))
    assert applied(x.astype(np.float32), M.astype(np.float32)).dtype == np.float32
