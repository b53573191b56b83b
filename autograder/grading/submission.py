"""Read a student's notebook, whatever became of it, and find the code that counts."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..course.manifest import Exercise, Lesson
from ..course.released import Released, definitions, load_released, normalize

MAX_BYTES = 50 * 2**20
MAX_CELLS = 2000
# Of all cells together; the lessons' own code has about 20,000 characters.
MAX_CODE = 1_000_000
_MAGIC = re.compile(r"^([ \t]*)([%!?].*)$", re.MULTILINE)


class Unreadable(Exception):
    """The notebook can't be read; the message says why and what to do."""


@dataclass(frozen=True)
class Cell:
    """A cell of the student's that will run. ``label`` is how reports name it."""

    label: str
    source: str


@dataclass(frozen=True)
class Submission:
    """What is left of a notebook once it is read.

    ``cells`` run in their order; ``untouched`` names the exercises that are still stubs; ``notes`` say what was
    repaired; ``broken`` maps an exercise name to the syntax error in the cell that should define it.
    """

    lesson: Lesson
    cells: tuple[Cell, ...]
    untouched: frozenset[str]
    notes: tuple[str, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)


@dataclass
class _Found:
    """A cell on its way: its tree is None where it is not Python."""

    label: str
    kind: str
    source: str
    tree: ast.Module | None
    error: str | None = None

    def names(self) -> dict[str, ast.stmt]:
        return definitions(self.tree) if self.tree else {}


def find_notebook(folder: Path, lesson: Lesson) -> tuple[Path | None, str | None]:
    """Return the notebook of ``lesson`` under ``folder`` and a note where it was not where it should be.

    The place is ``folder/<lesson>/<lesson>.ipynb``; a single notebook of another name in that folder is taken too.
    Raises Unreadable where the notebook is a link to a file outside of ``folder``: what lies there was not handed in.
    """
    path, note = _look_for_notebook(folder, lesson)
    if path is not None and not path.resolve().is_relative_to(folder.resolve()):
        raise Unreadable(f"{path.name} is a link to a file outside of the submission; hand in the notebook itself")
    return path, note


def _look_for_notebook(folder: Path, lesson: Lesson) -> tuple[Path | None, str | None]:
    place = folder / lesson.id / f"{lesson.id}.ipynb"
    if place.is_file():
        return place, None
    try:
        others = sorted(path for path in (folder / lesson.id).glob("*.ipynb") if path.is_file())
    except OSError:
        others = []
    if len(others) > 1:
        names = ", ".join(path.name for path in others)
        raise Unreadable(f"none of the notebooks {names} is named {place.name}; rename the one that counts")
    if len(others) == 1:
        return others[0], f"the notebook is named {others[0].name}; {place.name} was expected"
    return None, None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Unreadable(f"{path.name} has {size / 2**20:.0f} MB; clear its outputs and save it again")
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise Unreadable(f"{path.name} can't be opened: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"{path.name} is not a notebook ({error}); save it again in Jupyter, or hand it in anew"
        ) from error
    if isinstance(data, dict) and isinstance(data.get("worksheets"), list):
        sheets = [sheet for sheet in data["worksheets"] if isinstance(sheet, dict)]
        data["cells"] = [cell for sheet in sheets for cell in sheet.get("cells", []) if isinstance(cell, dict)]
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise Unreadable(f"{path.name} has no list of cells; save it again in Jupyter, or hand it in anew")
    if len(data["cells"]) > MAX_CELLS:
        raise Unreadable(f"{path.name} has {len(data['cells']):,} cells; at most {MAX_CELLS:,} are read")
    code = sum(len(_text(cell)) for cell in data["cells"] if isinstance(cell, dict) and cell.get("cell_type") == "code")
    if code > MAX_CODE:
        raise Unreadable(f"{path.name} has {code:,} characters of code; at most {MAX_CODE:,} are read")
    return data


def _text(cell: dict[str, Any]) -> str:
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


def _read_cells(data: dict[str, Any]) -> list[_Found]:
    found = []
    for number, cell in enumerate(data["cells"], start=1):
        if isinstance(cell, dict):
            source, tree, error = _parse(_text(cell))
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
        if not stale:
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


def read_submission(path: Path, lesson: Lesson) -> Submission:
    """Return the student's code in the notebook at ``path``.

    Given cells are left out (the course's own copies run instead), as are checks. Raises Unreadable where the
    file is no notebook.
    """
    released, data = load_released(lesson), _read_json(path)
    notes = _note_language(data)
    found = _read_cells(data)
    found = [cell for cell in found if normalize(cell.source) not in released.given]
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
    cells = tuple(Cell(cell.label, cell.source) for cell in code if cell.tree is not None)
    return Submission(lesson, cells, untouched, tuple(notes), broken)
