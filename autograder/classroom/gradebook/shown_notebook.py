"""The notebook that nbgrader's pages show: the student's cells and plots, the course's own checks, and what they found.

Whatever was handed in, the result is a valid notebook in which every grade cell of the lesson stands exactly once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from ...course.manifest import ROOT, CourseError, Lesson
from ...course.released import normalize
from ...grading.submission import NoSubmission, RawCell, Submission, mentions, source_of
from ...report.safe_text import clean
from ...report.words import shown_notes
from ..results.submission_result import ExerciseEntry
from .shown_pictures import Budget, shown_attachments, shown_outputs

# Cells, characters of one cell and of all cells together that are shown; the engine has read all of them.
CELLS, CELL, NOTEBOOK = 2_000, 100_000, 2_000_000
# Longer texts are no given cell.
GIVEN = 100_000
UNREADABLE = "The notebook that was handed in could not be read. Below are the lesson's own cells; each check says why."
CUT = "\n… (the rest of this cell is not shown)"

# A cell of the notebook that is made here, as nbformat's JSON has it.
Cell = dict[str, Any]


class Nbgrader(TypedDict):
    """What nbgrader's metadata say of a released cell; ``points`` where it is a ``grade`` cell."""

    grade_id: str
    grade: bool
    solution: bool
    locked: bool
    checksum: str
    points: NotRequired[float]


class GivenMetadata(TypedDict):
    """The metadata of a released cell that nbgrader knows."""

    nbgrader: Nbgrader


class GivenCell(TypedDict):
    """A released cell that nbgrader knows, its ``source`` as one text."""

    cell_type: str
    metadata: GivenMetadata
    source: str


def _text(cell: RawCell) -> str:
    return clean(source_of(cell))


def released_notebook(lesson: Lesson) -> dict[str, Any]:
    """Return the lesson as students get it. Raises CourseError where it was never built."""
    path = ROOT / "lessons" / lesson.id / f"{lesson.id}.ipynb"
    if not path.is_file():
        raise CourseError(f"{path.relative_to(ROOT)} is missing; run: python -m autograder build")
    return json.loads(path.read_text(encoding="utf-8"))


def given_cells(lesson: Lesson) -> dict[str, GivenCell]:
    """Return the released cells that nbgrader knows, by grade id, in order."""
    found: dict[str, GivenCell] = {}
    for cell in released_notebook(lesson)["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id:
            found[grade_id] = {"cell_type": cell["cell_type"], "metadata": cell["metadata"], "source": _text(cell)}
    return found


def _grade_id(cell: RawCell) -> str | None:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) else None


def _claims(
    cells: Sequence[RawCell], texts: Sequence[str], lesson: Lesson, given: dict[str, GivenCell]
) -> dict[int, str]:
    """Return which submitted cell, by position, stands for which given one: of copies the last.

    Their metadata may be lost. A given cell whose text was changed is the student's own: what was written there is
    shown, too.
    """
    claimed: dict[int, str] = {}
    names = {exercise.name: exercise.names for exercise in lesson.exercises}
    plain = [normalize(text) if len(text) <= GIVEN else text for text in texts]
    for grade_id in given:
        wanted = names.get(grade_id, ())
        if wanted:
            named = [i for i, cell in enumerate(cells) if _grade_id(cell) == grade_id]
            like = [i for i, text in enumerate(texts) if any(mentions(text, name) for name in wanted)]
        else:
            named, released = [], normalize(given[grade_id]["source"])
            like = [i for i, text in enumerate(plain) if text == released]
        free = [i for i in named or like if i not in claimed]
        if free:
            claimed[free[-1]] = grade_id
    return claimed


def _own_cell(cell: RawCell, source: str, pictures: Budget) -> Cell:
    """Return a cell of the student's own as a plain cell of ``source``: metadata prove nothing, nor what it printed."""
    if cell.get("cell_type") == "code":
        shown = {"cell_type": "code", "metadata": {}, "execution_count": None, "source": source}
        return shown | {"outputs": shown_outputs(cell, pictures)}
    if cell.get("cell_type") != "markdown":
        # Raw cells would be put into a page as they are, or not be shown at all.
        fence = "`" * 3 if "```" not in source else "~" * 8
        source = f"{fence}\n{source}\n{fence}"
    shown = {"cell_type": "markdown", "metadata": {}, "source": source}
    attachments = shown_attachments(cell, pictures)
    return shown | ({"attachments": attachments} if attachments else {})


def _given_cell(given: GivenCell, source: str | None = None, outputs: Sequence[Cell] = ()) -> Cell:
    """Return a released cell with ``source`` in place of its own."""
    cell: Cell = {"cell_type": given["cell_type"], "metadata": given["metadata"], "source": source or given["source"]}
    return cell | ({"execution_count": None, "outputs": list(outputs)} if cell["cell_type"] == "code" else {})


def _tidy(cells: Sequence[RawCell], lesson: Lesson, given: dict[str, GivenCell]) -> list[tuple[str | None, Cell]]:
    """Return the student's cells as plain ones, each with the grade id that it stands for; the checks are added."""
    texts = [_text(cell) for cell in cells]
    claims = _claims(cells, texts, lesson, given)
    solutions = {exercise.name for exercise in lesson.exercises}
    tidy: list[tuple[str | None, Cell]] = []
    left, pictures = NOTEBOOK, Budget()
    for position, cell in enumerate(cells):
        grade_id = claims.get(position)
        if grade_id is not None and grade_id not in solutions:
            tidy.append((grade_id, _given_cell(given[grade_id])))
            continue
        source = texts[position]
        if len(source) > min(CELL, left):
            source = source[: min(CELL, left)] + CUT
        left = max(0, left - len(source))
        if grade_id:
            shown = _given_cell(given[grade_id], source, shown_outputs(cell, pictures))
        else:
            shown = _own_cell(cell, source, pictures)
        tidy.append((grade_id, shown))
    return _with_checks(tidy, lesson, given)


def _with_checks(
    tidy: list[tuple[str | None, Cell]], lesson: Lesson, given: dict[str, GivenCell]
) -> list[tuple[str | None, Cell]]:
    """Put each check that is not there behind the given cells that come before it in the release."""
    order = list(given)
    for exercise in lesson.exercises:
        wanted = exercise.check_id
        if any(grade_id == wanted for grade_id, _ in tidy):
            continue
        before = set(order[: order.index(wanted)])
        place = max((position + 1 for position, (grade_id, _) in enumerate(tidy) if grade_id in before), default=0)
        tidy.insert(place, (wanted, _given_cell(given[wanted])))
    return tidy


def _outputs(entry: ExerciseEntry, notes: Sequence[str]) -> list[Cell]:
    said = [{"text/plain": clean("\n".join(f"note: {note}" for note in notes))}] if notes else []
    said.append({"text/plain": clean(entry["text"]), "text/html": clean(entry["html"])})
    return [{"output_type": "display_data", "metadata": {}, "data": data} for data in said]


def make_notebook(
    handed_in: Submission | NoSubmission, entries: Sequence[ExerciseEntry] = (), notes: Sequence[str] = ()
) -> str:
    """Return the notebook, as JSON, of what was handed in with what was found.

    ``entries`` are the exercises of a stored result, ``notes`` what was noticed about the notebook.
    """
    lesson = handed_in.lesson
    given = given_cells(lesson)
    cells: list[RawCell] = list(handed_in.handed_in[:CELLS])
    if isinstance(handed_in, NoSubmission) and not cells:
        cells = [{"cell_type": "markdown", "source": UNREADABLE}, *released_notebook(lesson)["cells"]]
    by_name = {entry["name"]: entry for entry in entries}
    found = {exercise.check_id: by_name[exercise.name] for exercise in lesson.exercises if exercise.name in by_name}
    said = shown_notes(notes)
    shown = []
    for position, (grade_id, cell) in enumerate(_tidy(cells, lesson, given)):
        cell["id"] = f"cell-{position:04d}"
        if grade_id in found:
            cell["outputs"] = _outputs(found[grade_id], said)
            said = []
        shown.append(cell)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"cells": shown, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
