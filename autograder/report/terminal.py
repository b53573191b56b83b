"""What a grading run says: tables and the first thing to fix in a terminal, ``results.json`` for other programs."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..course.manifest import CourseError, Exercise, Lesson, load_course
from ..isolation.sandbox import Sandbox
from ..ladder.verdict import Result
from .visible import indented, visible

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
# Characters shown of one text of an explanation, of a table's remark and of a note; and how many notes.
TEXT, REMARK, NOTE = 2000, 160, 400
MAX_NOTES = 20


def number(value: float) -> str:
    """Return points without a trailing ``.0``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def title_of(exercise: Exercise) -> str:
    """Return the number and the names of an exercise."""
    return f"{exercise.id} {', '.join(exercise.names)}"


def in_words(outcome: str) -> str:
    """Return an outcome as a reader should see it."""
    return outcome.replace("_", " ")


def earned(lesson: Lesson, results: Mapping[str, Result]) -> float:
    """Return the points of a lesson's results."""
    return sum(results[exercise.key].score for exercise in lesson.exercises if exercise.key in results)


def explain(result: Result) -> list[tuple[str, str]]:
    """Return what a student should read about a result, as labeled lines, the most important first.

    The texts are safe to show (``visible``), but not escaped for any markup.
    """
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
    return [(label, visible(text, TEXT)) for label, text in lines]


def remark(result: Result | None) -> str:
    """Return in one line what a table says about a result that is not full marks."""
    if result is None:
        return NEVER_REACHED
    if result.failed_rung:
        return result.failed_rung.rung.looked_at
    if result.problem and result.outcome != "not_attempted":
        return visible(result.problem.got, REMARK, one_line=True)
    return ""


def shown_notes(notes: Sequence[str]) -> list[str]:
    """Return a lesson's notes, safe to show, one line each; of very many the first ones and how many more there are."""
    shown = [visible(note, NOTE, one_line=True) for note in notes[:MAX_NOTES]]
    more = len(notes) - len(shown)
    return shown + ([f"… and {more:,} more notes like these"] if more else [])


def lesson_table(lesson: Lesson, results: Mapping[str, Result]) -> Table:
    """Return one lesson's points as a table for a terminal."""
    title = f"{lesson.id}: {lesson.title}: {number(earned(lesson, results))} of {number(lesson.points)} points"
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


def next_to_fix(lessons: Sequence[Lesson], results: Mapping[str, Result]) -> Result | None:
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
        console.print(lesson_table(lesson, results))
        for note in shown_notes(notes.get(lesson.id, ())):
            console.print(Padding(Text(f"note: {note}", "yellow"), (0, 0, 0, 2)))
        console.print()
    chosen = next_to_fix(lessons, results)
    if chosen is not None:
        console.print(Text(f"Fix this next: {title_of(chosen.exercise)}", "bold"))
        console.print(explanation(chosen))
        console.print()
    total = sum(earned(lesson, results) for lesson in lessons)
    console.print(Text(f"{number(total)} of {number(sum(lesson.points for lesson in lessons))} points", "bold"))
    console.print(Text(f"course {load_course().version}, seed {seed}, {visible(sandbox.notice)}", "dim"))
    return out.getvalue()


def _test_entry(exercise: Exercise, result: Result | None, notes: Sequence[str]) -> dict:
    if result is None:
        output = NEVER_REACHED
    elif result.outcome == "passed":
        output = "All checks passed."
    else:
        output = "\n".join(indented(label, text) for label, text in explain(result))
    output = "\n".join([output, *(indented("note", note) for note in shown_notes(notes))])
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


def check_writable(path: Path, option: str) -> None:
    """Raise CourseError where what ``option`` asks for can't be written to ``path``, before any work is done for it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        where = visible(str(path))
        raise CourseError(f"{option} {where} can't be written: {error.strerror}; name another file") from None


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
        "extra_data": {"course": load_course().version, "seed": seed, "isolation": visible(sandbox.notice)},
    }
    write_aside(path, json.dumps(document, indent=1, ensure_ascii=False))


def write_aside(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8."""
    # Written aside and moved, so that an interrupted run never leaves half a file.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
