"""Measure the fast reader against pandas and ``str.split`` on a file of the size of Kaggle's.

    python -m data_scripts.reader_bench

writes 7,049 random faces to a temporary folder, reads them in every way and prints the times.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_scripts.kaggle.speed import CACHE_PROMISE, PARSE_PROMISE, measure, write_random_faces
from data_scripts.kaggle.tables import KAGGLE_TRAINING_ROWS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 where the reader is as fast as promised, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.reader_bench",
        description="Measure the fast reader against pandas.read_csv and one split per row.",
    )
    parser.add_argument("--rows", type=int, default=KAGGLE_TRAINING_ROWS, help="faces in the file (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random faces (%(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        csv_path = Path(folder) / "training.csv"
        write_random_faces(csv_path, options.rows, np.random.default_rng(options.seed))
        times = measure(csv_path)
    print(f"{times.rows} faces")
    print(f"pandas.read_csv and a split per row  {times.pandas_split:8.3f} s")
    print(
        f"fast reader, first time              {times.parse:8.3f} s, {times.parse_ratio:6.1f} times as fast "
        f"(promised {PARSE_PROMISE:g})"
    )
    print(
        f"fast reader, from its cache          {times.cached:8.3f} s, {times.cache_ratio:6.1f} times as fast "
        f"(promised {CACHE_PROMISE:g})"
    )
    return 0 if times.parse_ratio >= PARSE_PROMISE and times.cache_ratio >= CACHE_PROMISE else 1


if __name__ == "__main__":
    sys.exit(main())
