"""Predict keypoints with the networks that `train_heatmaps` trained: the mean of all in the folder.

    python -m data_scripts.predict_keypoints --model DIR --faces FILE.npz --out OUT.npz

FILE.npz holds `images` (N, 96, 96) uint8; OUT.npz gets `keypoints` (N, K, 2) float32 pixels and `names` (K,). Each
network answers for the face and for its mirrored copy. Which label source's convention a face's points follow is told
from the image.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import whole_file
from data_scripts.heatmaps.faces import check_images, read_arrays
from data_scripts.heatmaps.predicting import load_networks, predict


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.predict_keypoints", description="Predict keypoints with trained networks."
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="what train_heatmaps wrote")
    parser.add_argument("--faces", type=Path, required=True, metavar="FILE.npz", help="`images` (N, 96, 96) uint8")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.npz", help="gets `keypoints` and `names`")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    arguments = _arguments(argv)
    try:
        networks = load_networks(arguments.model)
        images = read_arrays(arguments.faces, ("images",))["images"]
        check_images(arguments.faces, "images", images)
        keypoints = predict(networks, images)
        try:
            with whole_file(arguments.out) as unfinished, open(unfinished, "wb") as file:
                np.savez_compressed(file, keypoints=keypoints, names=np.array(networks[0].names))
        except OSError as error:
            raise DataError(f"{arguments.out}: cannot be written: {explain_os_error(error)}") from error
    except DataError as error:
        print(f"predict_keypoints: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("predict_keypoints: interrupted", file=sys.stderr)
        return 130
    print(f"{arguments.out}: {len(keypoints)} faces, {len(networks[0].names)} keypoints, {len(networks)} networks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
