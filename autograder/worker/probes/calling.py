"""The general probe: call one of the student's functions with plain data."""

from __future__ import annotations

from typing import Any

from ..names import Names


def call(names: Names, *, name: str, args: list, kwargs: dict) -> dict[str, Any]:
    """Call ``name(*args, **kwargs)``; return its value and what became of the arguments."""
    value = names[name](*args, **kwargs)
    return {"value": value, "args": list(args)}


def defined(names: Names, *, wanted: list[str]) -> list[str]:
    """Return those of the ``wanted`` names that exist."""
    return [name for name in wanted if name in names]
