"""Lesson 07's settings: its reference network trained under each of them, from several first weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from autograder.course.manifest import find_lesson
from autograder.notebook_api.earlier import work_of
from data_scripts.imm.points import NOSE_TIP
from data_scripts.imm.reading import load_imm
from data_scripts.studies.runs import Run, finish_runs

# Batch size, learning rate, and by how much the number of epochs is multiplied.
SETTINGS = ((1, 1e-3, 1), (4, 1e-3, 1), (32, 1e-3, 1), (1, 1e-4, 1), (4, 1e-4, 1), (32, 1e-4, 1), (1, 1e-2, 1))
AS_MANY_STEPS = ((4, 1e-3, 4),)
SIZE = (60, 80)  # height, width
TOLERANCE = 3.0  # pixels


@dataclass(frozen=True)
class Split:
    """The faces of lesson 07, split by person."""

    train: TensorDataset
    val: TensorDataset
    mean_mse: float  # of a constant answer, the mean of the training tips


def load_split(root: Path | None) -> Split:
    """Read the faces and split them as the lesson does: the last eight persons validate."""
    faces = load_imm(root, SIZE)
    split_by_person = work_of(find_lesson("07_nose_tip")).split_by_person
    place = {file: number for number, file in enumerate(faces.files)}
    train, val = (np.array([place[file] for file in part]) for part in split_by_person(list(faces.files)))
    images = torch.from_numpy(faces.images).unsqueeze(1) - 0.5
    tips = torch.from_numpy(faces.keypoints[:, NOSE_TIP])
    mean_mse = float((tips[val] - tips[train].mean(dim=0)).square().mean())
    return Split(TensorDataset(images[train], tips[train]), TensorDataset(images[val], tips[val]), mean_mse)


def train_once(split: Split, batch_size: int, lr: float, epochs: int, seed: int) -> Run:
    """Train one network; -> its last and its lowest validation MSE, and the faces found within the tolerance."""
    lesson = work_of(find_lesson("07_nose_tip"))
    torch.manual_seed(seed)
    model = lesson.NoseTipNet()
    val_loader = DataLoader(split.val, 256)
    curve = lesson.train_with_curve(model, DataLoader(split.train, batch_size, shuffle=True), val_loader, epochs, lr)
    model.eval()
    with torch.no_grad():
        errors = torch.cat([model(images) - tips for images, tips in val_loader])
    distances = (errors * torch.tensor(SIZE[::-1])).norm(dim=1)
    return {
        "steps": curve["step"][-1],
        "val_mse": curve["val_mse"][-1],
        "lowest_val_mse": min(curve["val_mse"]),
        "within_tolerance": int((distances <= TOLERANCE).sum()),
    }


def measure(split: Split, epochs: int, seeds: int, out: Path) -> dict[str, list[Run]]:
    """Train each setting with seeds 0 … ``seeds`` - 1; return the runs of each setting, kept in ``out``."""
    trainings = {}
    names: dict[str, list[str]] = {}
    for seed in range(seeds):
        for batch_size, lr, times in (*SETTINGS, *AS_MANY_STEPS):
            setting = f"batch size {batch_size}, {lr:g}, {times * epochs} epochs"
            name = f"{setting} / {seed}"
            names.setdefault(setting, []).append(name)
            trainings[name] = partial(train_once, split, batch_size, lr, times * epochs, seed)
    # What a constant answer scores tells one set of faces from another.
    runs = finish_runs(out, {"constant": f"{split.mean_mse:.8f}"}, trainings, say=tqdm.write)
    return {setting: [runs[name] for name in own] for setting, own in names.items()}


def summary(settings: dict[str, list[Run]], faces: int) -> str:
    """Return a table of the runs of each setting, on so many validation faces."""
    lines = [
        f"{'setting':<32} {'steps':>6}  validation MSE: mean (each)  lowest  faces within {TOLERANCE:g} px of {faces}"
    ]
    for setting, runs in settings.items():
        each = ", ".join(f"{run['val_mse']:.5f}" for run in runs)
        mean, lowest, within = (
            float(np.mean([run[name] for run in runs])) for name in ("val_mse", "lowest_val_mse", "within_tolerance")
        )
        lines.append(f"{setting:<32} {runs[0]['steps']:>6}  {mean:.5f} ({each})  {lowest:.5f}  {within:.1f}")
    return "\n".join(lines)
