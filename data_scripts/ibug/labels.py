"""Labels of 68-point faces in the format of the iBUG 300-W contest: XML that names pictures, boxes and points.

A folder holds the pictures and three files: labels_ibug_300W_train.xml and labels_ibug_300W_test_truth.xml with boxes
and points, labels_ibug_300W_test.xml with boxes alone.

Pictures count from 0: (x, y) is the center of the pixel in column x and row y.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from data_scripts.files.errors import DataError, explain_os_error

TRAIN, TEST, TEST_TRUTH = (f"labels_ibug_300W_{name}.xml" for name in ("train", "test", "test_truth"))
POINTS = 68
_SIDES = ("left", "top", "width", "height")


@dataclass(frozen=True)
class IbugFace:
    """One face of a file of labels.

    Attributes:
        file: name of the picture, which lies beside the file of labels.
        box: left, top, width, height in pixels.
        keypoints: (68, 2) float32 pixels, (x, y), or None where the file gives the box alone.
    """

    file: str
    box: tuple[int, int, int, int]
    keypoints: np.ndarray | None


def read_labels(path: Path) -> list[IbugFace]:
    """Read the faces of one XML file, in its order.

    Raises:
        DataError: if the file cannot be read or is broken; the message names the picture and what is wrong.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; name the folder that holds it with --root") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        # A LookupError is an encoding that Python does not know.
        raise DataError(f"{path}: expected XML, got {error}; download the file again") from None
    faces = []
    for image in root.iter("image"):
        file = image.get("file")
        if not file:
            raise DataError(f"{path}: an image without the name of its file; download the file again")
        faces += [_read_box(box, file, f"{path}, {file}") for box in image.iter("box")]
    if not faces:
        raise DataError(f"{path}: expected boxes of faces, got none; name a file of labels")
    return faces


def _read_box(box: ElementTree.Element, file: str, where: str) -> IbugFace:
    left, top, width, height = (round(_number(box, side, where)) for side in _SIDES)
    if min(width, height) < 1:
        raise DataError(f"{where}: expected a box of at least 1 pixel, got width {width} and height {height}")
    sides = (left, top, width, height)
    parts = box.findall("part")
    if not parts:
        return IbugFace(file, sides, None)
    found = {_name(part, where): (_number(part, "x", where), _number(part, "y", where)) for part in parts}
    if len(parts) != POINTS or set(found) != set(range(POINTS)):
        odd = [f"{number:02d}" for number in sorted(set(range(POINTS)) ^ set(found))]
        told = f"; too few or too many: {', '.join(odd[:6])}" if odd else ""
        raise DataError(
            f"{where}: expected {POINTS} points named 00 to {POINTS - 1}, each once, got {len(parts)}{told}"
        )
    return IbugFace(file, sides, np.array([found[number] for number in range(POINTS)], np.float32))


def _name(part: ElementTree.Element, where: str) -> int:
    """Return the number that names a point: tools write 5 as 05, as 5 or as 005."""
    name = part.get("name", "")
    if not (name.isascii() and name.isdigit()):
        raise DataError(f"{where}: expected a number for the name of a part, got {name!r}; download the file again")
    return int(name)


def _number(element: ElementTree.Element, name: str, where: str) -> float:
    text = element.get(name)
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        came = "none" if text is None else repr(text)
        raise DataError(f"{where}: expected a number for {name} of a {element.tag}, got {came}; download it again")
    return value


def labels_text(name: str, faces: list[tuple[IbugFace, tuple[int, ...]]]) -> str:
    """Return the text of a file of labels called ``name``; each face comes with height and width of its picture."""
    lines = [
        "<?xml version='1.0' encoding='ISO-8859-1'?>",
        "<?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>",
        "<dataset>",
        f"<name>{name}</name>",
        "<comment>Drawn by data_scripts.ibug_drawing, in the format of the contest's files.</comment>",
        "<images>",
    ]
    for face, (height, width) in faces:
        left, top, wide, high = face.box
        lines.append(f"  <image file={quoteattr(face.file)} width='{width}' height='{height}'>")
        lines.append(f"    <box top='{top}' left='{left}' width='{wide}' height='{high}'>")
        points = () if face.keypoints is None else face.keypoints.tolist()
        lines += [f"      <part name='{number:02d}' x='{x:.1f}' y='{y:.1f}'/>" for number, (x, y) in enumerate(points)]
        lines += ["    </box>", "  </image>"]
    return "\n".join([*lines, "</images>", "</dataset>", ""])
