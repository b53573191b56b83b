"""Measure what carries over from drawn faces to photographs: train on synthetic faces alone, score on real ones.

    python -m data_scripts.carry_over --real real_faces.npz

The photographs stay where they are: `real_faces.npz` holds test_images (N, 96, 96) uint8, test_keypoints (N, 15, 2) in
pixels, test_asked (N, 15) bool, the keypoints that count, and train_keypoints (M, 15, 2), whose mean is the baseline.
"""

from __future__ import annotations

import argparse
import sys
import time
import zipfile
from pathlib import Path

from data_scripts.studies.arguments import at_least
from data_scripts.studies.carry_over import asked_rmse, load_real, predict, train_on_synthetic


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.carry_over", description="Train on synthetic faces alone and score on photographs."
    )
    parser.add_argument("--real", type=Path, required=True, help="real_faces.npz")
    parser.add_argument("--train", type=at_least(10), default=7049, help="synthetic training faces (default 7049)")
    parser.add_argument("--epochs", type=at_least(1), default=None, help="at most so many (default: the full recipe's)")
    parser.add_argument("--seed", type=int, default=0, help="of the faces")
    args = parser.parse_args(argv)
    start = time.monotonic()
    try:
        real = load_real(args.real)
        model, drawn_mean = train_on_synthetic(args.train, args.seed, args.epochs)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        print(f"carry_over: {error}", file=sys.stderr)
        return 1
    mean_face = asked_rmse(real.mean_face, real)
    score = asked_rmse(predict(model, real.images), real)
    print(f"{args.train} synthetic training faces, {len(real.images)} photographs, {time.monotonic() - start:.0f} s")
    print(f"constant mean of the photographs     RMSE {mean_face:.2f} px")
    print(f"constant mean of the synthetic faces RMSE {asked_rmse(drawn_mean, real):.2f} px")
    print(f"ResNet trained on synthetic faces    RMSE {score:.2f} px, ratio {score / mean_face:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
