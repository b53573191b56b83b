"""A notebook's file: its cells, whatever became of it, and in words what it is where it is no notebook."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_CELLS = 2000
# Of all cells together; the lessons' own code has about 20,000 characters.
MAX_CODE = 1_000_000
# Values in the whole file, outputs included: each takes far more memory than its few characters.
MAX_ITEMS = 2_000_000

# A cell as the notebook's file holds it: a student's tools, and the student, may have written anything into it.
RawCell = dict[str, Any]

ANEW = "save it again in Jupyter, or hand it in anew"
# To its end, or to the end of a file that is cut off: else each quotation mark in it would be tried.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_CONFLICT = re.compile(rb"^<{7}(?: |\r?$)", re.MULTILINE)
# What a file begins with, what it then is, and what to do.
_KINDS = (
    (b"PK\x03\x04", "a ZIP archive; unpack it, take the notebook out of it and hand it in anew"),
    (b"\x1f\x8b", "a compressed archive; unpack it, take the notebook out of it and hand it in anew"),
    (b"%PDF", "a PDF document; download the notebook itself (.ipynb) and hand it in anew"),
    (b"\x89PNG", "a picture; download the notebook itself (.ipynb) and hand it in anew"),
    (b"version https://git-lfs", "a pointer of Git LFS; run git lfs pull and hand it in anew"),
)
_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_PYTHON = re.compile(rb"\s*(?:# %%|#!|import |from \w+ import |def |class )")


class Unreadable(Exception):
    """The notebook can't be read; the message says why and what to do.

    ``handed_in`` holds the cells of one that can be told apart all the same, to be shown.
    """

    def __init__(self, message: str, handed_in: tuple[RawCell, ...] = ()) -> None:
        super().__init__(message)
        self.handed_in = handed_in


def kind_of(content: bytes) -> str | None:
    """Return in words what a file is that is no notebook, and what to do; None where nothing can be said."""
    for begin, kind in _KINDS:
        if content.startswith(begin):
            return kind
    head = content[:2000].removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        return "empty; save it again in Jupyter and hand it in anew"
    if _PAGE.match(head):
        return "an HTML page; download the notebook itself (.ipynb), not the page that shows it, and hand it in anew"
    conflict = _CONFLICT.search(content)
    if conflict:
        line = content.count(b"\n", 0, conflict.start()) + 1
        return (
            f"the unfinished merge of two versions (line {line} begins with <<<<<<<); keep one of them, "
            "see to it that Jupyter opens it, and hand it in anew"
        )
    if _PYTHON.match(head):
        return "a Python script; paste its code into the notebook, save that in Jupyter and hand it in anew"
    return None


def _signs(text: bytes) -> int:
    return sum(map(text.count, (b",", b"[", b"{")))


def _has_many_items(content: bytes) -> bool:
    """Return whether a file holds far more values than a notebook does: signs within its texts are none."""
    if _signs(content) <= MAX_ITEMS:
        return False
    items = end = 0
    for texts, found in enumerate(_STRING.finditer(content)):
        items += _signs(content[end : found.start()])
        end = found.end()
        if items > MAX_ITEMS or texts > 2 * MAX_ITEMS:
            return True
    return items + _signs(content[end:]) > MAX_ITEMS


def _read_json(content: bytes, name: str) -> dict[str, Any]:
    try:
        if _has_many_items(content):
            # Before memory is taken for them.
            raise Unreadable(f"{name} holds more than {MAX_ITEMS:,} values; clear its outputs and save it again")
        text = content.decode(json.detect_encoding(content))
        data = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        kind = kind_of(content)
        if kind is not None:
            raise Unreadable(f"{name} is not a notebook: it is {kind}") from error
        said = str(error) or type(error).__name__
        raise Unreadable(f"{name} is not a notebook ({said}); {ANEW}") from error
    if not isinstance(data, dict):
        raise Unreadable(f"{name} has no list of cells; {ANEW}")
    return data


def _list_cells(data: dict[str, Any], name: str) -> list[Any]:
    """Return the cells of a notebook in any version of the format, whatever each of them is."""
    cells, sheets = data.get("cells"), data.get("worksheets")
    if isinstance(sheets, list):
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for each in lists if isinstance(each, list) for cell in each if isinstance(cell, dict)]
    if not isinstance(cells, list):
        raise Unreadable(f"{name} has no list of cells; {ANEW}")
    return cells


def _check_amount(cells: list[Any], handed_in: tuple[RawCell, ...], name: str) -> None:
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"{name} has {len(cells):,} cells; at most {MAX_CELLS:,} are read", handed_in)
    code = sum(len(source_of(cell)) for cell in handed_in if kind_of_cell(cell) == "code")
    if code > MAX_CODE:
        raise Unreadable(f"{name} has {code:,} characters of code; at most {MAX_CODE:,} are read", handed_in)


def kind_of_cell(cell: RawCell) -> str:
    """Return a cell's type, nothing where it has none."""
    kind = cell.get("cell_type")
    return kind if isinstance(kind, str) else ""


def source_of(cell: RawCell) -> str:
    """Return the text of a cell in any version of the format; nothing where it has none."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff") if isinstance(source, str) else ""


def _note_language(data: dict[str, Any]) -> list[str]:
    """Return a note where the notebook was saved with the kernel of another language."""
    metadata = data.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language") if isinstance(kernel, dict) else None
    if not isinstance(language, str) or language.lower() in ("python", ""):
        return []
    return [f"the notebook was saved with a kernel for {language[:40]}; its cells were read as Python"]


def read_cells(content: bytes, name: str) -> tuple[list[Any], list[str]]:
    """Return the cells of a notebook, whatever each of them is, and what is to be noted about the file.

    ``name`` is how messages call it. Raises Unreadable where it is no notebook or far too much of one.
    """
    data = _read_json(content, name)
    cells = _list_cells(data, name)
    _check_amount(cells, tuple(cell for cell in cells[:MAX_CELLS] if isinstance(cell, dict)), name)
    return cells, _note_language(data)
