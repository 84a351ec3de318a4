"""Every error and warning of the project: what is wrong, why it matters and what to do.

Errors are for misuse. Bad luck (a budget spent, a run that did not settle) is data in the result,
see `thermolinalg.measurement.estimate.Outcome`.
"""


class ThermoError(Exception):
    """Base of every error raised by thermolinalg, models and tngd."""


class InvalidInput(ThermoError, ValueError):
    """An argument cannot be used. Subclasses say in which way."""


class ShapeMismatch(InvalidInput):
    """An array has the wrong shape."""


class NotFinite(InvalidInput):
    """An array holds NaN or infinity."""


class NotReal(InvalidInput):
    """An array holds complex, boolean or non-numeric entries."""


class NotSymmetric(InvalidInput):
    """A matrix that must be symmetric is not."""


class NotPositiveDefinite(InvalidInput):
    """A symmetric matrix that must be positive (semi)definite has an eigenvalue that is not."""


class Unstable(InvalidInput):
    """The drift has a mode that grows or never relaxes, so there is no equilibrium."""


class Improper(InvalidInput):
    """A potential does not confine: its Boltzmann density cannot be normalised."""


class UnstableStep(InvalidInput):
    """A discretised step is too long: the numerical scheme would diverge."""


class Degenerate(InvalidInput):
    """A distribution has no density, because its covariance is singular."""


class DoesNotFit(InvalidInput):
    """A coupling graph cannot be put onto this hardware, or no way was found."""


class MemoryLimit(InvalidInput):
    """A limit of memory is too low for what was asked."""


class CoupledSamples(InvalidInput):
    """Samples of a batch interact, so that none has a gradient of its own."""


class RecordWarning(UserWarning):
    """A record of samples cannot say what it is asked. Subclasses say why."""


class StuckRecord(RecordWarning):
    """A chain does not move, so that its samples say nothing about their error."""


class ShortRecord(RecordWarning):
    """There are too few samples."""


class DataError(ThermoError):
    """A data set is missing, damaged or not what its name says."""


class OutputError(ThermoError):
    """A result could not be written; what was there before is untouched."""
