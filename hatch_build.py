"""What a wheel holds beside the open files: the lessons, and what is sealed while it is built."""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SealAnswers(BuildHookInterface):
    """Put the lessons into a wheel, and the archive into one of the course's own folder; a hand-out has it already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them, unless the wheel only points at this folder: then they are where they are."""
        if version == "editable":
            return
        root = Path(self.root)
        build_data["force_include"][str(root / "lessons")] = "autograder/lessons"
        source = root / "autograder" / "authoring" / "handout" / "seal.py"
        if not source.is_file():
            return
        names = runpy.run_path(str(source))
        self._folder = tempfile.TemporaryDirectory()
        archive = Path(self._folder.name) / "sealed.bin"
        archive.write_bytes(names["seal"](root))
        build_data["force_include"][str(archive)] = names["ARCHIVE"]

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made for the wheel."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
