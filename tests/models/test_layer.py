"""The contract of a layer, for every layer in the table."""

from dataclasses import replace

import pytest

from models import blocks, products
from models.composite import nested
from tests.models import battery
from tests.models.cases import CASES, COTANGENTS, Point, place, point
from tests.models.oracles import assert_close
from thermolinalg.backend import like, namespace, to_numpy

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.mark.parametrize("check", battery.CHECKS, ids=lambda check: check.__name__)
def test_every_layer(case, check):
    check(case)


@pytest.mark.parametrize("check", battery.SEPARATE, ids=lambda check: check.__name__)
def test_every_layer_of_separate_samples(case, check):
    if case.coupled:
        pytest.skip("samples interact")
    check(case)


def everything(case, at, lead_u):
    """What each verb returns, by name."""
    layer = case.layer
    y, saved = case.forward(at.p, at.x)
    dy, dsaved = layer.jvp(nested(at.p), saved, at.dx, nested(at.dp))
    here, moving = place(at, saved), place(at, saved, dsaved, moving=True)
    answers = {"forward": y, "jvp": dy}
    found = {"gradient": products.gradient(layer, here, at.u)}
    found["gradient_jvp"] = products.gradient_jvp(layer, moving, at.u, at.du)
    if not case.coupled:
        found["per_sample"] = products.per_sample(layer, here, at.u)
        found["squares"] = products.squares(layer, here, lead_u, workspace=1)
        answers["gram"] = blocks.gram(layer, here, lead_u, workspace=1, limit=None)
    if at.dx is not None:
        back = products.input_cotangents(layer, moving, (at.u, at.du))
        answers["backward"], answers["backward_jvp"] = back
    return answers | {f"{verb} {name}": g for verb in found for name, g in found[verb].items()}


def converted(value, target):
    if isinstance(value, dict):
        return {name: converted(part, target) for name, part in value.items()}
    if value is None:
        return None
    if value.dtype.kind == "i":
        xp = namespace(target)
        return xp.asarray(value)
    return like(value, target)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict"])
def test_every_library_and_dtype_gives_the_same(case, library, dtype):
    xp = pytest.importorskip(library)
    if case.library_lacks and library == "array_api_strict":
        pytest.skip(f"array_api_strict has no {case.library_lacks}")
    at, lead_u = point(case), point(case, lead=(COTANGENTS,)).u
    target = xp.zeros(1, dtype=getattr(xp, dtype))
    moved = Point(**{name: converted(value, target) for name, value in vars(at).items()})
    setting = replace(case.setting, mask=converted_mask(case.setting.mask, xp))
    truth = everything(case, at, lead_u)
    answers = everything(replace(case, setting=setting), moved, like(lead_u, target))
    for name, answer in answers.items():
        assert answer.dtype == target.dtype, name
        assert type(answer) is type(target), name
        assert_close(to_numpy(answer), truth[name], terms=case.terms)


def converted_mask(mask, xp):
    return None if mask is None else xp.asarray(mask)
