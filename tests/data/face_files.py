"""Small files in Kaggle's format and a turned photograph, for tests of what reads them; what writing left behind."""

from pathlib import Path

import cv2
import numpy as np

NAMES = ("left_eye_center", "nose_tip")
HEADER = "left_eye_center_x,left_eye_center_y,nose_tip_x,nose_tip_y,Image"
IMAGE = " ".join(str(level % 256) for level in range(9216))


def write(path: Path, *lines: str, end: str = "\n", last: str = "\n") -> Path:
    """Write lines, with what ends each and what ends the file."""
    path.write_bytes((end.join(lines) + last).encode())
    return path


def write_turned(path: Path) -> Path:
    """Write a picture of 40 x 60 pixels, white above, that asks a viewer to turn it: tag 0x0112 = 6."""
    picture = np.zeros((40, 60), np.uint8)
    picture[:10] = 255
    coded = cv2.imencode(".jpg", picture)[1].tobytes()
    tag = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
    block = b"Exif\x00\x00" + tag
    path.write_bytes(coded[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + coded[2:])
    return path


def write_folder(folder: Path, training_rows: int = 3, test_rows: int = 2) -> Path:
    """A small folder in Kaggle's format."""
    folder.mkdir(exist_ok=True)
    write(folder / "training.csv", HEADER, *[f"66.0,39.0,{row}.5,,{IMAGE}" for row in range(training_rows)])
    write(folder / "test.csv", "ImageId,Image", *[f"{row + 1},{IMAGE}" for row in range(test_rows)])
    write(
        folder / "IdLookupTable.csv",
        "RowId,ImageId,FeatureName,Location",
        *[f"{row + 1},{row + 1},nose_tip_x," for row in range(test_rows)],
    )
    write(folder / "SampleSubmission.csv", "RowId,Location", *[f"{row + 1},0" for row in range(test_rows)])
    return folder


def unfinished(folder: Path) -> list[str]:
    """What lies next to a generated folder, but for the lock that makes processes wait for each other."""
    return [path.name for path in folder.parent.iterdir() if path != folder and not path.name.endswith(".lock")]


def left_behind(folder: Path) -> list[str]:
    """Everything in a folder that is no table: caches and temporary files."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".csv")
