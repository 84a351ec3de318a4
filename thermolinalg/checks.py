"""Is the input what it must be? Asked once, at the border; inside, the answer is trusted.

Every check takes the argument's name first, returns the argument ready for use, and raises a named
error that says what is wrong and what to do.
"""

import math
from collections.abc import Mapping
from typing import Any

from thermolinalg.backend import Array, floating, namespace, to_numpy
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    NotSymmetric,
    ShapeMismatch,
)


def real_array(name: str, x: Array) -> Array:
    """A finite array of real floating type, in its own library."""
    unmasked(name, x)
    try:
        x = floating(x)
        xp = namespace(x)
        real = xp.isdtype(x.dtype, "real floating")
    except (TypeError, ValueError) as error:
        raise NotReal(f"{name} is not an array of real numbers ({error}).") from error
    if not real:
        raise NotReal(f"{name} has dtype {x.dtype}, which is not of real numbers. {_remedy(x)}")
    if x.dtype not in (xp.float32, xp.float64):
        raise NotReal(f"{name} has dtype {x.dtype}. Convert it to single or double precision.")
    bad = int(xp.count_nonzero(~xp.isfinite(x)))
    if bad:
        raise NotFinite(
            f"{name} holds {bad} NaN or infinite entries out of {math.prod(x.shape)}. Remove or "
            "replace them before the call."
        )
    return x


def unmasked(name: str, x: Any) -> None:
    """No masked array, whose hidden entries other libraries would read."""
    if hasattr(x, "filled"):
        raise NotReal(
            f"{name} is a masked array, and a mask hides numbers. Pass its .filled(...), or the "
            "entries that are not hidden."
        )


def _remedy(x: Array) -> str:
    if x.dtype == object and x.size:
        return _remedy_of_object(x.flat[0])
    if "complex" in str(x.dtype):
        return "For a complex problem, use the equivalent real one of twice the size."
    return "Convert it to float first."


def _remedy_of_object(held: Any) -> str:
    if hasattr(held, "toarray"):
        return "A scipy.sparse array is not taken here yet: pass its .toarray()."
    if isinstance(held, dict):
        return "A dict of drives belongs to a graph: pass numbers in their order instead."
    parts = [f".{part}" for part in ("states", "values", "times") if hasattr(held, part)]
    if parts:
        return f"It holds a {type(held).__name__}: pass its {' or '.join(parts)}."
    return "Convert it to float first."


def square(name: str, A: Array) -> Array:
    """A finite real matrix with as many rows as columns, at least one."""
    A = real_array(name, A)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or A.shape[0] == 0:
        raise ShapeMismatch(
            f"{name} has shape {tuple(A.shape)}; a square matrix (n, n) with n >= 1 is needed."
        )
    return A


def vector(name: str, b: Array, n: int) -> Array:
    """A finite real vector of length n."""
    b = real_array(name, b)
    if tuple(b.shape) != (n,):
        raise ShapeMismatch(f"{name} has shape {tuple(b.shape)}; ({n},) is needed.")
    return b


def drive(name: str, b: Array, n: int) -> Array:
    """A finite real vector of length n, or one such row for each of k >= 1 chains."""
    b = real_array(name, b)
    if b.ndim not in {1, 2} or b.shape[-1] != n or 0 in b.shape:
        raise ShapeMismatch(f"{name} has shape {tuple(b.shape)}; ({n},) or (k, {n}) is needed.")
    return b


def is_symmetric(A: Array) -> bool:
    """Is a square matrix equal to its transpose up to rounding?"""
    if bool(namespace(A).all(A == A.T)):  # as a rule, at half the cost
        return True
    gap, size = _asymmetry(A)
    return gap <= rounding(A) * size


def _asymmetry(A: Array) -> tuple[float, float]:
    """The largest difference from the transpose, and the largest entry."""
    xp = namespace(A)
    return float(xp.max(xp.abs(A - A.T))), float(xp.max(xp.abs(A)))


def symmetric(name: str, A: Array, remedy: str) -> Array:
    """A square matrix equal to its transpose up to rounding, symmetrised."""
    A = square(name, A)
    xp = namespace(A)
    if bool(xp.all(A == A.T)):
        return A
    gap, size = _asymmetry(A)
    if gap > rounding(A) * size:
        raise NotSymmetric(
            f"{name} is not symmetric: entries (i, j) and (j, i) differ by up to {gap:.3g}, while "
            f"the largest entry is {size:.3g}. {remedy}"
        )
    return (A + A.T) / 2


def semidefinite(name: str, D: Array) -> Array:
    """A symmetric matrix with no negative eigenvalue beyond rounding."""
    D = square(name, D)
    diagonal = is_diagonal(D)
    if not diagonal:
        remedy = f"A covariance is symmetric: pass ({name} + {name}.T)/2 if you mean it."
        D = symmetric(name, D, remedy)
    xp = namespace(D)
    variances = xp.linalg.diagonal(D)
    lowest = float(xp.min(variances))
    if not diagonal and lowest >= 0:
        # In units in which variances are 1: beside a large block a small one is not all rounding.
        unit = xp.where(variances > 0, xp.sqrt(variances), xp.inf)
        # A variance that is zero may have been one too small for a number.
        least = float(xp.finfo(D.dtype).smallest_normal) ** 0.5 * xp.sqrt(variances)
        still = xp.any((xp.abs(D) > least) & (variances == 0)[:, None])
        lowest = float(xp.min(xp.linalg.eigvalsh(D / unit[:, None] / unit)))
        lowest = -1.0 if still else 0.0 if lowest >= -rounding(D) else lowest
    if lowest < 0:
        raise NotPositiveDefinite(
            f"{name} has the eigenvalue {lowest:.3g} < 0 in units of its variances, so it is not "
            "the covariance of any noise. Check its signs, or project it onto the positive "
            "semidefinite matrices."
        )
    return D


def is_diagonal(A: Array) -> bool:
    """Are all entries off the diagonal exactly zero?"""
    xp = namespace(A)
    return int(xp.count_nonzero(A)) == int(xp.count_nonzero(xp.linalg.diagonal(A)))


def rounding(A: Array) -> float:
    """Relative error that rounding alone may have left in an n x n matrix computed from others."""
    return 8.0 * A.shape[0] * float(namespace(A).finfo(A.dtype).eps)


def positive(name: str, value: Any, *, zero: bool = False) -> float:
    """A finite number above zero; `zero` allows zero itself."""
    number = real_number(name, value)
    if number < 0 or (number == 0 and not zero):
        raise InvalidInput(f"{name} = {number:g} must be {'>= 0' if zero else '> 0'}.")
    return number


def probability(name: str, value: Any) -> float:
    """A number strictly between 0 and 1."""
    number = real_number(name, value)
    if not 0 < number < 1:
        raise InvalidInput(f"{name} = {number:g} must lie strictly between 0 and 1, such as 0.95.")
    return number


def limit(name: str, value: Any) -> float:
    """A number, or infinity for no limit; whether it is enough is for others to say."""
    if isinstance(value, float) and value == math.inf:
        return value
    try:
        return real_number(name, value)
    except InvalidInput as error:
        raise InvalidInput(f"{error} Leave it out for no limit.") from None


def callback(value: Any) -> None:
    """Something that can be called, or None."""
    if value is not None and not callable(value):
        raise InvalidInput(
            f"callback = {value!r} cannot be called. Pass a function of the result so far that "
            "returns something true to stop, or leave it out."
        )


def mapping(name: str, value: Any, form: str) -> Mapping[Any, Any]:
    """A dict, or what is like one."""
    if not isinstance(value, Mapping):
        raise InvalidInput(
            f"{name} is of type {type(value).__name__}, and a dict {form} is needed."
        )
    return value


def count(name: str, value: Any, *, least: int = 1) -> int:
    """An integer of at least `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < least:
        raise InvalidInput(f"{name} = {value!r} must be an integer >= {least}.")
    return int(value)


def real_number(name: str, value: Any) -> float:
    """A finite Python float."""
    if isinstance(value, str | bytes | bool):
        raise InvalidInput(f"{name} = {value!r} must be a number.")
    if (
        getattr(getattr(value, "dtype", None), "kind", "") == "c"
    ):  # float() drops the imaginary part
        raise InvalidInput(f"{name} = {value} must be a real number.")
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} = {value!r} must be a number.") from error
    except OverflowError as error:
        raise InvalidInput(f"{name} does not fit a float. Take other units.") from error
    if not math.isfinite(number):
        raise InvalidInput(f"{name} = {number} must be finite.")
    return number


def increasing_times(name: str, times: Any) -> Any:
    """A NumPy vector of at least one time, strictly increasing."""
    t = to_numpy(real_array(name, times))
    if t.ndim != 1 or t.size == 0:
        raise ShapeMismatch(f"{name} has shape {t.shape}; a vector of at least one time is needed.")
    if t.size > 1 and not (t[1:] > t[:-1]).all():
        raise InvalidInput(f"{name} must increase strictly; sort it and drop repeated times.")
    return t
