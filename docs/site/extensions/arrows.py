"""A Mermaid flowchart as a table of its arrows: no script of megabytes, no service, and to be read aloud.

The page on GitHub shows the drawing. Of Mermaid's language this knows what the documents use: boxes, arrows with and
without a label, and groups; anything else stays a block of code.
"""

import html
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

BOX = r"(\w+)(?:\[\"(.*?)\"\])?"
ARROW = re.compile(rf"^{BOX}\s*--(?:\s*\"(.*?)\"\s*--)?>\s*{BOX}$")
GROUP = re.compile(rf"^subgraph {BOX}$")


def _text(label: str) -> str:
    return html.unescape(re.sub(r",?\s*<br\s*/?>\s*", ", ", label))


def arrows(source: str) -> list[tuple[str, str, str]] | None:
    """Return (from, arrow, to) for each arrow of a flowchart, boxes by their texts; None where it holds more."""
    lines = [line.strip() for line in source.strip().splitlines() if line.strip()]
    if not lines or not lines[0].startswith("flowchart "):
        return None
    texts: dict[str, str] = {}
    found: list[tuple[str, str, str]] = []
    for line in lines[1:]:
        group, arrow = GROUP.match(line), ARROW.match(line)
        if arrow:
            start, start_text, label, end, end_text = arrow.groups()
            found.append((start, label or "", end))
            texts |= {name: text for name, text in ((start, start_text), (end, end_text)) if text}
        elif box := re.match(rf"^{BOX}$", line):
            if line != "end" and box[2]:
                texts[box[1]] = box[2]
        elif not group:
            return None
    return [(_text(texts.get(a, a)), _text(label), _text(texts.get(b, b))) for a, label, b in found]


def _row(cells: tuple[str, ...]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += nodes.paragraph(text=cell)
        row += entry
    return row


class ArrowTable(SphinxTransform):
    """Replaces each flowchart by its table."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Look through one document."""
        for block in list(self.document.findall(nodes.literal_block)):
            found = arrows(block.astext()) if block.get("language") == "mermaid" else None
            if found is None:
                continue
            group = nodes.tgroup(cols=3)
            group += [nodes.colspec(colwidth=1) for _ in range(3)]
            head, body = nodes.thead(), nodes.tbody()
            head += _row(("from", "what happens", "to"))
            body += [_row(arrow) for arrow in found]
            group += [head, body]
            table = nodes.table(classes=["arrows"])
            table += group
            block.replace_self(table)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx apply it to every document."""
    app.add_transform(ArrowTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
