"""A cell as Python: what IPython's kernel makes of it, with the student's own line numbers.

IPython's own transformer turns text into text and runs nothing. It may take long on text made for that, so all cells
of a notebook together get a budget.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Characters of a cell that is more than Python; of all passes over one, and over all of a notebook: some seconds.
CELL, CELL_PASSES, PASSES = 100_000, 500_000, 1_500_000
# Characters shown of a line that can't be read.
SHOWN = 100
# IPython looks for the name before a ``?`` in time that grows with the square of its length.
_LONG_WORD = re.compile(r"[\w*.\[\]-]{1000}")
# Their body runs in the notebook itself, in the kernel or in a student's mind: a cell that is timed still defines.
RUNNING = frozenset({"capture", "debug", "heat", "lprun", "memit", "mprun", "prun", "scalene", "time", "timeit"})
# What a cell of a single line may begin with, where IPython takes it for a magic without its sign.
_AUTOMAGIC = frozenset(
    {"cat", "cd", "conda", "cp", "env", "load_ext", "ls", "mamba", "matplotlib", "mkdir", "mv", "pip", "pwd", "rm"}
)
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)")
# What Python would take for an annotation.
_PROMPT = re.compile(r"\s*In \[\d+\]: ")
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class PythonCell:
    """``source`` is Python, line by line as the student wrote it; ``tree`` is None and ``error`` says why where not.

    ``magic`` names the cell magic, such as ``%%bash``, that takes the whole cell for something else; then ``source`` is
    what stands below it.
    """

    source: str
    tree: ast.Module | None
    error: str | None = None
    magic: str | None = None


class Unreasonable(Exception):
    """A cell that would take too long to read; the message says why."""


def _describe(error: BaseException) -> str:
    """Return an error's type and message, and the line of the cell where it knows one."""
    said = str(getattr(error, "msg", None) or error)
    line, text = getattr(error, "lineno", None), (getattr(error, "text", None) or "").strip()
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    where = f" (line {line}: {shown})" if line else ""
    hint = "; these are the marks of a merge: keep one side and delete them" if _CONFLICT.match(text) else ""
    return f"{type(error).__name__}{': ' * bool(said)}{said}{where}{hint}"


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _capture(first: str) -> str:
    """Return what stands in place of a cell magic's line: ``%%capture NAME`` defines NAME."""
    words = first.split()
    if words[0] == "%%capture" and len(words) > 1 and _NAME.fullmatch(words[-1]) and not words[-1].startswith("-"):
        return f"{words[-1]} = get_ipython()\n"
    return "\n"


class CellReader:
    """Reads the cells of one notebook."""

    def __init__(self) -> None:
        self._left = PASSES
        self._left_of_cell = CELL_PASSES

    def read(self, source: str) -> PythonCell:
        """Return a code cell as Python. Whatever is wrong with it is said in its ``error``."""
        plain: Exception | None = None
        try:
            # What is Python as it stands is left alone, whatever its strings may hold.
            if not _PROMPT.match(source):
                return PythonCell(source, _parse(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            plain = error
        words = source.split(maxsplit=1)
        if words and words[0] in _AUTOMAGIC and "\n" not in source.strip():
            return PythonCell("", _parse(""))
        try:
            text, magic = self._transform(source)
            if magic is not None:
                return PythonCell(text, None, None, magic)
            return PythonCell(text, _parse(text))
        except Unreasonable as error:
            return PythonCell(source, None, f"{_describe(plain or error)}; {error}")
        except Exception as error:
            located = isinstance(error, SyntaxError) and error.lineno
            return PythonCell(source, None, _describe(error if located or plain is None else plain))

    def _transform(self, source: str) -> tuple[str, str | None]:
        """Return a cell as IPython reads it and, where that takes it for something else, the cell magic.

        Lines keep their numbers. Raises Unreasonable for a cell that would take too long.
        """
        from IPython.core.inputtransformer2 import TransformerManager, leading_empty_lines

        if len(source) > CELL or ("?" in source and _LONG_WORD.search(source)):
            raise Unreasonable("the cell is too long to be read as IPython does")
        manager = TransformerManager()
        before: list[str] = []
        self._left_of_cell = CELL_PASSES
        lines = _lines(source if source.endswith("\n") else source + "\n")
        while True:
            self._charge(lines)
            kept = leading_empty_lines(lines)
            before += ["\n"] * (len(lines) - len(kept))
            lines = kept
            cleaning: Iterable[Any] = manager.cleanup_transforms
            for clean in cleaning:
                lines = clean(lines)
            if not lines or not lines[0].startswith("%%") or re.match(r"%%\w+\?", lines[0]):
                break
            magic = lines[0].split()[0]
            if magic[2:] not in RUNNING:
                return "".join([*before, "\n", *lines[1:]]), magic
            before.append(_capture(lines[0]))
            lines = lines[1:]
        changed = True
        while changed:
            self._charge(lines)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                changed, found = manager.do_one_token_transform(lines)
            lines = _in_step(lines, found)
        return "".join([*before, *lines]), None

    def _charge(self, lines: list[str]) -> None:
        size = sum(map(len, lines))
        if size > min(self._left, self._left_of_cell):
            raise Unreasonable("there is too much of IPython's own syntax")
        self._left -= size
        self._left_of_cell -= size


def _in_step(lines: list[str], found: list[str]) -> list[str]:
    """Return the transformed lines with an empty one for each that a continued magic took."""
    gone = len(lines) - len(found)
    if gone <= 0:
        return found
    same = next((i for i, (old, new) in enumerate(zip(lines, found, strict=False)) if old != new), len(found) - 1)
    return [*found[: same + 1], *["\n"] * gone, *found[same + 1 :]]


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)
