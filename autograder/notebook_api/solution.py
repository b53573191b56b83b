"""``autograder.solution``: the reference beside a student's own code, once that code has passed in full."""

from __future__ import annotations

import ast
import html
from typing import Any

from ..checks.hints import guidance_of
from ..course.manifest import CourseError, Exercise, find_exercise, find_lesson
from ..course.released import Definition, definitions, solution_code, without_marks
from ..report.result_report import ResultReport
from ..report.words import title_of
from .check import check_live, notebook_names
from .earlier import is_lent


class Solution:
    """What ``autograder.solution`` answers. ``code`` is None until the exercise passes; ``report`` says why."""

    def __init__(self, exercise: Exercise, report: ResultReport) -> None:
        self.exercise, self.report = exercise, report
        self.code = reference_of(exercise) if report.passed else None
        self.about = guidance_of(exercise).about if report.passed else ""

    @property
    def title(self) -> str:
        """What is shown, or why nothing is."""
        title = title_of(self.exercise)
        if self.code is not None:
            return f"{title}: one way to write it"
        return f"{title}: the reference is shown once your own code passes in full; this is missing"

    def __repr__(self) -> str:
        if self.code is None:
            return f"{self.title}\n{self.report!r}"
        return f"{self.title}\n\n{self.code}\n\n{self.about}"

    def _repr_html_(self) -> str:
        title = f"<div><strong>{html.escape(self.title)}</strong></div>"
        if self.code is None:
            return title + self.report._repr_html_()
        return f"{title}<pre>{html.escape(self.code)}</pre><div>{html.escape(self.about)}</div>"


def _source(node: Definition, lines: list[str]) -> str:
    """Return a definition's text with its decorators and comments, without the marks of the author's tools."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return without_marks(lines[first - 1 : node.end_lineno])


def reference_of(exercise: Exercise) -> str:
    """Return the reference of one exercise. Raises CourseError where no reference is there."""
    code = solution_code(find_lesson(exercise.lesson))
    # Lines as Python counts them; other signs that end a line may stand within a text.
    found, lines = definitions(ast.parse(code)), code.split("\n")
    return "\n\n\n".join(_source(found[name], lines) for name in exercise.names)


def find_solution(name: str, namespace: dict[str, Any] | None = None) -> Solution:
    """Check the exercise on live names and return the reference where it passes, else what is missing.

    Raises CourseError for an unknown exercise, or where no reference is there.
    """
    exercise, names = find_exercise(name), notebook_names() if namespace is None else namespace
    if any(is_lent(names.get(each)) for each in exercise.names):
        raise CourseError(
            f"{exercise.name} is the reference that an earlier lesson lends; its text is for your own code"
        )
    return Solution(exercise, check_live(name, names))
