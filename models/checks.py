"""What callers hand in, checked once at the border; inside, layers trust."""

from typing import Any

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput, NotFinite, NotReal, ShapeMismatch


def positive_integer(name: str, value: Any) -> None:
    """Refuse anything that cannot be a width.

    Raises:
        InvalidInput: `value` is not an integer of at least 1.
    """
    integral = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not integral or value < 1:
        raise InvalidInput(f"{name} = {value!r} must be a positive integer.")


def instance(name: str, value: Any, kind: type, say: str) -> None:
    """Refuse what is of another kind, such as a class without its parentheses.

    Args:
        name: what the caller calls it.
        value: what was handed in.
        kind: what it must be.
        say: what to do.

    Raises:
        InvalidInput: `value` is not of this kind.
    """
    if not isinstance(value, kind):
        raise InvalidInput(f"{name} = {value!r} is not a {kind.__name__}. {say}")


def conforming(
    name: str, value: Any, shape: tuple[int | None, ...], meaning: str, *, reference: Array
) -> Array:
    """`value` as real floating-point numbers in the dtype of `reference`, if it has this shape.

    Args:
        name: what the caller calls it.
        value: an array of the library of `reference`, or a list where that is NumPy.
        shape: None stands for any length.
        meaning: what the axes are, for the message.
        reference: an array that sets library and dtype.

    Raises:
        ShapeMismatch: it has another shape.
        InvalidInput: it belongs to another library than `reference`, or holds integers.
        NotReal: it holds complex numbers, booleans or something else.
    """
    value = real(name, value)
    xp = library(name, value, reference)
    shaped(name, value, shape, meaning)
    return value if value.dtype == reference.dtype else xp.astype(value, reference.dtype)


def batch(name: str, value: Any, *, integers: bool, reference: Array) -> Array:
    """A batch of samples along the first axis: finite numbers in the dtype of `reference`.

    Args:
        name: what the caller calls it.
        value: an array of the library of `reference`, or a list where that is NumPy.
        integers: are token numbers wanted, and not floating-point numbers?
        reference: an array that sets library and dtype.

    Raises:
        ShapeMismatch: it has no axis of samples and one within them, no sample, or empty ones.
        InvalidInput: it belongs to another library, or it does not hold what is wanted.
        NotFinite: it holds NaN or infinity.
    """
    value = as_array(value)
    shape = (None,) * max(2, value.ndim)
    meaning = "samples along the first axis; x[None] makes one"
    if integers:
        library(name, value, reference)
        shaped(name, value, shape, meaning)
        if not namespace(value).isdtype(value.dtype, "integral"):
            raise InvalidInput(
                f"{name} has dtype {value.dtype}, but this network reads token numbers. Pass "
                "integers."
            )
    else:
        value = conforming(name, value, shape, meaning, reference=reference)
        finite(name, value)
    if 0 in value.shape:
        raise ShapeMismatch(
            f"{name} has shape {tuple(value.shape)}: a batch needs at least one sample, and that "
            "at least one entry."
        )
    return value


def booleans(name: str, value: Any, *, reference: Array) -> Array:
    """`value` as an array of booleans.

    Raises:
        InvalidInput: it belongs to another library than `reference`, or holds something else.
    """
    value = as_array(value)
    xp = library(name, value, reference)
    if not xp.isdtype(value.dtype, "bool"):
        raise InvalidInput(
            f"{name} has dtype {value.dtype}, but says yes or no. Pass booleans: of zeros and "
            f"ones, {name} != 0."
        )
    return value


def real(name: str, value: Any) -> Array:
    """`value` as an array of real floating-point numbers.

    Raises:
        InvalidInput: it holds integers.
        NotReal: it holds complex numbers, booleans or something else.
    """
    value = as_array(value)
    xp = namespace(value)
    if xp.isdtype(value.dtype, "real floating"):
        return value
    if xp.isdtype(value.dtype, "integral"):
        raise InvalidInput(
            f"{name} holds integers ({value.dtype}), but derivatives need floating-point numbers. "
            "Convert it, for example to float32, and scale it if it is an image."
        )
    raise NotReal(f"{name} has dtype {value.dtype}; pass real floating-point numbers.")


def real_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype of real floating-point numbers that is asked for.

    Raises:
        InvalidInput: it is no such dtype.
    """
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind != "f":
        raise InvalidInput(
            f"dtype = {dtype!r} is not a real floating NumPy dtype. Use numpy.float32 or "
            "numpy.float64, and move the array to another library afterwards."
        )
    return found


def as_array(value: Any) -> Array:
    """Arrays as they are; lists and scalars as NumPy arrays.

    Raises:
        ShapeMismatch: rows of a list have different lengths.
    """
    if hasattr(value, "dtype"):
        return value
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ShapeMismatch(
            "the rows of a list have different lengths, so it is no array. Fill up "
            "short rows: tngd.data.padded(rows) does it for token numbers."
        ) from error


def library(name: str, value: Array, reference: Array) -> Any:
    """The namespace that two arrays share.

    Raises:
        InvalidInput: they belong to different array libraries.
    """
    try:
        return namespace(value, reference)
    except TypeError:
        raise InvalidInput(
            f"{name} is a {_kind(value)}, but what it must be combined with is a "
            f"{_kind(reference)}. Convert one, so that both live in the same library."
        ) from None


def shaped(name: str, value: Array, shape: tuple[int | None, ...], meaning: str) -> None:
    """Refuse any other shape; None stands for any length.

    Raises:
        ShapeMismatch: `value` has another shape.
    """
    fits = value.ndim == len(shape) and all(
        want in (None, length) for want, length in zip(shape, value.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        wanted += "," if len(shape) == 1 else ""
        raise ShapeMismatch(
            f"{name} has shape {tuple(value.shape)}, but must have shape ({wanted}): {meaning}."
        )


def finite(name: str, value: Array) -> None:
    """Refuse NaN and infinity.

    Raises:
        NotFinite: `value` holds one.
    """
    xp = namespace(value)
    if not bool(xp.all(xp.isfinite(value))):
        raise NotFinite(f"{name} holds NaN or infinity. Remove or replace these entries first.")


def _kind(value: Array) -> str:
    return f"{type(value).__module__}.{type(value).__name__}"
