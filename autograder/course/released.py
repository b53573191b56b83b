"""The engine's own copy of what was released: the given cells and the stubs, safe from a student's edits."""

from __future__ import annotations

import ast
import json
import marshal
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypedDict

import numpy as np

from .address import without_address
from .manifest import ROOT, CourseError, Lesson, find_lesson
from .root import shown_path
from .sealed import course_file

# Between them an author writes what a student is to write.
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
COPIES = Path(__file__).with_name("copies")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class ReleasedCell(TypedDict):
    """A code cell of the release: its ``kind`` (setup, solution, check …), its exercise's name or None, its text."""

    kind: str
    exercise: str | None
    text: str


@dataclass(frozen=True)
class Released:
    """``setup`` holds the given code that runs before a student's, ``imports`` the modules that it asks for; ``given``
    every given text, to know it again; ``stubs`` the syntax tree of each exercise name's stub; ``checks`` the text of
    each exercise's check cell, by the exercise."""

    setup: tuple[str, ...]
    imports: tuple[str, ...]
    given: frozenset[str]
    stubs: dict[str, str]
    checks: dict[str, str]


def released_path(lesson: Lesson) -> Path:
    """Return where the engine's copy of the lesson lies."""
    return COPIES / f"{lesson.id}.json"


def normalize(text: str) -> str:
    """Return a cell's text as it was built: without what an editor may change unasked, line ends and trailing space,
    and without the address that a students' repository puts into it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    return without_address("\n".join(line.rstrip() for line in lines))


def definitions(tree: ast.Module) -> dict[str, Definition]:
    """Return the functions and classes that a cell defines at its top level, by name (the last one counts)."""
    return {node.name: node for node in tree.body if isinstance(node, Definition)}


def released_cells(lesson: Lesson) -> list[ReleasedCell]:
    """Return the released code cells. Raises CourseError where the lesson was never built."""
    path = released_path(lesson)
    if not path.is_file():
        raise CourseError(f"{shown_path(path)} is missing; run: python -m autograder build")
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@cache
def load_released(lesson: Lesson) -> Released:
    """Return what was released of the lesson. Raises CourseError where it was never built."""
    cells = released_cells(lesson)
    stubs = {
        name: ast.dump(node)
        for cell in cells
        if cell["kind"] == "solution"
        for name, node in definitions(ast.parse(cell["text"])).items()
    }
    setup = tuple(cell["text"] for cell in cells if cell["kind"] == "setup")
    given = frozenset(normalize(cell["text"]) for cell in cells if cell["kind"] != "solution")
    checks = {
        cell["exercise"]: normalize(cell["text"]) for cell in cells if cell["kind"] == "check" and cell["exercise"]
    }
    return Released(setup, _imports(setup), given, stubs, checks)


def _imports(setup: tuple[str, ...]) -> tuple[str, ...]:
    nodes = [node for text in setup for node in ast.walk(ast.parse(text))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    # The course's own package is another one in a worker.
    return tuple(dict.fromkeys(name for name in names if name.partition(".")[0] != "autograder"))


@cache
def _compiled(lesson_id: str, source: str) -> np.ndarray:
    return np.frombuffer(marshal.dumps(compile(source, f"<cell {lesson_id}>", "exec")), np.uint8)


def earlier_references(lesson: Lesson) -> dict[str, np.ndarray]:
    """Return the compiled references (given setup and solutions) of the lessons that this one builds upon, by id.

    Compiled with ``marshal``, as uint8: whoever runs them needs no text, and a student's code finds none to print.
    Raises CourseError where one is not there.
    """
    found: dict[str, np.ndarray] = {}
    for earlier in map(find_lesson, lesson.needs):
        path = reference_file(earlier)
        if not path.is_file():
            raise CourseError(f"lesson {lesson.id} uses {earlier.id}, whose reference {shown_path(path)} is missing")
        found |= earlier_references(earlier)
        found[earlier.id] = _compiled(earlier.id, reference_code(path))
    return found


def reference_path(lesson: Lesson) -> Path:
    """Return where the lesson's solved notebook lies in the course's own folder."""
    return ROOT / _reference_place(lesson)


def reference_file(lesson: Lesson) -> Traversable:
    """Return the lesson's solved notebook, which is sealed in a students' repository and in an installed course."""
    return course_file(_reference_place(lesson))


def _reference_place(lesson: Lesson) -> str:
    return f"solutions/{lesson.id}/{lesson.id}.ipynb"


def reference_code(path: Traversable, setup: bool = True) -> str:
    """Return the setup and solution cells of a source notebook as one piece of code, or its solutions alone."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        metadata = cell.get("metadata", {})
        given = setup and "setup" in metadata.get("tags", [])
        if given or metadata.get("nbgrader", {}).get("solution"):
            parts.append("".join(cell["source"]))
    return "\n\n\n".join(parts)


def without_marks(lines: Iterable[str]) -> str:
    """Return a solution's lines as one text, without the marks between which an author writes it."""
    return "\n".join(line for line in lines if line.strip() not in (BEGIN, END))


def solution_code(lesson: Lesson) -> str:
    """Return the lesson's reference solutions as one piece of code. Raises CourseError where they are not there."""
    path = reference_file(lesson)
    if not path.is_file():
        raise CourseError(f"{shown_path(path)} is missing; the reference solutions are needed here")
    return reference_code(path, setup=False)
