"""Train a network on crops of faces, in one process or several, and go on from a checkpoint after an interruption.

The order of the faces depends on the seed and the epoch alone, and every batch counts as one whatever the number of
processes, so that neither an interruption nor a second process changes the result beyond rounding.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from data_scripts.files.errors import DataError
from data_scripts.training import processes
from data_scripts.training.checkpoint import load_checkpoint, stamp_of
from data_scripts.training.crops import Crops, to_crop_pixels, to_units
from data_scripts.training.moves import mirror_crops, mirror_points, move_crops
from data_scripts.training.rates import one_cycle_rate
from data_scripts.training.recipe import Recipe
from data_scripts.training.state_file import write_state

History = dict[str, list[float]]


def start_at_mean(model: nn.Module, train: Crops) -> None:
    """Let an untrained network answer the mean shape of the training faces, whatever it sees: its last layer's bias.

    ``model.fc`` is that layer. Learning then begins with the deviations of each face.
    """
    with torch.no_grad():
        model.get_parameter("fc.weight").mul_(0.01)
        model.get_parameter("fc.bias").copy_(to_units(train.targets(), train.size).mean(dim=0))


def predict(model: nn.Module, crops: Crops, batch_size: int = 64, mirrored: bool = False) -> np.ndarray:
    """Return the keypoints of every crop, (N, 68, 2) crop pixels; the processes share the work.

    With ``mirrored`` each answer is the mean of two: for the crop, and for its mirrored copy, mirrored back. The model
    is in eval mode meanwhile, and in its former mode afterwards.
    """
    was_training = model.training
    model.eval()
    mine = torch.arange(processes.number(), len(crops.images), processes.count())
    outputs = torch.zeros(len(crops.images), len(model.get_parameter("fc.bias")))
    with torch.no_grad():
        for rows in mine.split(batch_size):
            outputs[rows] = model(crops.images[rows].contiguous(memory_format=torch.channels_last))
    model.train(was_training)
    found = to_crop_pixels(processes.add_up(outputs), crops.size)
    if mirrored:
        images, _ = mirror_crops(crops.images, found)
        other = torch.from_numpy(predict(model, replace(crops, images=images), batch_size))
        found = (found + mirror_points(other, crops.size)) / 2
    return found.numpy()


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if recipe.one_cycle else torch.optim.Adam
    return kind(model.parameters(), lr=recipe.lr, fused=True)


def _train_epoch(model: nn.Module, train: Crops, optimizer: torch.optim.Optimizer, recipe: Recipe, epoch: int) -> float:
    """Take one gradient step a batch; return the mean squared error over the epoch, in units."""
    model.train()
    order = torch.from_numpy(np.random.default_rng([recipe.seed, epoch]).permutation(len(train.images)))
    # Every process draws the moves of the whole batch, so that they are the same whatever the number of processes.
    chance = torch.Generator().manual_seed(int(np.random.default_rng([recipe.seed, epoch, 1]).integers(2**62)))
    points = train.targets()
    squared_error, learned = torch.zeros(()), 0
    count, first = processes.count(), processes.number()
    batches = order.split(recipe.batch_size)
    bar = tqdm(
        batches, desc=f"epoch {epoch + 1}", unit="batch", file=sys.stdout, leave=False, disable=first > 0,
    )  # fmt: skip
    for number, batch in enumerate(bar):
        # One face alone has no variance over the batch where its maps are of one pixel; another epoch takes it in.
        if len(batch) == 1:
            continue
        if recipe.one_cycle:
            step, steps = epoch * len(batches) + number, recipe.epochs * len(batches)
            for group in optimizer.param_groups:
                group["lr"] = one_cycle_rate(step, steps, recipe.lr)
        images, places = train.images[batch], points[batch]
        if recipe.move:
            images, places = move_crops(images, places, chance)
        images, targets = images[first::count], to_units(places[first::count], train.size)
        optimizer.zero_grad()
        errors = model(images.contiguous(memory_format=torch.channels_last)) - targets
        # Processes average their gradients, so each counts its share of the batch as often as there are processes.
        (_loss(errors, train.size, recipe) * (count / (len(batch) * targets.shape[1]))).backward()
        optimizer.step()
        squared_error += errors.detach().square().sum()
        learned += len(batch) * targets.shape[1]
    return float(processes.add_up(squared_error)) / learned


def _loss(errors: Tensor, size: int, recipe: Recipe) -> Tensor:
    """Return the sum over errors, (B, 136) in units of the crop: of their squares, or of smooth L1 in pixels."""
    if not recipe.one_cycle:
        return errors.square().sum()
    pixels = errors * size
    return functional.smooth_l1_loss(pixels, torch.zeros_like(pixels), reduction="sum")


def train_network(
    model: nn.Module,
    train: Crops,
    val: Crops | None,
    recipe: Recipe,
    score: Callable[[np.ndarray], float],
    checkpoint: Path | None = None,
    say: Callable[[str], None] = print,
) -> History:
    """Train the model by the recipe and leave it with the weights of its best epoch.

    Without faces to validate on, those of the last epoch are kept.

    Args:
        model: maps (B, 1, size, size) to (B, 136); its last layer is ``model.fc``.
        train: faces with points.
        val: others, or None.
        recipe: how to train; size and number of the faces are theirs already.
        score: error of the predictions for ``val``, (N, 68, 2) crop pixels; lower is better.
        checkpoint: written after every epoch; where it is there already, training goes on behind its last epoch.
        say: called with a line after every epoch, in the first process alone.

    Returns:
        Lists with an entry for each epoch: "train_mse" (squared units), "val_mae" (what ``score`` says; empty
        without faces to validate on).

    Raises:
        DataError: the checkpoint belongs to another recipe or other faces, or cannot be read or written.
    """
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's annotation lacks this form
    spread = processes.spread(model)
    optimizer = _optimizer(model, recipe)
    history: History = {"train_mse": [], "val_mae": []}
    best = copy.deepcopy(model.state_dict())
    stamp = stamp_of(train, recipe)
    if checkpoint is not None and checkpoint.is_file():
        state = load_checkpoint(checkpoint, stamp)
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError):
            raise DataError(f"{checkpoint}: the checkpoint is of another network; remove it to start anew") from None
        history, best = state["history"], state["best"]
        if processes.number() == 0:
            say(f"{checkpoint.name}: goes on behind epoch {len(history['train_mse'])}")
    for epoch in range(len(history["train_mse"]), recipe.epochs):
        history["train_mse"].append(_train_epoch(spread, train, optimizer, recipe, epoch))
        found = ""
        if val is not None:
            history["val_mae"].append(score(predict(model, val)))
            found = f", validation MAE {history['val_mae'][-1]:.3f}"
        if val is None or history["val_mae"][-1] == min(history["val_mae"]):
            best = copy.deepcopy(model.state_dict())
        if processes.number() == 0:
            say(f"epoch {epoch + 1}: MSE {history['train_mse'][-1]:.6f}{found}")
            if checkpoint is not None:
                parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                write_state(checkpoint, {**parts, "best": best, "history": history, "stamp": stamp})
    model.load_state_dict(best)
    return history
