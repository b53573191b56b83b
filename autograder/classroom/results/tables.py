"""Tables as CSV files that a spreadsheet shows as they are: no cell of them becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...report.safe_text import clean
from .store import write_whole

# What spreadsheets take for the begin of a formula, in the wide forms of East Asian keyboards too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Table:
    """One CSV file: its name without ending, its columns, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    @property
    def file(self) -> str:
        return f"{self.name}.csv"


def is_formula(value: Any) -> bool:
    """Return whether a spreadsheet would take a text for a formula; a lone sign is none."""
    return isinstance(value, str) and len(value) > 1 and value.startswith(_FORMULA)


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if not isinstance(value, str):
        return value
    # A folder's name need not be text in any encoding.
    value = clean(value)
    return f"'{value}" if is_formula(value) else value


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as the text of a CSV file. A cell that begins like a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def append_table(folder: Path, table: Table) -> Path:
    """Add a table's rows to its file in ``folder``, which is made where there is none; return where.

    Raises Unwritable.
    """
    path = folder / table.file
    try:
        with path.open(encoding="utf-8", newline="") as file:
            held = file.read()
    except (OSError, UnicodeDecodeError):
        write_table(folder, table)
        return path
    # Without the line of columns, which is there already.
    write_whole(path, held + as_csv(table.columns, table.rows).partition("\n")[2])
    return path


def write_table(folder: Path, table: Table) -> Path:
    """Write a table into ``folder`` and return where. Raises Unwritable."""
    path = folder / table.file
    # The mark of the encoding, without which spreadsheets on Windows spoil names.
    write_whole(path, "\ufeff" + as_csv(table.columns, table.rows))
    return path
