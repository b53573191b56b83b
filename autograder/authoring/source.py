"""The literate source of a lesson, a jupytext percent script, and the notebook that nbgrader reads."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from ..course.manifest import ROOT, CourseError, Exercise, Lesson
from ..course.released import BEGIN
from ..course.root import shown_path
from .numbering import fill_in_numbers, heading_of

SOLUTIONS = ROOT / "solutions"
# JupyterLab's own mark; a source writes it as jupytext does: `# %% jupyter={"source_hidden": true}`.
FOLDED = {"source_hidden": True}
_CHECK = re.compile(r"^autograder\.check\(\"(\w+)\"\)$")


@dataclass(frozen=True)
class SourceCell:
    """``kind`` is ``text``, ``setup``, ``solution``, ``check`` or ``example``; the exercise where it has one.

    The code of a ``folded`` cell is not what the lesson is about: an example that draws, or a part of the setup.
    JupyterLab shows it on a click, and what it draws at once. ``alt`` is what an author says of its figure to who does
    not see it; "" leaves that to the figure.
    """

    kind: str
    text: str
    exercise: Exercise | None
    folded: bool = False
    alt: str = ""


def source_path(lesson: Lesson) -> Path:
    """Return the percent script of the lesson."""
    return SOLUTIONS / lesson.id / f"{lesson.id}.py"


def _solution_exercise(lesson: Lesson, text: str) -> Exercise:
    for exercise in lesson.exercises:
        if re.search(rf"^(def|class) {exercise.name}\b", text, re.MULTILINE):
            absent = [name for name in exercise.names if not re.search(rf"^(def|class) {name}\b", text, re.MULTILINE)]
            if absent:
                raise CourseError(f"the cell of {exercise.name} must also define {', '.join(absent)}")
            return exercise
    first = next((line for line in text.splitlines() if line.strip()), "")
    raise CourseError(f"a solution cell defines no exercise of the manifest; it begins {first!r}")


def _classify(lesson: Lesson, cell: NotebookNode) -> SourceCell:
    if cell.cell_type != "code":
        return SourceCell("text", fill_in_numbers(lesson, cell.source), None)
    check = _CHECK.match(cell.source.strip())
    if check:
        found = [exercise for exercise in lesson.exercises if exercise.name == check.group(1)]
        if not found:
            raise CourseError(f"a check cell names {check.group(1)}, which is no exercise of this lesson")
        return SourceCell("check", cell.source, found[0])
    if BEGIN in cell.source:
        return SourceCell("solution", cell.source, _solution_exercise(lesson, cell.source))
    folded = cell.metadata.get("jupyter") == FOLDED
    if "setup" in cell.metadata.get("tags", []):
        return SourceCell("setup", cell.source, None, folded=folded)
    # As MyST-NB has it: `# %% mystnb={"image": {"alt": "…"}}`.
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    return SourceCell("example", cell.source, None, folded=folded, alt=alt)


def _refuse_broken_code(path: Path, cell: NotebookNode) -> None:
    """Raise CourseError where a code cell is no Python or its solution regions are not closed."""
    if cell.cell_type != "code":
        return
    where = shown_path(path)
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        line = (error.text or "").strip()
        found = [n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text.strip() == line]
        place = f"{where}, line {found[0]}" if line and found else f"{where}"
        raise CourseError(f"{place}: {error.msg}: {line!r}; nothing was built from it") from None
    marks = re.findall(r"### (BEGIN|END) SOLUTION", cell.source)
    if marks != ["BEGIN", "END"] * (len(marks) // 2):
        first = next(line for line in cell.source.splitlines() if line.strip())
        raise CourseError(f"{where}: BEGIN SOLUTION and END SOLUTION do not pair in the cell that begins {first!r}")


def read_source(lesson: Lesson) -> list[SourceCell]:
    """Return the cells of the lesson's percent script.

    Raises CourseError where the script is missing or its exercises and checks are not those of the manifest,
    each once and in its order.
    """
    path = source_path(lesson)
    if not path.is_file():
        raise CourseError(f"{shown_path(path)} is missing; every lesson has one percent script there")
    notebook = jupytext.read(path, fmt="py:percent")
    for cell in notebook.cells:
        _refuse_broken_code(path, cell)
    try:
        cells = [_classify(lesson, cell) for cell in notebook.cells]
    except CourseError as error:
        raise CourseError(f"{shown_path(path)}: {error}") from None
    for kind in ("solution", "check"):
        order = [cell.exercise.name for cell in cells if cell.kind == kind and cell.exercise]
        wanted = [exercise.name for exercise in lesson.exercises]
        if order != wanted:
            raise CourseError(f"{shown_path(path)}: the {kind} cells are {order}; course.yaml says {wanted}")
    _refuse_unannounced(lesson, path, notebook.cells, cells)
    return cells


def _refuse_unannounced(lesson: Lesson, path: Path, written: list[NotebookNode], cells: list[SourceCell]) -> None:
    """Raise CourseError where the text before an exercise has no heading with its number."""
    heading = ""
    for raw, cell in zip(written, cells, strict=True):
        if cell.kind == "text":
            heading += f"\n{raw.source}"
        elif cell.kind == "solution" and cell.exercise:
            wanted = heading_of(cell.exercise.name)
            if not re.search(rf"^{re.escape(wanted)}", heading, re.MULTILINE):
                raise CourseError(
                    f"{shown_path(path)}: no heading for {cell.exercise.name}; expected one that begins {wanted!r}"
                )
            heading = ""


def _nbgrader(grade_id: str, *, solution: bool = False, points: float | None = None) -> dict:
    metadata = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return metadata if points is None else metadata | {"points": points}


def source_notebook(lesson: Lesson) -> NotebookNode:
    """Return nbgrader's source notebook: the script's cells with metadata derived from the manifest, no outputs."""
    cells = []
    for position, cell in enumerate(read_source(lesson)):
        if cell.kind == "text":
            node = nbformat.v4.new_markdown_cell(cell.text)
        else:
            node = nbformat.v4.new_code_cell(cell.text)
        node.id = f"cell-{position:03d}"
        if cell.kind == "setup":
            node.metadata["tags"] = ["setup"]
            node.metadata["nbgrader"] = _nbgrader(f"setup-{position}")
        elif cell.exercise and cell.kind == "solution":
            node.id = cell.exercise.name
            node.metadata["nbgrader"] = _nbgrader(cell.exercise.name, solution=True)
        elif cell.exercise and cell.kind == "check":
            node.id = cell.exercise.check_id
            node.metadata["nbgrader"] = _nbgrader(cell.exercise.check_id, points=cell.exercise.points)
        if cell.folded:
            node.metadata["jupyter"] = dict(FOLDED)
        if cell.alt:
            node.metadata["mystnb"] = {"image": {"alt": cell.alt}}
        cells.append(node)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.validate(notebook)
    return notebook
