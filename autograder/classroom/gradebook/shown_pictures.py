"""Pictures of a student's that nbgrader's pages show: those that are what they say, and not too much of them.

Nothing else that a cell put out is shown: HTML and SVG would run with the teacher's rights, text could claim a verdict.
"""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ...grading.submission import RawCell
from ...report.safe_text import clean

# The kinds that are shown, each with what such a file begins with and Pillow's name for it.
KINDS = {"image/png": (b"\x89PNG\r\n\x1a\n", "PNG"), "image/jpeg": (b"\xff\xd8\xff", "JPEG")}
# Characters, in base64, of one cell's pictures and of all of a notebook's: a figure of the lessons has some 100,000.
CELL, NOTEBOOK = 1_500_000, 6_000_000
# A small file can be a picture that no browser has room for.
PIXELS = 30_000_000
# Outputs of one cell that are looked at.
OUTPUTS = 200
LEFT_OUT = "A picture is not shown here: together with the others it is too large."


@dataclass
class Budget:
    """How many characters of pictures may still be shown."""

    left: int = NOTEBOOK

    def take(self, picture: str) -> bool:
        """Return whether there is room for a picture, and count it."""
        fits = len(picture) <= self.left
        self.left -= len(picture) if fits else 0
        return fits


def read_picture(kind: str, data: Any) -> str | None:
    """Return a picture in base64, written anew; None where it is none of its kind, or has far too many pixels.

    ``data`` is whatever stands in the notebook.
    """
    text = "".join(part for part in data if isinstance(part, str)) if isinstance(data, list) else data
    if kind not in KINDS or not isinstance(text, str):
        return None
    begin, name = KINDS[kind]
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        if not content.startswith(begin):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # This reads no more than where the picture says how large it is.
            with Image.open(io.BytesIO(content), formats=[name]) as picture:
                width, height = picture.size
    except (binascii.Error, ValueError, OSError, SyntaxError, OverflowError, Image.DecompressionBombError):
        return None
    return base64.b64encode(content).decode("ascii") if 0 < width * height <= PIXELS else None


def _put_out(cell: RawCell) -> Iterator[tuple[str, Any]]:
    """Yield kind and data of each picture that a cell put out, in order: of one output in several kinds the first."""
    outputs = cell.get("outputs")
    for output in outputs[:OUTPUTS] if isinstance(outputs, list) else ():
        data = output.get("data") if isinstance(output, dict) else None
        kind = next((kind for kind in KINDS if kind in data), None) if isinstance(data, dict) else None
        if kind is not None:
            yield kind, data[kind]


def _size(data: Any) -> int:
    parts = data if isinstance(data, list) else [data]
    return sum(len(part) for part in parts if isinstance(part, str))


def shown_outputs(cell: RawCell, budget: Budget) -> list[dict[str, Any]]:
    """Return what is shown of a code cell's outputs: its pictures, where they stand, as nbformat's JSON."""
    shown: list[dict[str, Any]] = []
    own = Budget(min(CELL, budget.left))
    left_out = False
    for kind, data in _put_out(cell):
        # Before anything is made of it.
        picture = read_picture(kind, data) if _size(data) <= 2 * CELL else ""
        if picture is None:
            continue
        if picture and own.take(picture) and budget.take(picture):
            shown.append({"output_type": "display_data", "metadata": {}, "data": {kind: picture}})
        else:
            left_out = True
    if left_out:
        shown.append({"output_type": "display_data", "metadata": {}, "data": {"text/plain": LEFT_OUT}})
    return shown


def shown_attachments(cell: RawCell, budget: Budget) -> dict[str, dict[str, str]]:
    """Return the pictures pasted into a text cell."""
    found = cell.get("attachments")
    kept: dict[str, dict[str, str]] = {}
    for name, bundle in found.items() if isinstance(found, dict) else ():
        for kind, data in bundle.items() if isinstance(bundle, dict) else ():
            picture = read_picture(kind, data) if _size(data) <= budget.left else None
            if picture is not None and budget.take(picture):
                kept.setdefault(clean(name), {})[kind] = picture
    return kept
