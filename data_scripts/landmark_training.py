"""Train a network on crops of faces, in one process or several, and go on from a checkpoint after an interruption.

The order of the faces depends on the seed and the epoch alone, and every batch counts as one whatever the number of
processes, so that neither an interruption nor a second process changes the result beyond rounding.
"""

from __future__ import annotations

import copy
import math
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from tqdm import tqdm

from data_scripts import landmark_processes as processes
from data_scripts.errors import DataError, explain_os_error
from data_scripts.ibug_faces import read_picture

Box = tuple[int, int, int, int]
Record = tuple[str, Box, np.ndarray | None]
History = dict[str, list[float]]


@dataclass(frozen=True)
class Recipe:
    """What a training depends on; the defaults are the source's recipe.

    Attributes:
        epochs: passes over the training faces, at least 1.
        batch_size: faces in one gradient step, over all processes, at least 2.
        lr: learning rate of Adam, greater than 0.
        val_fraction: share of the photos kept for validation, strictly between 0 and 1.
        seed: of the split, the first weights and the order of the faces, at least 0.
        size: width and height of a crop in pixels, at least 32.
        faces: faces of the training file that are used, its first ones; 0 means all.

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

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 2, "seed": 0, "size": 32, "faces": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name}: expected a whole number, at least {low}; got {value!r}")
        for name, most in {"lr": math.inf, "val_fraction": 1.0}.items():
            value = getattr(self, name)
            if not isinstance(value, float) or not 0 < value < most:
                raise ValueError(f"{name}: expected a number such as 0.2, more than 0 and below {most}; got {value!r}")


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


@dataclass(frozen=True)
class Crops:
    """Faces cut out of their pictures.

    Attributes:
        images: (N, 1, size, size) float32 in [0, 1].
        points: (N, 68, 2) float32, pixels of the crop, or None.
        boxes: where each was cut out.
        truth: (N, 68, 2) float32, pixels of the picture, or None.
    """

    images: Tensor
    points: Tensor | None
    boxes: tuple[Box, ...]
    truth: np.ndarray | None

    @property
    def size(self) -> int:
        return self.images.shape[-1]


def cut_faces(records: Sequence[Record], folder: Path, crop_face: Callable, size: int) -> Crops:
    """Cut faces out of the pictures in ``folder``.

    Args:
        records: file, box and keypoints (or None) of each; all of them have keypoints, or none has.
        folder: where the pictures lie.
        crop_face: ``crop_face(image, box, keypoints, size)`` returns crop and keypoints, as in lesson 09.
        size: width and height of a crop.

    Raises:
        DataError: a picture cannot be read.
    """
    images = np.empty((len(records), 1, size, size), np.float32)
    points = []
    bar = tqdm(records, desc="cutting out faces", unit="face", file=sys.stdout, disable=processes.number() > 0)
    for row, (file, box, keypoints) in enumerate(bar):
        images[row, 0], moved = crop_face(read_picture(folder / file), box, keypoints, size)
        points.append(moved)
    labeled = bool(records) and records[0][2] is not None
    return Crops(
        torch.from_numpy(images),
        torch.from_numpy(np.stack(points).astype(np.float32)) if labeled else None,
        tuple(box for _, box, _ in records),
        np.stack([keypoints for _, _, keypoints in records]) if labeled else None,
    )


def to_units(points: Tensor, size: int) -> Tensor:
    """(N, 68, 2) crop pixels -> (N, 136) from about -0.5 to 0.5: what the network learns to answer."""
    return (points / size - 0.5).flatten(1)


def to_crop_pixels(outputs: Tensor, size: int) -> Tensor:
    """(N, 136) answers of the network -> (N, 68, 2) crop pixels."""
    return (outputs.unflatten(1, (-1, 2)) + 0.5) * size


def start_at_mean(model: nn.Module, train: Crops) -> None:
    """Let an untrained network answer the mean shape of the training faces, whatever it sees: its last layer's bias.

    ``model.fc`` is that layer. Learning then begins with the deviations of each face.
    """
    with torch.no_grad():
        model.fc.weight.mul_(0.01)
        model.fc.bias.copy_(to_units(train.points, train.size).mean(dim=0))


def predict(model: nn.Module, crops: Crops, batch_size: int = 64) -> np.ndarray:
    """Return the keypoints of every crop, (N, 68, 2) crop pixels; the processes share the work.

    The model is in eval mode meanwhile, and in its former mode afterwards.
    """
    was_training = model.training
    model.eval()
    mine = torch.arange(processes.number(), len(crops.images), processes.count())
    outputs = torch.zeros(len(crops.images), model.fc.out_features)
    with torch.no_grad():
        for rows in mine.split(batch_size):
            outputs[rows] = model(crops.images[rows].contiguous(memory_format=torch.channels_last))
    model.train(was_training)
    return to_crop_pixels(processes.add_up(outputs), crops.size).numpy()


def pixel_error(predicted: np.ndarray, crops: Crops, uncrop: Callable, mean_absolute_error: Callable) -> float:
    """Return the error of predictions (N, 68, 2) in crop pixels as the contest counts it: in pixels of the pictures."""
    return float(mean_absolute_error(in_pictures(predicted, crops, uncrop), crops.truth))


def in_pictures(predicted: np.ndarray, crops: Crops, uncrop: Callable) -> np.ndarray:
    """Return predictions (N, 68, 2) in crop pixels as pixels of the pictures."""
    return np.stack([uncrop(points, box, crops.size) for points, box in zip(predicted, crops.boxes, strict=True)])


def _train_epoch(model: nn.Module, train: Crops, optimizer: torch.optim.Optimizer, recipe: Recipe, epoch: int) -> float:
    """Take one gradient step a batch; return the mean squared error over the epoch, in units."""
    model.train()
    order = torch.from_numpy(np.random.default_rng([recipe.seed, epoch]).permutation(len(train.images)))
    squared_error, learned = torch.zeros(()), 0
    count, first = processes.count(), processes.number()
    bar = tqdm(
        order.split(recipe.batch_size), desc=f"epoch {epoch + 1}", unit="batch", file=sys.stdout, leave=False,
        disable=first > 0,
    )  # fmt: skip
    for batch in bar:
        # One face alone has no variance over the batch where its maps are of one pixel; another epoch takes it in.
        if len(batch) == 1:
            continue
        mine = batch[first::count]
        targets = to_units(train.points[mine], train.size)
        optimizer.zero_grad()
        errors = (model(train.images[mine].contiguous(memory_format=torch.channels_last)) - targets).square().sum()
        # Processes average their gradients, so each counts its share of the batch as often as there are processes.
        (errors * (count / (len(batch) * targets.shape[1]))).backward()
        optimizer.step()
        squared_error += errors.detach()
        learned += len(batch) * targets.shape[1]
    return float(processes.add_up(squared_error)) / learned


def train_network(
    model: nn.Module,
    train: Crops,
    val: Crops,
    recipe: Recipe,
    score: Callable[[np.ndarray], float],
    checkpoint: Path | None = None,
    say: Callable[[str], None] = print,
) -> History:
    """Train the model by the recipe and leave it with the weights of its best epoch.

    Args:
        model: maps (B, 1, size, size) to (B, 136); its last layer is ``model.fc``.
        train, val: faces with points.
        recipe: epochs, batch size, learning rate and seed are read here.
        score: error of the predictions for ``val``, (N, 68, 2) crop pixels; lower is better.
        checkpoint: written after every epoch; where it is there already, training goes on behind its last epoch.
        say: called with a line after every epoch, in the first process alone.

    Returns:
        Lists with an entry for each epoch: "train_mse" (squared units), "val_mae" (what ``score`` says).

    Raises:
        DataError: the checkpoint belongs to another recipe or other faces, or cannot be read or written.
    """
    model.to(memory_format=torch.channels_last)
    spread = processes.spread(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
    history: History = {"train_mse": [], "val_mae": []}
    best = copy.deepcopy(model.state_dict())
    stamp = _stamp(train, recipe)
    if checkpoint is not None and checkpoint.is_file():
        state = _load_checkpoint(checkpoint, stamp)
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError):
            raise DataError(f"{checkpoint}: the checkpoint is of another network; remove it to start anew") from None
        history, best = state["history"], state["best"]
        if processes.number() == 0:
            say(f"{checkpoint.name}: goes on behind epoch {len(history['val_mae'])}")
    for epoch in range(len(history["val_mae"]), recipe.epochs):
        history["train_mse"].append(_train_epoch(spread, train, optimizer, recipe, epoch))
        history["val_mae"].append(score(predict(model, val)))
        if history["val_mae"][-1] == min(history["val_mae"]):
            best = copy.deepcopy(model.state_dict())
        if processes.number() == 0:
            say(f"epoch {epoch + 1}: MSE {history['train_mse'][-1]:.6f}, validation MAE {history['val_mae'][-1]:.3f}")
            if checkpoint is not None:
                parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                _save_checkpoint(checkpoint, {**parts, "best": best, "history": history, "stamp": stamp})
    model.load_state_dict(best)
    return history


def _stamp(train: Crops, recipe: Recipe) -> dict[str, float]:
    """Return what must agree for a training to go on; more epochs may be asked for than before."""
    settings = {name: value for name, value in asdict(recipe).items() if name != "epochs"}
    crops = {"images": train.images, "points": train.points}
    return settings | {name: zlib.crc32(values.numpy().tobytes()) for name, values in crops.items()}


def _load_checkpoint(path: Path, stamp: dict[str, float]) -> dict:
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


def _save_checkpoint(path: Path, state: dict) -> None:
    """Write the file whole or not at all: an interruption leaves the former one."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, unfinished)
        os.replace(unfinished, path)
    except (OSError, RuntimeError) as error:
        unfinished.unlink(missing_ok=True)
        raise DataError(f"{path}: the checkpoint cannot be written: {error}") from error
