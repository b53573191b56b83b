"""Draw a sheet of synthetic faces, with their keypoints or without.

python -m data_scripts.face_sheet --out faces.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data_scripts.drawing.sheet import face_sheet
from data_scripts.drawing.workers import draw_faces
from data_scripts.files.pictures import write_png


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.face_sheet", description="Draw a sheet of synthetic faces."
    )
    parser.add_argument("--out", type=Path, required=True, help="picture to write, .png")
    parser.add_argument("--faces", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="leave the keypoints out")
    args = parser.parse_args(argv)
    try:
        images, keypoints = draw_faces(args.faces, args.seed)
        write_png(args.out, face_sheet(images, None if args.plain else keypoints))
    except (ValueError, OSError) as error:
        print(f"face_sheet: {error}", file=sys.stderr)
        return 1
    print(f"{args.faces} faces in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
