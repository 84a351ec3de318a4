"""A direction in the space of states, in words: "x_0 - x_1" says more than a row of numbers."""

from collections.abc import Hashable, Sequence

import numpy as np

from thermolinalg.backend import NumpyArray

SHOWN = 4
"""More coordinates than this are counted, not named."""

NOTICED = 0.05
"""Entries below this share of the largest are left out."""


def named_direction(v: NumpyArray, names: Sequence[Hashable]) -> str:
    """The vector v (n,) as a combination of the coordinates' names, its largest entry made +-1."""
    v = np.asarray(v, dtype=float)
    v = v / np.abs(v).max()
    large = [int(i) for i in np.argsort(-np.abs(v), kind="stable") if abs(v[i]) > NOTICED]
    kept = sorted(large[:SHOWN])
    words = "".join(_term(float(v[i]), names[i]) for i in kept)
    words = "-" + words.removeprefix(" - ") if words.startswith(" - ") else words[3:]
    rest = len(large) - len(kept)
    return f"{words} and {rest} more" if rest else words


def named_axis(v: NumpyArray, names: Sequence[Hashable]) -> str:
    """The same of v or -v, which are one axis: that whose largest entry is +1."""
    v = np.asarray(v, dtype=float)
    return named_direction(v * np.sign(v[np.argmax(np.abs(v))]), names)


def _term(share: float, name: Hashable) -> str:
    size = f"{abs(share):.2g}"
    return f" {'-' if share < 0 else '+'} {'' if size == '1' else size + ' '}{name}"
