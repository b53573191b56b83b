"""The report as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

import html

from ..checks import ladder_of
from ..course.manifest import Exercise, Lesson, find_lesson, load_course
from ..grading.graded_run import GradedRun
from ..ladder.ladder import RungResult
from ..ladder.verdict import Result
from .fragments import STYLE, first_fix, page_head, rung_table, sign, text
from .words import number, remark, shown_notes, title_of

PAGE_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --card: #f6f8fa; --link: #0757ba;
  --good: #116329; --bad: #a40e26; --quiet: #57606a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --card: #161b22; --link: #79b8ff;
  --good: #56d364; --bad: #ff8a80; --quiet: #9da7b3; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --card: #fff; --link: #000; --good: #116329;
  --bad: #a40e26; --quiet: #333; } }
body { margin: 0 auto; padding: 1em 1.5em 3em; max-width: 62em; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1, h2, h3, h4 { line-height: 1.25; margin: 1em 0 .4em; }
h4 { font-size: 1rem; margin: .3em 0; }
a { color: var(--link); }
article { background: var(--card); border: 1px solid #8884; border-radius: 6px; padding: .2em 1.2em .8em;
  margin: 1em 0; }
article.missing, article.not_attempted { background: none; }
.total { font-size: 1.4rem; font-weight: bold; }
.small { color: var(--quiet); }
.passed { color: var(--good); }
.failed, .error, .timeout, .crashed { color: var(--bad); }
article.passed, article.failed, article.error, article.timeout, article.crashed { color: inherit; }
.lesson, .ladder { width: 100%; }
@media (min-width: 40em) { .lesson th, .lesson td:nth-child(3) { white-space: nowrap; } }
@media print { body { max-width: none; padding: 0; } article { border-color: #888; }
  .fix, figure, tr { break-inside: avoid; } h2, h3, h4 { break-after: avoid; } a { text-decoration: none; } }
"""


def _anchor(exercise: Exercise) -> str:
    return f"exercise-{exercise.id}"


def _points_table(run: GradedRun, lesson: Lesson) -> str:
    rows = []
    for exercise in lesson.exercises:
        result = run.result(exercise)
        link = f'<a href="#{_anchor(exercise)}">{html.escape(title_of(exercise))}</a>'
        points = f"{number(result.score if result else 0)} of {number(exercise.points)}"
        outcome = sign(result.outcome if result else "missing")
        cells = "".join(f"<td>{cell}</td>" for cell in (outcome, points, html.escape(remark(result))))
        rows.append(f'<tr><th scope="row">{link}</th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("exercise", "outcome", "points", "what to look at"))
    return f'<table class="lesson"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _unclimbed(lesson: Lesson, exercise: Exercise) -> tuple[RungResult, ...]:
    # The lesson as the course has it: the report may be on some of its exercises alone.
    return tuple(RungResult(rung, False, None) for rung in ladder_of(find_lesson(lesson.id), exercise).rungs)


def _exercise(lesson: Lesson, exercise: Exercise, result: Result | None) -> str:
    result = result or Result(exercise, "missing", 0.0)
    points = f"{number(result.score)} of {number(exercise.points)} points"
    return (
        f'<article class="{result.outcome}" id="{_anchor(exercise)}"><h3>{html.escape(title_of(exercise))}: '
        f"{sign(result.outcome)}, {points}</h3>"
        f"{first_fix(result, 'h4')}{rung_table(result, _unclimbed(lesson, exercise))}</article>"
    )


def _lesson(run: GradedRun, lesson: Lesson) -> str:
    points = f"{number(run.earned(lesson))} of {number(lesson.points)} points"
    said = "".join(f"<li>{html.escape(note)}</li>" for note in shown_notes(run.notes_of(lesson)))
    exercises = "".join(_exercise(lesson, exercise, run.result(exercise)) for exercise in lesson.exercises)
    return (
        f'<section id="lesson-{lesson.number}"><h2>{html.escape(f"{lesson.id}: {lesson.title}: {points}")}</h2>'
        f"{_points_table(run, lesson)}{f'<p>Notes:</p><ul>{said}</ul>' if said else ''}{exercises}</section>"
    )


def _next(run: GradedRun) -> str:
    chosen = run.next_to_fix()
    if chosen is None:
        return ""
    link = f'<a href="#{_anchor(chosen.exercise)}">{html.escape(title_of(chosen.exercise))}</a>'
    return f"<p>Fix this next: {link}</p>"


def make_page(run: GradedRun) -> str:
    """Return the whole report as an HTML page."""
    course = load_course()
    total = f"{number(run.points)} of {number(run.possible)}"
    head = page_head(f"{total} points: {html.escape(course.title)}", f"{STYLE}{PAGE_STYLE}")
    said = f"course {html.escape(course.version)}, seed {run.seed}, {text(run.sandbox.notice)}"
    sections = "".join(_lesson(run, lesson) for lesson in run.lessons)
    return (
        f'<!DOCTYPE html>\n<html lang="en">{head}<body class="autograder"><header>'
        f'<h1>{html.escape(course.title)}</h1><p class="total">{total} points</p>{_next(run)}'
        f'<p class="small">{said}</p></header><main>{sections}</main></body></html>\n'
    )
