"""The checkpoint of a training: written whole, and gone on from only where recipe and faces are the same."""

from __future__ import annotations

import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_scripts.files.errors import DataError
from data_scripts.training.crops import Crops
from data_scripts.training.recipe import Recipe
from data_scripts.training.state_file import read_state


def stamp_of(train: Crops, recipe: Recipe) -> dict[str, float]:
    """Return what must agree for a training to go on.

    More epochs may be asked for than before, unless the rate runs over all of them.
    """
    settings = {name: value for name, value in asdict(recipe).items() if name != "epochs" or recipe.one_cycle}
    crops = {"images": train.images, "points": train.targets()}
    return settings | {name: zlib.crc32(values.numpy().tobytes()) for name, values in crops.items()}


def load_checkpoint(path: Path, stamp: dict[str, float]) -> dict[str, Any]:
    """Read a checkpoint; DataError where it cannot be read or bears another stamp than this."""
    expected = "a checkpoint of this training; remove it to start anew"
    state = read_state(path, expected)
    found = state.get("stamp")
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected {expected}, found no stamp")
    other = [name for name, value in stamp.items() if found.get(name) != value]
    if other:
        raise DataError(f"{path}: the checkpoint is of another {', '.join(other)}; remove it to start anew")
    return state


def planned_epochs(path: Path) -> int:
    """Return how many epochs the training of this checkpoint takes in all, 0 where it may take any number."""
    return int(load_checkpoint(path, {})["stamp"].get("epochs", 0))
