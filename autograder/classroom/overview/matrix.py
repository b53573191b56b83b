"""Every student's points in every exercise: a table that a reader sorts and filters, and the file behind it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...report.words import number, title_of
from ..gradebook.marks import ClassMarks, Mark
from ..results.tables import Table
from .hand_ins import HandIns
from .summary import exercises_of, mark_kind, said_name

SCRIPT = Path(__file__).with_name("matrix.js").read_text(encoding="utf-8")
# In place of points: a stub was left as it was; no such code was found, or no notebook that can be read.
UNWRITTEN, NOT_FOUND = "–", "?"
# The one script that the page's policy lets a browser run.
SCRIPT_POLICY = f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
# Rows that stand there before the script has run, or without it.
FIRST_ROWS = 40
MATRIX_STYLE = """
.controls { display: flex; flex-wrap: wrap; gap: .5em 1.2em; align-items: end; margin: .6em 0; }
.controls label { display: flex; flex-direction: column; font-size: .9em; }
.controls input, .controls select, .controls button, .more { font: inherit; padding: .3em .5em; color: var(--ink);
  background: var(--card); border: 1px solid var(--quiet); border-radius: 4px; }
.controls[hidden], .more[hidden] { display: none; }
.matrix { max-height: 80vh; overflow: auto; }
.autograder.autograder .matrix table { border-collapse: separate; border-spacing: 0; margin: 0; }
.autograder.autograder .matrix th, .autograder.autograder .matrix td { padding: .15em .4em; }
.autograder.autograder .matrix td { text-align: right; white-space: nowrap; }
.matrix thead th { position: sticky; top: 0; background: var(--paper); z-index: 1; vertical-align: bottom; }
.autograder.autograder .matrix tbody th { position: sticky; left: 0; background: var(--paper); font-weight: normal;
  max-width: 14em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.matrix thead th:first-child { left: 0; z-index: 2; }
.matrix thead button { font: inherit; font-weight: bold; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; white-space: nowrap; }
.matrix thead [aria-sort] button::after { content: " ▲"; font-size: .7em; }
.matrix thead [aria-sort=descending] button::after { content: " ▼"; }
.h0 { background: #e69f4c66; } .h1 { background: #3d85c61f; } .h2 { background: #3d85c647; }
.h3 { background: #3d85c670; } .h4 { background: #3d85c6a0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 40em) { .autograder.autograder .matrix tbody th { max-width: 7.5em; } }
"""


def _score(mark: Mark) -> float | str:
    """Return a mark as the matrix holds it: its points, with a star where a person gave it, or why there are none."""
    if mark_kind(mark) == "untouched":
        return NOT_FOUND if mark.outcome == "missing" else UNWRITTEN
    score = round(mark.score, 2)
    return f"{number(score)}*" if mark.by_hand else int(score) if score == int(score) else score


def _scores(marks: ClassMarks, student: str) -> list[float | str | None]:
    """Return a student's marks by the order of the exercises; None where nothing of theirs is graded."""
    scores: list[float | str | None] = []
    for lesson in marks.lessons:
        graded = marks.graded.get((student, lesson.id))
        scores += [None] * len(lesson.exercises) if graded is None else [_score(mark) for mark in graded.marks]
    return scores


def matrix_table(marks: ClassMarks) -> Table:
    """Return every student's points in every exercise, lesson by lesson, and in all."""
    columns = (
        "student",
        "name",
        *(f"{exercise.id} {exercise.name}" for _, exercise in exercises_of(marks.lessons)),
        "total",
    )
    rows = [
        (*said_name(marks, student), *_scores(marks, student), marks.total(student)) for student in sorted(marks.people)
    ]
    return Table("matrix", columns, rows)


def _signs(marks: ClassMarks, hand_ins: HandIns) -> dict[str, set[str]]:
    """Return what a reader may filter for, by student: ``look``, ``late``, ``absent``, ``unisolated``."""
    signs: dict[str, set[str]] = {student: set() for student in marks.people}
    found = [(student, "look") for student, _, _ in marks.look()]
    found += [(student, "late") for student, _ in hand_ins.late()]
    found += [(student, "unisolated") for student, _ in hand_ins.unisolated]
    found += [(student, "absent") for lesson in marks.lessons for student in marks.absent(lesson)]
    for student, sign in found:
        signs.setdefault(student, set()).add(sign)
    return signs


def _data(marks: ClassMarks, hand_ins: HandIns) -> str:
    """Return the matrix as JSON that can stand in a page, whatever a student's folder is called."""
    signs = _signs(marks, hand_ins)
    data = {
        "exercises": [
            [exercise.id, title_of(exercise), lesson.number, exercise.points]
            for lesson, exercise in exercises_of(marks.lessons)
        ],
        "lessons": [[lesson.number, lesson.id, lesson.points] for lesson in marks.lessons],
        "students": [
            [*said_name(marks, student), marks.total(student), sorted(signs[student]), _scores(marks, student)]
            for student in sorted(marks.people)
        ],
    }
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def heat(score: float | str | None, possible: float) -> str:
    """Return the class of a cell: ``h0`` no points, up to ``h4`` all of them; nothing where nothing is graded."""
    if score is None or score in (UNWRITTEN, NOT_FOUND):
        return ""
    share = float(str(score).rstrip("*")) / possible
    return "h0" if share <= 0 else "h4" if share >= 1 else f"h{1 + min(2, int(3 * share))}"


def _cell(score: float | str | None, possible: float) -> str:
    level = heat(score, possible)
    said = "" if score is None else score if isinstance(score, str) else number(score)
    return f'<td class="{level}">{said}</td>' if level else f"<td>{said}</td>"


def _first_rows(marks: ClassMarks) -> str:
    rows = []
    for student in sorted(marks.people)[:FIRST_ROWS]:
        folder, name = said_name(marks, student)
        head = f'<th scope="row">{html.escape(folder)}{html.escape(f" ({name})" if name else "")}</th>'
        total = marks.total(student)
        cells = [
            _cell(score, each.points)
            for score, (_, each) in zip(_scores(marks, student), exercises_of(marks.lessons), strict=True)
        ]
        rows.append(f"<tr>{head}<td>{'' if total is None else number(total)}</td>{''.join(cells)}</tr>")
    return "".join(rows)


def _options(options: Sequence[tuple[str, str]]) -> str:
    return "".join(f'<option value="{html.escape(value)}">{html.escape(said)}</option>' for value, said in options)


def _controls(marks: ClassMarks, hand_ins: HandIns) -> str:
    who = [
        ("", "everybody"),
        ("look", "who needs a look"),
        ("half", "who has less than half"),
        ("absent", "who misses a lesson"),
    ]
    who += [("late", "who was late")] if hand_ins.late() else []
    who += [("unisolated", "whose code ran unisolated")] if hand_ins.unisolated else []
    columns = [
        ("", "every exercise"),
        ("lessons", "lessons in all"),
        *((each.number, each.id) for each in marks.lessons),
    ]
    return (
        '<form class="controls" id="controls" hidden>'
        '<label>name or folder <input type="search" id="search" autocomplete="off"></label>'
        f'<label>show <select id="who">{_options(who)}</select></label>'
        f'<label>columns <select id="columns">{_options(columns)}</select></label>'
        '<button type="button" id="save">Save these as CSV</button></form>'
    )


def matrix_page(marks: ClassMarks, hand_ins: HandIns) -> str:
    """Return the matrix as HTML, with its data and the script that sorts and filters it."""
    heads: list[Any] = [("student", "student"), ("total", "total")]
    heads += [(exercise.id, title_of(exercise)) for _, exercise in exercises_of(marks.lessons)]
    cells = "".join(f'<th scope="col" title="{html.escape(title)}">{html.escape(said)}</th>' for said, title in heads)
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{_first_rows(marks)}</tbody></table>"
    left = len(marks.people) - FIRST_ROWS
    more = (
        f"{left:,} more rows are in the file below, and here where the browser runs the page's script."
        if left > 0
        else ""
    )
    return (
        f'{_controls(marks, hand_ins)}<p class="small" id="shown" aria-live="polite">{more}</p>'
        f'<div class="matrix" id="grid" tabindex="0" role="region" '
        f'aria-label="Points by student and exercise">{table}</div>'
        '<button type="button" class="more" id="more" hidden>Show more</button>'
        f'<script type="application/json" id="marks">{_data(marks, hand_ins)}</script><script>{SCRIPT}</script>'
    )
