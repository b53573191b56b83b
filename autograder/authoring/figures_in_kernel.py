"""Run in a notebook's kernel before its first cell: each figure that it shows says in ``alt`` what it holds.

It stands alone, because the kernel finds the course only after the notebook's first cell; run by ``runpy``,
it leaves no name among the notebook's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

MOST_PANELS = 6


def _panel(axes: Any) -> str:
    """Return what one panel says of itself: its title, its axes and its legend, or nothing."""
    title = axes.get_title() or axes.get_title("left")
    labels = [f"{name}: {text}" for name, text in (("x", axes.get_xlabel()), ("y", axes.get_ylabel())) if text]
    legend = axes.get_legend()
    shown = [text.get_text() for text in legend.get_texts()] if legend else []
    said = f" ({', '.join(labels)})" if labels else ""
    told = f"; shown: {', '.join(shown)}" if shown else ""
    return f"{title or 'a plot without a title'}{said}{told}" if title or labels or shown else ""


def describe_figure(figure: Any) -> str:
    """Return a matplotlib figure's titles, labels and legends in a line; "" where it has none of them."""
    panels = [text for text in map(_panel, figure.axes) if text]
    whole = " ".join(figure.get_suptitle().split())
    if not (whole or panels):
        return ""
    count = len(panels)
    if count > MOST_PANELS:
        panels = [*panels[:MOST_PANELS], f"And {count - MOST_PANELS} panels more"]
    if count == 1 and not whole:
        return _sentences([f"Figure: {panels[0]}"])
    named = (
        [f"Panel {number}: {text}" for number, text in enumerate(panels[:MOST_PANELS], start=1)]
        if count > 1
        else panels
    )
    return _sentences([f"Figure: {whole}" if whole else f"Figure of {count} panels", *named, *panels[MOST_PANELS:]])


def _sentences(parts: list[str]) -> str:
    return " ".join(" ".join(part.split()).rstrip(".") + "." for part in parts)


def _described(draw: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return ``draw`` with the figure's text beside its picture, as IPython takes metadata."""

    def drawn(figure: Any) -> Any:
        text = describe_figure(figure)
        picture = draw(figure)
        if picture is None or not text:
            return picture
        data, metadata = picture if isinstance(picture, tuple) else (picture, {})
        return data, {**metadata, "alt": text}

    drawn.describes = True  # type: ignore[attr-defined]
    return drawn


def describe_figures(shell: Any) -> None:
    """Let every matplotlib figure of this kernel carry its text, whenever its way of drawing is chosen anew."""
    pictures = shell.display_formatter.formatters["image/png"]

    def take_over(*_: Any) -> None:
        if "matplotlib.figure" not in sys.modules:
            return
        figure_type = sys.modules["matplotlib.figure"].Figure
        draw = pictures.type_printers.get(figure_type)
        if draw is not None and not hasattr(draw, "describes"):
            pictures.for_type(figure_type, _described(draw))

    # matplotlib chooses how figures are drawn when it is imported, which a lesson may do in the cell that draws.
    import matplotlib.pyplot as plt

    plt.switch_backend(plt.get_backend())
    take_over()
    shell.events.register("pre_run_cell", take_over)


if __name__ == "in_kernel":
    from IPython.core.getipython import get_ipython

    describe_figures(get_ipython())
