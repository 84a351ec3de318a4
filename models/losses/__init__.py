"""Losses: a number for each sample, with its gradient and Hessian in the network's outputs."""

from models.losses.binary import BinaryCrossEntropy
from models.losses.contract import Loss, Tally
from models.losses.huber import Huber
from models.losses.poisson import Poisson
from models.losses.softmax import SoftmaxCrossEntropy, accuracy
from models.losses.span import SpanExtraction
from models.losses.squared import SquaredError

__all__ = [
    "Loss", "Tally",
    "SoftmaxCrossEntropy", "accuracy", "SpanExtraction",
    "SquaredError", "Huber", "BinaryCrossEntropy", "Poisson",
]  # fmt: skip
