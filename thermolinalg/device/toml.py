"""Devices as TOML: a section for each part, of which only what differs from none is written.

name = "a board"

[mismatch]
couplings = 0.02

[[dressings]]
kind = "held noise"
tick = 0.1
"""

import json
import math
import os
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from thermolinalg.device.parts import CIRCUITS, DRESSINGS, PARTS, differing
from thermolinalg.errors import InvalidInput

HEAD = "# A device of thermolinalg. What is not named here is as on an ideal one.\n"

NUMBERS = {int: "an integer", float: "a number", bool: "true or false", str: "a string"}
"""What a type is called in messages."""


def written(device: Any) -> str:
    """The device as TOML; `read` makes an equal one of it."""
    said = differing(device)
    plain = {k: v for k, v in said.items() if k not in PARTS and k != "dressings"}
    blocks = [HEAD + "".join(_lines(plain))]
    for name in PARTS:
        if name in said:
            kind = {"kind": said[name].kind} if name == "circuit" else {}
            blocks.append(_section(f"[{name}]", {**kind, **differing(said[name])}))
    for dressing in said.get("dressings", ()):
        entries = {"kind": dressing.title, **differing(dressing)}
        blocks.append(_section("[[dressings]]", entries))
    return "\n".join(blocks)


def read(device: type, source: str | os.PathLike[str]) -> Any:
    """The device that a TOML file, or TOML itself, describes.

    Raises:
        InvalidInput: there is no such file, it is no TOML, or it says what no device can have; the
            message names the file, the section and the key.
    """
    place, text = _text(source)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{place} is no TOML: {error}.") from error
    values = {}
    for name, value in said.items():
        if name == "circuit":
            values[name] = _of_a_kind(value, CIRCUITS, Where(place, f"[{name}]"))
        elif name == "dressings":
            values[name] = _dressings(value, Where(place, "[[dressings]]"))
        elif name in PARTS:
            values[name] = _part(value, PARTS[name], Where(place, f"[{name}]"))
        else:
            values[name] = value
    return _made(device, values, Where(place, ""))


class Where(NamedTuple):
    """The file and the section that a message is about."""

    place: str
    section: str

    def wrong(self, what: str) -> InvalidInput:
        """The error that says what is wrong there."""
        return InvalidInput(": ".join([", ".join(filter(None, self)), what]))


def _text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Where it comes from, and the TOML itself, which has a line break or an equals sign."""
    if isinstance(source, str) and ("\n" in source or "=" in source):
        return "this TOML", source
    try:
        if source == "":
            raise InvalidInput("a device is read from a path or from TOML, not from ''.")
        return os.fspath(source), Path(source).read_text(encoding="utf-8")
    except TypeError as error:
        raise InvalidInput(
            f"a device is read from a path or from TOML, not from {type(source).__name__}."
        ) from error
    except (
        OSError,
        ValueError,
    ) as error:  # a path may hold what none can, or bytes that are no text
        why = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{source} cannot be read: {why}.") from error


def _dressings(value: Any, where: Where) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise where.wrong(
            f"dressings is {_shown(value)}, and a section [[dressings]] for each is needed."
        )
    return tuple(_of_a_kind(each, DRESSINGS, where) for each in value)


def _of_a_kind(value: Any, kinds: dict[str, type], where: Where) -> Any:
    """A part of which there are several kinds."""
    _require_section(value, where)
    names = ", ".join(f"{kind!r}" for kind in kinds)
    if "kind" not in value:
        raise where.wrong(f"kind is missing. It is one of {names}.")
    kind = value["kind"]
    if not isinstance(kind, str) or kind not in kinds:
        raise where.wrong(f"kind = {_shown(kind)} must be one of {names}.")
    return _part({k: v for k, v in value.items() if k != "kind"}, kinds[kind], where)


def _part(value: Any, kind: type, where: Where) -> Any:
    _require_section(value, where)
    return _made(kind, value, where)


def _require_section(value: Any, where: Where) -> None:
    if not isinstance(value, dict):
        name = where.section.strip("[]")
        raise where.wrong(f"{name} is {_shown(value)}, and a section {where.section} is needed.")


def _made(kind: type, said: dict[str, Any], where: Where) -> Any:
    """The record of this kind with these fields."""
    hints = get_type_hints(kind)
    allowed = [f.name for f in fields(kind)]
    values = {}
    for name, value in said.items():
        if name not in allowed:
            nested = where.section == "" and isinstance(value, dict | list)
            there = [*PARTS, "dressings"] if nested else allowed
            kept = f"no {'section' if nested else 'key'} {name!r}. There are: {', '.join(there)}."
            close = get_close_matches(name, there, n=1)
            hint = f" Is it {close[0]!r}?" if close else ""
            raise where.wrong(f"there is {kept}{hint}")
        values[name] = value if name in {*PARTS, "dressings"} else _typed(name, value, hints[name])
        if values[name] is None:
            raise where.wrong(f"{name} = {_shown(value)} must be {_called(hints[name])}.")
    try:
        return kind(**values)
    except InvalidInput as error:
        raise where.wrong(str(error)) from error


def _typed(name: str, value: Any, hint: Any) -> Any:
    """The value as the field's type has it; None where it has no such value."""
    for one in _alternatives(hint):
        if get_origin(one) is Literal:
            fits = isinstance(value, str) and value in get_args(one)
        elif get_origin(one) is tuple:
            items = value if isinstance(value, list) else [None]
            parts = [_typed(name, item, get_args(one)[0]) for item in items]
            if None not in parts:
                return tuple(parts)
            continue
        else:
            fits = type(value) is one or (one is float and type(value) is int)
        if fits:
            return value
    return None


def _alternatives(hint: Any) -> Iterator[Any]:
    """The types of a union, None aside, which is written by leaving the key out."""
    if get_origin(hint) in {tuple, Literal} or not get_args(hint):
        yield hint
    else:
        yield from (one for one in get_args(hint) if one is not NoneType)


def _called(hint: Any) -> str:
    """What a value of this type is called."""
    names = []
    for one in _alternatives(hint):
        if get_origin(one) is Literal:
            names.append(" or ".join(f"{x!r}" for x in get_args(one)))
        elif get_origin(one) is tuple:
            names.append(f"a list, of which each is {NUMBERS[get_args(one)[0]]}")
        else:
            names.append(NUMBERS[one])
    return ", or ".join(names)


def _section(title: str, entries: dict[str, Any]) -> str:
    return "".join([f"{title}\n", *_lines(entries)])


def _lines(entries: dict[str, Any]) -> Iterator[str]:
    yield from (f"{name} = {_value(value)}\n" for name, value in entries.items())


def _value(value: Any) -> str:
    """A number, a string or a tuple of them in TOML, to the last digit."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if hasattr(value, "__index__"):
        return str(int(value))
    number = float(value)
    return repr(number) if math.isfinite(number) else str(number)


def _shown(value: Any) -> str:
    return "a section" if isinstance(value, dict) else repr(value)
