"""Most of the code that a student sees open is not there to draw: cells that draw are folded."""

from __future__ import annotations

import ast
import json

import pytest

from autograder.authoring.source import FOLDED, SourceCell, read_source
from autograder.course.manifest import ROOT, Lesson, load_course

LESSONS = load_course().notebooks
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.id for lesson in LESSONS])


def code_lines(text: str) -> int:
    """Return how many lines of Python hold code: no blank ones, comments or docstrings."""
    lines = {n for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def draws(cell: SourceCell) -> bool:
    """Return whether a cell is there to draw: it shows a figure, or defines a function that others draw with."""
    return "plt.show()" in cell.text or "plt.Axes" in cell.text


def seen_open(lesson: Lesson) -> tuple[int, int]:
    """Return the code lines of the given cells that are open, and how many of them are in cells that draw."""
    cells = [cell for cell in read_source(lesson) if cell.kind in ("setup", "example") and not cell.folded]
    return sum(code_lines(cell.text) for cell in cells), sum(code_lines(cell.text) for cell in cells if draws(cell))


@by_lesson
def test_most_open_code_does_not_draw(lesson: Lesson) -> None:
    lines, drawing = seen_open(lesson)
    assert drawing <= lines / 4, f"{drawing} of {lines} open lines are in cells that draw: fold them"


@by_lesson
def test_folded_cells_are_folded_in_what_students_open(lesson: Lesson) -> None:
    folded = [cell.text for cell in read_source(lesson) if cell.folded]
    released = json.loads((ROOT / "lessons" / lesson.id / f"{lesson.id}.ipynb").read_text(encoding="utf-8"))
    marked = ["".join(cell["source"]) for cell in released["cells"] if cell["metadata"].get("jupyter") == FOLDED]
    assert marked == folded
    assert folded, "no cell is folded, so nothing was looked at"
