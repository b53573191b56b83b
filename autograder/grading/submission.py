"""Read a student's notebook, whatever became of it, and find the code that counts."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from typing import Any

from ..course.manifest import Exercise, Lesson
from ..course.released import Definition, Released, definitions, load_released, normalize

MAX_CELLS = 2000
# Of all cells together; the lessons' own code has about 20,000 characters.
MAX_CODE = 1_000_000
_MAGIC = re.compile(r"^([ \t]*)([%!?].*)$", re.MULTILINE)


# A cell as the notebook's file holds it: a student's tools, and the student, may have written anything into it.
RawCell = dict[str, Any]


class Unreadable(Exception):
    """The notebook can't be read; the message says why and what to do.

    ``handed_in`` holds the cells of one that can be told apart all the same, to be shown.
    """

    def __init__(self, message: str, handed_in: tuple[RawCell, ...] = ()) -> None:
        super().__init__(message)
        self.handed_in = handed_in


@dataclass(frozen=True)
class Cell:
    """A cell of the student's that will run. ``label`` is how reports name it."""

    label: str
    source: str


@dataclass(frozen=True)
class Submission:
    """What is left of a notebook once it is read.

    ``cells`` run in their order; ``untouched`` names the exercises that are still stubs; ``notes`` say what was
    repaired; ``broken`` maps an exercise name to the syntax error in the cell that should define it; ``handed_in`` are
    all cells as they came.
    """

    lesson: Lesson
    cells: tuple[Cell, ...]
    untouched: frozenset[str]
    notes: tuple[str, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    handed_in: tuple[RawCell, ...] = ()


@dataclass(frozen=True)
class NoSubmission:
    """Why there is nothing to grade: ``got`` says what came in place of a notebook, ``notes`` what is wrong with it.

    ``handed_in`` holds the cells of one that can be told apart all the same.
    """

    lesson: Lesson
    got: str
    notes: tuple[str, ...] = ()
    handed_in: tuple[RawCell, ...] = ()


@dataclass
class _Found:
    """A cell on its way: its tree is None where it is not Python."""

    label: str
    kind: str
    source: str
    tree: ast.Module | None
    error: str | None = None

    def names(self) -> dict[str, Definition]:
        return definitions(self.tree) if self.tree else {}


def _read_json(content: bytes, name: str) -> dict[str, Any]:
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{name} is not a notebook ({error}); save it again in Jupyter, or hand it in anew") from error
    if not isinstance(data, dict):
        raise Unreadable(f"{name} has no list of cells; save it again in Jupyter, or hand it in anew")
    return data


def _list_cells(data: dict[str, Any], name: str) -> list[Any]:
    """Return the cells of a notebook in any version of the format, whatever each of them is."""
    cells, sheets = data.get("cells"), data.get("worksheets")
    if isinstance(sheets, list):
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for each in lists if isinstance(each, list) for cell in each if isinstance(cell, dict)]
    if not isinstance(cells, list):
        raise Unreadable(f"{name} has no list of cells; save it again in Jupyter, or hand it in anew")
    return cells


def _check_amount(cells: list[Any], handed_in: tuple[RawCell, ...], name: str) -> None:
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"{name} has {len(cells):,} cells; at most {MAX_CELLS:,} are read", handed_in)
    code = sum(len(source_of(cell)) for cell in handed_in if cell.get("cell_type") == "code")
    if code > MAX_CODE:
        raise Unreadable(f"{name} has {code:,} characters of code; at most {MAX_CODE:,} are read", handed_in)


def source_of(cell: RawCell) -> str:
    """Return the text of a cell in any version of the format; nothing where it has none."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff") if isinstance(source, str) else ""


def _parse(source: str) -> tuple[str, ast.Module | None, str | None]:
    """Return the source without magics, its tree, and the syntax error where there is one."""
    if source.lstrip().startswith("%%"):
        first, _, rest = source.lstrip().partition("\n")
        source = rest if first.split()[0] in ("%%time", "%%timeit", "%%capture") else ""
    for text in (source, _MAGIC.sub(r"\1pass", source)):
        try:
            tree = ast.parse(text)
            # Code so deeply nested that it can't be compared with a stub is no work of a student's.
            ast.dump(tree)
            return text, tree, None
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            problem = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
            line = getattr(error, "lineno", None)
            problem += f" (line {line}: {(getattr(error, 'text', None) or '').strip()})" if line else ""
    return source, None, problem


def _read_cells(cells: list[Any]) -> list[_Found]:
    found = []
    for number, cell in enumerate(cells, start=1):
        if isinstance(cell, dict):
            source, tree, error = _parse(source_of(cell))
            found.append(_Found(f"cell {number}", str(cell.get("cell_type", "")), source, tree, error))
    return found


def _note_language(data: dict[str, Any]) -> list[str]:
    """Return a note where the notebook was saved with the kernel of another language."""
    metadata = data.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language") if isinstance(kernel, dict) else None
    if not isinstance(language, str) or language.lower() in ("python", ""):
        return []
    return [f"the notebook was saved with a kernel for {language[:40]}; its cells were read as Python"]


def mentions(source: str, name: str) -> bool:
    """Return whether a cell's text, which need not be Python, has a line that begins to define ``name``."""
    return re.search(rf"^[ \t]*(async[ \t]+)?(def|class)[ \t]+{name}\b", source, re.MULTILINE) is not None


def _fenced(text: str) -> str:
    """Return what stands between the first pair of Markdown fences, or the whole text where there is none."""
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if line.startswith("```")]
    return "\n".join(lines[fences[0] + 1 : fences[1]]) if len(fences) > 1 else text


def _rescue_retyped(cells: list[_Found], names: tuple[str, ...], notes: list[str]) -> None:
    """Turn text cells back into code where they hold the only definition of a name."""
    for name in names:
        if any(cell.kind == "code" and mentions(cell.source, name) for cell in cells):
            continue
        for cell in cells:
            if cell.kind == "code" or not mentions(cell.source, name):
                continue
            source, tree, _ = _parse(_fenced(cell.source))
            if tree is not None and name in definitions(tree):
                cell.kind, cell.source, cell.tree, cell.error = "code", source, tree, None
                notes.append(f"{name} stands in {cell.label}, which is no code cell; its code was read all the same")
                break


def _drop_shadowing_stubs(cells: list[_Found], released: Released, notes: list[str]) -> list[_Found]:
    """Leave out stubs of names that are written elsewhere, so that a leftover copy can't undo the work."""
    written = {n for cell in cells for n, node in cell.names().items() if ast.dump(node) != released.stubs.get(n)}
    kept = []
    for cell in cells:
        stale = [n for n, node in cell.names().items() if n in written and ast.dump(node) == released.stubs.get(n)]
        if cell.tree is None or not stale:
            kept.append(cell)
            continue
        notes.append(f"{cell.label} still holds the stub of {', '.join(stale)}, which is written elsewhere; left out")
        cell.tree.body = [node for node in cell.tree.body if getattr(node, "name", None) not in stale]
        cell.source = ast.unparse(cell.tree)
        kept.append(cell)
    return kept


def _untouched(exercise: Exercise, cells: list[_Found], released: Released) -> bool:
    nodes = [node for cell in cells for name, node in cell.names().items() if name in exercise.names]
    names = {node.name for node in nodes}
    return names == set(exercise.names) and all(ast.dump(node) == released.stubs.get(node.name) for node in nodes)


def read_submission(content: bytes, lesson: Lesson, name: str = "the file") -> Submission:
    """Return the student's code in a notebook; ``name`` is how messages call its file.

    Given cells are left out (the course's own copies run instead), as are checks. Raises Unreadable where the content
    is no notebook.
    """
    released, data = load_released(lesson), _read_json(content, name)
    cells = _list_cells(data, name)
    handed_in = tuple(cell for cell in cells if isinstance(cell, dict))
    _check_amount(cells, handed_in, name)
    notes = _note_language(data)
    found = [cell for cell in _read_cells(cells) if normalize(cell.source) not in released.given]
    _rescue_retyped(found, lesson.names, notes)
    code = [cell for cell in found if cell.kind == "code" and cell.source.strip()]
    code = _drop_shadowing_stubs(code, released, notes)
    untouched = frozenset(e.name for e in lesson.exercises if _untouched(e, code, released))
    broken = {
        name: f"{cell.label}: {cell.error}"
        for name in lesson.names
        for cell in code
        if cell.tree is None and mentions(cell.source, name)
    }
    kept = tuple(Cell(cell.label, cell.source) for cell in code if cell.tree is not None)
    return Submission(lesson, kept, untouched, tuple(notes), broken, handed_in)
