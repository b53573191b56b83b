"""Fetch the facial keypoint files from Kaggle with its official client and your own credentials.

    python -m data_scripts.kaggle_download --out DIR

downloads, unpacks, checks and caches them. It goes on where an interrupted download stopped, and does nothing
where the files are already there and correct.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from data_scripts.files.errors import DataError
from data_scripts.kaggle.download import GET_A_TOKEN, KaggleClient, download, official_client


def main(arguments: Sequence[str] | None = None, connect: Callable[[], KaggleClient] = official_client) -> int:
    """Run the command; return 0, or 1 after one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.kaggle_download",
        description="Download the files of Kaggle's facial keypoints contest, check them and cache them.",
        epilog=f"You need an account: {GET_A_TOKEN}.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files shall lie")
    options = parser.parse_args(arguments)
    try:
        summary = download(options.out, connect)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; run it again to go on where it stopped", file=sys.stderr)
        return 1
    print(
        f"{options.out}: {summary.training_rows} training rows, {summary.test_rows} test images, "
        f"{summary.lookup_rows} look-up rows, as on Kaggle. To use them: set COURSE_DATA={options.out}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
