"""Measure what each augmentation of lesson 08 is worth: the same training without and with it, several times over.

    python -m data_scripts.augmentation_effect --root imm_face_db

Without --root the drawn faces are used. Each finished training is kept in the file of --out, and not repeated: a
command that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data_scripts.files.generated import REPOSITORY
from data_scripts.imm.reading import load_imm
from data_scripts.studies.arguments import at_least
from data_scripts.studies.augmentations import SETTINGS, SIZE, Plan, measure, split, summary
from data_scripts.training.keypoints import errors_of

__all__ = ["SETTINGS", "main", "split", "summary"]


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.augmentation_effect",
        description="What each augmentation of lesson 08 is worth, measured.",
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="the IMM face database (default: drawn faces)")
    parser.add_argument("--epochs", type=at_least(1), default=30, help="of each training (default 30)")
    parser.add_argument("--seeds", type=at_least(1), default=3, help="trainings of each setting (default 3)")
    parser.add_argument("--batch-size", type=at_least(1), default=2, help="pictures a step (default 2)")
    parser.add_argument("--lr", type=float, default=3e-4, help="of Adam (default 3e-4)")
    parser.add_argument("--n-val", type=at_least(1), default=8, help="persons to validate on (default 8)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="default: output/augmentation_effect.json")
    args = parser.parse_args(argv)
    out = args.out or REPOSITORY / "output" / "augmentation_effect.json"
    data = args.root.resolve().name if args.root else "drawn faces"
    plan = Plan(data, args.epochs, args.batch_size, args.lr, args.n_val)
    try:
        faces = load_imm(args.root, SIZE)
        train, val = split(faces, args.n_val)
        mean_shape = errors_of(faces.keypoints[train].mean(axis=0), faces.keypoints[val], SIZE)
        print(f"{data}: {len(train)} pictures to train on, {len(val)} of other persons to validate on")
        runs = measure(faces, plan, args.seeds, out)
    except (ValueError, OSError) as error:
        print(f"augmentation_effect: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("augmentation_effect: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    print(summary(runs, (mean_shape.mse, mean_shape.pixels)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
