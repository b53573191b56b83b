"""Draw a folder of 68-point faces as the 300-W contest has them: photographs, boxes and points in three XML files.

python -m data_scripts.ibug_drawing --out DIR --train 400 --test 100
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data_scripts.ibug.folder import SEED, TEST_FACES, TRAIN_FACES, write_folder

__all__ = ["main", "write_folder"]


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.ibug_drawing",
        description="Draw 68-point faces in the format of the 300-W contest.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not be there, or be empty")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--train", type=int, default=TRAIN_FACES, help=f"labeled faces (default {TRAIN_FACES})")
    parser.add_argument("--test", type=int, default=TEST_FACES, help=f"faces to predict (default {TEST_FACES})")
    args = parser.parse_args(argv)
    try:
        write_folder(args.out, args.train, args.test, args.seed)
    except (ValueError, OSError) as error:
        print(f"ibug_drawing: {error}", file=sys.stderr)
        return 1
    print(f"{args.train} training faces and {args.test} test faces in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
