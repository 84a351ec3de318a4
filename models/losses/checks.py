"""What losses are handed, checked once at the border."""

from typing import Any

from models.checks import as_array, conforming, library, real, shaped
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput, ShapeMismatch


def outputs(z: Any) -> Array:
    """z (b, ...), with at least one sample.

    Raises:
        ShapeMismatch: it has no axis of samples and one within them, or no sample.
        InvalidInput: it does not hold real floating-point numbers.
    """
    z = real("z", z)
    shape = (None,) * max(2, z.ndim)
    shaped("z", z, shape, "one row for each sample, one column for each output")
    if 0 in z.shape:
        raise ShapeMismatch(
            f"z has shape {tuple(z.shape)}: a batch needs at least one sample with an output."
        )
    return z


def matching(z: Array, v: Any) -> Array:
    """v, if it has the shape of z.

    Raises:
        ShapeMismatch: it has not.
        InvalidInput: it does not hold real floating-point numbers of the library of z.
    """
    meaning = "a row for each sample, a column for each output"
    return conforming("v", v, tuple(z.shape), meaning, reference=z)


def integers(y: Any, z: Array, shape: tuple[int, ...], meaning: str) -> Array:
    """Targets of this shape as int64, of the same library as z.

    Raises:
        ShapeMismatch: they have another shape.
        InvalidInput: they are not integers, or of another library.
    """
    y = as_array(y)
    xp = library("y", y, z)
    shaped("y", y, shape, meaning)
    if not xp.isdtype(y.dtype, "integral"):
        raise InvalidInput(
            f"y has dtype {y.dtype}, but labels are integers: {meaning}. Convert it to int64."
        )
    return xp.astype(y, xp.int64)


def needed(y: Array | None, reason: str) -> Array:
    """y itself.

    Raises:
        InvalidInput: there is none.
    """
    if y is None:
        raise InvalidInput(f"y is missing, but {reason}. Pass the targets as the last argument.")
    return y
