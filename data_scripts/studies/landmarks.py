"""How far lesson 09's network is off on 68-point faces, beside the constant mean shape."""

from __future__ import annotations

import contextlib
import io
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

import autograder
from autograder.course.manifest import ROOT
from data_scripts.ibug.labels import TEST_TRUTH, TRAIN
from data_scripts.ibug.photos import split_by_photo
from data_scripts.training import processes
from data_scripts.training.crops import Crops, cut_faces, in_pictures, pixel_error, with_points
from data_scripts.training.landmarks import predict, start_at_mean, train_network
from data_scripts.training.recipe import Recipe

LESSON = "09_larger_dataset"


def load_lesson() -> SimpleNamespace:
    """Return the functions of lesson 09: the student's own where they pass, else the reference."""
    # Looked for beside the notebook of the lesson.
    folder = ROOT / "lessons" / LESSON
    # One process says which of the two it is.
    quiet = contextlib.redirect_stdout(io.StringIO()) if processes.number() else contextlib.nullcontext()
    with contextlib.chdir(folder if folder.is_dir() else ROOT), quiet:
        return autograder.earlier(LESSON)


def mean_shape_error(train: Crops, faces: Crops, lesson: SimpleNamespace) -> float:
    """Return the error in pixels of the mean shape of the training crops, the same for every face."""
    mean = train.targets().mean(dim=0).numpy()
    guesses = np.broadcast_to(mean, (len(faces.boxes), *mean.shape))
    return pixel_error(guesses, faces, lesson.uncrop, lesson.mean_absolute_error)


def run(folder: Path, recipe: Recipe, checkpoint: Path | None) -> dict[str, Any]:
    """Train on the folder's training faces; return what was measured, in pixels of the pictures."""
    lesson = load_lesson()
    first = processes.number() == 0
    records = with_points(lesson.read_ibug_xml(folder / TRAIN), print if first else lambda line: None)
    records = records[: recipe.faces] if recipe.faces else records
    rows, val_rows = split_by_photo([file for file, _, _ in records], recipe.val_fraction, recipe.seed)
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
        "processes": processes.count(),
        "history": history,
        "validation": {"network": min(history["val_mae"]), "mean shape": mean_shape_error(train, val, lesson)},
    }
    if (folder / TEST_TRUTH).is_file():
        truth = with_points(lesson.read_ibug_xml(folder / TEST_TRUTH), print if first else lambda line: None)
        test = cut_faces(truth, folder, lesson.crop_face, recipe.size)
        error = lesson.mean_absolute_error(in_pictures(predict(model, test), test, lesson.uncrop), test.truth)
        found["test"] = {"network": float(error), "mean shape": mean_shape_error(train, test, lesson)}
    return found
