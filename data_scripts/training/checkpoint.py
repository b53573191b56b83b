"""The checkpoint of a training: written whole, and gone on from only where recipe and faces are the same."""

from __future__ import annotations

import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import whole_file
from data_scripts.training.crops import Crops
from data_scripts.training.recipe import Recipe


def stamp_of(train: Crops, recipe: Recipe) -> dict[str, float]:
    """Return what must agree for a training to go on.

    More epochs may be asked for than before, unless the rate runs over all of them.
    """
    settings = {name: value for name, value in asdict(recipe).items() if name != "epochs" or recipe.one_cycle}
    crops = {"images": train.images, "points": train.targets()}
    return settings | {name: zlib.crc32(values.numpy().tobytes()) for name, values in crops.items()}


def load_checkpoint(path: Path, stamp: dict[str, float]) -> dict[str, Any]:
    """Read what ``save_checkpoint`` wrote; DataError where it cannot be read or bears another stamp than this."""
    try:
        state = torch.load(path, weights_only=True)
        found = state["stamp"]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except Exception as error:  # torch names no class of its own for a damaged file
        raise DataError(
            f"{path}: expected a checkpoint of this training; remove it to start anew ({error!r:.80})"
        ) from None
    other = [name for name, value in stamp.items() if found.get(name) != value]
    if other:
        raise DataError(f"{path}: the checkpoint is of another {', '.join(other)}; remove it to start anew")
    return state


def planned_epochs(path: Path) -> int:
    """Return how many epochs the training of this checkpoint takes in all, 0 where it may take any number."""
    return int(load_checkpoint(path, {})["stamp"].get("epochs", 0))


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the file whole or leave the former one as it was; DataError where it cannot be written."""
    try:
        with whole_file(path) as unfinished:
            torch.save(state, unfinished)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path}: the checkpoint cannot be written: {error}") from error
