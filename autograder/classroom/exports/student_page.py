"""A student's own page: what each lesson brought, with links to nbgrader's pages beside it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import quote

from ...course.manifest import Lesson, load_course
from ...report.fragments import STYLE, page_head, sign, text
from ...report.page import PAGE_STYLE
from ...report.words import number, title_of
from ..gradebook.marks import ClassMarks, Graded, Mark


def points_of(mark: Mark) -> str:
    """Return the points of an exercise as a reader should see them."""
    return f"{number(mark.score)} of {number(mark.exercise.points)}{', by hand' if mark.by_hand else ''}"


def _marks(graded: Graded) -> str:
    rows = "".join(
        f'<tr><th scope="row">{html.escape(title_of(mark.exercise))}</th><td>{sign(mark.outcome)}</td>'
        f"<td>{points_of(mark)}</td></tr>"
        for mark in graded.marks
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("exercise", "outcome", "points"))
    return f'<table class="lesson"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _more(graded: Graded) -> str:
    if not graded.more:
        return ""
    said = "for extra credit" if graded.more > 0 else "for handing it in late"
    return f"<p>{number(graded.more).replace('-', '−')} points {said}</p>"


def _lesson(lesson: Lesson, graded: Graded | None, page: str | None, handed_in: bool) -> str:
    title = html.escape(f"{lesson.id}: {lesson.title}")
    if graded is None:
        return f"<section><h2>{title}</h2><p>{'Not graded yet.' if handed_in else 'Not handed in.'}</p></section>"
    when = f'<p class="small">handed in {text(graded.timestamp)}</p>' if graded.timestamp else ""
    link = f'<p><a href="{quote(page)}">Your notebook with all that was found</a></p>' if page else ""
    return (
        f"<section><h2>{title}: {number(graded.points)} of {number(lesson.points)} points</h2>"
        f"{when}{link}{_marks(graded)}{_more(graded)}</section>"
    )


def student_page(marks: ClassMarks, student: str, pages: Mapping[str, str]) -> str:
    """Return the page as HTML; ``pages`` holds the files beside it by the lesson's id."""
    course, person = load_course(), marks.people[student]
    sections = [
        _lesson(
            lesson,
            marks.graded.get((student, lesson.id)),
            pages.get(lesson.id),
            student in marks.handed_in[lesson.id],
        )
        for lesson in marks.lessons
    ]
    head = page_head(f"{text(person.name)}: {html.escape(course.title)}", f"{STYLE}{PAGE_STYLE}")
    possible = sum(lesson.points for lesson in marks.lessons if (student, lesson.id) in marks.graded)
    total = f"{number(marks.total(student) or 0)} of {number(possible)}"
    return (
        f'<!DOCTYPE html>\n<html lang="en">{head}<body class="autograder"><header>'
        f'<h1>{html.escape(course.title)}</h1><p class="total">{text(person.name)}: {total} points</p></header>'
        f"<main>{''.join(sections)}</main></body></html>\n"
    )
