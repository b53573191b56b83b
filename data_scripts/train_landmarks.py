"""Train lesson 09's network on 68-point faces and say how far off it is, beside the constant mean shape.

    python -m data_scripts.train_landmarks --root DIR --checkpoint FILE.pt
    torchrun --nproc-per-node 2 -m data_scripts.train_landmarks --root DIR --checkpoint FILE.pt

Without more it is the source's recipe: all faces in crops of 224 pixels. `--minutes 10` is this course's, for
processors: crops of 64 pixels that are mirrored, turned, scaled and shifted by chance, one cycle of the learning rate
that ends when the minutes are over; in less than two, faces stay as they are. `--one-cycle --epochs 60` is the same
with so many epochs.

One process, or several that share each batch: the same script, the same result but for rounding. Run again after an
interruption, it goes on behind the last finished epoch. Functions and network are those of your notebook in
lessons/09_larger_dataset where they pass their checks, else the reference.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

from autograder.course.manifest import CourseError
from data_scripts.files.whole import write_whole
from data_scripts.ibug.folder import ibug_folder
from data_scripts.studies.landmarks import run
from data_scripts.training import processes
from data_scripts.training.recipe import Recipe, load_recipe

# For processors: crops of a twelfth of the source's pixels, and faces that are moved because there are few.
ONE_CYCLE = Recipe(epochs=60, lr=1e-3, size=64, one_cycle=True, move=True)
# What few epochs bring most from: a network that has not learned the faces as they are gains nothing by moved ones.
BRIEF_MINUTES, BRIEF = 2.0, replace(ONE_CYCLE, batch_size=32, move=False)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.train_landmarks",
        description="Train lesson 09's network; also under torchrun, on several processes.",
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="a real folder of 68-point faces (default: drawn)")
    parser.add_argument("--recipe", type=Path, metavar="FILE.yaml", help="default: the source's, all faces at 224")
    parser.add_argument("--epochs", type=int, metavar="N", help="in place of the recipe's")
    parser.add_argument("--one-cycle", action="store_true", help="this course's recipe: 64 px, moved faces, 60 epochs")
    parser.add_argument("--minutes", type=float, metavar="M", help="the same, as many epochs as fit into M minutes")
    parser.add_argument("--all", action="store_true", help="train on every face of the training file, validate on none")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="of a crop, in place of the recipe's")
    parser.add_argument("--faces", type=int, metavar="N", help="the first N training faces only; 0 for all")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE.pt", help="written every epoch; there: go on from it")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="what was measured")
    return parser.parse_args(argv)


def _recipe(arguments: argparse.Namespace) -> Recipe:
    if arguments.minutes is not None and arguments.minutes < BRIEF_MINUTES:
        return BRIEF
    return ONE_CYCLE if arguments.one_cycle or arguments.minutes is not None else Recipe()


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    arguments = _arguments(argv)
    with processes.process_group():
        try:
            if arguments.minutes is not None and not 0 < arguments.minutes < math.inf:
                raise ValueError(f"--minutes: expected a number more than 0, got {arguments.minutes}")
            recipe = load_recipe(arguments.recipe) if arguments.recipe else _recipe(arguments)
            chosen = {name: getattr(arguments, name) for name in ("epochs", "size", "faces")}
            recipe = replace(recipe, **{name: value for name, value in chosen.items() if value is not None})
            recipe = replace(recipe, val_fraction=0.0) if arguments.all else recipe
            found = run(ibug_folder(arguments.root), recipe, arguments.checkpoint, arguments.minutes)
            if arguments.report and processes.number() == 0:
                write_whole(arguments.report, json.dumps(found, indent=2) + "\n")
        except (ValueError, CourseError, OSError) as error:
            print(f"train_landmarks: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("train_landmarks: interrupted; run it again with --checkpoint to go on", file=sys.stderr)
            return 130
        if processes.number() == 0:
            for part in ("validation", "test"):
                if part in found:
                    print(f"{part}: MAE in pixels of the pictures, or share of the eyes' distance:")
                    for name, value in found[part].items():
                        print(f"  {name}: {value:.4f}" if "share" in name else f"  {name}: {value:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
