"""How an answer got better while it was averaged, beside what its own noise says of it."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import Degenerate, InvalidInput, ShapeMismatch
from thermolinalg.plots.canvas import GREY, PALETTE, add_legend, label_logarithms, line, open_axes
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.reading import effective_directions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRUE, BAR, BAND, PLANNED = PALETTE[0], PALETTE[1], PALETTE[5], PALETTE[2]

FEWEST = 3
"""Windows from which noise can be told by its spread in several directions."""


class Noise(NamedTuple):
    """What windows say of the error e of their mean over a time t: t E|e|² is `size`.

    `directions` is the effective number of directions in which it errs, `dof` how well the size
    is known, and `so_far` the error that each time's own windows told: (m,), NaN for the first.
    """

    size: float
    directions: float
    dof: float
    so_far: NumpyArray

    def error(self, t: NumpyArray) -> NumpyArray:
        """Root-mean-square error after averaging over t."""
        return np.sqrt(self.size / t)

    def quantile(self, t: NumpyArray, probability: float) -> NumpyArray:
        """The error that the average over t stays below with this probability.

        |e|² t/size is a chi-square number over its degrees of freedom; with the size measured by
        `dof` windows and of independent spread, it follows F.
        """
        from scipy.special import fdtri

        factor = fdtri(self.directions, self.directions * self.dof, probability)
        return self.error(t) * np.sqrt(factor)


def plot_error(
    estimate: Estimate,
    /,
    truth: Array | None = None,
    *,
    confidence: float = 0.95,
    ax: "Axes | None" = None,
) -> "Axes":
    """Error of an answer against the time that it was averaged over, both logarithmic.

    Drawn are the error bar (root-mean-square, in the 2-norm) that the windows until then told; the
    band in which the error lies with probability `confidence` at any one time, from all windows;
    the wanted error; and the error that the plan promised at the planned time. With the truth, the
    error itself is drawn too: errors at neighbouring times go together, so that a run that leaves
    the band leaves it for a while. The truth has to come from elsewhere: no measured answer can
    stand in for it.

    The band is exact at the end of a run for errors that are normal and as large in every direction
    in which there are any; before, the error is a part of what it is judged by, and leaves the band
    a little less often. For unequal directions it is Satterthwaite's approximation (1946), which
    fewer errors are below than it says, and some more above.

    Args:
        estimate: the answer, of a solver that keeps its windows.
        truth: of the shape of the answer; None if it is not known.
        confidence: probability inside the band.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        Degenerate: nothing moves, so that there is no error to draw.
        InvalidInput: the answer keeps no windows, or another argument cannot be used.
    """
    confidence = checks.probability("confidence", confidence)
    exact = truth_of(estimate, truth)
    times, values = _windows_of(estimate)
    noise = noise_of(times, values, estimate.error, estimate.dof)
    ax = open_axes(ax)
    until = np.append(times, max(times[-1], estimate.plan.averaging))
    low, high = (noise.quantile(until, 0.5 + sign * confidence / 2) for sign in (-1, 1))
    ax.fill_between(until, low, high, color=BAND, alpha=0.3, lw=0)
    ax.plot(times, noise.so_far, color=BAR, lw=1.2)
    if exact is not None:
        error = np.linalg.norm(values - exact.reshape(1, -1), axis=1)
        ax.plot(times, error, color=TRUE, lw=1.6, marker=".", ms=4)
    size = np.linalg.norm(values[-1] if exact is None else exact)
    ax.axhline(estimate.plan.target.wanted(float(size)), color=GREY, lw=1.2, ls="--")
    ax.plot(*_promise(estimate), color=PLANNED, marker="D", ms=6, ls="")
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="averaged over (RC)", ylabel="error of the answer (2-norm)")
    label_logarithms(ax)
    handles = _handles(confidence, noise.directions, known=exact is not None)
    add_legend(ax, handles, f"{estimate.problem}:\n{estimate.outcome.name}")
    return ax


def truth_of(estimate: Estimate, truth: Array | None) -> NumpyArray | None:
    """The truth as NumPy's, if it is known, checked against the answer.

    Raises:
        ShapeMismatch: it has another shape than the answer.
        InvalidInput: the answer is no Estimate, or the truth no array of finite numbers.
    """
    if not isinstance(estimate, Estimate):
        raise InvalidInput(
            f"estimate is a {type(estimate).__name__}; pass an Estimate, such as what solve "
            "returns, or a part of the result that is one (.mean)."
        )
    if truth is None:
        return None
    exact = to_numpy(checks.real_array("truth", truth))
    if exact.shape != tuple(estimate.value.shape):
        raise ShapeMismatch(
            f"truth has shape {exact.shape}; the answer has {tuple(estimate.value.shape)}."
        )
    return exact


def noise_of(times: NumpyArray, values: NumpyArray, error: float, dof: float) -> Noise:
    """What the windows of a history (m,), (m, n) say, of an answer with this error bar.

    Raises:
        Degenerate: they are all the same.
    """
    m, n = values.shape
    lengths = np.diff(times, prepend=0.0)
    mean = values - values[-1]  # until each time, less what does not matter
    windows = np.diff(times[:, None] * mean, axis=0, prepend=0.0) / lengths[:, None]
    scaled = windows * np.sqrt(lengths)[:, None]  # all with the same covariance
    squares = np.cumsum(np.sum(scaled**2, axis=1)) - times * np.sum(mean**2, axis=1)
    if not (error > 0 and squares[-1] > 0):
        raise Degenerate("all windows of the answer are the same: it has no error to draw.")
    size = error**2 * times[-1]
    count = np.arange(m)
    per_window = size * (m - 1) / squares[-1]  # correlation between windows counts as in the end
    so_far = np.full(m, np.nan)
    so_far[1:] = np.sqrt(per_window * np.maximum(squares[1:], 0.0) / (count[1:] * times[1:]))
    return Noise(size, effective_directions(scaled @ scaled.T, m, n), dof, so_far)


def _windows_of(estimate: Estimate) -> tuple[NumpyArray, NumpyArray]:
    history = estimate.history
    times = np.asarray(history.times)
    if len(times) < FEWEST:
        raise InvalidInput(
            f"the answer has been averaged over {len(times)} windows, too few to tell how its "
            "error falls. Let it run on: estimate.refine()."
        )
    return times, to_numpy(history.values).reshape(len(times), -1).astype(float)


def _promise(estimate: Estimate) -> tuple[list[float], list[float]]:
    return [estimate.plan.averaging], [estimate.plan.expected_error]


def _handles(confidence: float, directions: float, *, known: bool) -> list[Any]:
    from matplotlib.patches import Patch

    error = [line("error", color=TRUE, lw=1.6, marker=".")]
    share = f"{100 * confidence:.3g} % of errors,\nin {directions:.2g} directions"
    return [
        *(error if known else []),
        line("error bar so far", color=BAR, lw=1.2),
        Patch(color=BAND, alpha=0.3, lw=0, label=share),
        line("wanted", ls="--", lw=1.2),
        line("planned, promised", color=PLANNED, marker="D", ls=""),
    ]
