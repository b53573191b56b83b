"""The table of lessons, as the README shows it."""

from __future__ import annotations

from ..course.manifest import load_course


def lesson_table() -> str:
    """Return the lessons of the manifest as a Markdown table: goal, exercises, points, minutes."""
    lines = ["| lesson | goal | exercises | points | minutes |", "|---|---|---|---|---|"]
    for lesson in load_course().lessons:
        exercises = ", ".join(" / ".join(f"`{name}`" for name in exercise.names) for exercise in lesson.exercises)
        lines.append(f"| `{lesson.id}` | {lesson.goal} | {exercises} | {lesson.points:g} | {lesson.minutes} |")
    return "\n".join(lines)
