"""Linear algebra by letting a noisy physical system settle.

    write a system  ->  know its law  ->  run it              ->  measure      ->  answer
    Model, SDE, OU      theory            simulation, device      measurement      solvers

Each word under the arrows is a module or package; open them in that order.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from thermolinalg.analysis.budget import ErrorBudget
from thermolinalg.analysis.crossover import Boundary, Crossover, crossover
from thermolinalg.analysis.digital import MACHINES, MeasuredMachine, StatedMachine, measure_digital
from thermolinalg.analysis.linear_study import LinearStudy
from thermolinalg.analysis.prediction import DevicePrediction
from thermolinalg.analysis.problem import Problem
from thermolinalg.analysis.schedule import Schedule
from thermolinalg.analysis.sensitivity import Sensitivity, sensitivity
from thermolinalg.analysis.study import Study
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.device.circuit import RC, RLC, MassSpring
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.ledger import Ledger, Prices
from thermolinalg.device.limits import Limits
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise
from thermolinalg.device.running import DeviceRun
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.measurement.autocovariance import Autocovariance
from thermolinalg.measurement.average import Average
from thermolinalg.measurement.batch_means import BatchMeans
from thermolinalg.measurement.bennett import bennett
from thermolinalg.measurement.centered import CenteredMoments
from thermolinalg.measurement.converter import Converter
from thermolinalg.measurement.diagnosis import Diagnosis, RecordOutcome, diagnose
from thermolinalg.measurement.effective import effective_sample_size
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.measurement.measure import Measured, measure
from thermolinalg.measurement.mixing import rhat
from thermolinalg.measurement.moment import MomentEntries, MomentTrace, SecondMoment
from thermolinalg.measurement.observable import Covariance, Mean
from thermolinalg.measurement.snapshot import Snapshot
from thermolinalg.measurement.work import FreeEnergy, Work
from thermolinalg.mitigation.calibration import Calibration, calibrate
from thermolinalg.mitigation.deflation import deflate
from thermolinalg.mitigation.extrapolation import extrapolate
from thermolinalg.mitigation.mitigated import Mitigated
from thermolinalg.mitigation.read_noise import subtract_read_noise
from thermolinalg.mitigation.rounding import rounding_ensemble
from thermolinalg.plots import (
    plot_answer,
    plot_autocovariance,
    plot_budget,
    plot_crossover,
    plot_crossover_times,
    plot_ellipses,
    plot_error,
    plot_graph,
    plot_sensitivity,
    plot_spectrum,
    plot_trajectories,
    write_sensitivity,
)
from thermolinalg.simulation.choice import choose_integrator
from thermolinalg.simulation.explanation import Explanation, explain
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.simulation.lattice import Lattice
from thermolinalg.simulation.ramp import Protocol, Ramp, ramp
from thermolinalg.simulation.simulate import Trajectory, simulate
from thermolinalg.solvers.budget import Plan
from thermolinalg.solvers.determinant import logdet
from thermolinalg.solvers.estimate import Estimate, History, Outcome
from thermolinalg.solvers.exponential import expm
from thermolinalg.solvers.forecast import Course, Forecast
from thermolinalg.solvers.interior_point import QuadraticOutcome
from thermolinalg.solvers.inverse import inv
from thermolinalg.solvers.kernels import RBF, Matern32, Matern52
from thermolinalg.solvers.leastsquares import lstsq
from thermolinalg.solvers.linear import solve
from thermolinalg.solvers.logistic import LogisticPosterior, logistic_posterior
from thermolinalg.solvers.lyapunov import solve_lyapunov
from thermolinalg.solvers.planning import plan
from thermolinalg.solvers.posterior import PosteriorEstimate, gaussian_posterior
from thermolinalg.solvers.prethermal import SoftModes, soft_modes
from thermolinalg.solvers.process_regression import Prediction, gaussian_process
from thermolinalg.solvers.quadratic import solve_qp
from thermolinalg.solvers.quadratic_solution import QuadraticSolution
from thermolinalg.solvers.saving import load
from thermolinalg.theory.approach import Relaxation, relaxation
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.correlation import (
    autocorrelation_time,
    autocovariance,
    relaxation_times,
    spectral_density,
    spectral_gap,
)
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.evolution import Transition, evolve, transition
from thermolinalg.theory.fitted import Fit, FitOutcome
from thermolinalg.theory.fitting import fit
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.irreversibility import (
    entropy_production_rate,
    irreversible_current,
    obeys_detailed_balance,
)
from thermolinalg.theory.lanczos import spectral_bounds
from thermolinalg.theory.langevin import Langevin, Multiplicative, Nonlinear
from thermolinalg.theory.likelihood import log_likelihood
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.operator import Network
from thermolinalg.theory.potential import overdamped, underdamped
from thermolinalg.theory.process import OU
from thermolinalg.theory.sampling import covariance_of_mean, independent_samples
from thermolinalg.theory.shortfall import settling_time, shortfall

if TYPE_CHECKING:
    from thermolinalg.coupling.belief import (
        BeliefOutcome,
        Beliefs,
        is_walk_summable,
        propagate_beliefs,
    )
    from thermolinalg.coupling.chromatic import ChromaticSample, sample_chromatic
    from thermolinalg.coupling.embedding import Embedding, embed
    from thermolinalg.coupling.files import load_graph, save_graph
    from thermolinalg.coupling.fits import Fits, what_fits
    from thermolinalg.coupling.hardware import Hardware
    from thermolinalg.coupling.separation import blanket, separates, separator
    from thermolinalg.coupling.spectrum import Spectrum, spectrum
    from thermolinalg.programs.equilibrium import Equilibrium, Knowledge
    from thermolinalg.programs.integration import LogPartition
    from thermolinalg.programs.landscape import Landscape
    from thermolinalg.programs.laplace import Laplace, Well
    from thermolinalg.programs.model import Model
    from thermolinalg.programs.samples import Samples
    from thermolinalg.symbolic.sde import SDE

__version__ = "0.1.0"

LATER = {
    "thermolinalg.coupling.belief": "BeliefOutcome Beliefs is_walk_summable propagate_beliefs",
    "thermolinalg.coupling.chromatic": "ChromaticSample sample_chromatic",
    "thermolinalg.coupling.embedding": "Embedding embed",
    "thermolinalg.coupling.files": "load_graph save_graph",
    "thermolinalg.coupling.fits": "Fits what_fits",
    "thermolinalg.coupling.hardware": "Hardware",
    "thermolinalg.coupling.separation": "blanket separates separator",
    "thermolinalg.coupling.spectrum": "Spectrum spectrum",
    "thermolinalg.programs.equilibrium": "Equilibrium Knowledge",
    "thermolinalg.programs.integration": "LogPartition",
    "thermolinalg.programs.landscape": "Landscape",
    "thermolinalg.programs.laplace": "Laplace Well",
    "thermolinalg.programs.model": "Model",
    "thermolinalg.programs.samples": "Samples",
    "thermolinalg.symbolic.sde": "SDE",
}
"""What is imported when it is first asked for: it brings in sympy or networkx, which are slow."""


def __getattr__(name: str) -> Any:
    for module, names in LATER.items():
        if name in names.split():
            globals()[name] = getattr(import_module(module), name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *" ".join(LATER.values()).split()})


__all__ = [  # in the order of the arrows above
    "Model", "Equilibrium", "Knowledge", "Samples", "LogPartition", "Landscape", "Laplace", "Well",
    "SDE", "Multiplicative",
    "CouplingGraph", "separates", "separator", "blanket", "spectrum", "Spectrum",
    "propagate_beliefs", "Beliefs", "BeliefOutcome", "is_walk_summable",
    "sample_chromatic", "ChromaticSample", "save_graph", "load_graph",
    "Hardware", "embed", "Embedding", "what_fits", "Fits",
    "OU", "overdamped", "underdamped", "Network", "LowRank", "Inertial", "Clocked", "Nonlinear",
    "Langevin",
    "Gaussian", "stationary", "Transition", "transition", "evolve", "relaxation", "Relaxation",
    "autocovariance", "spectral_density", "autocorrelation_time", "relaxation_times",
    "spectral_gap", "spectral_bounds", "obeys_detailed_balance", "irreversible_current",
    "entropy_production_rate", "covariance_of_mean", "independent_samples",
    "shortfall", "settling_time",
    "log_likelihood", "fit", "Fit", "FitOutcome",
    "simulate", "Trajectory", "choose_integrator", "explain", "Explanation",
    "Integrator", "Lattice", "ramp", "Protocol", "Ramp",
    "Device", "DeviceRun", "RC", "RLC", "MassSpring",
    "Quantisation", "Mismatch", "Parasitics", "DeadNodes", "Temperatures", "TemperatureDrift",
    "ColouredNoise", "HeldNoise", "TransportDelay", "Converter", "Limits", "Prices", "Ledger",
    "rounding_ensemble", "calibrate", "Calibration", "subtract_read_noise", "deflate",
    "extrapolate", "Mitigated",
    "Problem", "DevicePrediction", "Schedule", "ErrorBudget",
    "sensitivity", "Sensitivity", "Study", "LinearStudy",
    "crossover", "Crossover", "Boundary", "measure_digital", "MeasuredMachine", "StatedMachine",
    "MACHINES",
    "measure", "Measured", "Mean", "Covariance", "Autocovariance", "BatchMeans", "Average",
    "Work", "bennett", "FreeEnergy", "TimeAverage", "SecondMoment", "CenteredMoments", "Snapshot",
    "MomentEntries", "MomentTrace", "LaggedMoment",
    "diagnose", "Diagnosis", "RecordOutcome", "effective_sample_size", "rhat",
    "Estimate", "Outcome", "Plan", "History", "load", "plan", "Forecast", "Course",
    "solve", "lstsq", "inv", "solve_lyapunov", "logdet", "expm",
    "gaussian_posterior", "PosteriorEstimate",
    "gaussian_process", "Prediction", "RBF", "Matern32", "Matern52",
    "logistic_posterior", "LogisticPosterior",
    "solve_qp", "QuadraticSolution", "QuadraticOutcome",
    "soft_modes", "SoftModes",
    "plot_trajectories", "plot_ellipses", "plot_autocovariance", "plot_spectrum",
    "plot_error", "plot_answer", "plot_graph", "plot_budget", "plot_sensitivity",
    "write_sensitivity", "plot_crossover", "plot_crossover_times",
]  # fmt: skip
