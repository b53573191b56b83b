"""Read a student's notebook, whatever became of it, and find the code that counts."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..course.manifest import Exercise, Lesson, load_course
from ..course.released import Definition, Released, definitions, load_released, normalize
from .ipython_cells import CellReader
from .lost_parts import note_lost_parts
from .notebook_file import RawCell, Unreadable, kind_of_cell, read_cells, source_of

__all__ = ["Cell", "NoSubmission", "RawCell", "Submission", "Unreadable", "mentions", "read_submission", "source_of"]

# Cells that Python can't read, of which notes tell one by one.
UNREAD = 10
# Longer ones are no given cell.
GIVEN = 100_000
_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of the student's that will run, as Python. ``label`` is how reports name it."""

    label: str
    source: str


@dataclass(frozen=True)
class Submission:
    """What is left of a notebook once it is read.

    ``cells`` run in their order; ``untouched`` names the exercises that are still stubs; ``notes`` say what was
    repaired; ``broken`` maps a name to the syntax error in the cell that should define it; ``handed_in`` are
    all cells as they came; ``look`` says why a teacher should look at it; ``written`` names the exercises that hold a
    student's own work.
    """

    lesson: Lesson
    cells: tuple[Cell, ...]
    untouched: frozenset[str]
    notes: tuple[str, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    handed_in: tuple[RawCell, ...] = ()
    look: tuple[str, ...] = ()
    written: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NoSubmission:
    """Why there is nothing to grade: ``got`` says what came in place of a notebook, ``notes`` what is wrong with it.

    ``handed_in`` holds the cells of one that can be told apart all the same; ``look`` says why a teacher should look.
    """

    lesson: Lesson
    got: str
    notes: tuple[str, ...] = ()
    handed_in: tuple[RawCell, ...] = ()
    look: tuple[str, ...] = ()


@dataclass
class _Found:
    """A cell on its way: its tree is None where it is not Python. ``kind`` is a cell magic where one takes it."""

    label: str
    kind: str
    source: str
    tree: ast.Module | None = None
    error: str | None = None

    def names(self) -> dict[str, Definition]:
        return definitions(self.tree) if self.tree else {}


def mentions(source: str, name: str) -> bool:
    """Return whether a cell's text, which need not be Python, has a line that begins to define ``name``."""
    return re.search(rf"^[ \t]*(async[ \t]+)?(def|class)[ \t]+{name}\b", source, re.MULTILINE) is not None


def _read(cell: _Found, reader: CellReader, text: str) -> None:
    """Make ``text`` the code of a cell."""
    found = reader.read(text)
    cell.kind, cell.source, cell.tree, cell.error = found.magic or "code", found.source, found.tree, found.error


def _find_cells(cells: Sequence[Any], given: frozenset[str], reader: CellReader) -> list[_Found]:
    """Return the student's own cells, with their place in the notebook: without the given ones."""
    found = []
    for number, raw in enumerate(cells, start=1):
        if not isinstance(raw, dict):
            continue
        cell = _Found(f"cell {number}", kind_of_cell(raw), source_of(raw))
        if len(cell.source) <= GIVEN and normalize(cell.source) in given:
            continue
        if cell.kind == "code":
            _read(cell, reader, cell.source)
        found.append(cell)
    return found


def _fenced(text: str) -> str:
    """Return what stands between the first pair of Markdown fences, or the whole text where there is none."""
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if line.startswith("```")]
    return "\n".join(lines[fences[0] + 1 : fences[1]]) if len(fences) > 1 else text


def _rescue_retyped(cells: list[_Found], names: tuple[str, ...], reader: CellReader, notes: list[str]) -> None:
    """Turn cells that are no code back into code where they hold the only definition of a name."""
    for name in names:
        if any(cell.kind == "code" and mentions(cell.source, name) for cell in cells):
            continue
        for cell in cells:
            if cell.kind == "code" or not mentions(cell.source, name):
                continue
            found = reader.read(_fenced(cell.source))
            if found.tree is not None and name in definitions(found.tree):
                magic = cell.kind.startswith("%%")
                what = f"begins with {cell.kind[:40]}" if magic else "is no code cell"
                notes.append(f"{name} stands in {cell.label}, which {what}; its code was read all the same")
                cell.kind, cell.source, cell.tree, cell.error = "code", found.source, found.tree, None
                break


def _dump(node: ast.AST) -> str:
    """Return a syntax tree as text; one that is nested too deeply for that is like no other."""
    try:
        return ast.dump(node)
    except (RecursionError, MemoryError):
        return ""


def _stubs_in(cell: _Found, released: Released) -> dict[str, bool]:
    """Return for each name of the lesson that a cell defines whether that is still the stub."""
    return {name: _dump(node) == released.stubs[name] for name, node in cell.names().items() if name in released.stubs}


def _without_lines(source: str, nodes: Sequence[Definition]) -> str:
    """Return a cell's text with empty lines in place of some definitions: the others keep their numbers."""
    lines = source.split("\n")
    for node in nodes:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        last = node.end_lineno or node.lineno
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(lines)


def _drop_shadowing_stubs(cells: list[_Found], released: Released, notes: list[str]) -> None:
    """Leave out stubs of names that are written elsewhere, so that a leftover copy can't undo the work."""
    stubs = [_stubs_in(cell, released) for cell in cells]
    written = {name for found in stubs for name, stub in found.items() if not stub}
    for cell, found in zip(cells, stubs, strict=True):
        stale = [name for name, stub in found.items() if stub and name in written]
        if cell.tree is None or not stale:
            continue
        notes.append(f"{cell.label} still holds the stub of {', '.join(stale)}, which is written elsewhere; left out")
        nodes = [cell.names()[name] for name in stale]
        cell.source = _without_lines(cell.source, nodes)
        cell.tree.body = [node for node in cell.tree.body if node not in nodes]


def _states(exercise: Exercise, stubs: Sequence[dict[str, bool]]) -> set[str]:
    """Return ``stub`` and ``own`` where an exercise's names are defined as such; nothing where one is not there."""
    found = [(name, stub) for each in stubs for name, stub in each.items() if name in exercise.names]
    whole = {name for name, _ in found} == set(exercise.names)
    return {"stub" if stub else "own" for _, stub in found} if whole else set()


def _note_unread(code: Sequence[_Found]) -> list[str]:
    """Return a note for each of the first cells that Python can't read."""
    unread = [cell for cell in code if cell.tree is None]
    said = [f"{cell.label} can't be read: {cell.error}" for cell in unread[:UNREAD]]
    return said + ([f"{len(unread) - UNREAD:,} more cells can't be read"] if len(unread) > UNREAD else [])


def _note_no_code(handed_in: Sequence[RawCell], name: str) -> list[str]:
    if any(kind_of_cell(cell) == "code" for cell in handed_in):
        return []
    return [f"{name} holds no cell of code; save it again in Jupyter, or hand it in anew"]


def _note_other_lesson(cells: Sequence[_Found], lesson: Lesson, name: str) -> list[str]:
    """Return a note where a notebook holds nothing of the lesson, but exercises of another one."""
    defined = {found for cell in cells for found in _DEFINITION.findall(cell.source)}
    if defined & set(lesson.names):
        return []
    held = {other.id: [each for each in other.names if each in defined] for other in load_course().lessons}
    most = max(held, key=lambda id: len(held[id]))
    if not held[most]:
        return []
    shown = ", ".join(held[most][:3])
    return [f"{name} holds exercises of lesson {most} ({shown}), none of {lesson.id}; hand in this lesson's notebook"]


def _broken_names(code: Sequence[_Found], lesson: Lesson) -> dict[str, str]:
    """Return the names whose definition can't be read, with the place and the error.

    A definition may be so broken that none is to be seen; then it stands where alone the exercise's name does.
    """
    unread = [cell for cell in code if cell.tree is None]
    broken = {name: cell for cell in unread for name in _DEFINITION.findall(cell.source)}
    for name in lesson.names:
        found = [cell for cell in code if re.search(rf"\b{name}\b", cell.source)]
        if name not in broken and found and all(cell.tree is None for cell in found):
            broken[name] = found[0]
    return {name: f"{cell.label}: {cell.error}" for name, cell in broken.items()}


def read_submission(content: bytes, lesson: Lesson, name: str = "the file") -> Submission:
    """Return the student's code in a notebook; ``name`` is how messages call its file.

    Given cells are left out (the course's own copies run instead), as are checks. Raises Unreadable where the content
    is no notebook.
    """
    released, reader = load_released(lesson), CellReader()
    cells, notes = read_cells(content, name)
    found = _find_cells(cells, released.given, reader)
    _rescue_retyped(found, lesson.names, reader, notes)
    code = [cell for cell in found if cell.kind == "code" and cell.source.strip()]
    _drop_shadowing_stubs(code, released, notes)
    stubs = [_stubs_in(cell, released) for cell in code]
    states = {exercise.name: _states(exercise, stubs) for exercise in lesson.exercises}
    untouched = frozenset(name for name, found in states.items() if found == {"stub"})
    written = frozenset(name for name, found in states.items() if "own" in found)
    handed_in = tuple(cell for cell in cells if isinstance(cell, dict))
    notes += [*_note_unread(code), *_note_no_code(handed_in, name), *_note_other_lesson(found, lesson, name)]
    broken = _broken_names(code, lesson)
    if written or broken:
        notes += note_lost_parts(handed_in, lesson)
    kept = tuple(Cell(cell.label, cell.source) for cell in code if cell.tree is not None)
    return Submission(lesson, kept, untouched, tuple(notes), broken, handed_in, written=written)
