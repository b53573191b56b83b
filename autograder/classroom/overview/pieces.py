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


def _labeled(cell: str, column: str) -> str:
    return cell.replace("<td", f'<td data-label="{html.escape(column)}"', 1)


def rows_of(columns: Sequence[str], rows: Sequence[Sequence[str]], label: str, stacked: bool = False) -> str:
    """Return a table in HTML, of cells that are HTML; ``label`` says what it shows to who only hears it.

    ``stacked`` lets a narrow screen show each row as a block of its own, for tables with sentences in them.
    """
    heads = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    if stacked:
        rows = [[_labeled(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows]
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    region = f'class="wide{" stack" * stacked}" tabindex="0" role="region" aria-label="{html.escape(label)}"'
    return f"<div {region}><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"


def drawn(svg: str) -> str:
    """Return a drawing in a frame that scrolls where a screen is too narrow to read it."""
    return f'<figure class="drawn" tabindex="0">{svg}</figure>'


def more(table: Table, shown: int) -> str:
    """Return where all of a table is, of which ``shown`` rows were shown."""
    left = len(table.rows) - shown
    said = f"{left:,} more rows are in" if left > 0 else "as a table:"
    return f'<p class="small">{said} <a href="{table.file}">{table.file}</a></p>'


def table_of(table: Table, stacked: bool = False) -> str:
    """Return the first rows of a table, and where all of it is; ``stacked`` as in ``rows_of``."""
    rows = [[shown(value) for value in row] for row in table.rows[:MOST_ROWS]]
    return rows_of(table.columns, rows, table.name, stacked) + more(table, len(rows))


def numbers(table: Table) -> str:
    """Return a figure's table, folded away."""
    return f"<details><summary>The numbers</summary>{table_of(table)}</details>"


def figure(table: Table, draw: Callable[[], str], anything: bool, nothing: str) -> str:
    """Return a figure with its numbers; where there isn't ``anything`` to draw, say ``nothing`` in its place."""
    return (drawn(draw()) if anything else f"<p>{nothing}</p>") + numbers(table)


def section(title: str, said: str, body: str) -> str:
    """Return a part of the page under a heading that can be linked to; ``said`` is HTML."""
    anchor = title.split()[0].lower()
    return f'<section id="{anchor}"><h2>{title}</h2><p>{said}</p>{body}</section>'
