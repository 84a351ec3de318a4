"""Our curvature matrices against those of curvlinops on the same network in PyTorch."""

import pytest

from tests.models.oracles import assert_close
from tests.tngd.curvature.test_kronecker import APPROXIMATIONS, NETWORKS, objective
from tngd.curvature.fisher import EmpiricalFisher
from tngd.curvature.ggn import GGN
from tngd.curvature.hessian import Hessian
from tngd.curvature.kronecker import Kronecker

curvlinops = pytest.importorskip("curvlinops")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

each_network = pytest.mark.parametrize("name", ["dense", "sequence", "conv"])
SAME = {
    GGN(): "GGNLinearOperator",
    EmpiricalFisher(): "EFLinearOperator",
    Hessian(): "HessianLinearOperator",
}


def formed(operator, o, **knobs):
    """Their matrix in our order of parameters."""
    from tests.tngd.curvature.in_torch import as_module, data_of, in_our_order

    module, order = as_module(o)
    loss, params = torch.nn.CrossEntropyLoss(), list(module.parameters())
    theirs = getattr(curvlinops, operator)
    C = theirs(module, loss, params, data_of(o), check_deterministic=False, **knobs)
    return in_our_order(C, order)


def assert_same(kind, o, truth):
    found = kind.at(o).to_dense()
    terms = 40 * (o.network.size + o.x.size)
    assert_close(found, truth, terms=terms, scale=1.0 + truth.shape[0] ** 0.5 * abs(truth).max())


@each_network
@pytest.mark.parametrize("kind", SAME, ids=str)
def test_curvature(name, kind):
    o = objective(*NETWORKS[name], 3)
    assert_same(kind, o, formed(SAME[kind], o))


@each_network
@pytest.mark.parametrize("approximation", APPROXIMATIONS)
@pytest.mark.parametrize(
    ("kind", "theirs"), [(GGN(), "type-2"), (EmpiricalFisher(), "empirical")], ids=["ggn", "fisher"]
)
def test_kronecker(name, approximation, kind, theirs):
    o = objective(*NETWORKS[name], 3)
    knobs = {"fisher_type": theirs, "kfac_approx": approximation}
    truth = formed("KFACLinearOperator", o, separate_weight_and_bias=False, **knobs)
    assert_same(Kronecker(kind, approximation), o, truth)
