"""The student's names, as a probe sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class AskedInterrupt(KeyboardInterrupt):
    """The Ctrl-C of a probe that interrupts a student's code by itself; somebody's own is a plain KeyboardInterrupt."""


class MissingName(Exception):
    """The notebook does not define a name that the probe asks for."""


class Names:
    """``names["ResidualBlock"]`` is the student's object; ``scratch`` is a folder a probe may write to."""

    def __init__(self, namespace: dict[str, Any], scratch: Path) -> None:
        self._namespace = namespace
        self.scratch = scratch

    def __getitem__(self, name: str) -> Any:
        if name not in self._namespace:
            raise MissingName(f"{name} is not defined")
        return self._namespace[name]

    def __contains__(self, name: str) -> bool:
        return name in self._namespace
