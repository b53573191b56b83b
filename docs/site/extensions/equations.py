"""Equations as MathML, which browsers draw themselves: no script, nothing fetched, and readable to screen readers."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.writers.html5 import HTML5Translator


def _mathml(node: nodes.Element, display: str) -> str:
    try:
        return convert(node.astext(), display=display)
    except Exception as error:  # whatever its parser stumbles over, the author has to know which equation it was
        raise SphinxError(
            f"{node.source}:{node.line}: no equation can be made of {node.astext()!r}: {error}"
        ) from error


def inline(translator: HTML5Translator, node: nodes.Element) -> None:
    """Write an equation within a line."""
    translator.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.Element) -> None:
    """Write an equation of its own, in a box that scrolls where the page is narrow."""
    translator.body.append(f'<div class="equation" tabindex="0">{_mathml(node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer ``mathml`` as ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
