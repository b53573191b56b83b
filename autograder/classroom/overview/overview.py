"""``python -m autograder overview``: a class on one page that needs nothing else, and the tables behind its figures."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...course.manifest import CourseError, Lesson, load_course
from ...report.fragments import STYLE, text
from ...report.page import PAGE_STYLE
from ...report.words import number, title_of
from ..folders.settings import Settings, load_settings
from ..gradebook.marks import ClassMarks, read_class
from ..results.store import Store, now, write_whole
from ..results.tables import Table, write_table
from .figures import draw_distribution, draw_exercises, draw_misconceptions, draw_seconds
from .summary import ALL, all_tables, run_seconds, shown_name

PAGE = "index.html"
FOLDER = "overview"
# Rows of a table on the page; the CSV file has all.
MOST_ROWS = 40
MOST_COMMON = 15
_STYLE = """
svg.figure { width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; }
.autograder.autograder td.count { text-align: right; white-space: nowrap; }
.wide td:first-child { min-width: 11em; }
summary { cursor: pointer; margin: .4em 0; }
@media print { svg.figure { max-height: 24cm; } .wide { overflow: visible; font-size: .8em; } }
"""
Links = Callable[[str, Lesson], str]


def _relative(path: Path, out: Path) -> str:
    """Return a link from the page's folder to a file, of whatever bytes its name is made."""
    return quote(os.fsencode(os.path.relpath(path, out)).replace(os.sep.encode(), b"/"))


def _links(settings: Settings, out: Path) -> Links:
    """Return what gives the links to a submission's log and to nbgrader's feedback on it, where they exist."""
    coursedir, store = settings.coursedir, Store(settings.coursedir)

    def links(student: str, lesson: Lesson) -> str:
        folder = Path(coursedir.format_path(coursedir.feedback_directory, student, lesson.id))
        pages = (("feedback", folder / f"{lesson.id}.html"), ("log", store.log_path(student, lesson.id)))
        found = [f'<a href="{_relative(path, out)}">{name}</a>' for name, path in pages if path.is_file()]
        return " ".join(found)

    return links


def _shown(value: Any) -> str:
    if value is None:
        return '<td class="count">–</td>'
    if isinstance(value, int | float):
        return f'<td class="count">{number(value)}</td>'
    return f"<td>{text(value)}</td>"


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    body = "".join(_row(cells) for cells in rows)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _file(table: Table) -> str:
    return f'<a href="{table.file}">{table.file}</a>'


def _more(table: Table, shown: int) -> str:
    left = len(table.rows) - shown
    said = f"{left:,} more rows are in" if left > 0 else "as a table:"
    return f'<p class="small">{said} {_file(table)}</p>'


def _table(table: Table, rows: Sequence[Sequence[str]] | None = None, more: Sequence[str] = ()) -> str:
    """Return the first rows of a table, or ``rows`` in their place, with columns ``more``; and where all of it is."""
    if rows is None:
        rows = [[_shown(value) for value in row] for row in table.rows[:MOST_ROWS]]
    return _rows((*table.columns, *more), rows) + _more(table, len(rows))


def _numbers(table: Table) -> str:
    """Return a figure's table, folded away."""
    return f"<details><summary>The numbers</summary>{_table(table)}</details>"


def _section(title: str, said: str, body: str) -> str:
    anchor = title.split()[0].lower()
    return f'<section id="{anchor}"><h2>{title}</h2><p>{said}</p>{body}</section>'


def _figure(table: Table, draw: Callable[[], str], anything: bool, nothing: str) -> str:
    """Return a figure with its numbers; where there isn't ``anything`` to draw, say ``nothing`` in its place."""
    return (f"<figure>{draw()}</figure>" if anything else f"<p>{nothing}</p>") + _numbers(table)


def _distribution_numbers(table: Table) -> str:
    """Return the histograms' counts, a row for each: the page needs no line for each bar."""
    names = list(dict.fromkeys(row[0] for row in table.rows))
    bins = list(dict.fromkeys(f"{row[1]}–{row[2]} %" for row in table.rows))
    rows = [[_shown(name), *(_shown(row[3]) for row in table.rows if row[0] == name)] for name in names]
    return f"<details><summary>The numbers</summary>{_rows(('lesson', *bins), rows)}</details>{_more(table, 10**9)}"


def _misconceptions(table: Table) -> str:
    """Return the most common misconceptions, each with its hint in plain sight."""
    if not table.rows:
        return f"<p>None was recognized.</p>{_more(table, 0)}"
    shown = table.rows[:MOST_COMMON]
    # The misconception's id begins with the exercise, and that is a lesson's alone.
    rows = [[_shown(id), _shown(count), _shown(hint)] for id, count, _, _, hint in shown]
    listed = _rows((*table.columns[:2], table.columns[-1]), rows)
    return f"<figure>{draw_misconceptions(shown)}</figure>{listed}{_more(table, len(shown))}"


def _look(marks: ClassMarks, table: Table, links: Links) -> str:
    who = [(student, lesson) for student, lesson, _ in marks.look()]
    rows = [
        [*(_shown(value) for value in row), f"<td>{links(*key)}</td>"]
        for row, key in zip(table.rows[:MOST_ROWS], who, strict=False)
    ]
    return _table(table, rows, ("pages",)) if rows else f"<p>Nobody.</p>{_more(table, 0)}"


def _absent(marks: ClassMarks, table: Table) -> str:
    said = []
    for lesson in marks.lessons:
        absent = [text(shown_name(student)) for student in marks.absent(lesson)]
        if absent:
            more = f" and {len(absent) - MOST_ROWS:,} more" if len(absent) > MOST_ROWS else ""
            names = ", ".join(absent[:MOST_ROWS]) + more
            said.append(f"<li>{html.escape(lesson.id)}: {len(absent)}: {names}</li>")
    return f"<ul>{''.join(said) or '<li>Nobody.</li>'}</ul>{_more(table, 10**9)}"


def _students(marks: ClassMarks, table: Table, links: Links) -> str:
    rows = []
    for student, row in zip(sorted(marks.people)[:MOST_ROWS], table.rows, strict=False):
        cells = [_shown(value) for value in row[:3]]
        for lesson, points in zip(marks.lessons, row[3:-1], strict=True):
            said = "–" if points is None else number(points)
            cells.append(f'<td class="count">{said} {links(student, lesson)}</td>')
        rows.append([*cells, _shown(row[-1])])
    return _table(table, rows)


def make_overview(marks: ClassMarks, tables: Sequence[Table], links: Links) -> str:
    """Return the class page as HTML."""
    course = load_course()
    lessons, distribution, exercises, misconceptions, seconds, look, absent, students = tables
    possible = number(sum(lesson.points for lesson in marks.lessons))
    count = f"{len(marks.people):,} students, {len(marks.graded):,} graded submissions, {possible} points in {ALL}"
    trouble = f'<p class="failed">Marks given by hand are left out: {text(marks.trouble)}</p>' if marks.trouble else ""
    spreads = [(title_of(exercise), found) for _, exercise, found in run_seconds(marks) if found]
    sections = [
        _section("Lessons", "Points of those submissions that are graded.", _table(lessons)),
        _section(
            "Points of the class",
            "How many students reached which share of the points. The number stands above each bar.",
            f"<figure>{draw_distribution(distribution)}</figure>{_distribution_numbers(distribution)}",
        ),
        _section(
            "Exercises",
            "What share of the graded submissions has full points, beside it how many.",
            _figure(exercises, lambda: draw_exercises(exercises), bool(marks.graded), "Nothing is graded yet."),
        ),
        _section(
            "Misconceptions",
            "Mistakes of the catalogue that the grader recognized. Their students read the hint.",
            _misconceptions(misconceptions),
        ),
        _section(
            "Time to grade",
            "How long an exercise's checks took, the student's code included, where any was run.",
            _figure(seconds, lambda: draw_seconds(spreads), bool(spreads), "Nothing was run."),
        ),
        _section("Look here", "Who needs a look, and why.", _look(marks, look, links)),
        _section("Nothing handed in", "Of lessons that others handed in.", _absent(marks, absent)),
        _section("Students", "Points by lesson. – stands for nothing graded.", _students(marks, students, links)),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Class: {html.escape(course.title)}</title><style>{STYLE}{PAGE_STYLE}{_STYLE}</style>"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body class="autograder"><header>'
        f'<h1>{html.escape(course.title)}: the class</h1><p class="total">{count}</p>{trouble}'
        f'<p class="small">course {html.escape(course.version)}, {now()}</p></header>'
        f"<main>{''.join(sections)}</main></body></html>\n"
    )


def write_overview(settings: Settings, out: Path) -> list[Path]:
    """Write the page and its tables into ``out``; return where they are, the page first.

    Raises CourseError where nobody handed in anything, Unwritable where a file can't be written.
    """
    marks = read_class(settings)
    if not marks.lessons:
        raise CourseError(f"nobody handed in anything: {settings.coursedir.root} holds no submissions of the lessons")
    tables = all_tables(marks)
    page = out / PAGE
    write_whole(page, make_overview(marks, tables, _links(settings, out)))
    return [page, *(write_table(out, table) for table in tables)]


def run_overview(course: Path | None, out: Path | None) -> int:
    """Do what the command does and return the exit status."""
    settings = load_settings(course)
    folder = (out or Store(settings.coursedir).folder / FOLDER).resolve()
    page, *tables = write_overview(settings, folder)
    print(f"{page}\nand {len(tables)} tables beside it: {', '.join(path.name for path in tables)}")
    return 0
