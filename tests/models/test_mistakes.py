"""What is handed in at the wrong place is named, with what to do."""

import numpy as np
import pytest

import models
from thermolinalg.errors import InvalidInput

NET = models.mlp([4, 3])
PARAMS = NET.init(rng=0)
AT = NET.linearize(PARAMS, np.ones((2, 4), np.float32))
ROOTS, LABELS = np.ones((2, 3, 1), np.float32), np.array([0, 1])
ADAPTER = models.LoRA(models.Dense(2, 2), 2)

MISTAKES = {
    "arguments in the wrong order": (
        lambda: models.load_parameters(NET, "weights.safetensors"),
        r"network = 'weights.safetensors' is not a Network. The path comes first",
    ),
    "a limit in words": (
        lambda: AT.gram(ROOTS, memory_limit="1 GB"),
        "memory_limit = '1 GB' must be a positive integer",
    ),
    "a class for a Hessian product": (
        lambda: AT.hvp(models.SoftmaxCrossEntropy, LABELS, PARAMS),
        r"loss = SoftmaxCrossEntropy is a class. Pass SoftmaxCrossEntropy\(\)",
    ),
    "a class for a Gauss-Newton product": (
        lambda: AT.ggnvp(models.SoftmaxCrossEntropy, LABELS, PARAMS),
        "loss = SoftmaxCrossEntropy is a class",
    ),
    "sizes as a dictionary": (
        lambda: models.distilbert({"layers": 2}),
        "config = .* is not a DistilBertConfig. Name its sizes",
    ),
    "one adapter for all": (
        lambda: models.distilbert(models.DistilBertConfig(layers=1), lora=ADAPTER),
        "lora = .* is one layer, but every Dense gets its own",
    ),
}


@pytest.mark.parametrize(("mistake", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(mistake, says):
    with pytest.raises(InvalidInput, match=says):
        mistake()
