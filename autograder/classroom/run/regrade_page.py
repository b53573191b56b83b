"""The answer to a request to grade again, as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ...report.fragments import page_head
from ...report.page import PAGE_STYLE

# Of each exercise: what is said of it, its report then, and the one that came again where that differs.
Part = tuple[Sequence[str], str, str | None]


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _part(part: Part) -> str:
    said, then, again = part
    reports = then if again is None else f"<h3>then</h3>{then}<h3>again</h3>{again}"
    return f"<article><h2>{html.escape(said[0])}</h2>{_lines(said[1:])}{reports}</article>"


def regrade_page(title: str, head: Sequence[str], conclusion: str, parts: Sequence[Part]) -> str:
    """Return the page; the reports are the engine's own HTML, the lines are text."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">{page_head(html.escape(head[0]), PAGE_STYLE)}<body><header>'
        f'<h1>{html.escape(title)}</h1><p class="total">{html.escape(conclusion)}</p>{_lines(head)}</header>'
        f"<main>{''.join(map(_part, parts))}</main></body></html>\n"
    )
