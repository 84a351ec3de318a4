"""What a theory is tested with: random systems that shrink, and assertions on random numbers.

    from thermolinalg import testing

    @given(ou=testing.ou_processes(), t=...)
    def test_my_theory(ou, t): ...

    testing.assert_samples_match(my_simulator(...), my_law)

The strategies need hypothesis, `pip install 'thermolinalg[testing]'`, and are loaded when they are
asked for; the assertions do without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from thermolinalg.testing.assertions import (
    FALSE_ALARM,
    assert_agrees,
    assert_at_least,
    assert_average,
    assert_covariance_matches,
    assert_frequency,
    assert_mean_matches,
    assert_samples_match,
)

if TYPE_CHECKING:
    from thermolinalg.testing.graph import coupling_graphs
    from thermolinalg.testing.matrix import (
        diffusions,
        matrices,
        orthogonal_matrices,
        sizes,
        spd_matrices,
        stable_drifts,
    )
    from thermolinalg.testing.potential import potentials
    from thermolinalg.testing.process import gaussians, ou_processes

__all__ = [
    "sizes", "matrices", "orthogonal_matrices", "spd_matrices", "diffusions", "stable_drifts",
    "gaussians", "ou_processes", "potentials", "coupling_graphs",
    "assert_samples_match", "assert_agrees", "assert_mean_matches", "assert_covariance_matches",
    "assert_average", "assert_frequency", "assert_at_least", "FALSE_ALARM",
]  # fmt: skip

_FILES = {
    "matrix": "sizes matrices orthogonal_matrices spd_matrices diffusions stable_drifts",
    "process": "gaussians ou_processes",
    "potential": "potentials",
    "graph": "coupling_graphs",
}
_HOME = {name: file for file, names in _FILES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(
            f"thermolinalg.testing.{name} is a strategy of hypothesis, which is not installed: "
            "pip install 'thermolinalg[testing]'"
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
