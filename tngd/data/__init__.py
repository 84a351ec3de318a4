"""Real data to train on, divided once and for all, and the order in which it is visited."""

from tngd.data.dataset import Dataset, Split, split
from tngd.data.digits import load_digits
from tngd.data.loader import batches, epoch_length
from tngd.data.mnist import load_mnist

__all__ = [
    "load_digits", "load_mnist",
    "Dataset", "Split", "split",
    "batches", "epoch_length",
]  # fmt: skip
