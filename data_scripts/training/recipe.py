"""What a training of landmarks depends on, and the YAML file that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from data_scripts.files.errors import DataError, explain_os_error


@dataclass(frozen=True)
class Recipe:
    """What a training depends on; the defaults are the source's recipe.

    Attributes:
        epochs: passes over the training faces, at least 1.
        batch_size: faces in one gradient step, over all processes, at least 2.
        lr: learning rate of Adam, greater than 0; with ``one_cycle`` its highest.
        val_fraction: share of the photos kept for validation, at least 0 and below 1.
        seed: of the split, the first weights and the order of the faces, at least 0.
        size: width and height of a crop in pixels, at least 32.
        faces: faces of the training file that are used, its first ones; 0 means all.
        one_cycle: the rate rises to ``lr`` and falls again, AdamW takes the steps, and errors count by their size
            (smooth L1 in pixels of the crop), in place of Adam at one rate and squared errors.
        move: faces are mirrored, turned, scaled and shifted by chance, anew in every epoch.

    Raises:
        ValueError: a value is not a number or out of range; the message names the field.
    """

    epochs: int = 10
    batch_size: int = 16
    lr: float = 3e-4
    val_fraction: float = 0.2
    seed: int = 0
    size: int = 224
    faces: int = 0
    one_cycle: bool = False
    move: bool = False

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 2, "seed": 0, "size": 32, "faces": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name}: expected a whole number, at least {low}; got {value!r}")
        if not isinstance(self.lr, float) or not 0 < self.lr < math.inf:
            raise ValueError(f"lr: expected a number such as 0.001, more than 0; got {self.lr!r}")
        share = self.val_fraction
        if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share < 1:
            raise ValueError(f"val_fraction: expected a number such as 0.2, from 0 to below 1; got {share!r}")
        for name in ("one_cycle", "move"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: expected true or false; got {getattr(self, name)!r}")


def load_recipe(path: Path) -> Recipe:
    """Read a YAML file of ``field: value`` lines; DataError where it cannot be read, names no field or a bad value."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected YAML: {' '.join(str(error).split())}") from error
    known = [field.name for field in fields(Recipe)]
    if not isinstance(values, dict) or not set(values) <= set(known):
        raise DataError(f"{path}: expected lines 'field: value' with the fields {', '.join(known)}; got {values!r}")
    try:
        return Recipe(**values)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
