"""The fields of an entry of ``course.yaml``: what each must hold, and the line that says where one does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .root import CourseError


@dataclass(frozen=True)
class Kind:
    """What a field must hold: in words, and as a function that says whether a value is that."""

    words: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lists(value: Any, pattern: str) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and re.fullmatch(pattern, item) for item in value)


LESSON_ID = r"\d\d_[a-z][a-z0-9_]*"
VERSION = r"\d+\.\d+\.\d+"
NAME = r"[A-Za-z][A-Za-z0-9_]*"

text = Kind("a text", lambda value: isinstance(value, str) and bool(value.strip()))
version = Kind("a version such as 1.0.0", lambda value: isinstance(value, str) and bool(re.fullmatch(VERSION, value)))
yes_or_no = Kind("true or false", lambda value: isinstance(value, bool))
minutes = Kind("a whole number from 1", lambda value: _is_number(value) and value >= 1 and value == int(value))
positive = Kind("a number above 0", lambda value: _is_number(value) and 0 < value < float("inf"))
lesson_id = Kind("NN_name, such as 03_residual_block", lambda value: _lists([value], LESSON_ID))
lesson_ids = Kind("a list of lessons such as [03_residual_block], or []", lambda value: _lists(value, LESSON_ID))
modules = Kind("a list of modules such as [numpy, torch]", lambda value: _lists(value, rf"{NAME}(\.{NAME})*"))
names = Kind("a list of names such as [rmse]", lambda value: bool(value) and _lists(value, NAME))
entries = Kind("a list of at least one entry", lambda value: isinstance(value, list) and bool(value))


def read_fields(
    entry: Any, where: str, required: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None
) -> dict[str, Any]:
    """Return the entry, whose ``required`` fields are all there and whose fields all hold what they must.

    Raises CourseError, which names ``where``, the field and what was expected, where one does not.
    """
    for problem in _problems(entry, required, {**required, **(optional or {})}):
        raise CourseError(f"{where}: {problem}")
    return entry


def _problems(entry: Any, required: Mapping[str, Kind], known: Mapping[str, Kind]) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"expected the fields {', '.join(required)}; got {entry!r}"
        return
    for field in entry:
        if field not in known:
            yield f"{field}: no such field; expected one of {', '.join(known)}"
    for field, kind in required.items():
        if field not in entry:
            yield f"{field}: missing; expected {kind.words}"
    for field, value in entry.items():
        if not known[field].fits(value):
            yield f"{field}: expected {known[field].words}; got {value!r}"
