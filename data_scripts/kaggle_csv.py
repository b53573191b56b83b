"""Read Kaggle's facial keypoint files fast: parsed once, then from a compact cache beside each file.

    python -m data_scripts.kaggle_csv DIR

checks every file of a folder, caches it and prints what is in it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data_scripts.files.errors import DataError
from data_scripts.kaggle.lookup import read_lookup
from data_scripts.kaggle.tables import FolderSummary, TestSet, TrainingSet, read_test, read_training, verify_folder

__all__ = [
    "DataError",
    "FolderSummary",
    "TestSet",
    "TrainingSet",
    "main",
    "read_lookup",
    "read_test",
    "read_training",
    "verify_folder",
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.kaggle_csv",
        description="Check the files of a folder in Kaggle's format, cache them, and print what is in it.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="holds training.csv, test.csv and IdLookupTable.csv")
    parser.add_argument("--expect-kaggle", action="store_true", help="demand the counts of Kaggle's own files")
    options = parser.parse_args(arguments)
    try:
        summary = verify_folder(options.folder, options.expect_kaggle)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{options.folder}: {summary.training_rows} training rows ({summary.complete_rows} with all "
        f"{summary.keypoints} keypoints), {summary.test_rows} test images, {summary.lookup_rows} look-up rows"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
