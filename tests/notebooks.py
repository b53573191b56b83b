"""Small notebooks for tests: the released lesson 01 with answers put in, whole or damaged."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from autograder.course.manifest import ROOT

LESSON = "01_pixel_parsing"


def reference_notebook(lesson: str = LESSON) -> dict[str, Any]:
    """Return the lesson's solved notebook as plain JSON."""
    return json.loads((ROOT / "solutions" / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8"))


def released_notebook(lesson: str = LESSON) -> dict[str, Any]:
    """Return the lesson as a student gets it."""
    return json.loads((ROOT / "lessons" / lesson / f"{lesson}.ipynb").read_text(encoding="utf-8"))


def cell_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the cell in which the exercise ``name`` is written."""
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def with_code(name: str, code: str, lesson: str = LESSON) -> dict[str, Any]:
    """Return the solved notebook with ``code`` in the cell of exercise ``name``."""
    notebook = copy.deepcopy(reference_notebook(lesson))
    cell_of(notebook, name)["source"] = code
    return notebook


def save(notebook: dict[str, Any], work: Path, lesson: str = LESSON) -> Path:
    """Write the notebook where ``--work`` looks for it and return ``work``."""
    folder = work / lesson
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{lesson}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return work
