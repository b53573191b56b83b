"""The README's table of lessons: written between two marks, from the manifest."""

from __future__ import annotations

from ..course.manifest import ROOT, CourseError, load_course
from ..course.root import shown_path

README = ROOT / "README.md"
BEGIN, END = "<!-- the lessons: written by `python -m autograder build` -->\n", "<!-- end of the lessons -->"


def readme_table() -> str:
    """Return the lessons of the manifest as a Markdown table: goal, exercises, points, minutes."""
    lines = ["| lesson | goal | exercises | points | minutes |", "|---|---|---|---|---|"]
    for lesson in load_course().notebooks:
        exercises = ", ".join(" / ".join(f"`{name}`" for name in exercise.names) for exercise in lesson.exercises)
        told, points = (exercises, f"{lesson.points:g}") if exercises else ("none: to be read", "–")
        lines.append(f"| `{lesson.id}` | {lesson.goal} | {told} | {points} | {lesson.minutes} |")
    return "\n".join(lines)


def readme_with_table() -> bytes:
    """Return the README as it must be. Raises CourseError where the marks around its table are not there once each."""
    text = README.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise CourseError(f"{shown_path(README)}: expected the table of lessons between {BEGIN.strip()} and {END}")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{readme_table()}\n{END}{rest.split(END)[1]}".encode()
