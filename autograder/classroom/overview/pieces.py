"""What the class page is put together from: cells, tables with their files, sections."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from ...report.fragments import text
from ...report.words import number
from ..results.tables import Table

# Rows of a table on the page; the CSV file has all.
MOST_ROWS = 40


def shown(value: Any) -> str:
    """Return a value as a cell of a table."""
    if value is None:
        return '<td class="count">–</td>'
    if isinstance(value, int | float):
        return f'<td class="count">{number(value)}</td>'
    return f"<td>{text(value)}</td>"


def rows_of(columns: Sequence[str], rows: Sequence[Sequence[str]], label: str) -> str:
    """Return a table in HTML, of cells that are HTML; ``label`` says what it shows to who only hears it."""
    heads = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    region = f'class="wide" tabindex="0" role="region" aria-label="{html.escape(label)}"'
    return f"<div {region}><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"


def more(table: Table, shown: int) -> str:
    """Return where all of a table is, of which ``shown`` rows were shown."""
    left = len(table.rows) - shown
    said = f"{left:,} more rows are in" if left > 0 else "as a table:"
    return f'<p class="small">{said} <a href="{table.file}">{table.file}</a></p>'


def table_of(table: Table, rows: Sequence[Sequence[str]] | None = None, extra: Sequence[str] = ()) -> str:
    """Return the first rows of a table, or ``rows`` in their place, with columns ``extra``; and where all of it is."""
    if rows is None:
        rows = [[shown(value) for value in row] for row in table.rows[:MOST_ROWS]]
    return rows_of((*table.columns, *extra), rows, table.name) + more(table, len(rows))


def numbers(table: Table) -> str:
    """Return a figure's table, folded away."""
    return f"<details><summary>The numbers</summary>{table_of(table)}</details>"


def figure(table: Table, draw: Callable[[], str], anything: bool, nothing: str) -> str:
    """Return a figure with its numbers; where there isn't ``anything`` to draw, say ``nothing`` in its place."""
    return (f"<figure>{draw()}</figure>" if anything else f"<p>{nothing}</p>") + numbers(table)


def section(title: str, said: str, body: str) -> str:
    """Return a part of the page under a heading that can be linked to; ``said`` is HTML."""
    anchor = title.split()[0].lower()
    return f'<section id="{anchor}"><h2>{title}</h2><p>{said}</p>{body}</section>'
