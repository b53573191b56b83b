"""nbgrader's ClearSolutions, with the exercise's number in what replaces a solution."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from ..course.manifest import CourseError, find_exercise


def stub_text(name: str) -> str:
    """Return the line that stands where the student's code belongs."""
    exercise = find_exercise(name)
    return f'raise NotImplementedError("Exercise {exercise.id}: write {" and ".join(exercise.names)}")'


class NameStubs(ClearSolutions):
    """Replace each solution region by ``raise NotImplementedError("Exercise 03.1: ...")``."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int) -> tuple[NotebookNode, Any]:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            try:
                self.code_stub = {"python": stub_text(name)}
            except CourseError:
                self.code_stub = {"python": 'raise NotImplementedError("Exercise: write this")'}
        return super().preprocess_cell(cell, resources, cell_index)
