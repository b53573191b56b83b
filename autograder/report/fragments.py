"""Pieces of HTML that the page and the notebook share: the ladder, and what to fix first.

Every text passes ``safe_text`` and ``html.escape`` on its way in. The pieces read well without any style sheet.
"""

from __future__ import annotations

import html
import math

from ..ladder.array_difference import ArrayDifference, tell_apart
from ..ladder.ladder import RungResult
from ..ladder.verdict import Result
from .pictures import draw
from .safe_text import safe_text
from .words import MISTAKE, SIGNS, WITHHELD, explain, in_words, number

WINDOW = 5
LENGTH = 8
DIGITS = 5
SHORT = 300
# No page asks for a script or another file; the policy makes a browser refuse any that slipped in.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# Rules for the shared pieces. Signs and words carry the meaning; the colors, which read on light and dark, only help.
_RULES = """
& table { border-collapse: collapse; margin: .4em 0; font-variant-numeric: tabular-nums; }
& th, & td { text-align: left; vertical-align: top; padding: .2em .7em; border: 1px solid #8884; }
& td { overflow-wrap: anywhere; }
& caption { text-align: left; font-size: .9em; padding: .2em 0; white-space: nowrap; }
& pre, & code { font-family: ui-monospace, Consolas, Menlo, monospace; font-size: .95em; color: inherit; }
& pre { margin: 0; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; background: none; }
& .ladder td:nth-child(2), & .ladder td:nth-child(4), & .sign { white-space: nowrap; }
& .sign { font-weight: bold; }
& .sides { width: 100%; table-layout: fixed; }
& .array { overflow-x: auto; }
& .part td, & .part th { text-align: right; white-space: nowrap; padding: .1em .4em; }
& .side { display: inline-block; vertical-align: top; margin-right: 1.5em; }
& mark { font-weight: bold; color: inherit; background: #e6a23c55; padding: 0 .2em; }
& .fix { border-left: 4px solid #d1495b; padding: .1em 0 .1em 1em; margin: .6em 0; }
& .entry { margin: .6em 0; }
& figure { margin: .6em 0; }
& figure img { max-width: 100%; height: auto; border: 1px solid #8884; }
& figcaption, & .small { font-size: .9em; }
"""
# Twice the class, so that the rules of a notebook around the pieces do not win.
STYLE = _RULES.replace("&", ".autograder.autograder")


def text(value: str, limit: int = SHORT) -> str:
    """Return a student's text as HTML that shows it as it is."""
    return html.escape(safe_text(value, limit))


def page_head(title: str, styles: str, policy: str = POLICY) -> str:
    """Return the head of a page that needs nothing else; ``title`` is HTML."""
    return (
        f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{styles}</style></head>"
    )


def sign(outcome: str) -> str:
    """Return the sign and the word of an outcome; a screen reader reads only the word."""
    mark = SIGNS[outcome][0]
    return f'<span class="sign {outcome}"><span aria-hidden="true">{mark}</span> {in_words(outcome)}</span>'


def _rung_state(rung: RungResult) -> str:
    if not rung.reached:
        return '<span class="sign not_reached"><span aria-hidden="true">·</span> not reached</span>'
    return sign("passed" if rung.problem is None else rung.problem.outcome)


def rung_table(result: Result, rungs: tuple[RungResult, ...] = (), compact: bool = False) -> str:
    """Return every rung of an exercise: what became of it, what it looks at, its share of the points.

    ``rungs`` stands in for the result's own where nothing was climbed. Unless ``compact``, every failed rung but the
    first, which ``first_fix`` explains, shows its two sides.
    """
    rungs = result.rungs or rungs
    if not rungs:
        return ""
    possible = sum(rung.rung.points for rung in rungs)
    rows = []
    for rung in rungs:
        share = result.exercise.points * rung.rung.points / possible
        looked_at = html.escape(rung.rung.looked_at)
        if rung.problem is not None and rung is not result.failed_rung and not compact:
            expected, got = text(rung.problem.expected, SHORT), text(rung.problem.got, SHORT)
            looked_at += f'<div class="small">expected: {expected}<br>got: {got}</div>'
        points = f"{number(share if result.earned(rung) else 0)} of {number(share)}"
        cells = (_rung_state(rung), html.escape(rung.rung.kind), looked_at, points)
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("outcome", "kind", "what it looks at", "points"))
    said = f'<div class="small">{WITHHELD}</div>' if result.withheld else ""
    return f'{said}<table class="ladder"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _window(first: int, size: int, length: int) -> range:
    start = max(0, min(first - length // 3, size - length))
    return range(start, min(size, start + length))


def _entry(difference: ArrayDifference, index: tuple[int, ...], whose: str) -> str:
    # Plus 0, so that no -0 shows.
    want, got = float(difference.want[index]) + 0.0, float(difference.got[index]) + 0.0
    if not difference.differs[index]:
        return f"{want if whose == 'expected' else got:.{DIGITS}g}"
    shown = tell_apart(want, got, DIGITS)[whose == "got"]
    return f"<mark>{'✗ ' * (whose == 'got')}{shown}</mark>"


def _numbers(difference: ArrayDifference, rows: range, columns: range, whose: str) -> str:
    """Return a few rows and columns of one side as a table, with the indices that they have in the whole array."""
    top, left = difference.origin[-2:]
    head = "".join(f'<th scope="col">{left + column}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{top + row}</th>'
        + "".join(f"<td>{_entry(difference, (row, column), whose)}</td>" for column in columns)
        + "</tr>"
        for row in rows
    )
    return f'<table class="part side"><caption>{whose}</caption><tr><td></td>{head}</tr>{body}</table>'


def part(difference: ArrayDifference) -> str:
    """Return the neighborhood of the first difference: expected beside got, with marks where they differ."""
    first = difference.first
    place = f"[{', '.join([*map(str, difference.place), '…'])}] " if difference.place else ""
    if difference.want.ndim == 1:
        entries = _window(first[0], len(difference.want), LENGTH)
        rows = "".join(
            f'<tr><th scope="row">{difference.origin[0] + i}</th>'
            f"<td>{_entry(difference, (i,), 'expected')}</td><td>{_entry(difference, (i,), 'got')}</td></tr>"
            for i in entries
        )
        head = "".join(f'<th scope="col">{name}</th>' for name in ("position", "expected", "got"))
        table = f'<table class="part"><tr>{head}</tr>{rows}</table>'
        shown = len(entries)
    else:
        tall, wide = (_window(i, n, WINDOW) for i, n in zip(first, difference.want.shape, strict=True))
        table = "".join(_numbers(difference, tall, wide, whose) for whose in ("expected", "got"))
        shown = len(tall) * len(wide)
    whole = math.prod(difference.whole)
    around = f"{shown} of its {whole:,} values, around the first difference" if shown < whole else "all its values"
    legend = f"The array {place}of shape {difference.whole}: {around}. ✗ marks what differs."
    return f'<div class="array"><div class="small">{legend}</div>{table}</div>'


def picture(difference: ArrayDifference) -> str:
    """Return a picture of both sides where they are images or keypoints, else nothing."""
    drawn = draw(difference)
    if drawn is None:
        return ""
    image = f'<img src="{drawn.uri}" alt="{html.escape(drawn.alternative)}" width="{drawn.width}">'
    return f"<figure>{image}<figcaption>{html.escape(drawn.caption)}</figcaption></figure>"


def first_fix(result: Result, heading: str) -> str:
    """Return the first problem of a result: expected beside got, where they differ, the student's line, the hint.

    ``heading`` is the HTML element of its title, such as ``h4``.
    """
    said = {label: html.escape(shown) for label, shown in explain(result)}
    if not said:
        return ""
    looked_at = f": {said['looked at']}" if "looked at" in said else ""
    difference = result.problem.difference if result.problem is not None else None
    shown = part(difference) + picture(difference) if difference is not None else ""
    entries: list[tuple[str, str]] = [
        (label, f"<pre>{said[label]}</pre>") for label in ("example", "your line") if label in said
    ]
    entries += [(label, said[label]) for label in (MISTAKE, "hint") if label in said]
    listed = "".join(f'<div class="entry"><strong>{label}</strong><div>{entry}</div></div>' for label, entry in entries)
    return (
        f'<div class="fix"><{heading}>Fix this first{looked_at}</{heading}>'
        '<table class="sides"><tr><th scope="col">expected</th><th scope="col">got</th></tr>'
        f"<tr><td><pre>{said['expected']}</pre></td><td><pre>{said['got']}</pre></td></tr></table>"
        f"{shown}{listed}</div>"
    )
