"""Train a larger relative of lesson 10's network at full scale on faces of your own, or on the drawn ones.

    python -m data_scripts.train_heatmaps --faces FILE.npz --out DIR
    python -m data_scripts.train_heatmaps --faces data/synthetic --out DIR --networks 2 --minutes 30

FILE.npz holds `train_images` (N, 96, 96) uint8, `train_keypoints` (N, K, 2) float32 with NaN where unlabelled, and
`names` (K,); `train_source` and `train_group` (N,) are used where they are there. A folder in Kaggle's format will do
too. The number of steps follows from --minutes and the speed of the first steps. Run it again after an interruption
and it goes on where it was; the result is the same.

Maps, soft-argmax, both losses, one cycle and mirrored copies are the lesson's. What is different:

- the network: a narrower stem, one more block at 3 × 3 and a wider way up (1,309,932 parameters with two label
  sources); each image is normalized by its own mean and spread;
- label sources: maps for each of them, an offset for each source and keypoint, a classifier that tells the sources
  apart, and in each batch about 40 % from the one that labels nearly everything;
- the training: faces moved (distances from a normal distribution), lightened and darkened (gamma); a loss of the
  places that is a square up to 2 pixels in place of 1; decay of the convolutions alone, clipped gradients, and in the
  end the mean of the last steps' weights.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from data_scripts.files.errors import DataError
from data_scripts.heatmaps.crew import INTERRUPTED, train_networks
from data_scripts.heatmaps.faces import hold_out, read_faces
from data_scripts.heatmaps.predicting import load_networks
from data_scripts.heatmaps.run import Interrupted
from data_scripts.heatmaps.scores import describe
from data_scripts.heatmaps.training import Recipe


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.train_heatmaps",
        description="Train a larger relative of lesson 10's network at full scale.",
    )
    parser.add_argument("--faces", type=Path, required=True, metavar="FILE.npz", help="or a folder as Kaggle has it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the networks go; resumes there")
    parser.add_argument("--networks", type=_positive(int), default=2, metavar="N", help="to be averaged (default: 2)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="0 or more (default: 0)")
    parser.add_argument(
        "--minutes", type=_positive(float), default=28.0, metavar="M", help="for all networks together (default: 28)"
    )
    parser.add_argument("--steps", type=_positive(int), metavar="N", help="of each network, in place of --minutes")
    parser.add_argument(
        "--validate", action="store_true", help="hold a fifth of the groups out, and say how far off their points are"
    )
    arguments = parser.parse_args(argv)
    if arguments.seed < 0:
        parser.error("--seed: expected 0 or more")
    return arguments


def _positive(kind: type) -> type:
    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    number.__name__ = "number above 0"
    return number  # type: ignore[return-value]  # argparse wants something to call


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    arguments = _arguments(argv)
    try:
        faces = read_faces(arguments.faces)
        counts = ", ".join(str(count) for count in np.bincount(faces.sources))
        print(f"{len(faces.images)} faces, {len(faces.names)} keypoints; faces of each label source: {counts}")
        held = None
        if arguments.validate:
            faces, held = hold_out(faces, 0.2, np.random.default_rng([arguments.seed, 2]))
        train_networks(
            faces, arguments.out, Recipe(), arguments.networks, arguments.seed, arguments.minutes, arguments.steps
        )
        if held is not None:
            print(describe(load_networks(arguments.out), held))
    except DataError as error:
        print(f"train_heatmaps: {error}", file=sys.stderr)
        return 1
    except (Interrupted, KeyboardInterrupt):
        print("train_heatmaps: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    print(f"predict with: python -m data_scripts.predict_keypoints --model {arguments.out} --faces FILE.npz --out FILE")
    return 0


if __name__ == "__main__":
    sys.exit(main())
