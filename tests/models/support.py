"""Which layer has which product: docs/learning/support.md, from the table of cases.

python -m tests.models.support          runs the battery over every case, and writes the page
"""

import inspect
from pathlib import Path

import models
from models.composite import Composite
from models.layer import Layer
from models.leaf import OuterLeaf
from tests.models import battery
from tests.models.cases import CASES

PAGE = Path(__file__).parents[2] / "docs" / "learning" / "support.md"

HEAD = """\
# What each layer supports

Written by `python -m tests.models.support` after every case of every layer
(`tests/models/cases.py`) has passed the checks of the contract; the same checks run in the tests,
in float32 and float64, on NumPy, PyTorch and array-api-strict. **·** means that there is no such
thing: a layer without parameters has no gradients in them, and token numbers have no tangent.
**Refused** products raise `CoupledSamples` and say what to do.

- **jvp, vjp**: J v and J'u, in the parameters and in the input. **Second order**: the exact
  tangent of the vjp (the R-operator), which makes products with the Hessian.
- **Per-sample, Gram, diagonal**: the gradients of each sample, their inner products, which need
  no gradient formed where weights multiply, and the sum of their squares.
- **Block**: an exact block of curvature for the layer (`tngd.BlockDiagonal`). **Kronecker**: a
  factored one, A ⊗ B (`tngd.Kronecker`), where weights multiply; "exact" layers keep their exact
  block there.

Layers made of others do all that their parts do: what stands in their rows was checked with such
parts.

"""

COLUMNS = "layer | jvp, vjp | second order | per-sample, Gram, diagonal | block | Kronecker | lacks"


def page() -> str:
    """The whole page."""
    kinds = [
        thing
        for name in models.__all__
        if inspect.isclass(thing := getattr(models, name))
        and issubclass(thing, Layer)
        and not inspect.isabstract(thing)
    ]
    rows = [COLUMNS, " | ".join(["---"] * len(COLUMNS.split(" | "))), *map(row, kinds)]
    return HEAD + "\n".join(f"| {cells} |" for cells in rows) + "\n"


def row(kind: type[Layer]) -> str:
    """The cells of one kind of layer.

    Raises:
        LookupError: no case has it.
    """
    cases = [case for case in CASES if type(case.layer) is kind]
    if not cases:
        raise LookupError(f"{kind.__name__} is public, but tests/models/cases.py has no case of it")
    trains = any(case.layer.shapes() for case in cases)
    first = "parameters only" if all(case.integers for case in cases) else "yes"
    separate = _separate(cases) if trains else "·"
    return " | ".join(
        [
            f"`{kind.__name__}`",
            first,
            first,
            separate,
            separate,
            _kronecker(kind) if trains else "·",
            "" if issubclass(kind, Composite) else ", ".join(sorted(set(map(_lack, cases)) - {""})),
        ]
    )


def _separate(cases) -> str:
    coupled = [case.coupled for case in cases]
    if all(coupled):
        return "refused"
    return "yes, refused in training" if any(coupled) else "yes"


def _kronecker(kind: type[Layer]) -> str:
    if issubclass(kind, Composite):
        return "of its parts"
    return "yes" if issubclass(kind, OuterLeaf) else "exact"


def _lack(case) -> str:
    """What the strictest library has not got."""
    return f"array-api-strict has no `{case.library_lacks}`" if case.library_lacks else ""


if __name__ == "__main__":
    for case in CASES:
        battery.everything_holds(case)
    PAGE.write_text(page())
    print(f"{PAGE}: {len(CASES)} cases passed")
