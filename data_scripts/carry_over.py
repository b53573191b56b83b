"""Measure what carries over from drawn faces to photographs: train on drawn faces alone, score on real ones.

    python -m data_scripts.carry_over --real real_faces.npz

Draws faces with people's measures, trains two of `train_heatmaps`' networks on them, which go to --out, and scores
them on the photographs. These stay where they are: `real_faces.npz` holds test_images (N, 96, 96) uint8,
test_keypoints (N, 15, 2) in pixels, test_asked (N, 15) bool, the keypoints that count, and train_keypoints (M, 15,
2), whose mean is the baseline; nothing is learned from them. Without --real the networks are trained and not scored.
Run it again after an interruption and it goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from data_scripts.files.errors import DataError
from data_scripts.heatmaps.crew import INTERRUPTED, train_networks
from data_scripts.heatmaps.predicting import load_networks, predict
from data_scripts.heatmaps.run import Interrupted
from data_scripts.studies.arguments import at_least
from data_scripts.studies.carry_over import asked_rmse, carry_over_recipe, lifelike_faces, load_real

OUT = Path("output") / "carry_over"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.carry_over", description="Train on drawn faces alone and score on photographs."
    )
    parser.add_argument("--real", type=Path, metavar="FILE.npz", help="photographs to score on")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help=f"where the networks go; resumes there (default: {OUT})"
    )
    parser.add_argument("--train", type=at_least(10), default=12_000, help="drawn faces to learn from (default: 12000)")
    parser.add_argument("--networks", type=at_least(1), default=2, metavar="N", help="to be averaged (default: 2)")
    parser.add_argument("--steps", type=at_least(10), default=12_000, help="of each, 16 faces a step (default: 12000)")
    parser.add_argument("--width", type=at_least(8), default=32, help="channels of the networks' maps (default: 32)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the faces and the networks")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    args = _arguments(argv)
    start = time.monotonic()
    try:
        real = None if args.real is None else load_real(args.real)
        faces = lifelike_faces(args.train, args.seed)
        print(f"{args.train} faces drawn in {time.monotonic() - start:.0f} s")
        recipe = carry_over_recipe(args.width)
        train_networks(faces, args.out, recipe, args.networks, args.seed, 1.0, args.steps)
        networks = load_networks(args.out)[: args.networks]
        print(f"{len(networks)} networks trained on drawn faces alone, in {args.out}; {time.monotonic() - start:.0f} s")
        if real is None:
            return 0
        scores = {
            "constant mean of the photographs": asked_rmse(real.mean_face, real),
            "constant mean of the drawn faces": asked_rmse(faces.keypoints.mean(0), real),
            "one network": asked_rmse(predict(networks[:1], real.images, mirrored=False), real),
            f"{len(networks)} averaged, mirrored copies too": asked_rmse(predict(networks, real.images), real),
        }
    except DataError as error:
        print(f"carry_over: {error}", file=sys.stderr)
        return 1
    except (Interrupted, KeyboardInterrupt):
        print("carry_over: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    print(f"{len(real.images)} photographs")
    mean_face = next(iter(scores.values()))
    for name, score in scores.items():
        print(f"{name:<36} RMSE {score:.2f} px, ratio {score / mean_face:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
