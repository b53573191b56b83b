"""What a wheel holds beside the open files: the sealed ones, made while it is built (autograder/authoring/handout)."""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SealAnswers(BuildHookInterface):
    """Put the archive into a wheel of the course's own folder; a students' repository has it already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Seal, unless the wheel only points at this folder."""
        root = Path(self.root)
        source = root / "autograder" / "authoring" / "handout" / "seal.py"
        if version == "editable" or not source.is_file():
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
