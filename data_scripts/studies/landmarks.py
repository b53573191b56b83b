"""How far lesson 09's network is off on 68-point faces, beside the constant mean shape."""

from __future__ import annotations

import contextlib
import copy
import io
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.course.manifest import find_lesson
from autograder.notebook_api.earlier import work_of
from data_scripts.ibug.labels import TEST_TRUTH, TRAIN
from data_scripts.ibug.photos import split_by_photo
from data_scripts.training import processes
from data_scripts.training.checkpoint import planned_epochs
from data_scripts.training.crops import Crops, cut_faces, error_by_eyes, in_pictures, pixel_error, with_points
from data_scripts.training.landmarks import predict, start_at_mean, train_network
from data_scripts.training.recipe import Recipe

LESSON = "09_larger_dataset"
TRIALS = 4


def load_lesson() -> SimpleNamespace:
    """Return the functions of lesson 09: the student's own where they pass, else the reference."""
    # One process says which of the two it is.
    quiet = contextlib.redirect_stdout(io.StringIO()) if processes.number() else contextlib.nullcontext()
    with quiet:
        return work_of(find_lesson(LESSON))


def mean_shape_error(train: Crops, faces: Crops, lesson: SimpleNamespace) -> float:
    """Return the error in pixels of the mean shape of the training crops, the same for every face."""
    mean = train.targets().mean(dim=0).numpy()
    guesses = np.broadcast_to(mean, (len(faces.boxes), *mean.shape))
    return pixel_error(guesses, faces, lesson.uncrop, lesson.mean_absolute_error)


def errors(model: nn.Module, train: Crops, faces: Crops, lesson: SimpleNamespace) -> dict[str, float]:
    """Return what the network is off on faces, alone and averaged with the mirrored copy, beside the mean shape."""
    found = {}
    for name, mirrored in (("network", False), ("averaged with the mirrored copy", True)):
        points = in_pictures(predict(model, faces, mirrored=mirrored), faces, lesson.uncrop)
        found[name] = float(lesson.mean_absolute_error(points, faces.truth))
        found[f"{name}, share of the eyes' distance"] = error_by_eyes(points, faces.truth)
    return found | {"mean shape": mean_shape_error(train, faces, lesson)}


def epochs_within(minutes: float, model: nn.Module, train: Crops, recipe: Recipe) -> int:
    """Return how many epochs fit into so many minutes, by the time that a few batches take a copy of the model."""
    few = min(len(train.images), 4 * recipe.batch_size)
    part = replace(train, images=train.images[:few], points=train.targets()[:few])
    trial = copy.deepcopy(model)
    seconds = []
    # The first trial also pays for what is only done once, and any of them for what else the machine does meanwhile.
    for _ in range(TRIALS):
        start = time.perf_counter()
        train_network(trial, part, None, replace(recipe, epochs=1), lambda found: 0.0, say=lambda line: None)
        seconds.append(time.perf_counter() - start)
    # Every process takes what the first one measured.
    shared = processes.add_up(torch.tensor(min(seconds) if processes.number() == 0 else 0.0))
    return max(1, int(60 * minutes / (float(shared) * len(train.images) / few)))


def run(folder: Path, recipe: Recipe, checkpoint: Path | None, minutes: float | None = None) -> dict[str, Any]:
    """Train on the folder's training faces; return what was measured, in pixels of the pictures.

    With ``minutes`` the number of epochs is what fits into them, or what an earlier call wrote into the checkpoint.
    """
    lesson = load_lesson()
    first = processes.number() == 0
    records = with_points(lesson.read_ibug_xml(folder / TRAIN), print if first else lambda line: None)
    records = records[: recipe.faces] if recipe.faces else records
    rows, val_rows = split_by_photo([file for file, _, _ in records], recipe.val_fraction, recipe.seed)
    train = cut_faces([records[row] for row in rows], folder, lesson.crop_face, recipe.size)
    val = None
    if len(val_rows):
        val = cut_faces([records[row] for row in val_rows], folder, lesson.crop_face, recipe.size)
    torch.manual_seed(recipe.seed)
    model = lesson.resnet18()
    start_at_mean(model, train)
    if minutes is not None:
        planned = planned_epochs(checkpoint) if checkpoint is not None and checkpoint.is_file() else 0
        recipe = replace(recipe, epochs=planned or epochs_within(minutes, model, train, recipe))
    if first:
        print(f"{recipe}; {len(rows)} faces to train on, {len(val_rows)} to validate", flush=True)
    start = time.perf_counter()

    def score(predicted: np.ndarray) -> float:
        return 0.0 if val is None else pixel_error(predicted, val, lesson.uncrop, lesson.mean_absolute_error)

    def say(line: str) -> None:
        print(f"{line} ({time.perf_counter() - start:.0f} s)", flush=True)

    history = train_network(model, train, val, recipe, score, checkpoint, say)
    found: dict[str, Any] = {
        "recipe": asdict(recipe),
        "processes": processes.count(),
        "history": history,
    }
    if val is not None:
        found["validation"] = errors(model, train, val, lesson)
    if (folder / TEST_TRUTH).is_file():
        truth = with_points(lesson.read_ibug_xml(folder / TEST_TRUTH), print if first else lambda line: None)
        test = cut_faces(truth, folder, lesson.crop_face, recipe.size)
        found["test"] = errors(model, train, test, lesson)
    return found
