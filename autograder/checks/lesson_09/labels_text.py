"""Faces drawn for the reader of lesson 09, and the text of the files that hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POINTS = 68
NAMES = [f"{number:02d}" for number in range(POINTS)]


@dataclass(frozen=True)
class Face:
    """A face as the file holds it: its box (left, top, width, height) and its points, if it is ``labeled`` at all."""

    file: str
    box: tuple[int, int, int, int]
    points: np.ndarray
    labeled: bool = True

    @property
    def box_tag(self) -> str:
        left, top, width, height = self.box
        return f"<box top='{top}' left='{left}' width='{width}' height='{height}'>"


def draw_face(rng: np.random.Generator, number: int, labeled: bool = True) -> Face:
    """Draw a face whose four box numbers differ, so that each is told from the others."""
    left, top = int(rng.integers(10, 60)), int(rng.integers(70, 120))
    width = int(rng.integers(130, 190))
    height = width + int(rng.integers(5, 40))
    # One decimal, as the real files have it.
    drawn = np.round(np.array([left, top]) + rng.uniform(0.05, 0.95, (POINTS, 2)) * (width, height), 1)
    file = f"set__{int(rng.integers(10**6, 10**7))}_{number}.jpg"
    return Face(file, (left, top, width, height), drawn, labeled)


def box_text(face: Face, order: np.ndarray | None = None, turned: bool = False) -> str:
    """Return a box element; ``order`` is that of its points, by default that of their names.

    Where ``turned``, the attributes of its points come in another order.
    """
    lines = [f"    {face.box_tag}"]
    if face.labeled:
        for number in range(POINTS) if order is None else order:
            x, y, name = *(f"{value:.1f}" for value in face.points[number]), NAMES[number]
            attributes = f"y='{y}' x='{x}' name='{name}'" if turned else f"name='{name}' x='{x}' y='{y}'"
            lines.append(f"      <part {attributes}/>")
    return "\n".join([*lines, "    </box>"])


def image_text(file: str, boxes: list[str]) -> str:
    """Return an image element."""
    return "\n".join([f"  <image file='{file}' width='400' height='500'>", *boxes, "  </image>"])


DECLARATION = "<?xml version='1.0' encoding='ISO-8859-1'?>"
STYLE = "<?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>"
COMMENT = "<comment>Drawn for this course, in the format of the 300-W faces.</comment>"


def file_text(
    images: list[str],
    declaration: tuple[str, ...] = (DECLARATION, STYLE),
    head: tuple[str, ...] = ("<name>faces</name>", COMMENT),
) -> str:
    """Return a whole file of labels; by default with all that the contest's files have above their images."""
    lines = [*declaration, "<dataset>", *head, "<images>", *images, "</images>", "</dataset>", ""]
    return "\n".join(lines)


def text_of(faces: list[Face]) -> str:
    """Return the file of faces, one in each image."""
    return file_text([image_text(face.file, [box_text(face)]) for face in faces])
