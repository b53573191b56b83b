"""The checks of lesson 05 against work that is right in another style, and wrong in the ways students are wrong."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.battery import grade, story
from tests.reference import reference_names

LESSON = "05_resnet_training"
SEEDS = range(2)
REFERENCE = reference_names(LESSON)
EXERCISES = ("TrainConfig", "FaceDataset", "train_one_epoch", "evaluate", "EarlyStopping", "fit")


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
    with open(path) as file:
        values = yaml.safe_load(file)
    defaults = asdict(CheckedWhenRead())
    for key, value in values.items():
        if key not in defaults:
            raise ValueError(f"unknown key {key}")
        if key == "val_fraction" and not 0 <= value < 1:
            raise ValueError("val_fraction must be in [0, 1)")
        if value < 0 or (key == "batch_size" and value == 0):
            raise ValueError(f"bad {key}")
    return CheckedWhenRead(**{**defaults, **values})


@dataclass(frozen=True)
class ListedRanges(CheckedWhenRead):
    """A table of ranges, looked up when the object is built."""

    def __post_init__(self) -> None:
        ranges = {"lr": (0, 1), "gamma": (0, 1), "val_fraction": (0, 1), "seed": (-1, 2**40)}
        for field in fields(self):
            low, high = ranges.get(field.name, (0, 10**6))
            if not low < getattr(self, field.name) <= high:
                raise ValueError(f"{field.name} must be between {low} and {high}")


ListedRanges.__name__ = "TrainConfig"


def load_listed(path: Path) -> ListedRanges:
    try:
        return ListedRanges(**yaml.safe_load(path.read_text()))
    except TypeError as error:
        raise ValueError(str(error)) from error


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
    """Items are arrays; the loader makes tensors of them."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.images[index][np.newaxis], self.keypoints[index].reshape(-1)


class Wrapped(torch.utils.data.TensorDataset):
    def __init__(self, images: np.ndarray, keypoints: np.ndarray) -> None:
        super().__init__(torch.tensor(images)[:, None], torch.tensor(keypoints).view(len(images), -1))


def train_from_predictions(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Any) -> float:
    model.train()
    errors: list[Tensor] = []
    for images, targets in loader:
        predictions = model(images)
        mask = ~targets.isnan()
        errors.append(((predictions - targets)[mask] ** 2).detach())
        loss = loss_fn(predictions, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    return torch.cat(errors).mean().item()


def train_by_counts(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Any) -> float:
    model.train(True)
    sums, counts = np.zeros(len(loader)), np.zeros(len(loader))
    for position, (x, y) in enumerate(loader):
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        counts[position] = y.isfinite().sum().item()
        sums[position] = float(loss) * counts[position]
    return np.float64(sums.sum() / counts.sum())


@torch.no_grad()
def evaluate_all_at_once(model: nn.Module, loader: DataLoader) -> float:
    mode = model.training
    model.eval()
    predictions = torch.cat([model(images) for images, _ in loader])
    targets = torch.cat([targets for _, targets in loader])
    model.train(mode)
    return torch.sqrt(torch.nanmean((predictions - targets) ** 2)).item()


def evaluate_in_numpy(model: nn.Module, loader: DataLoader) -> float:
    modes = [part.training for part in model.modules()]
    try:
        model.eval()
        with torch.inference_mode():
            errors = np.concatenate([(model(x) - y).numpy().ravel() for x, y in loader])
    finally:
        for part, mode in zip(model.modules(), modes, strict=True):
            part.training = mode
    return float(np.sqrt(np.nanmean(errors.astype(np.float64) ** 2)))


class StopByHistory:
    def __init__(self, patience: int = 5) -> None:
        self.patience, self.values = patience, []

    @property
    def best(self) -> float:
        return min(self.values)

    def step(self, value: float) -> bool:
        self.values.append(value)
        return len(self.values) - 1 - self.values.index(self.best) >= self.patience


class StopByCountdown:
    def __init__(self, patience: int = 5) -> None:
        self.patience = self.left = patience
        self.best = None

    def step(self, value: float) -> bool:
        if self.best is None or value < self.best:
            self.best, self.left = value, self.patience
            return False
        self.left -= 1
        return self.left <= 0


def fit_alone(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """Everything in one function, rate noted after the scheduler's step, weights cloned one by one."""
    loss_fn = REFERENCE["MSELossIgnoreNan"]()
    optimizer = torch.optim.Adam(model.parameters(), config.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, config.step_size, config.gamma)
    history: dict[str, list] = {"train_loss": [], "val_rmse": [], "lr": [], "seconds": []}
    best, weights, waited = math.inf, {}, 0
    for _ in range(config.epochs):
        history["train_loss"].append(train_from_predictions(model, train_loader, loss_fn, optimizer))
        scheduler.step()
        history["lr"].append(scheduler.get_last_lr()[0])
        rmse = evaluate_all_at_once(model, val_loader)
        history["val_rmse"].append(rmse)
        waited += 1
        if rmse < best:
            best, waited = rmse, 0
            weights = {key: value.clone() for key, value in model.state_dict().items()}
        if waited == config.patience:
            break
    model.load_state_dict(weights)
    return history


def fit_by_hand(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: Any) -> dict[str, list]:
    """No scheduler object: the rate is set before each epoch; the weights are kept as bytes."""
    import io

    optimizer = torch.optim.Adam(model.parameters())
    history: dict[str, list] = {"lr": [], "train_loss": [], "val_rmse": []}
    stopping = StopByHistory(config.patience)
    kept = io.BytesIO()
    for epoch in range(config.epochs):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * config.gamma ** (epoch // config.step_size)
        history["lr"].append(group["lr"])
        loss = train_by_counts(model, train_loader, REFERENCE["MSELossIgnoreNan"](), optimizer)
        history["train_loss"].append(loss)
        history["val_rmse"].append(evaluate_in_numpy(model, val_loader))
        stop = stopping.step(history["val_rmse"][-1])
        if history["val_rmse"][-1] == stopping.best:
            kept = io.BytesIO()
            torch.save(model.state_dict(), kept)
        if stop:
            break
    kept.seek(0)
    model.load_state_dict(torch.load(kept))
    return history


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("TrainConfig", {"TrainConfig": CheckedWhenRead, "load_config": load_checked}),
    ("TrainConfig", {"TrainConfig": ListedRanges, "load_config": load_listed}),
    *[("FaceDataset", {"FaceDataset": dataset}) for dataset in (ItemByItem, ArrayItems, Wrapped)],
    *[("train_one_epoch", {"train_one_epoch": train}) for train in (train_from_predictions, train_by_counts)],
    *[("evaluate", {"evaluate": evaluate}) for evaluate in (evaluate_all_at_once, evaluate_in_numpy)],
    *[("EarlyStopping", {"EarlyStopping": stopping}) for stopping in (StopByHistory, StopByCountdown)],
    *[("fit", {"fit": fit}) for fit in (fit_alone, fit_by_hand)],
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("exercise", "names"), RIGHT, ids=lambda value: value if isinstance(value, str) else "")
def test_right_in_another_style(exercise: str, names: dict[str, Any], seed: int) -> None:
    result = grade(exercise, {**REFERENCE, **names}, seed)
    assert result.outcome == "passed", story(result)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_reference(exercise: str, seed: int) -> None:
    result = grade(exercise, REFERENCE, seed)
    assert result.outcome == "passed", story(result)


UNKNOWN = "        if name not in known:\n            raise ValueError("
TARGETS = "torch.as_tensor(keypoints, dtype=torch.float32).reshape(len(keypoints), -1)"
ITEM = "return self.images[index], self.targets[index]"
EPOCH_LOSS = "return squared_error / labeled if labeled else math.nan"
ADDED = "squared_error += loss.item() * count\n        labeled += count"
RMSE = "return math.sqrt(squared_error / labeled) if labeled else math.nan"
BETTER = "if value < self.best:"
COUNT = "self.calls_since_best += 1"
KEEP = "                best_weights = copy.deepcopy(model.state_dict())"
SCHEDULER = "            scheduler.step()\n"
EVALUATED = "val_rmse = evaluate(model, val_loader)"
WRONG: dict[str, tuple[str, ...]] = {
    "unknown keys ignored": ("TrainConfig", UNKNOWN, "        if False:\n            raise ValueError("),
    "KeyError for unknown keys": ("TrainConfig", UNKNOWN, UNKNOWN.replace("ValueError", "KeyError")),
    "unnamed error": ("TrainConfig", 'f"{name}: no such field', 'f"no such field'),
    "ranges unchecked": ("TrainConfig", "    def __post_init__(self)", "    def _unused(self)"),
    "file ignored": ("TrainConfig", "return TrainConfig(**values)", "return TrainConfig()"),
    "not frozen": ("TrainConfig", "@dataclass(frozen=True)", "@dataclass"),
    "another default rate": ("TrainConfig", "lr: float = 1e-4", "lr: float = 1e-3"),
    "no channel axis": ("FaceDataset", ".unsqueeze(1)", ""),
    "channels last": ("FaceDataset", ".unsqueeze(1)", ".unsqueeze(-1)"),
    "targets not flat": ("FaceDataset", ".reshape(len(keypoints), -1)", ""),
    "all x before all y": ("FaceDataset", TARGETS, TARGETS.replace(".reshape", ".transpose(1, 2).reshape")),
    "labels filled with 0": ("FaceDataset", TARGETS, TARGETS + ".nan_to_num(0)"),
    "incomplete faces dropped": (
        "FaceDataset",
        TARGETS,
        TARGETS + "\n        keep = torch.isfinite(self.targets).all(dim=1)\n"
        "        self.images, self.targets = self.images[keep], self.targets[keep]",
    ),
    "scaled again": ("FaceDataset", ".unsqueeze(1)", ".unsqueeze(1) / 255"),
    "targets in units": ("FaceDataset", TARGETS, TARGETS + " / 96"),
    "float64": ("FaceDataset", "dtype=torch.float32", "dtype=torch.float64"),
    "image only": ("FaceDataset", ITEM, "return self.images[index]"),
    "targets first": ("FaceDataset", ITEM, "return self.targets[index], self.images[index]"),
    "mean of batch means": ("train_one_epoch", ADDED, "squared_error += loss.item()\n        labeled += 1"),
    "weighted by faces": (
        "train_one_epoch",
        ADDED,
        "squared_error += loss.item() * len(images)\n        labeled += len(images)",
    ),
    "missing labels counted": (
        "train_one_epoch",
        "count = int(torch.isfinite(targets).sum())",
        "count = targets.numel()",
    ),
    "loss of the last batch": ("train_one_epoch", EPOCH_LOSS, "return loss.item()"),
    "no zero_grad": ("train_one_epoch", "        optimizer.zero_grad()\n", ""),
    "zero_grad before the step": (
        "train_one_epoch",
        "loss.backward()\n",
        "loss.backward()\n        optimizer.zero_grad()\n",
    ),
    "no step": ("train_one_epoch", "        optimizer.step()\n", ""),
    "no train mode": ("train_one_epoch", "    model.train()\n", ""),
    "tensor returned": ("train_one_epoch", "loss.item() * count", "loss * count"),
    "one step an epoch": (
        "train_one_epoch",
        "        optimizer.step()\n",
        "",
        EPOCH_LOSS,
        "optimizer.step()\n    " + EPOCH_LOSS,
    ),
    "eval forgotten": ("evaluate", "    model.eval()\n", ""),
    "mode not restored": ("evaluate", "    model.train(was_training)\n", ""),
    "train mode afterwards": ("evaluate", "model.train(was_training)", "model.train()"),
    "gradients on": ("evaluate", "torch.no_grad()", "torch.enable_grad()"),
    "no root": ("evaluate", RMSE, "return squared_error / labeled"),
    "mean of batch RMSEs": (
        "evaluate",
        "squared_error += float(errors.square().sum())\n            labeled += int(finite.sum())",
        "squared_error += float(errors.square().mean().sqrt())\n            labeled += 1",
        RMSE,
        "return squared_error / labeled",
    ),
    "NaN in the sum": ("evaluate", "(model(images) - targets)[finite]", "model(images) - targets"),
    "NaN as 0": ("evaluate", "(model(images) - targets)[finite]", "model(images) - targets.nan_to_num(0)"),
    "absolute error": ("evaluate", "errors.square().sum()", "errors.abs().sum()"),
    "equal is a new best": ("EarlyStopping", BETTER, "if value <= self.best:"),
    "higher is better": (
        "EarlyStopping",
        BETTER,
        "if value > self.best:",
        "self.best = math.inf",
        "self.best = -math.inf",
    ),
    "count never restarts": ("EarlyStopping", "            self.calls_since_best = 0\n        else", "        else"),
    "one call too late": (
        "EarlyStopping",
        "self.calls_since_best >= self.patience",
        "self.calls_since_best > self.patience",
    ),
    "compared with the last": ("EarlyStopping", COUNT, COUNT + "\n            self.best = value"),
    "nothing returned": ("EarlyStopping", "return self.calls_since_best >=", "self.calls_since_best >="),
    "fixed patience": ("EarlyStopping", "self.patience = patience", "self.patience = 5"),
    "best by reference": ("fit", KEEP, "                best_weights = model.state_dict()"),
    "best by shallow copy": ("fit", KEEP, "                best_weights = dict(model.state_dict())"),
    "best never restored": ("fit", "    model.load_state_dict(best_weights)\n", ""),
    "best never updated": ("fit", KEEP, "                pass"),
    "scheduler never steps": ("fit", SCHEDULER, ""),
    "scheduler steps per batch": (
        "fit",
        SCHEDULER,
        "            for _ in train_loader:\n                scheduler.step()\n",
    ),
    "SGD": (
        "fit",
        "torch.optim.Adam(model.parameters(), lr=config.lr)",
        "torch.optim.SGD(model.parameters(), lr=config.lr)",
    ),
    "fixed rate": ("fit", "lr=config.lr)", "lr=1e-4)"),
    "no early stopping": ("fit", "if stopping.step(val_rmse):", "if stopping.step(val_rmse) and False:"),
    "stops on training loss": ("fit", "stopping.step(val_rmse)", "stopping.step(train_loss)"),
    "trains on validation": (
        "fit",
        EVALUATED,
        EVALUATED + "\n            train_one_epoch(model, val_loader, loss_fn, optimizer)",
    ),
    "evaluates on training": ("fit", EVALUATED, "val_rmse = evaluate(model, train_loader)"),
    "new optimizer every epoch": (
        "fit",
        "            rate = optimizer",
        '            optimizer = torch.optim.Adam(model.parameters(), lr=optimizer.param_groups[0]["lr"])\n'
        "            rate = optimizer",
    ),
    "no history": ("fit", "    return history\n", "    return None\n"),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", WRONG)
def test_wrong(mistake: str, seed: int) -> None:
    exercise, *texts = WRONG[mistake]
    names = reference_names(LESSON, *zip(texts[::2], texts[1::2], strict=True))
    result = grade(exercise, names, seed)
    assert result.outcome in ("failed", "error")
    assert result.score < result.exercise.points
