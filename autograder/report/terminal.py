"""What a grading run says in a terminal: tables of points, notes, and the first thing to fix."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..course.manifest import Lesson, load_course
from ..grading.graded_run import GradedRun
from ..ladder.verdict import Result
from .safe_text import safe_text
from .words import SIGNS, explain, in_words, number, remark, shown_notes, title_of


def points_table(run: GradedRun, lesson: Lesson) -> Table:
    """Return one lesson's points as a table for a terminal."""
    title = f"{lesson.id}: {lesson.title}: {number(run.earned(lesson))} of {number(lesson.points)} points"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", width=1)
    table.add_column("exercise", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("what to look at")
    for exercise in lesson.exercises:
        result = run.result(exercise)
        outcome = result.outcome if result else "missing"
        sign, style = SIGNS[outcome]
        points = f"{number(result.score if result else 0)} / {number(exercise.points)}"
        table.add_row(
            Text(sign, style), title_of(exercise), points, Text(in_words(outcome), style), Text(remark(result))
        )
    return table


def explanation(result: Result) -> Table:
    """Return what ``explain`` says as a grid for a terminal: however a text wraps, it stays in its own column."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in explain(result):
        grid.add_row(Text(f"  {label}:"), Text(text))
    return grid


def notes_shown(notes: Sequence[str]) -> list[Padding]:
    """Return a lesson's notes for a terminal, one below the other."""
    return [Padding(Text(f"note: {note}", "yellow"), (0, 0, 0, 2)) for note in shown_notes(notes)]


def print_report(run: GradedRun, width: int, color: bool) -> str:
    """Return the whole report as text of ``width`` columns."""
    out = io.StringIO()
    console = Console(file=out, width=max(width, 80), force_terminal=color, no_color=not color, highlight=False)
    console.print()
    for lesson in run.lessons:
        console.print(points_table(run, lesson))
        for note in notes_shown(run.notes_of(lesson)):
            console.print(note)
        console.print()
    chosen = run.next_to_fix()
    if chosen is not None:
        console.print(Text(f"Fix this next: {title_of(chosen.exercise)}", "bold"))
        console.print(explanation(chosen))
        console.print()
    console.print(Text(f"{number(run.points)} of {number(run.possible)} points", "bold"))
    console.print(Text(footer(run), "dim"))
    return out.getvalue()


def footer(run: GradedRun) -> str:
    """Return in a line how to find the same again: the course's version, the seed, where the code ran."""
    return f"course {load_course().version}, seed {run.seed}, {safe_text(run.sandbox.notice)}"
