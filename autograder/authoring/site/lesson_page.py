"""A lesson as a page: the executed notebook with stubs in place of solutions, and a text for every figure."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from ...course.manifest import CourseError, Lesson
from ...course.released import released_cells, released_path, without_marks
from ...course.root import shown_path
from ..alt_texts import pictures_of
from .settings import Settings

SHOW_DRAWING, SHOW_SETUP = "Show the code that draws", "Show the code that prepares the lesson"
SHOW_SOLUTION = "Show a solution, after you tried"


def _counted(number: float, one: str) -> str:
    return f"{number:g} {one}{'s' * (number != 1)}"


def facts(lesson: Lesson) -> str:
    """Return minutes, points and the number of exercises in a line."""
    parts = [_counted(lesson.minutes, "minute")]
    if lesson.exercises:
        parts += [_counted(lesson.points, "point"), _counted(len(lesson.exercises), "exercise")]
    else:
        parts.append("to be read, not graded")
    return " · ".join(parts)


def _head(lesson: Lesson, scale: str | None, settings: Settings) -> str:
    """Return what stands below the title, in MyST Markdown; ``scale`` is that of the run, None where none was made."""
    links = [f"[{name}]({address})" for name, address in settings.open_links(lesson).items()]
    opened = f" · Open in {', '.join(links)}" if links else ""
    download = f"{{download}}`Download the notebook <../../../../lessons/{lesson.id}/{lesson.id}.ipynb>`"
    if scale is None:
        said = "Not run for this page, so that nothing is shown below its cells."
    elif lesson.exercises:
        said = f"What the cells show here is what the reference solutions gave, at the scale `{scale}`."
    else:
        said = "What the cells show here is what they gave in one run."
    return f"{{.lesson-facts}}\n{facts(lesson)} · {download}{opened}\n\n{{.lesson-run}}\n{said}"


def _with_head(source: str, head: str, lesson: Lesson) -> str:
    title, _, rest = source.partition("\n")
    if not title.startswith("# "):
        raise CourseError(f"{lesson.id}: expected its first cell to begin with the title, got {title!r}")
    return f"{title}\n\n{head}\n{rest}"


def _stubs(lesson: Lesson) -> dict[str, str]:
    """Return what was released in place of each exercise's solution, by the id of its cell."""
    return {
        cell["exercise"]: cell["text"]
        for cell in released_cells(lesson)
        if cell["kind"] == "solution" and cell["exercise"]
    }


def _fold(cell: NotebookNode, prompt: str) -> None:
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
    cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = prompt


def _without_page(output: NotebookNode) -> NotebookNode:
    """Return an output without its HTML where plain text says the same: a page in the page has colors of its own."""
    if "text/plain" in output.get("data", {}):
        output.data.pop("text/html", None)
    return output


def _code(cell: NotebookNode, stubs: dict[str, str], settings: Settings) -> Iterator[NotebookNode]:
    grading = cell.metadata.get("nbgrader", {})
    cell.outputs = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    if not grading.get("solution"):
        if grading.get("grade"):
            cell.outputs = [_without_page(output) for output in cell.outputs]
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            _fold(cell, SHOW_SETUP if "setup" in cell.metadata.get("tags", []) else SHOW_DRAWING)
        yield cell
        return
    solution, cell.source = cell.source, stubs[cell.id]
    yield cell
    if settings.solutions:
        shown = new_code_cell(without_marks(solution.splitlines()), id=f"solution-{cell.id}"[:64])
        _fold(shown, SHOW_SOLUTION)
        yield shown


def lesson_page(lesson: Lesson, notebook: NotebookNode, scale: str | None, settings: Settings) -> NotebookNode:
    """Return the notebook of a lesson's page.

    ``notebook`` is the reference notebook, executed at ``scale``, or not (None). Raises CourseError where the release
    holds no stub for one of its solutions.
    """
    page, stubs = deepcopy(notebook), _stubs(lesson)
    for cell, output, alt in pictures_of(page):
        cell.metadata.setdefault("mystnb", {})["image"] = {"alt": alt}
        # Whoever shows a page without the picture shows its text, not the name of a class.
        output.data["text/plain"] = alt
    missing = {cell.id for cell in page.cells if cell.metadata.get("nbgrader", {}).get("solution")} - stubs.keys()
    if missing:
        raise CourseError(
            f"{shown_path(released_path(lesson))} has no stub for {', '.join(sorted(missing))}; run: "
            f"python -m autograder build {lesson.number}"
        )
    page.cells[0].source = _with_head(page.cells[0].source, _head(lesson, scale, settings), lesson)
    cells: list[NotebookNode] = []
    for cell in page.cells:
        cells += _code(cell, stubs, settings) if cell.cell_type == "code" else [cell]
    page.cells = cells
    return page
