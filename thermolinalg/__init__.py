"""Linear algebra by letting a noisy physical system settle.

    write a system  ->  know its law  ->  run it              ->  measure      ->  answer
    process             theory            simulation, device      measurement      solvers

Each word under the arrows is a module or package; open them in that order.
"""

from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.measure import Measured, measure
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.measurement.observable import Covariance, Mean
from thermolinalg.simulation.choice import choose_integrator
from thermolinalg.simulation.simulate import Trajectory, simulate
from thermolinalg.solvers.budget import Plan
from thermolinalg.solvers.estimate import Estimate, Outcome
from thermolinalg.solvers.inverse import inv
from thermolinalg.solvers.linear import solve
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.evolution import Transition, transition
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.process import OU, overdamped

__version__ = "0.1.0"

__all__ = [  # in the order of the arrows above
    "OU", "overdamped",
    "Gaussian", "stationary", "Transition", "transition",
    "simulate", "Trajectory", "choose_integrator",
    "Device", "Ledger",
    "measure", "Measured", "Mean", "Covariance", "TimeAverage", "SecondMoment",
    "Estimate", "Outcome", "Plan",
    "solve", "inv",
]  # fmt: skip
