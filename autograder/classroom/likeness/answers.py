"""What a student wrote for an exercise, taken out of the notebook that was handed in; nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...course.manifest import Exercise, Lesson
from ...course.released import definitions, load_released
from ...grading.ipython_cells import CellReader
from ...grading.notebook_choice import choose_notebook, notebooks_in, read_inside
from ...grading.notebook_file import Unreadable, kind_of_cell, read_cells, source_of
from ...grading.submission import mentions
from ..folders.handed_in import Submitted
from .fingerprints import winnow
from .structure import tokens

# Characters of a cell; the longest reference has a tenth of that.
LONGEST = 30_000


@dataclass(frozen=True)
class Written:
    """A student's answer to an exercise: the cell's text, and of its tree what belongs to the exercise."""

    exercise: str
    source: str
    nodes: tuple[ast.stmt, ...]


def nodes_of(tree: ast.Module, exercise: Exercise, others: frozenset[str]) -> tuple[ast.stmt, ...]:
    """Return what belongs to an exercise in a cell: its definitions and what helps them, but not ``others``."""
    return tuple(
        node
        for node in tree.body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in others)
    )


def _dump(node: ast.AST) -> str:
    try:
        return ast.dump(node)
    except (RecursionError, MemoryError):
        return ""


def written_in(content: bytes, lesson: Lesson) -> list[Written]:
    """Return the answers that a notebook holds, stubs left out: of each exercise the last cell that defines it.

    A notebook that can't be read holds none.
    """
    try:
        cells, _ = read_cells(content, lesson.id)
    except Unreadable:
        return []
    stubs, reader = load_released(lesson).stubs, CellReader()
    found: dict[str, Written] = {}
    for raw in cells:
        source = source_of(raw) if isinstance(raw, dict) and kind_of_cell(raw) == "code" else ""
        if not source or len(source) > LONGEST:
            continue
        # Most cells do not even hold the names.
        if not any(name in source and mentions(source, name) for name in lesson.names):
            continue
        read = reader.read(source)
        if read.tree is None:
            continue
        stub = "NotImplementedError" in source
        own = {name for name, node in definitions(read.tree).items() if not stub or _dump(node) != stubs.get(name)}
        for exercise in lesson.exercises:
            if own.intersection(exercise.names):
                others = frozenset(lesson.names) - set(exercise.names)
                nodes = nodes_of(read.tree, exercise, others)
                found[exercise.name] = Written(exercise.name, read.source, nodes)
    return list(found.values())


def read_answers(submitted: Submitted) -> list[Written]:
    """Return the answers in a submission's notebook; none where there is no notebook that can be read."""
    try:
        notebook, _ = choose_notebook(notebooks_in(submitted.folder, submitted.lesson), submitted.lesson)
        content = read_inside(notebook, submitted.folder) if notebook is not None else b""
    except Unreadable:
        return []
    return written_in(content, submitted.lesson)


def prints_of(nodes: Sequence[ast.AST]) -> np.ndarray:
    """Return the fingerprints of an answer: uint64, sorted, without doubles."""
    return np.unique(np.fromiter(winnow(tokens(nodes)), np.uint64))


def fingerprinted(submissions: Iterable[Submitted]) -> list[tuple[str, str, np.ndarray]]:
    """Return the student, the exercise and the fingerprints of every answer in these submissions."""
    return [
        (submitted.student, written.exercise, prints_of(written.nodes))
        for submitted in submissions
        for written in read_answers(submitted)
    ]
