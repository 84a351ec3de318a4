"""What is said to those who pass one kind of thing where another is needed."""

import numpy as np
import pytest
import scipy.sparse

import thermolinalg as tla
from thermolinalg.errors import InvalidInput, NotReal
from thermolinalg.theory.langevin import Multiplicative

ZERO = np.zeros(2)
PROCESS = tla.OU([[2.0, 1.0], [0.0, 1.0]], ZERO, np.eye(2))
RUN = tla.simulate(PROCESS, 0.1 * np.arange(20), chains=2, rng=0)
MEASURED = tla.measure(PROCESS, 0.1, 10, tla.Mean(), rng=0)

OTHERS = {
    "Network": (
        tla.Network(scipy.sparse.eye_array(2, format="csr"), ZERO, 1.0),
        "simulated and measured.* OU",
    ),
    "Nonlinear": (tla.Nonlinear(lambda x: -x, np.eye(2)), "simulate"),
    "Multiplicative": (
        Multiplicative(lambda x: -x, lambda x: x[..., None], np.ones(1)),
        "depends on the state",
    ),
    "Langevin": (tla.Langevin(lambda x: -x, np.ones(1)), r"underdamped\(S, f\)"),
    "ndarray": (np.eye(2), r"OU\(A, b, D\)"),
    "NoneType": (None, r"OU\(A, b, D\)"),
}
LAWS = {
    "stationary": tla.stationary,
    "autocovariance": lambda p: tla.autocovariance(p, 1.0),
    "transition": lambda p: tla.transition(p, 1.0),
    "evolve": lambda p: tla.evolve(p, ZERO, 1.0),
    "spectral_gap": tla.spectral_gap,
    "relaxation_times": tla.relaxation_times,
    "spectral_density": lambda p: tla.spectral_density(p, 1.0),
    "autocorrelation_time": tla.autocorrelation_time,
    "covariance_of_mean": lambda p: tla.covariance_of_mean(p, 0.1, 10),
    "independent_samples": lambda p: tla.independent_samples(p, 0.1, 10),
    "obeys_detailed_balance": tla.obeys_detailed_balance,
    "entropy_production_rate": tla.entropy_production_rate,
    "irreversible_current": tla.irreversible_current,
    "relaxation": lambda p: tla.relaxation(p, ZERO, [0.0, 1.0]),
    "log_likelihood": lambda p: tla.log_likelihood(p, RUN.times, RUN.states),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_of_a_linear_process(law, kind):
    LAWS[law](PROCESS)
    other, remedy = OTHERS[kind]
    with pytest.raises(
        InvalidInput, match=f"process has the type {kind}; .* OU, is needed.*{remedy}"
    ):
        LAWS[law](other)


def test_a_guess_is_a_linear_process():
    with pytest.raises(InvalidInput, match="guess has the type ndarray"):
        tla.fit(RUN.times, RUN.states, guess=np.eye(2))


@pytest.mark.parametrize(
    "ask",
    [
        tla.diagnose,
        tla.effective_sample_size,
        tla.rhat,
        lambda run: tla.fit(RUN.times, run),
        lambda run: tla.log_likelihood(PROCESS, RUN.times, run),
        lambda run: tla.log_likelihood(PROCESS, run, RUN.states[0]),
        lambda run: tla.fit([RUN.times], [run]),
    ],
)
def test_a_run_is_not_its_states(ask):
    for run in (RUN, [RUN, RUN]):
        with pytest.raises(NotReal, match=r"holds a Trajectory: pass its \.states"):
            ask(run)


def test_other_objects_are_not_arrays_either():
    for held, remedy in (
        (MEASURED, r"holds a Measured: pass its \.values"),
        (scipy.sparse.eye_array(2), r"pass its \.toarray\(\)"),
        (PROCESS, "Convert it to float"),
    ):
        with pytest.raises(NotReal, match=remedy):
            tla.diagnose(held)


@pytest.mark.parametrize("kind", ["Network", "ndarray", "NoneType"])
def test_a_ramp_needs_a_protocol(kind):
    with pytest.raises(InvalidInput, match=rf"protocol has the type {kind}.*Protocol\(A1, A2\)"):
        tla.ramp(OTHERS[kind][0], 1.0)
