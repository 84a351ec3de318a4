"""Every layer of the test table on a GPU against NumPy, and a Gram matrix timed on both.

Runs on torch with CUDA and on CuPy, whichever is installed, in float32 and float64. The tolerances
are those of the tests, computed from the number of roundings. Exit code: 0 where everything agrees,
1 where something does not, 2 where there is no GPU.

    python benchmarks/gpu_check.py
"""

import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import models
from tests.models.cases import CASES, COTANGENTS, Case, Point, point
from tests.models.oracles import assert_close
from tests.models.test_layer import everything
from thermolinalg.backend import to_numpy


def devices() -> dict[str, tuple[ModuleType, Callable[[Any], Any]]]:
    """Libraries that see a GPU, each with how an array gets there."""
    found: dict[str, tuple[ModuleType, Callable[[Any], Any]]] = {}
    try:
        torch = importlib.import_module("torch")
        if torch.cuda.is_available():
            found["torch"] = (torch, lambda a: torch.asarray(a, device="cuda"))
    except ImportError:
        pass
    try:
        cupy = importlib.import_module("cupy")
        if cupy.cuda.runtime.getDeviceCount():
            found["cupy"] = (cupy, cupy.asarray)
    except Exception as error:  # CuPy raises errors of its own where there is no driver
        print(f"cupy: {error}")
    return found


def there(value: Any, dtype: str, move: Callable[[Any], Any]) -> Any:
    """Arrays on the device, numbers in this dtype."""
    if isinstance(value, dict):
        return {name: there(part, dtype, move) for name, part in value.items()}
    if value is None:
        return None
    return move(value.astype(dtype) if value.dtype.kind == "f" else value)


def agrees(case: Case, dtype: str, move: Callable[[Any], Any]) -> bool:
    """Do all verbs of the layer give what NumPy gives in float64?"""
    at, lead = point(case), point(case, lead=(COTANGENTS,)).u
    mask = case.setting.mask
    setting = replace(case.setting, mask=None if mask is None else move(mask))
    moved = Point(**{name: there(value, dtype, move) for name, value in vars(at).items()})
    truth = everything(case, at, lead)
    try:
        answers = everything(replace(case, setting=setting), moved, there(lead, dtype, move))
        for name, answer in answers.items():
            assert_close(to_numpy(answer), truth[name], terms=case.terms)
    except Exception as error:  # whatever a library raises is a finding of this check
        print(f"  {case.name}, {dtype}: {type(error).__name__}: {error}")
        return False
    return True


def gram_seconds(move: Callable[[Any], Any]) -> float:
    """Best of five of linearize and gram, the 784-256-256-10 perceptron at batch 128, float32."""
    net, loss = models.mlp([784, 256, 256, 10]), models.SoftmaxCrossEntropy()
    params = move(net.init(0))
    x = move(np.random.default_rng(1).standard_normal((128, 784), dtype=np.float32))
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        lin = net.linearize(params, x)
        float(lin.gram(loss.hessian_root(lin.output))[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - start)
    return best


def main() -> int:
    found = devices()
    if not found:
        print("No GPU: neither torch with CUDA nor CuPy sees one, so nothing was checked.")
        return 2
    failures = 0
    print(f"{'Gram matrix, NumPy':30}{1e3 * gram_seconds(np.asarray):10.2f} ms")
    for name, (_, move) in found.items():
        print(f"{'Gram matrix, ' + name:30}{1e3 * gram_seconds(move):10.2f} ms")
        results = [agrees(case, d, move) for case in CASES for d in ("float32", "float64")]
        failures += results.count(False)
        print(f"{name}: {results.count(True)} of {len(results)} agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
