"""Draw faces and write them as Kaggle's Facial Keypoints Detection files.

    python -m data_scripts.synthetic_faces --out data/synthetic --seed 0 --train 7049 --test 1783

The folder then holds training.csv, test.csv, IdLookupTable.csv and SampleSubmission.csv in Kaggle's format, and
truth.csv (RowId, Location) for scoring at home.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from data_scripts.drawing.workers import draw_faces
from data_scripts.kaggle.folder import FILE_NAMES, write_kaggle_folder

__all__ = ["FILE_NAMES", "draw_faces", "main", "write_kaggle_folder"]


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.synthetic_faces",
        description="Draw synthetic faces and write them in Kaggle's format.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not be there, or be empty")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=7049, help="labelled faces (default 7049)")
    parser.add_argument("--test", type=int, default=1783, help="faces to predict (default 1783)")
    parser.add_argument("--workers", type=int, default=None, help="processes (default: one a processor)")
    args = parser.parse_args(argv)
    started = time.perf_counter()
    try:
        write_kaggle_folder(args.out, args.train, args.test, args.seed, args.workers)
    except (ValueError, OSError) as error:
        print(f"synthetic_faces: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    print(f"{args.train} training faces and {args.test} test faces in {args.out}, drawn in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
