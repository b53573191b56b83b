"""The class page's figures: drawings that take the page's own color of text, on screen and on paper."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..results.tables import Table
from .summary import BINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Drawn in it, and put in its place: whatever color the text around the figure has.
_INK = "#010203"
_BAR, _EDGE = "#3d85c6", "#2b2b2b"
# Hatches tell the parts apart without their colors, in print as well.
_PARTS = (
    ("full points", "#3d85c6", ""),
    ("some points", "#9cc3e6", "////"),
    ("no points", "#e69f4c", "xxxx"),
    ("nothing written", "none", ""),
)
_COLUMNS = 3
_WIDTH, _ROW = 8.6, 0.27


@contextmanager
def _drawing() -> Iterator[None]:
    import matplotlib as mpl
    from matplotlib import style

    inks = dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK)
    with style.context("default"), mpl.rc_context():
        # Text stays text: small, selectable, and in the page's own type.
        settings: dict[str, Any] = {
            "svg.fonttype": "none",
            "svg.hashsalt": "overview",
            "font.size": 9,
            "hatch.linewidth": 0.6,
            "hatch.color": _EDGE,
        }
        mpl.rcParams.update(inks | settings)
        yield


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), layout="constrained", facecolor="none")


def _plain(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)


def _embed(figure: Figure, name: str, alternative: str) -> str:
    """Return a figure as SVG in HTML; ``name`` keeps its ids apart from those of other figures."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    # A style sheet in it would hold for the whole page.
    drawn = re.sub(r"<style.*?</style>|<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", drawn)
    drawn = drawn.replace(_INK, "currentColor")
    label = html.escape(alternative)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" class="figure" ', 1)


def draw_distribution(table: Table) -> str:
    """Return a histogram of the points of each lesson and of all lessons together."""
    groups = [(name, [row[3] for row in rows]) for name, rows in groupby(table.rows, key=lambda row: row[0])]
    # With one lesson, all lessons are that one.
    groups = groups[:1] if len(groups) == 2 else groups
    lines = -(-len(groups) // _COLUMNS)
    with _drawing():
        figure = _figure(1.9 * lines + 0.3)
        grid = figure.subplots(lines, _COLUMNS, squeeze=False).flatten()
        for axes in grid[len(groups) :]:
            axes.set_visible(False)
        for axes, (name, counts) in zip(grid, groups, strict=False):
            _plain(axes)
            axes.bar(range(BINS), counts, width=0.9, align="edge", color=_BAR)
            for place, count in enumerate(counts):
                if count:
                    axes.text(place + 0.45, count, str(count), ha="center", va="bottom", fontsize=8)
            axes.set_title(name, fontsize=9, fontweight="bold", loc="left")
            axes.set(xlim=(0, BINS), ylim=(0, max(1, *counts) * 1.18), xticks=(0, BINS / 2, BINS), yticks=())
            # The outer labels stay within the panel, so that neighbors can't run into each other.
            for label, side in zip(
                axes.set_xticklabels(("0 %", "50 %", "100 %")), ("left", "center", "right"), strict=True
            ):
                label.set_horizontalalignment(side)
            axes.spines["left"].set_visible(False)
        return _embed(figure, "distribution", "Students by their share of the points; the numbers stand in the table")


def _rows(count: int, extra: float) -> float:
    return _ROW * count + extra


def _labels(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def draw_exercises(table: Table) -> str:
    """Return for each exercise a bar of those who have full, some or no points."""
    rows = [row for row in table.rows if row[2]]
    columns = [table.columns.index(part) for part, _, _ in _PARTS]
    with _drawing():
        figure = _figure(_rows(len(rows), 0.9))
        axes = figure.subplots()
        _plain(axes)
        left = [0.0] * len(rows)
        for (part, color, hatch), column in zip(_PARTS, columns, strict=True):
            shares = [100 * row[column] / row[2] for row in rows]
            axes.barh(
                range(len(rows)),
                shares,
                left=left,
                height=0.75,
                color=color,
                hatch=hatch,
                edgecolor=_INK if color == "none" else _EDGE,
                linewidth=0.6,
                label=part,
            )
            left = [before + share for before, share in zip(left, shares, strict=True)]
        full = columns[0]
        _labels(axes, [row[1] for row in rows])
        for place, row in enumerate(rows):
            said = f"{row[full]} of {row[2]} ({100 * row[full] / row[2]:.0f} %)"
            axes.text(101, place, said, va="center", fontsize=8)
        axes.set(xlim=(0, 100), xticks=(0, 25, 50, 75, 100))
        axes.set_xticklabels([f"{share} %" for share in (0, 25, 50, 75, 100)])
        figure.legend(loc="outside upper left", ncols=len(_PARTS), frameon=False)
        return _embed(figure, "exercises", "Points reached in each exercise; the numbers stand in the table")


def draw_misconceptions(rows: Sequence[tuple[Any, ...]]) -> str:
    """Return a bar for each of these rows of the table of misconceptions."""
    with _drawing():
        figure = _figure(_rows(len(rows), 0.4))
        axes = figure.subplots()
        _plain(axes)
        bars = axes.barh(range(len(rows)), [row[1] for row in rows], height=0.75, color=_BAR)
        axes.bar_label(bars, padding=3, fontsize=8)
        _labels(axes, [row[0] for row in rows])
        axes.set(xlim=(0, 1.08 * max(row[1] for row in rows)), xticks=())
        axes.spines["bottom"].set_visible(False)
        return _embed(figure, "misconceptions", "The most common misconceptions and how many students show each")


def draw_seconds(spreads: Sequence[tuple[str, list[float]]]) -> str:
    """Return for each exercise, by its title, how long grading it took."""
    options: dict[str, Any] = {part: {"color": _INK} for part in ("whiskerprops", "capprops")}
    box = {"facecolor": "#9cc3e6", "edgecolor": _EDGE, "linewidth": 0.8}
    median = {"color": _EDGE, "linewidth": 2.5}
    with _drawing():
        figure = _figure(_rows(len(spreads), 0.7))
        axes = figure.subplots()
        _plain(axes)
        axes.boxplot(
            [seconds for _, seconds in spreads],
            positions=range(len(spreads)),
            orientation="horizontal",
            widths=0.6,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            boxprops=box,
            medianprops=median,
            **options,
        )
        _labels(axes, [title for title, _ in spreads])
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.grid(axis="x", color=_INK, alpha=0.2)
        axes.set_xlabel("box: the middle half; thick line: median; whiskers: 5 % and 95 %")
        return _embed(figure, "seconds", "Seconds that grading took, by exercise; the numbers stand in the table")


def draw_attempts(days: Sequence[tuple[str, int, int]]) -> str:
    """Return for each day, such as 2026-03-01, a bar of what was handed in first and, upon it, again."""
    from datetime import date

    from matplotlib.ticker import MaxNLocator

    places = [date.fromisoformat(day) for day, _, _ in days]
    offsets = [(place - places[0]).days for place in places]
    first, again = [day[1] for day in days], [day[2] for day in days]
    with _drawing():
        figure = _figure(2.2)
        axes = figure.subplots()
        _plain(axes)
        axes.bar(offsets, first, width=0.8, color=_BAR, edgecolor=_EDGE, linewidth=0.6, label="for the first time")
        style: dict[str, Any] = {"color": "#9cc3e6", "hatch": "////", "edgecolor": _EDGE, "linewidth": 0.6}
        axes.bar(offsets, again, width=0.8, bottom=first, label="again", **style)
        chosen = sorted({0, len(days) // 3, 2 * len(days) // 3, len(days) - 1})
        axes.set_xticks([offsets[place] for place in chosen], [days[place][0] for place in chosen])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside upper left", ncols=2, frameon=False)
        return _embed(figure, "attempts", "How much was handed in on each day; the numbers stand in the table")
