"""Read a folder in the format of the IMM Face Database: 640x480 pictures (.jpg) with 58 points each (.asf).

    python -m data_scripts.imm_faces                          # check the embedded faces; missing, they are drawn
    python -m data_scripts.imm_faces --root DIR               # check the real folder
    python -m data_scripts.imm_faces --sheet faces.png        # and show some of its faces with their points
    python -m data_scripts.imm_faces --make DIR --seed 3      # draw a folder

The six pictures of a person: neutral, happy, turned to the person's right, turned left, with a lamp at the person's
left, and any grimace. `COURSE_IMM` names the folder for lessons 07 and 08.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from data_scripts.files.pictures import write_png
from data_scripts.imm.folder import PERSONS, write_imm_folder
from data_scripts.imm.reading import ImmFaces, asf_files, imm_folder, load_imm, read_picture, read_points
from data_scripts.imm.sheet import imm_sheet

__all__ = ["ImmFaces", "asf_files", "imm_folder", "load_imm", "main", "read_picture", "read_points"]


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.imm_faces",
        description="Check, show or draw a folder in the format of the IMM Face Database (.jpg and .asf).",
    )
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--root", type=Path, default=None, metavar="DIR", help="check this folder (default: embedded)")
    folder.add_argument("--make", type=Path, default=None, metavar="DIR", help="draw faces into a folder")
    parser.add_argument("--seed", type=int, default=0, help="of the faces that --make draws (%(default)s)")
    parser.add_argument("--persons", type=int, default=PERSONS, help="that --make draws (%(default)s)")
    parser.add_argument(
        "--sheet", type=Path, default=None, metavar="FILE.png", help="show five persons and their points"
    )
    args = parser.parse_args(argv)
    try:
        if args.make is not None:
            write_imm_folder(args.make, args.seed, args.persons)
        root = imm_folder(args.make or args.root)
        faces = load_imm(root, (240, 320))
        persons = np.unique(faces.persons).tolist()
        if args.sheet is not None:
            write_png(args.sheet, imm_sheet(faces, persons[:: max(1, len(persons) // 5)][:5]))
    except (ValueError, OSError) as error:
        print(f"imm_faces: {error}", file=sys.stderr)
        return 1
    points, plural = faces.keypoints.shape[1], "s" * (len(persons) != 1)
    print(f"{root}: {len(faces.files)} pictures of {len(persons)} person{plural} with {points} points each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
