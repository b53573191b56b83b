"""Tables as CSV files that a spreadsheet shows as they are: no cell of them becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...report.safe_text import clean
from .store import Unwritable, write_whole

# What spreadsheets take for the begin of a formula, in the wide forms of East Asian keyboards too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


_HIDDEN = re.compile(r"([;\t])(?=[=+\-@＝＋－＠])")


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
    # Where a semicolon parts the columns, as in spreadsheets of half of Europe, what follows one is a cell.
    value = _HIDDEN.sub(r"\1'", value)
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
        with path.open(encoding="utf-8-sig", newline="") as file:
            held = file.read()
        kept = held.startswith(as_csv(table.columns, []).strip())
    except FileNotFoundError:
        return write_table(folder, table)
    except (OSError, UnicodeDecodeError):
        kept = False
    if not kept:
        # Saved by a spreadsheet in a form of its own: kept as it is, and begun anew.
        aside = path.with_name(f"{table.name}-{datetime.now():%Y%m%d-%H%M%S-%f}.csv")
        try:
            path.rename(aside)
        except OSError as error:
            raise Unwritable(path, error) from None
        return write_table(folder, table)
    held = "\ufeff" + held + ("" if held.endswith("\n") else "\r\n")
    # Without the line of columns, which is there already.
    write_whole(path, held + as_csv(table.columns, table.rows).partition("\n")[2])
    return path


def write_table(folder: Path, table: Table) -> Path:
    """Write a table into ``folder`` and return where. Raises Unwritable."""
    path = folder / table.file
    # The mark of the encoding, without which spreadsheets on Windows spoil names.
    write_whole(path, "\ufeff" + as_csv(table.columns, table.rows))
    return path
