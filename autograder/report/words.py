"""The words and signs in which every report tells of a result: a terminal, a page, a notebook, a file."""

from __future__ import annotations

from collections.abc import Sequence

from ..course.manifest import Exercise
from ..ladder.verdict import Result
from .safe_text import safe_text

SIGNS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "not_attempted": ("·", "dim"),
    "error": ("!", "red"),
    "timeout": ("!", "red"),
    "crashed": ("!", "red"),
    "missing": ("?", "yellow"),
}
# Why checks that were passed earn nothing; the label of that line.
WITHHELD = "what passed counts only once the values are right"
POINTS = "points"
NEVER_REACHED = "not graded in this run"
# The label of the line that names a mistake of the catalogue.
MISTAKE = "a known mistake"
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


def mistake_in_words(misconception: str) -> str:
    """Return a mistake of the catalogue as a reader should see it: ``rmse/no-root`` is "no root"."""
    return misconception.rpartition("/")[2].replace("-", " ")


def explain(result: Result) -> list[tuple[str, str]]:
    """Return what a student should read about a result, as labeled lines, the most important first.

    The texts are safe to show (``safe_text``), but not escaped for any markup.
    """
    problem = result.problem
    if problem is None or (result.outcome == "not_attempted" and problem.where is None):
        # Nothing was written, so there is nothing to explain; whoever wrote a part reads which line is a stub still.
        return []
    rung = result.failed_rung
    lines = [("looked at", f"{rung.rung.looked_at} ({rung.rung.kind})")] if rung else []
    lines += [("expected", problem.expected), ("got", problem.got)]
    lines += [("example", problem.example)] if problem.example else []
    lines += [("your line", problem.where)] if problem.where else []
    if result.misconception:
        lines.append((MISTAKE, mistake_in_words(result.misconception)))
    # Where there is no code to speak of, a hint would mislead or come before it is asked for.
    hint = problem.hint or (None if result.outcome in ("missing", "not_attempted") else result.exercise.hint)
    lines += [("hint", hint)] if hint else []
    lines += [(POINTS, WITHHELD)] if result.withheld else []
    return [(label, safe_text(text, TEXT)) for label, text in lines]


def remark(result: Result | None) -> str:
    """Return in one line what a table says about a result that is not full marks."""
    if result is None:
        return NEVER_REACHED
    if result.failed_rung:
        return result.failed_rung.rung.looked_at
    if result.problem and result.outcome != "not_attempted":
        return safe_text(result.problem.got, REMARK, one_line=True)
    return ""


def shown_notes(notes: Sequence[str]) -> list[str]:
    """Return a lesson's notes, safe to show, one line each; of very many the first ones and how many more there are."""
    shown = [safe_text(note, NOTE, one_line=True) for note in notes[:MAX_NOTES]]
    more = len(notes) - len(shown)
    return shown + ([f"… and {more:,} more notes like these"] if more else [])
