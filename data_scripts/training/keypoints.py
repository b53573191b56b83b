"""Train a network on relative keypoints, and say how far off it is: the loop of lesson 08 and of its measurement."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from data_scripts.training.rates import one_cycle_rate


@dataclass(frozen=True)
class Errors:
    """How far predictions are off.

    Attributes:
        mse: squared error per coordinate, in relative units (width for x, height for y), as the loss has it.
        pixels: mean distance between predicted and true points, in pixels of the pictures.
    """

    mse: float
    pixels: float


def errors_of(predicted: np.ndarray, truth: np.ndarray, size: tuple[int, int]) -> Errors:
    """Compare keypoints, both (N, K, 2) and relative (or broadcast to it), on pictures of ``size`` (height, width)."""
    off = np.asarray(predicted, float) - truth
    distances = np.hypot(off[..., 0] * size[1], off[..., 1] * size[0])
    return Errors(float(np.mean(off**2)), float(distances.mean()))


def predict(model: nn.Module, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """(N, H, W) float32 in [0, 1] -> (N, K, 2) relative keypoints, predicted in eval mode; the mode is restored."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        parts = [model(batch.unsqueeze(1) - 0.5) for batch in torch.from_numpy(images).split(batch_size)]
    model.train(was_training)
    return torch.cat(parts).numpy().reshape(len(images), -1, 2)


def start_at_mean(model: nn.Module, keypoints: np.ndarray) -> None:
    """Let the answers of an untrained network begin around the mean of keypoints (N, K, 2): its last linear bias."""
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        last.bias.copy_(torch.from_numpy(keypoints.mean(axis=0).reshape(-1)))


def train_keypoints(
    model: nn.Module,
    train_set: Dataset,
    val_images: np.ndarray,
    val_keypoints: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    seed: int,
    one_cycle: bool = False,
    title: str = "training",
) -> dict[str, list[float]]:
    """Train with Adam and the mean squared error; validate after every epoch.

    Args:
        model: maps (B, 1, H, W) in [-0.5, 0.5] to (B, 2K) relative coordinates.
        train_set: yields such a picture and its (2K,) targets.
        val_images: (N, H, W) float32 in [0, 1].
        val_keypoints: (N, K, 2) float32, relative.
        epochs: passes over ``train_set``.
        batch_size: pictures in one gradient step.
        lr: learning rate of Adam.
        seed: of the order of the pictures.
        one_cycle: the rate rises to ``lr`` and falls again over the whole training.
        title: what the progress bar says.

    Returns:
        Lists with an entry for each epoch: "train_mse" (of the augmented pictures, as each batch had it before its
        step), "val_mse" and "val_pixels".
    """
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(train_set, batch_size, shuffle=True, generator=order)
    # The order of the numbers in memory that convolutions on a processor like best, and Adam in one pass over them:
    # the same sums in half the time.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's annotation lacks this form
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=lr, fused=True), nn.MSELoss()
    history: dict[str, list[float]] = {"train_mse": [], "val_mse": [], "val_pixels": []}
    bar = tqdm(range(epochs), desc=title, unit="epoch", file=sys.stdout)
    step, steps = 0, epochs * len(loader)
    for _ in bar:
        model.train()
        total = count = 0.0
        for images, targets in loader:
            if one_cycle:
                for group in optimizer.param_groups:
                    group["lr"] = one_cycle_rate(step, steps, lr)
            step += 1
            optimizer.zero_grad()
            loss = loss_fn(model(images), targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
            count += len(images)
        found = errors_of(predict(model, val_images), val_keypoints, val_images.shape[1:])
        history["train_mse"].append(total / count)
        history["val_mse"].append(found.mse)
        history["val_pixels"].append(found.pixels)
        bar.set_postfix(val_pixels=f"{found.pixels:.2f}", refresh=False)
    return history
