"""What a grading run says: tables and the first thing to fix in a terminal, ``results.json`` for other programs."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .course import CourseError, Exercise, Lesson, load_course
from .sandbox import Sandbox
from .verdict import Result

SIGNS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "not_attempted": ("·", "dim"),
    "error": ("!", "red"),
    "timeout": ("!", "red"),
    "crashed": ("!", "red"),
    "missing": ("?", "yellow"),
}
NEVER_REACHED = "not graded in this run"


def number(value: float) -> str:
    """Return points without a trailing ``.0``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def explain(result: Result) -> list[tuple[str, str]]:
    """Return what a student should read about a result, as labeled lines, the most important first."""
    problem = result.problem
    if problem is None:
        return []
    rung = result.failed_rung
    lines = [("looked at", f"{rung.rung.looked_at} ({rung.rung.kind})")] if rung else []
    lines += [("expected", problem.expected), ("got", problem.got)]
    lines += [("example", problem.example)] if problem.example else []
    lines += [("your line", problem.where)] if problem.where else []
    # Where there is no code to speak of, a hint about the exercise would only mislead.
    hint = problem.hint or (None if result.outcome == "missing" else result.exercise.hint)
    lines += [("hint", hint)] if hint else []
    return lines


def _lesson_table(lesson: Lesson, results: Mapping[str, Result]) -> Table:
    earned = sum(results[e.key].score for e in lesson.exercises if e.key in results)
    title = f"{lesson.id}: {lesson.title}: {number(earned)} of {number(lesson.points)} points"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", width=1)
    table.add_column("exercise", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("what to look at")
    for exercise in lesson.exercises:
        result = results.get(exercise.key)
        outcome = result.outcome if result else "missing"
        sign, style = SIGNS[outcome]
        points = f"{number(result.score if result else 0)} / {number(exercise.points)}"
        remark = "" if result else NEVER_REACHED
        if result and result.failed_rung:
            remark = result.failed_rung.rung.looked_at
        elif result and result.problem and outcome != "not_attempted":
            remark = result.problem.got
        name = f"{exercise.id} {', '.join(exercise.names)}"
        table.add_row(f"[{style}]{sign}[/]", name, points, f"[{style}]{outcome.replace('_', ' ')}[/]", escape(remark))
    return table


def _next_to_fix(lessons: Sequence[Lesson], results: Mapping[str, Result]) -> Result | None:
    """Return the first result that needs work: what was tried before what was not."""
    found = [results[e.key] for lesson in lessons for e in lesson.exercises if e.key in results]
    wrong = [result for result in found if result.outcome not in ("passed", "not_attempted")]
    untouched = [result for result in found if result.outcome == "not_attempted"]
    return (wrong or untouched or [None])[0]


def print_report(
    lessons: Sequence[Lesson],
    results: Mapping[str, Result],
    notes: Mapping[str, Sequence[str]],
    seed: int,
    sandbox: Sandbox,
    width: int,
    color: bool,
) -> str:
    """Return the whole report as text of ``width`` columns."""
    out = io.StringIO()
    console = Console(file=out, width=max(width, 80), force_terminal=color, no_color=not color, highlight=False)
    console.print()
    for lesson in lessons:
        console.print(_lesson_table(lesson, results))
        for note in notes.get(lesson.id, ()):
            console.print(f"  note: {escape(note)}", style="yellow")
        console.print()
    chosen = _next_to_fix(lessons, results)
    if chosen is not None:
        console.print(f"[bold]Fix this next: {chosen.exercise.id} {escape(', '.join(chosen.exercise.names))}[/]")
        for label, text in explain(chosen):
            console.print(f"  {label + ':':11}{escape(text)}")
        console.print()
    earned = sum(result.score for result in results.values())
    console.print(f"[bold]{number(earned)} of {number(sum(lesson.points for lesson in lessons))} points[/]")
    console.print(f"course {load_course().version}, seed {seed}, {escape(sandbox.notice)}", style="dim")
    return out.getvalue()


def _test_entry(exercise: Exercise, result: Result | None, notes: Sequence[str]) -> dict:
    if result is None:
        output = NEVER_REACHED
    elif result.outcome == "passed":
        output = "All checks passed."
    else:
        output = "\n".join(f"{label}: {text}" for label, text in explain(result))
    output = "\n".join([output, *(f"note: {note}" for note in notes)])
    return {
        "name": exercise.key,
        "score": result.score if result else 0.0,
        "max_score": exercise.points,
        "output": output,
        "extra_data": {
            "outcome": result.outcome if result else "missing",
            "misconception": result.misconception if result else None,
            "seconds": round(result.seconds, 3) if result else 0.0,
        },
    }


def check_writable(path: Path) -> None:
    """Raise CourseError where a report can't be written to ``path``, before any work is done for it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise CourseError(f"--report {path} can't be written: {error.strerror}; name another file") from None


def write_results(
    path: Path,
    lessons: Sequence[Lesson],
    results: Mapping[str, Result],
    notes: Mapping[str, Sequence[str]],
    seed: int,
    sandbox: Sandbox,
) -> None:
    """Write ``results.json`` in Gradescope's format: one entry for every exercise of every lesson graded."""
    tests = [
        _test_entry(exercise, results.get(exercise.key), notes.get(lesson.id, ()))
        for lesson in lessons
        for exercise in lesson.exercises
    ]
    document = {
        "score": round(sum(test["score"] for test in tests), 2),
        "max_score": sum(test["max_score"] for test in tests),
        "tests": tests,
        "extra_data": {"course": load_course().version, "seed": seed, "isolation": sandbox.notice},
    }
    # Written aside and moved, so that an interrupted run never leaves half a file.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(document, stream, indent=1, ensure_ascii=False)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
