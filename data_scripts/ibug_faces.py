"""Read faces with 68 points in the format of the iBUG 300-W contest: XML files that name pictures, boxes and points.

    python -m data_scripts.ibug_faces                 # the drawn folder, made at first use: what is in it
    python -m data_scripts.ibug_faces --root DIR      # the same of a real folder

`COURSE_IBUG` names the folder for lesson 09. Pictures count from 0: (x, y) is the center of the pixel in column x and
row y.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data_scripts.files.errors import DataError
from data_scripts.ibug.folder import ibug_folder, summary
from data_scripts.ibug.labels import TEST, TEST_TRUTH, TRAIN, IbugFace, read_labels
from data_scripts.ibug.photos import photo_of, read_picture, split_by_photo

__all__ = [
    "TEST",
    "TEST_TRUTH",
    "TRAIN",
    "IbugFace",
    "ibug_folder",
    "main",
    "photo_of",
    "read_labels",
    "read_picture",
    "split_by_photo",
]


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.ibug_faces", description="Check a folder of 68-point faces and say what is in it."
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="a real folder (default: the drawn one)")
    args = parser.parse_args(argv)
    try:
        folder = ibug_folder(args.root)
        print("\n".join(summary(folder)))
    except DataError as error:
        print(f"ibug_faces: {error}", file=sys.stderr)
        return 1
    print(f"All pictures can be read: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
