"""The lessons as a table of links, for the front page."""

from __future__ import annotations

from ...course.manifest import load_course


def lessons_table() -> str:
    """Return the lessons of the manifest as a Markdown table whose titles lead to their pages."""
    lines = ["| lesson | minutes | points |", "|---|---:|---:|"]
    for lesson in load_course().notebooks:
        link = f"[{lesson.number} {lesson.title}](lessons/{lesson.id}/{lesson.id}.ipynb)"
        points = f"{lesson.points:g}" if lesson.exercises else "–"
        lines.append(f"| {link}<br>{lesson.goal} | {lesson.minutes} | {points} |")
    return "\n".join(lines) + "\n"
