"""What devices are called in reports, and what is said where one was expected."""

from typing import Any

from thermolinalg.device.driving import is_exact
from thermolinalg.errors import InvalidInput

IDEAL = "ideal"
"""The name of a device that has not been given one."""


def title_of(device: Any) -> str:
    """What reports call a device: its name, but "ideal" only one that is exact."""
    unnamed = device.name == IDEAL and not is_exact(device)
    return "unnamed device" if unnamed else str(device.name)


def no_device(given: Any) -> InvalidInput:
    """What to say of something that is no device."""
    return InvalidInput(
        f"device = {given!r} is no Device. Pass Device.spu(), Device(link=...) or "
        'Device.from_toml("board.toml"), say, or leave it out.'
    )


def no_problem(given: Any) -> InvalidInput:
    """What to say of something that is no problem."""
    return InvalidInput(
        f"problem is of type {type(given).__name__}, and a Problem is needed: "
        'Problem("solve", (A, b)) or Problem("inv", A), say.'
    )
