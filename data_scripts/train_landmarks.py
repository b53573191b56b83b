"""Train lesson 09's network on 68-point faces and say how far off it is, beside the constant mean shape.

    python -m data_scripts.train_landmarks --root DIR --checkpoint FILE.pt
    torchrun --nproc-per-node 2 -m data_scripts.train_landmarks --root DIR --checkpoint FILE.pt

One process, or several that share each batch: the same script, the same result but for rounding. Run again after an
interruption, it goes on behind the last finished epoch. Functions and network are those of your notebook in
lessons/09_larger_dataset where they pass their checks, else the reference.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from autograder.course.manifest import CourseError
from data_scripts.files.whole import write_whole
from data_scripts.ibug.folder import ibug_folder
from data_scripts.studies.landmarks import run
from data_scripts.training import processes
from data_scripts.training.recipe import Recipe, load_recipe


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.train_landmarks",
        description="Train lesson 09's network; also under torchrun, on several processes.",
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="a real folder of 68-point faces (default: drawn)")
    parser.add_argument("--recipe", type=Path, metavar="FILE.yaml", help="default: the source's, all faces at 224")
    parser.add_argument("--epochs", type=int, metavar="N", help="in place of the recipe's")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="of a crop, in place of the recipe's")
    parser.add_argument("--faces", type=int, metavar="N", help="the first N training faces only; 0 for all")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE.pt", help="written every epoch; there: go on from it")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="what was measured")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    arguments = _arguments(argv)
    with processes.process_group():
        try:
            recipe = load_recipe(arguments.recipe) if arguments.recipe else Recipe()
            chosen = {name: getattr(arguments, name) for name in ("epochs", "size", "faces")}
            recipe = replace(recipe, **{name: value for name, value in chosen.items() if value is not None})
            found = run(ibug_folder(arguments.root), recipe, arguments.checkpoint)
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
                    errors = ", ".join(f"{name} {value:.2f}" for name, value in found[part].items())
                    print(f"{part}: MAE in pixels of the pictures: {errors}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
