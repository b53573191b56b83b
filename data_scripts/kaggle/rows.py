"""Parse the face tables of Kaggle's facial keypoints contest: some numbers and one image in each row.

The ``csv`` module and ``str.split`` make a Python object of every pixel, 65 million of them in ``training.csv``.
Here a row stays bytes, and NumPy turns its digits into pixels all at once. A row that is not exactly in the
usual form goes to a slow second look, which either accepts it or says what is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_scripts.files.errors import DataError, explain_os_error

SIDE = 96
PIXELS = SIDE * SIDE
IMAGE_COLUMN = "Image"

# A correct row has at most 96·96 four-byte pixels and some numbers. Reading no further than this keeps a file
# without line ends, which is not such a table at all, from filling the memory.
_LONGEST_LINE = 1_000_000
_MISSING = frozenset({b"", b"nan", b"na", b"null"})
_DOWNLOAD_AGAIN = "download or write the file again"


@dataclass(frozen=True)
class FaceTable:
    """The rows of one face table as they stand in the file.

    Attributes:
        images: (N, 96, 96) uint8, gray levels 0–255.
        columns: the names of the C other columns, in file order.
        values: (N, C) float64, NaN where the field is empty.
    """

    images: np.ndarray
    columns: tuple[str, ...]
    values: np.ndarray


def parse_faces(
    csv_path: Path,
    check_columns: Callable[[tuple[str, ...]], None],
    progress: Callable[[int], object] | None = None,
) -> FaceTable:
    """Read a table of faces from its CSV file.

    Args:
        csv_path: a CSV file with a header, a column ``Image`` of 96·96 space-separated integers 0–255, and
            columns of numbers. A byte order mark, quotes, ``\\r\\n`` and a missing last line end are all accepted.
        check_columns: called with the names of the other columns before any row is read; raises DataError to refuse.
        progress: called with the number of bytes consumed, once a row.

    Returns:
        The table, about 9 kB of memory a row.

    Raises:
        DataError: for a file that cannot be opened, is empty or is no such table, naming the row.
    """
    csv_path = Path(csv_path)
    try:
        with open(csv_path, "rb") as file:
            return _parse(file, csv_path, check_columns, progress)
    except FileNotFoundError:
        raise DataError(
            f"{csv_path}: there is no such file; check the folder (COURSE_DATA, if you set it), or write the "
            "embedded faces with python -m data_scripts.synthetic_faces --out DIR"
        ) from None
    except OSError as error:
        raise DataError(f"{csv_path}: cannot be read: {explain_os_error(error)}") from error


def _parse(
    file: BinaryIO,
    path: Path,
    check_columns: Callable[[tuple[str, ...]], None],
    progress: Callable[[int], object] | None,
) -> FaceTable:
    lines = _lines(file)
    header = next(lines, b"")
    names = _header_names(header, path)
    image_at = names.index(IMAGE_COLUMN)
    columns = names[:image_at] + names[image_at + 1 :]
    check_columns(columns)

    images: list[np.ndarray] = []
    values: list[list[float]] = []
    blank_at = 0
    for row, line in enumerate(lines, start=1):
        if progress is not None:
            progress(len(line))
        text = line.rstrip(b"\r\n")
        if not text:
            blank_at = blank_at or row
            continue
        where = f"{path}, row {row} (line {row + 1})"
        if blank_at:
            raise DataError(
                f"{path}, row {blank_at} (line {blank_at + 1}): expected a face, got an empty line; "
                f"remove it or {_DOWNLOAD_AGAIN}"
            )
        if b"\0" in text:
            raise DataError(f"{where}: expected text, got a zero byte: the file is damaged; {_DOWNLOAD_AGAIN}")
        fields = text.split(b",")
        # The last line of a whole file may lack its line end, so only a fault in it betrays a cut.
        cut = not line.endswith((b"\n", b"\r"))
        if len(fields) != len(names):
            raise DataError(_explain_length(where, f"{len(names)} fields", f"{len(fields)}", cut))
        image = fields.pop(image_at)
        values.append(_numbers(fields, columns, where))
        images.append(_pixels(image, where, cut))
    if not images:
        raise DataError(f"{path}: expected one face in each row, got a header and no rows; {_DOWNLOAD_AGAIN}")
    table = np.array(values, dtype=np.float64).reshape(len(images), len(columns))
    return FaceTable(np.stack(images).reshape(-1, SIDE, SIDE), columns, table)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_LONGEST_LINE):
        yield line


def _header_names(header: bytes, path: Path) -> tuple[str, ...]:
    if not header.strip():
        raise DataError(f"{path}: expected a CSV table with a header, got an empty file or line; {_DOWNLOAD_AGAIN}")
    if header.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf")):
        raise DataError(f"{path}: expected a CSV table, got a compressed archive; unpack it first")
    if b"\0" in header:
        raise DataError(f"{path}: expected a CSV table in UTF-8, got binary data or UTF-16; {_DOWNLOAD_AGAIN}")
    text = header.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    names = tuple(name.strip().strip('"') for name in text.split(","))
    if names.count(IMAGE_COLUMN) != 1:
        raise DataError(
            f"{path}: expected one column {IMAGE_COLUMN!r} in the header, got {names.count(IMAGE_COLUMN)} in "
            f"{shorten(text)!r}; {_DOWNLOAD_AGAIN}"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: expected every column once, got {twice!r} more than once; {_DOWNLOAD_AGAIN}")
    return names


def _numbers(fields: list[bytes], columns: tuple[str, ...], where: str) -> list[float]:
    try:
        numbers = [float(field) if field else math.nan for field in fields]
    except ValueError:
        numbers = [math.inf]
    # Python's float() also reads "1_0" and "1e999"; a second look accepts quotes and explains the rest.
    if math.inf in numbers or -math.inf in numbers or any(b"_" in field for field in fields):
        return [_number(field, name, where) for field, name in zip(fields, columns, strict=True)]
    return numbers


def _number(field: bytes, name: str, where: str) -> float:
    text = _unquote(field)
    if text.lower() in _MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or b"_" in text:
        raise DataError(
            f"{where}: expected a number or nothing in column {name!r}, got {_show(text)}; "
            f"correct it or {_DOWNLOAD_AGAIN}"
        )
    return value


def _pixels(field: bytes, where: str, cut: bool) -> np.ndarray:
    text = _unquote(field)
    pixels = _usual_pixels(text)
    return _unusual_pixels(text, where, cut) if pixels is None else pixels


def _usual_pixels(text: bytes) -> np.ndarray | None:
    """(9216,) uint8 where the text is 9,216 numbers of one to three digits with one space between, else None."""
    # uint8 wraps around: a space becomes 240, and whatever is no digit lands above 9. The spaces around the text
    # give its first number something to its left and its last number an end.
    digits = np.frombuffer(b"".join((b"  ", text, b" ")), dtype=np.uint8) - np.uint8(ord("0"))
    ends = np.flatnonzero(digits == 240)[2:]
    if len(ends) != PIXELS:
        return None
    ones, tens, hundreds = digits[ends - 1], digits[ends - 2], digits[ends - 3]
    has_tens = tens <= 9
    has_hundreds = has_tens & (hundreds <= 9)
    # Where these digits and the spaces are all there is, no number has a fourth digit, a sign or a letter.
    accounted = PIXELS + np.count_nonzero(has_tens) + np.count_nonzero(has_hundreds) + PIXELS - 1
    if ones.max() > 9 or accounted != len(text):
        return None
    below_hundred = ones + tens * has_tens * np.uint8(10)
    hundreds *= has_hundreds
    if hundreds.max() > 2 or np.any((hundreds == 2) & (below_hundred > 55)):
        return None
    return below_hundred + hundreds * np.uint8(100)


def _unusual_pixels(text: bytes, where: str, cut: bool) -> np.ndarray:
    """(9216,) uint8 from text that may have odd spacing, or the reason why it is no image."""
    words = text.split()
    for index, word in enumerate(words):
        digits = word.lstrip(b"0")
        if not word.isdigit() or len(digits) > 3 or int(digits or b"0") > 255:
            raise DataError(
                f"{where}: expected an integer from 0 to 255 as pixel {index} of column {IMAGE_COLUMN!r}, "
                f"got {_show(word)}; correct it or {_DOWNLOAD_AGAIN}"
            )
    if len(words) != PIXELS:
        raise DataError(_explain_length(where, f"{PIXELS} pixels ({SIDE}×{SIDE})", f"{len(words)}", cut))
    return np.array([int(word[-3:]) for word in words], dtype=np.uint8)


def _explain_length(where: str, expected: str, got: str, cut: bool) -> str:
    if cut:
        return (
            f"{where}: expected {expected}, got {got}, and the file ends in the middle of this row: probably an "
            f"interrupted download; {_DOWNLOAD_AGAIN}"
        )
    return f"{where}: expected {expected}, got {got}; correct the row or {_DOWNLOAD_AGAIN}"


def _unquote(field: bytes) -> bytes:
    text = field.strip()
    return text[1:-1].strip() if len(text) >= 2 and text[:1] == text[-1:] == b'"' else text


def shorten(text: str, longest: int = 60) -> str:
    """Cut a text to at most ``longest`` characters, the last being an ellipsis where something was cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _show(text: bytes) -> str:
    return repr(shorten(text.decode("utf-8", errors="replace"), longest=20))
