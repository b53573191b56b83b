"""Settings, data sets and stops of lesson 05: right in another style, and wrong."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.utils.data import Dataset

from tests.lessons.answers import Answer, change_reference


@dataclass(frozen=True)
class CheckedWhenRead:
    """A configuration without checks of its own: load_config does them."""

    epochs: int = 30
    lr: float = 1e-4
    step_size: int = 5
    gamma: float = 0.1
    patience: int = 5
    batch_size: int = 64
    val_fraction: float = 0.2
    seed: int = 42


CheckedWhenRead.__name__ = "TrainConfig"


def load_checked(path: str) -> CheckedWhenRead:
    """Check what the file says before the object is made."""
    with open(path) as file:
        values = yaml.safe_load(file) or {}
    defaults = asdict(CheckedWhenRead())
    for key, value in values.items():
        if key not in defaults:
            raise ValueError(f"unknown key {key}")
        if not isinstance(value, int | float):
            raise ValueError(f"{key}: {value} is no number")
        if (key == "val_fraction" and value >= 1) or (key == "gamma" and value > 1):
            raise ValueError(f"{key} is a share")
        if value < 0 or (key != "seed" and value == 0):
            raise ValueError(f"bad {key}")
    return CheckedWhenRead(**{**defaults, **values})


@dataclass(frozen=True)
class ListedRanges(CheckedWhenRead):
    """A table of ranges, looked up when the object is built."""

    def __post_init__(self) -> None:
        ranges = {"lr": (0, 1), "gamma": (0, 1), "val_fraction": (0, 1 - 1e-9), "seed": (-1, 2**40)}
        for each in fields(self):
            low, high = ranges.get(each.name, (0, 10**6))
            if isinstance(getattr(self, each.name), str):
                raise ValueError(f"{each.name} must be a number")
            if not low < getattr(self, each.name) <= high:
                raise ValueError(f"{each.name} must be between {low} and {high}")


ListedRanges.__name__ = "TrainConfig"


def load_listed(path: Path) -> ListedRanges:
    """Leave unknown keys to Python, and make a ValueError of its TypeError."""
    try:
        return ListedRanges(**(yaml.safe_load(path.read_text()) or {}))
    except TypeError as error:
        raise ValueError(str(error)) from error


def share(value: float) -> bool:
    """Return whether it lies between 0 and 1."""
    return 0 < value < 1


def positive(value: float) -> bool:
    """Return whether it is more than 0."""
    return value > 0


@dataclass(frozen=True, kw_only=True)
class RulesInMetadata:
    """Each field brings its own rule; methods of its own besides."""

    epochs: int = field(default=50, metadata={"rule": positive})
    lr: float = field(default=1e-4, metadata={"rule": positive})
    step_size: int = field(default=5, metadata={"rule": positive})
    gamma: float = field(default=0.1, metadata={"rule": lambda value: 0 < value <= 1})
    patience: int = field(default=5, metadata={"rule": positive})
    batch_size: int = field(default=32, metadata={"rule": positive})
    val_fraction: float = field(default=0.2, metadata={"rule": share})
    seed: int = field(default=0, metadata={"rule": lambda value: value >= 0})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RulesInMetadata:
        known = {each.name: each for each in fields(cls)}
        for key in set(values) - set(known):
            raise ValueError(f"unknown setting {key!r}")
        # YAML reads 1e-4 as text.
        try:
            values = {key: type(known[key].default)(value) for key, value in values.items()}
        except ValueError as error:
            raise ValueError(f"one of {', '.join(values)}: {error}") from error
        for key, value in values.items():
            if not known[key].metadata.get("rule", lambda value: True)(value):
                raise ValueError(f"{key} = {value} is out of range")
        return cls(**values)

    def describe(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in asdict(self).items())


RulesInMetadata.__name__ = "TrainConfig"


def load_by_rules(path: str | Path) -> RulesInMetadata:
    """Leave everything to the class."""
    with open(str(path), encoding="utf-8") as file:
        return RulesInMetadata.from_dict(yaml.load(file, Loader=yaml.SafeLoader) or {})


class ConfigError(ValueError):
    """An error of its own."""


FIELDS = [
    ("epochs", int, 40),
    ("lr", float, 0.0001),
    ("step_size", int, 5),
    ("gamma", float, 0.1),
    ("patience", int, 5),
    ("batch_size", int, 16),
    ("val_fraction", float, 0.2),
    ("seed", int, 1),
]
MadeFromATable = make_dataclass("TrainConfig", FIELDS, frozen=True, slots=True)


def load_into_table(path: Path) -> Any:
    """Replace one default after the other."""
    config = MadeFromATable()
    for key, value in (yaml.safe_load(path.open()) or {}).items():
        if not hasattr(config, key):
            raise ConfigError(f"{key}? I don't know that.")
        if not isinstance(value, (int, float)):
            raise ConfigError(f"{value} is no {key}")
        if not {"seed": value >= 0, "val_fraction": 0 < value < 1, "gamma": 0 < value <= 1}.get(key, value > 0):
            raise ConfigError(f"{value} can't be the {key}")
        config = replace(config, **{key: value})
    return config


class ItemByItem(Dataset):
    """Converts when an item is asked for."""

    def __init__(self, images: np.ndarray, keypoints: np.ndarray) -> None:
        self.images, self.keypoints = images, keypoints

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = torch.from_numpy(self.images[index].astype("float32"))[None]
        return image, torch.tensor(self.keypoints[index]).flatten().float()


class ArrayItems(ItemByItem):
    """Items are arrays: the loader makes tensors of them."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.images[index][np.newaxis], self.keypoints[index].reshape(-1)


class Wrapped(torch.utils.data.TensorDataset):
    """PyTorch's own data set of tensors."""

    def __init__(self, images: np.ndarray, keypoints: np.ndarray) -> None:
        super().__init__(torch.tensor(images)[:, None], torch.tensor(keypoints).view(len(images), -1))


class ListOfPairs(list, Dataset):
    """A list is a data set: it knows its length and its items."""

    def __init__(self, images: np.ndarray, keypoints: np.ndarray) -> None:
        for image, points in zip(images, keypoints, strict=True):
            flat = [coordinate for point in points for coordinate in point]
            self.append((torch.as_tensor(image, dtype=torch.float)[None, :, :], torch.tensor(np.array(flat))))


class StopByHistory:
    """Keeps every value."""

    def __init__(self, patience: int = 5) -> None:
        self.patience, self.values = patience, []

    @property
    def best(self) -> float:
        return min(self.values)

    def step(self, value: float) -> bool:
        self.values.append(value)
        return len(self.values) - 1 - self.values.index(self.best) >= self.patience


class StopByCountdown:
    """Counts down from the patience."""

    def __init__(self, patience: int = 5) -> None:
        self.patience = self.left = patience
        self.best = None

    def step(self, value: float) -> bool:
        if self.best is None or value < self.best:
            self.best, self.left = value, self.patience
            return False
        self.left -= 1
        return self.left <= 0


class StopByWindow:
    """Remembers of the last calls only whether they brought a new best."""

    best = float("inf")

    def __init__(self, patience: int = 5) -> None:
        self.news = deque(maxlen=patience)

    def step(self, value: float) -> bool:
        self.news.append(value < self.best)
        self.best = min(self.best, value)
        return len(self.news) == self.news.maxlen and not any(self.news)


CONFIGURATIONS = {
    "checked when read": (CheckedWhenRead, load_checked),
    "listed ranges": (ListedRanges, load_listed),
    "rules in metadata": (RulesInMetadata, load_by_rules),
    "made from a table": (MadeFromATable, load_into_table),
}
RIGHT = [
    *[Answer(exercise, "reference", {}) for exercise in ("TrainConfig", "FaceDataset", "EarlyStopping")],
    *[
        Answer("TrainConfig", id, {"TrainConfig": config, "load_config": load})
        for id, (config, load) in CONFIGURATIONS.items()
    ],
    *[
        Answer("FaceDataset", dataset.__name__, {"FaceDataset": dataset})
        for dataset in (ItemByItem, ArrayItems, Wrapped, ListOfPairs)
    ],
    *[
        Answer("EarlyStopping", stop.__name__, {"EarlyStopping": stop})
        for stop in (StopByHistory, StopByCountdown, StopByWindow)
    ],
]

UNKNOWN_KEY = "        if name not in known:\n            raise ValueError("
PAIR = "return self.images[index], self.targets[index]"
STOP = "return self.calls_since_best >= self.patience"
STOP_OR_NOTHING = "if self.calls_since_best >= self.patience:\n            return True"
WRONG = [
    change_reference(
        "TrainConfig",
        "KeyError for unknown keys",
        UNKNOWN_KEY,
        UNKNOWN_KEY.replace("ValueError", "KeyError"),
        said="KeyError, not ValueError",
    ),
    change_reference(
        "FaceDataset", "image only", PAIR, "return self.images[index]", said="two values, (image, targets)"
    ),
    change_reference(
        "EarlyStopping", "a least difference", "value < self.best:", "value < self.best - 1e-4:", said="True at call 3"
    ),
    change_reference("EarlyStopping", "no answer but True", STOP, STOP_OR_NOTHING, said="True or False at every call"),
]


def refuse_everything(path: Path) -> Any:
    """Refuse every file, with every name that could be asked for."""
    raise ValueError(f"{', '.join(name for name, *_ in FIELDS)}, learning_rate, batchsize")


class AsTheyCame(ItemByItem):
    """Hand the arrays back as they came."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.images[index], self.keypoints[index]


class NeverStops:
    """Knows the best and never says stop."""

    def __init__(self, patience: int = 5) -> None:
        self.best = float("inf")

    def step(self, value: float) -> bool:
        self.best = min(self.best, value)
        return False


WRONG += [
    Answer("TrainConfig", "refuses every file", {"load_config": refuse_everything}, said="ValueError: epochs, lr"),
    Answer("FaceDataset", "as they came", {"FaceDataset": AsTheyCame}, said="an image of shape (1, 96, 96)"),
    Answer("EarlyStopping", "never stops", {"EarlyStopping": NeverStops}, said="no True in 12 calls"),
]
