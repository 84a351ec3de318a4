"""Training with natural gradients that a thermodynamic computer solves for.

    objective  ->  curvature  ->  linear solver  ->  direction, step rule  ->  training
    value,         GGN            Woodbury, CG,      NaturalGradient,          fit
    gradient                      Thermodynamic      Momentum, Adaptive

An optimizer is a composition of these slots: `TNGD(rate=0.1, damping=0.1, time=50.0)` is
`NaturalGradient(GGN(), Thermodynamic(time=50.0), damping=0.1)` followed by a constant rate.
"""

from tngd.curvature.ggn import GGN
from tngd.data.dataset import Dataset, Split
from tngd.data.digits import load_digits
from tngd.data.mnist import load_mnist
from tngd.data.squad import read_squad
from tngd.data.vocabulary import Vocabulary
from tngd.data.wikitext import read_wikitext
from tngd.experiments.training_study import TrainingStudy
from tngd.experiments.trial import Setting
from tngd.linsolve.cg import CG
from tngd.linsolve.relaxation import EulerRelaxation, ExactRelaxation
from tngd.linsolve.thermodynamic import Thermodynamic
from tngd.linsolve.woodbury import Woodbury
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.directions import Gradient, NaturalGradient
from tngd.optimizers.rules import Adaptive, Momentum
from tngd.optimizers.systems import NGD, SGD, TNGD, Adam, TNGDAdam, list_optimizers, optimizer
from tngd.training.fit import fit
from tngd.training.history import History
from tngd.training.loop import Progress, StepRecord, steps
from tngd.training.problem import Problem
from tngd.training.result import Ending, TrainingResult, load_result

__all__ = [  # in the order of the arrows above
    "Objective",
    "GGN",
    "Woodbury", "CG", "Thermodynamic", "ExactRelaxation", "EulerRelaxation",
    "Gradient", "NaturalGradient", "Momentum", "Adaptive", "Optimizer",
    "SGD", "Adam", "NGD", "TNGD", "TNGDAdam", "optimizer", "list_optimizers",
    "fit", "steps", "Problem", "Progress", "StepRecord",
    "TrainingResult", "History", "Ending", "load_result",
    "TrainingStudy", "Setting",
    "Dataset", "Split", "load_digits", "load_mnist",
    "read_wikitext", "Vocabulary", "read_squad",
]  # fmt: skip
