"""What each augmentation of lesson 08 is worth: the same training without and with it, several times over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograder.course.manifest import find_lesson
from autograder.notebook_api.earlier import work_of
from data_scripts.imm.reading import ImmFaces
from data_scripts.studies.runs import Run, finish_runs
from data_scripts.training.keypoints import train_keypoints

SIZE = (120, 160)  # height, width
# What AugmentedFaces is told in each setting.
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"max_shift": 0},
    "shift": {"max_shift": 10},
    "shift, rotation": {"max_shift": 10, "max_degrees": 15.0},
    "shift, jitter": {"max_shift": 10, "max_jitter": 0.2},
}


@dataclass(frozen=True)
class Plan:
    """What all trainings of the study have in common.

    Attributes:
        data: name of the faces' folder, not where it lies: results may be shown to others.
        epochs: of each training.
        batch_size: pictures in one gradient step.
        lr: learning rate of Adam.
        n_val: persons that validate, the last ones.
    """

    data: str
    epochs: int
    batch_size: int
    lr: float
    n_val: int


def split(faces: ImmFaces, n_val: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers to train and to validate on: all pictures of the last ``n_val`` persons validate."""
    last = np.isin(faces.persons, np.unique(faces.persons)[-n_val:])
    return np.flatnonzero(~last), np.flatnonzero(last)


def train_once(faces: ImmFaces, setting: str, seed: int, plan: Plan) -> dict[str, list[float]]:
    """Train lesson 08's network once; return its history."""
    lesson = work_of(find_lesson("08_full_keypoints"))
    train, val = split(faces, plan.n_val)
    generator = torch.Generator().manual_seed(seed + 1)
    train_set = lesson.AugmentedFaces(
        faces.images[train], faces.keypoints[train], **SETTINGS[setting], generator=generator
    )
    torch.manual_seed(seed)
    return train_keypoints(
        lesson.FaceKeypointNet(),
        train_set,
        faces.images[val],
        faces.keypoints[val],
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        lr=plan.lr,
        seed=seed,
        title=f"{setting}, seed {seed}",
    )


def measure(faces: ImmFaces, plan: Plan, seeds: int, out: Path) -> dict[str, Run]:
    """Train each setting with seeds 0 … ``seeds`` - 1; return the histories by "setting / seed", kept in ``out``."""
    trainings = {
        f"{setting} / {seed}": partial(train_once, faces, setting, seed, plan)
        for seed in range(seeds)
        for setting in SETTINGS
    }
    return finish_runs(out, asdict(plan), trainings)


def summary(runs: dict[str, Run], constant: tuple[float, float]) -> str:
    """Return a table: MSE and distance after the last epoch, mean of the runs and, in brackets, lowest to highest.

    `constant`: MSE and distance in pixels of the mean shape.
    """
    lines = [f"{'':<18}{'MSE':>10}{'pixels':>9}  runs", f"{'mean shape':<18}{constant[0]:>10.6f}{constant[1]:>9.2f}"]
    for setting in SETTINGS:
        found = [run for name, run in runs.items() if name.rpartition(" / ")[0] == setting]
        if found:
            mse = np.array([run["val_mse"][-1] for run in found])
            pixels = np.array([run["val_pixels"][-1] for run in found])
            spread = f"({pixels.min():.2f} to {pixels.max():.2f} pixels)" if len(found) > 1 else ""
            lines.append(f"{setting:<18}{mse.mean():>10.6f}{pixels.mean():>9.2f}  {len(found)} {spread}".rstrip())
    return "\n".join(lines)
