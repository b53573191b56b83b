# %% [markdown]
# # 05 · Training the residual network

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder
import copy
import json
import math
import time
from dataclasses import asdict, dataclass, fields

import matplotlib.pyplot as plt
import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

MSELossIgnoreNan = autograder.earlier("02_nan_masking").MSELossIgnoreNan
KeypointResNet = autograder.earlier("03_residual_block").KeypointResNet


# %%
@dataclass(frozen=True)
class TrainConfig:
    """What a training run depends on. The defaults are the sources' recipe.

    Attributes:
        epochs: passes over the training rows at most, at least 1.
        lr: learning rate of Adam in the first epoch, greater than 0.
        step_size: epochs between two drops of the learning rate, at least 1.
        gamma: factor of each drop, greater than 0 and at most 1.
        patience: epochs without a new best validation RMSE before training stops, at least 1.
        batch_size: faces in one gradient step, at least 1.
        val_fraction: share of the rows kept for validation, strictly between 0 and 1.
        seed: seed of the split, the first weights and the order of the rows, at least 0.

    Raises:
        ValueError: a value is not a number or out of range; the message names the field.
    """

    epochs: int = 50
    lr: float = 1e-4
    step_size: int = 5
    gamma: float = 0.1
    patience: int = 5
    batch_size: int = 32
    val_fraction: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        ### BEGIN SOLUTION
        for name, least in {"epochs": 1, "step_size": 1, "patience": 1, "batch_size": 1, "seed": 0}.items():
            value = getattr(self, name)
            # bool is a subclass of int, so `epochs: yes` in a YAML file would pass for 1.
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name}: expected a whole number, at least {least}; got {value!r}")
        for name, most, included in [("lr", math.inf, False), ("gamma", 1, True), ("val_fraction", 1, False)]:
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise ValueError(f"{name}: expected a number such as 0.0001; got {value!r}")
            if not (0 < value < most or (included and value == most)):
                raise ValueError(f"{name}: expected more than 0 and {'at most' if included else 'less than'} {most}; got {value!r}")
        ### END SOLUTION


def load_config(path: str | Path) -> TrainConfig:
    """Read a YAML file of ``field: value`` lines; a field that the file leaves out keeps its default.

    Raises:
        ValueError: a key that is no field of TrainConfig, or a value out of range; the message names it.
    """
    ### BEGIN SOLUTION
    values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected lines of the form 'field: value'; got {values!r}")
    known = [field.name for field in fields(TrainConfig)]
    for name in values:
        if name not in known:
            raise ValueError(f"{name}: no such field; expected one of {', '.join(known)}")
    return TrainConfig(**values)
    ### END SOLUTION


# %%
autograder.check("TrainConfig")


# %%
class FaceDataset(Dataset):
    """Faces and their keypoints, one pair of tensors for each index.

    Args:
        images: (N, 96, 96) float32 in [0, 1].
        keypoints: (N, K, 2) float32 pixels, (x, y), NaN where unlabeled.
    """

    def __init__(self, images: np.ndarray, keypoints: np.ndarray) -> None:
        ### BEGIN SOLUTION
        self.images = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1)
        self.targets = torch.as_tensor(keypoints, dtype=torch.float32).reshape(len(keypoints), -1)
        ### END SOLUTION

    def __len__(self) -> int:
        """The number of faces, N."""
        ### BEGIN SOLUTION
        return len(self.images)
        ### END SOLUTION

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return the image, (1, 96, 96) float32, and its targets, (2K,) float32 in the order x, y, x, y, with their NaNs."""
        ### BEGIN SOLUTION
        return self.images[index], self.targets[index]
        ### END SOLUTION


# %%
autograder.check("FaceDataset")


# %%
def train_one_epoch(
    model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: torch.optim.Optimizer
) -> float:
    """Take one gradient step for each batch of the loader, in train mode.

    Args:
        model: maps (B, 1, 96, 96) images to (B, 2K) predictions.
        loader: yields (images, targets); targets are (B, 2K) float32 with NaN where unlabeled.
        loss_fn: squared error averaged over the finite targets of a batch, such as MSELossIgnoreNan().
        optimizer: holds the parameters of the model.

    Returns:
        The squared error per labeled coordinate over the whole epoch, in square pixels: all squared errors, as each
        batch had them before its step, over the number of all labeled coordinates. NaN where none is labeled.
    """
    ### BEGIN SOLUTION
    model.train()
    squared_error, labeled = 0.0, 0
    for images, targets in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(images), targets)
        loss.backward()
        optimizer.step()
        count = int(torch.isfinite(targets).sum())
        squared_error += loss.item() * count
        labeled += count
    return squared_error / labeled if labeled else math.nan
    ### END SOLUTION


# %%
autograder.check("train_one_epoch")


# %%
def evaluate(model: nn.Module, loader: DataLoader) -> float:
    """Return the RMSE in pixels over every labeled coordinate of the loader; NaN where none is labeled.

    The model predicts in eval mode and without gradients. Afterwards it is in the mode it came in, train or eval.

    Args:
        model: maps (B, 1, 96, 96) images to (B, 2K) predictions.
        loader: yields (images, targets); targets are (B, 2K) float32 with NaN where unlabeled.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    squared_error, labeled = 0.0, 0
    with torch.no_grad():
        for images, targets in loader:
            finite = torch.isfinite(targets)
            errors = (model(images) - targets)[finite]
            squared_error += float(errors.square().sum())
            labeled += int(finite.sum())
    model.train(was_training)
    return math.sqrt(squared_error / labeled) if labeled else math.nan
    ### END SOLUTION


# %%
autograder.check("evaluate")


# %%
class EarlyStopping:
    """Says when to stop: once ``patience`` calls in a row brought no new best value. Lower is better.

    A new best is strictly lower than every value before it; an equal one is not.

    Attributes:
        best: the lowest value so far.
    """

    def __init__(self, patience: int = 5) -> None:
        ### BEGIN SOLUTION
        self.patience = patience
        self.best = math.inf
        self.calls_since_best = 0
        ### END SOLUTION

    def step(self, value: float) -> bool:
        """Take the value of one more epoch; return True if training should stop now, False if it should go on."""
        ### BEGIN SOLUTION
        if value < self.best:
            self.best = value
            self.calls_since_best = 0
        else:
            self.calls_since_best += 1
        return self.calls_since_best >= self.patience
        ### END SOLUTION


# %%
autograder.check("EarlyStopping")


# %%
def fit(model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: TrainConfig) -> dict[str, list[float]]:
    """Train the model and leave it with the weights of its best epoch.

    Adam starts at ``config.lr``; StepLR multiplies the rate by ``config.gamma`` after every ``config.step_size`` epochs.
    Each epoch trains on ``train_loader`` with MSELossIgnoreNan and evaluates on ``val_loader``. Training ends after
    ``config.epochs`` epochs, or once ``config.patience`` epochs in a row brought no lower validation RMSE, or when
    it is interrupted (KeyboardInterrupt). A progress bar shows how far it is.

    Returns:
        Three lists, one entry for each finished epoch: "train_loss" (square pixels), "val_rmse" (pixels) and "lr"
        (the rate used in that epoch).
    """
    ### BEGIN SOLUTION
    loss_fn = MSELossIgnoreNan()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=config.step_size, gamma=config.gamma)
    stopping = EarlyStopping(config.patience)
    history: dict[str, list[float]] = {"train_loss": [], "val_rmse": [], "lr": []}
    # state_dict() hands out the live tensors, which the next step overwrites: keep a copy.
    best_weights = copy.deepcopy(model.state_dict())
    epochs = tqdm(range(config.epochs), desc="training", unit="epoch")
    try:
        for _ in epochs:
            rate = optimizer.param_groups[0]["lr"]
            train_loss = train_one_epoch(model, train_loader, loss_fn, optimizer)
            val_rmse = evaluate(model, val_loader)
            scheduler.step()
            history["train_loss"].append(train_loss)
            history["val_rmse"].append(val_rmse)
            history["lr"].append(rate)
            epochs.set_postfix(train_loss=f"{train_loss:.2f}", val_rmse=f"{val_rmse:.2f}")
            if val_rmse < stopping.best:
                best_weights = copy.deepcopy(model.state_dict())
            if stopping.step(val_rmse):
                break
    except KeyboardInterrupt:
        print(f"Interrupted after {len(history['val_rmse'])} epochs; the best weights so far are kept.")
    epochs.close()
    model.load_state_dict(best_weights)
    return history
    ### END SOLUTION


# %%
autograder.check("fit")
