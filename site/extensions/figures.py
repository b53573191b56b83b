"""No figure without a text: one that has none is a warning, and with warnings no site is built."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def look(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Warn of each image of a page that says nothing to who does not see it."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            LOGGER.warning("an image without an alternative text: %s", image.get("uri"), location=image)


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page before it is written."""
    app.connect("doctree-resolved", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
