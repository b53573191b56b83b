"""The alternative text of every figure of an executed notebook: its own titles, or else the prose before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

# Run in the kernel before the first cell, so that a figure's titles come with its picture.
IN_KERNEL = Path(__file__).with_name("figures_in_kernel.py")
RUN_IN_KERNEL = f"__import__('runpy').run_path({str(IN_KERNEL)!r}, run_name='in_kernel')"
LONGEST = 600
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")


def _plain(markdown: str) -> str:
    """Return prose without its marks: links by their text, no emphasis, no code marks."""
    text = re.sub(r"```.*?```|<[^>]+>", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*`]|^\s*[-|].*$", " ", text, flags=re.MULTILINE).split())


def _prose_before(cells: list[NotebookNode], index: int) -> str:
    """Return the heading above a cell and the last paragraph before it."""
    above = "\n\n".join(cell.source for cell in cells[:index] if cell.cell_type == "markdown")
    headings = re.findall(r"^#+ (.+)$", above, re.MULTILINE)
    paragraphs = [_plain(part) for part in above.split("\n\n") if not part.lstrip().startswith("#")]
    last = next((part for part in reversed(paragraphs) if part), "")
    return f"Figure: {_plain(headings[-1]) if headings else 'of this lesson'}. {last}".strip()


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def pictures_of(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode, str]]:
    """Yield the cell, the output and the alternative text of every picture, in order."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            kind = next((kind for kind in PICTURES if kind in output.get("data", {})), None)
            if kind is None:
                continue
            # By hand in the cell, as MyST-NB reads it; by the figure's own titles; by the prose before it.
            by_hand = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
            own = output.get("metadata", {}).get(kind, {}).get("alt")
            yield cell, output, _shortened(by_hand or own or _prose_before(notebook.cells, index))
