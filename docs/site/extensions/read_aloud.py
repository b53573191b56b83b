"""What is read aloud: each figure has a text, and each column of a table a name."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def look(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Warn of a figure without a text, with which no site is built, and name what a table's empty corner heads."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            LOGGER.warning("an image without an alternative text: %s", image.get("uri"), location=image)
    for head in doctree.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():
                entry.children = [nodes.inline("", "row", classes=["visually-hidden"])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page before it is written."""
    app.connect("doctree-resolved", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
