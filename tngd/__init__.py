"""Training with natural gradients that a thermodynamic computer solves for.

    objective  ->  curvature  ->  linear solver, damping  ->  transforms, step rule  ->  training
    value,         GGN, Fisher,   Woodbury, CG,               Momentum, Adaptive,        fit
    gradient                      Thermodynamic               Rate, LineSearch

An optimizer is a composition of these slots: `TNGD(rate=0.1, damping=0.1, time=50.0)` is
`NaturalGradient(GGN(), Thermodynamic(time=50.0), damping=0.1)` followed by `Rate(0.1)`.
"""

from tngd.curvature.blocks import BlockDiagonal
from tngd.curvature.contract import Curvature
from tngd.curvature.fisher import EmpiricalFisher, ExactFisher, SampledFisher
from tngd.curvature.ggn import GGN
from tngd.curvature.hessian import Hessian
from tngd.curvature.kronecker import Kronecker
from tngd.curvature.matrix import CurvatureMatrix
from tngd.data.dataset import Dataset, Split
from tngd.data.digits import load_digits
from tngd.data.mnist import load_mnist
from tngd.data.squad import read_squad
from tngd.data.vocabulary import Vocabulary
from tngd.data.wikitext import read_wikitext
from tngd.experiments.training_study import TrainingStudy
from tngd.experiments.trial import Setting
from tngd.linsolve.cg import CG
from tngd.linsolve.factor_inverses import Cholesky, Eigen, ThermodynamicInverse
from tngd.linsolve.factored import Factored
from tngd.linsolve.formed import Formed
from tngd.linsolve.relaxation import EulerRelaxation, ExactRelaxation
from tngd.linsolve.row_space import RowSpace
from tngd.linsolve.thermodynamic import Thermodynamic
from tngd.linsolve.woodbury import Woodbury
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.damping import Damping, LevenbergMarquardt, TrustRegion
from tngd.optimizers.directions import Gradient, NaturalGradient
from tngd.optimizers.egn import EGN
from tngd.optimizers.fngd import FNGD, FastNaturalGradient
from tngd.optimizers.hessian_free import Backtracked, HessianFree
from tngd.optimizers.kfac import KFAC, ThermodynamicKFAC
from tngd.optimizers.qnewton import BlockNewton, QNewton
from tngd.optimizers.registry import list_optimizers, optimizer
from tngd.optimizers.rules import LineSearch, QuadraticModel, Rate
from tngd.optimizers.schedule import Cosine, Exponential, Warmup
from tngd.optimizers.shampoo import InverseRoots, Shampoo
from tngd.optimizers.soap import SOAP, EigenAdaptive
from tngd.optimizers.systems import NGD, NGDCG, SGD, TNGD, Adam, AdamW, TNGDAdam
from tngd.optimizers.transforms import (
    Adaptive,
    Average,
    Clip,
    Descending,
    KLClip,
    Momentum,
    WeightDecay,
)
from tngd.qnewton.breakeven import break_even, plot_break_even
from tngd.qnewton.classical_cost import CGCost, CholeskyCost, LUCost
from tngd.qnewton.quantum_cost import QuantumCost
from tngd.qnewton.schedule import Scheduler
from tngd.timeline.contract import Durations, Overlap
from tngd.timeline.cycle import effective_delay, steady_cycle
from tngd.timeline.picture import plot_timeline
from tngd.timeline.simulation import simulate_timeline
from tngd.timeline.training import durations_of, on_timeline
from tngd.training.fit import fit
from tngd.training.history import History
from tngd.training.loop import Progress, StepRecord, steps
from tngd.training.problem import Problem
from tngd.training.result import Ending, TrainingResult, load_result

__all__ = [  # in the order of the arrows above
    "Objective",
    "GGN", "ExactFisher", "SampledFisher", "EmpiricalFisher", "Hessian",
    "BlockDiagonal", "Kronecker", "Curvature", "CurvatureMatrix",
    "Woodbury", "RowSpace", "Formed", "CG", "Thermodynamic", "ExactRelaxation", "EulerRelaxation",
    "Factored", "Eigen", "Cholesky", "ThermodynamicInverse",
    "Gradient", "NaturalGradient", "FastNaturalGradient", "Backtracked", "BlockNewton",
    "Damping", "LevenbergMarquardt", "TrustRegion",
    "Momentum", "Average", "Adaptive", "Descending", "WeightDecay", "Clip", "KLClip",
    "EigenAdaptive", "InverseRoots",
    "Rate", "Cosine", "Exponential", "Warmup", "LineSearch", "QuadraticModel", "Optimizer",
    "Scheduler", "QuantumCost", "LUCost", "CholeskyCost", "CGCost", "break_even", "plot_break_even",
    "SGD", "Adam", "AdamW", "NGD", "NGDCG", "TNGD", "TNGDAdam",
    "KFAC", "ThermodynamicKFAC", "HessianFree", "EGN", "FNGD", "QNewton", "Shampoo", "SOAP",
    "optimizer", "list_optimizers",
    "Durations", "Overlap", "durations_of", "simulate_timeline", "steady_cycle",
    "effective_delay", "on_timeline", "plot_timeline",
    "fit", "steps", "Problem", "Progress", "StepRecord",
    "TrainingResult", "History", "Ending", "load_result",
    "TrainingStudy", "Setting",
    "Dataset", "Split", "load_digits", "load_mnist",
    "read_wikitext", "Vocabulary", "read_squad",
]  # fmt: skip
