"""Train lesson 09's network on 68-point faces and say how far off it is, beside the constant mean shape.

    python -m data_scripts.train_landmarks --root DIR --checkpoint FILE.pt
    torchrun --nproc-per-node 2 -m data_scripts.train_landmarks --root DIR --checkpoint FILE.pt

One process, or several that share each batch: the same script, the same result but for rounding. Run again after an
interruption, it goes on behind the last finished epoch. Functions and network are those of your notebook in
lessons/09_larger_dataset where they pass their checks, else the reference.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

import autograder
from autograder.course.manifest import ROOT, CourseError
from data_scripts import ibug_faces, landmark_processes
from data_scripts.landmark_training import (
    Crops,
    Recipe,
    cut_faces,
    in_pictures,
    load_recipe,
    pixel_error,
    predict,
    start_at_mean,
    train_network,
)

LESSON = "09_larger_dataset"


def load_lesson() -> SimpleNamespace:
    """Return the functions of lesson 09: the student's own where they pass, else the reference."""
    # Looked for beside the notebook of the lesson.
    folder = ROOT / "lessons" / LESSON
    # One process says which of the two it is.
    quiet = contextlib.redirect_stdout(io.StringIO()) if landmark_processes.number() else contextlib.nullcontext()
    with contextlib.chdir(folder if folder.is_dir() else ROOT), quiet:
        return autograder.earlier(LESSON)


def mean_shape_error(train: Crops, faces: Crops, lesson: SimpleNamespace) -> float:
    """Return the error in pixels of the mean shape of the training crops, the same for every face."""
    mean = train.points.mean(dim=0).numpy()
    guesses = np.broadcast_to(mean, (len(faces.boxes), *mean.shape))
    return pixel_error(guesses, faces, lesson.uncrop, lesson.mean_absolute_error)


def run(folder: Path, recipe: Recipe, checkpoint: Path | None) -> dict:
    """Train on the folder's training faces; return what was measured, in pixels of the pictures."""
    lesson = load_lesson()
    first = landmark_processes.number() == 0
    records = lesson.read_ibug_xml(folder / ibug_faces.TRAIN)
    records = records[: recipe.faces] if recipe.faces else records
    rows, val_rows = ibug_faces.split_by_photo([file for file, _, _ in records], recipe.val_fraction, recipe.seed)
    train, val = (
        cut_faces([records[row] for row in part], folder, lesson.crop_face, recipe.size) for part in (rows, val_rows)
    )
    torch.manual_seed(recipe.seed)
    model = lesson.resnet18()
    start_at_mean(model, train)
    if first:
        print(f"{recipe}; {len(rows)} faces to train on, {len(val_rows)} to validate", flush=True)
    start = time.perf_counter()

    def score(predicted: np.ndarray) -> float:
        return pixel_error(predicted, val, lesson.uncrop, lesson.mean_absolute_error)

    def say(line: str) -> None:
        print(f"{line} ({time.perf_counter() - start:.0f} s)", flush=True)

    history = train_network(model, train, val, recipe, score, checkpoint, say)
    found = {
        "recipe": asdict(recipe),
        "processes": landmark_processes.count(),
        "history": history,
        "validation": {"network": min(history["val_mae"]), "mean shape": mean_shape_error(train, val, lesson)},
    }
    if (folder / ibug_faces.TEST_TRUTH).is_file():
        test = cut_faces(lesson.read_ibug_xml(folder / ibug_faces.TEST_TRUTH), folder, lesson.crop_face, recipe.size)
        error = lesson.mean_absolute_error(in_pictures(predict(model, test), test, lesson.uncrop), test.truth)
        found["test"] = {"network": float(error), "mean shape": mean_shape_error(train, test, lesson)}
    return found


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
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
    with landmark_processes.process_group():
        try:
            recipe = load_recipe(arguments.recipe) if arguments.recipe else Recipe()
            chosen = {name: getattr(arguments, name) for name in ("epochs", "size", "faces")}
            recipe = replace(recipe, **{name: value for name, value in chosen.items() if value is not None})
            found = run(ibug_faces.ibug_folder(arguments.root), recipe, arguments.checkpoint)
        except (ValueError, CourseError) as error:
            print(f"train_landmarks: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("train_landmarks: interrupted; run it again with --checkpoint to go on", file=sys.stderr)
            return 130
        if landmark_processes.number() == 0:
            for part in ("validation", "test"):
                if part in found:
                    errors = ", ".join(f"{name} {value:.2f}" for name, value in found[part].items())
                    print(f"{part}: MAE in pixels of the pictures: {errors}")
            if arguments.report:
                arguments.report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
