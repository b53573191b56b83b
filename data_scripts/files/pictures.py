"""Pictures on the disk: read in shades of gray, written whole."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import write_whole


def read_gray(path: Path) -> np.ndarray:
    """Read a picture in shades of gray: (H, W) uint8; DataError where it cannot be read or is no picture."""
    try:
        return decode_gray(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"{path}: the picture cannot be read: {explain_os_error(error)}") from error
    except ValueError as error:
        raise DataError(f"{path}: {error}; copy the file again") from None


def decode_gray(coded: bytes) -> np.ndarray:
    """Decode a picture in shades of gray: (H, W) uint8; ValueError where the bytes are no picture.

    The pixels come as they are stored, whatever a camera noted of its orientation: labels count in these.
    """
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imdecode(np.frombuffer(coded, np.uint8), flags) if coded else None
    if picture is None:
        raise ValueError("expected a picture such as a .jpg, got something else")
    return picture


def jpeg(picture: np.ndarray, quality: int) -> bytes:
    """Code a picture, (H, W) or (H, W, 3) blue-green-red uint8, as the bytes of a .jpg; `quality` is 0 … 100."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture, (H, W) or (H, W, 3) blue-green-red uint8, as a .png; OSError where it cannot be written."""
    write_whole(path, cv2.imencode(".png", picture)[1].tobytes())
