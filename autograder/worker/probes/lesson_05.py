"""Run the student's configuration, dataset and training loop of lesson 05 on small given data; say what happened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

# The first optimizer of a process imports it, which takes seconds; here it is done once, before notebooks are forked.
import torch._dynamo
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ..names import AskedInterrupt, Names
from . import lesson_05_start

# A worker finds probes in the module that has the lesson's name.
start_at_mean = lesson_05_start.start_at_mean

FIELDS = ("epochs", "lr", "step_size", "gamma", "patience", "batch_size", "val_fraction", "seed")


def config(names: Names, *, text: str | None, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read a YAML file with this text by load_config, or build a TrainConfig for None; return its fields."""
    if text is None:
        found = names["TrainConfig"](**(settings or {}))
    else:
        path = names.scratch / "config.yaml"
        path.write_text(text, encoding="utf-8")
        found = names["load_config"](path)
    # Under whatever name the class was made.
    own = isinstance(found, names["TrainConfig"])
    name = "TrainConfig" if own else type(found).__name__
    return {"type": name, **{field: getattr(found, field) for field in FIELDS if hasattr(found, field)}}


def change(names: Names, *, settings: dict[str, Any], field: str, value: float) -> dict[str, Any]:
    """Try to change a field of a TrainConfig; return its value before and after, and the error's name."""
    found, error = names["TrainConfig"](**settings), None
    before = getattr(found, field)
    try:
        setattr(found, field, value)
    except Exception as raised:
        error = type(raised).__name__
    return {"before": before, "after": getattr(found, field), "error": error}


def dataset(names: Names, *, images: np.ndarray, keypoints: np.ndarray, indices: list[int]) -> dict[str, Any]:
    """Build a FaceDataset; return its length, the items at ``indices``, one batch, and the arrays afterwards.

    An item that is not there is None; of a batch that can't be made, the error is said in place of it.
    """
    own_images, own_keypoints = images.copy(), keypoints.copy()
    faces = names["FaceDataset"](own_images, own_keypoints)
    items: list[Any] = []
    for index in indices:
        try:
            items.append(faces[index])
        except (IndexError, KeyError):
            items.append(None)
    sizes = [len(item) if isinstance(item, tuple | list) else None for item in items]
    length: Any = None
    try:
        length = len(faces)
        loaded: Any = list(next(iter(DataLoader(faces, batch_size=len(images)))))
    except Exception as error:
        loaded = f"{type(error).__name__}: {error}"
    kept = {"images": own_images, "keypoints": own_keypoints}
    return {"length": length, "items": items, "sizes": sizes, "batch": loaded, **kept}


@dataclass
class _Pass:
    """One forward pass: the model's mode, whether gradients were on, the rows that came, and if it was learned from."""

    training: bool
    gradients: bool
    rows: tuple[bytes, ...]
    learned: bool = False


class _Diary(list[_Pass]):
    """The forward passes of a model and of its copies: who works on a copy works on the model's behalf."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Diary:
        return self


class _Watched(nn.Module):
    """A linear model, with or without normalization and dropout behind it, that notes every forward pass."""

    steps: Tensor | None

    def __init__(self, layer: nn.Linear, *behind: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), layer, *behind)
        self.register_buffer("steps", None)
        self.passes = _Diary()
        self.stamp = self.weight_stamp()
        # The pass with gradients at which somebody presses Ctrl-C.
        self.interrupted_at: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        out = self.inner(x)
        if self.training and self.steps is not None:
            self.steps += 1
        if self.passes and self.passes[-1].learned:
            self.stamp = self.weight_stamp()
        rows = tuple(row.tobytes() for row in x.detach().float().cpu().numpy())
        noted = _Pass(self.training, torch.is_grad_enabled(), rows)
        self.passes.append(noted)
        if self.interrupted_at == sum(one.gradients for one in self.passes):
            self.interrupted_at = None
            raise AskedInterrupt
        if out.requires_grad:
            out.register_hook(lambda gradient: setattr(noted, "learned", True))
        return out

    @property
    def layer(self) -> nn.Linear:
        """The linear layer; it is registered once, in ``inner``, for else its weights would have two names."""
        return cast(nn.Linear, self.inner[1])

    def weight_stamp(self) -> tuple[int, int]:
        """Return what changes whenever the weights are written to; ``stamp`` is that of the latest step."""
        weight = self.layer.weight
        # A tensor made in inference mode counts no versions, and no optimizer made it.
        return id(weight), 0 if weight.is_inference() else weight._version

    def weights(self) -> dict[str, np.ndarray]:
        """Return the layer's weight and bias."""
        return {name: value.detach().numpy().copy() for name, value in self.layer.named_parameters()}

    def modes(self) -> list[list[bool]]:
        """Return mode and gradients of every pass."""
        return [[noted.training, noted.gradients] for noted in self.passes]


def _loader(images: np.ndarray, targets: np.ndarray, batch_size: int) -> DataLoader:
    return DataLoader(TensorDataset(torch.from_numpy(images), torch.from_numpy(targets)), batch_size=batch_size)


def _open(task: dict[str, Any], *behind: nn.Module) -> tuple[_Watched, DataLoader]:
    """Return a task's linear model with these layers behind it, and the loader of its rows."""
    weights = {name: torch.from_numpy(value) for name, value in task["model"].items()}
    outputs, inputs = weights["weight"].shape
    layer = nn.Linear(inputs, outputs)
    layer.load_state_dict(weights)
    return _Watched(layer, *behind), _loader(task["images"], task["targets"], task["batch_size"])


def _norm(mean: np.ndarray, var: np.ndarray) -> nn.BatchNorm1d:
    """Return a batch normalization with these running statistics."""
    norm = nn.BatchNorm1d(len(mean))
    statistics = {"running_mean": torch.from_numpy(mean), "running_var": torch.from_numpy(var)}
    norm.load_state_dict(statistics, strict=False)
    return norm


def train(
    names: Names, *, task: dict[str, Any], lr: float, training: bool, norm: dict[str, np.ndarray] | None
) -> dict[str, Any]:
    """One epoch of a linear model under plain SGD, with or without a batch normalization of these statistics.

    The model comes in train or eval mode.
    """
    behind = [] if norm is None else [_norm(norm["mean"].copy(), norm["var"].copy())]
    model, loader = _open(task, *behind)
    model.train(training)
    optimizer, steps = torch.optim.SGD(model.parameters(), lr=lr), []
    # Whether the gradient of the latest pass was there.
    optimizer.register_step_pre_hook(lambda *_: steps.append(bool(model.passes and model.passes[-1].learned)))
    value = names["train_one_epoch"](model, loader, names["MSELossIgnoreNan"](), optimizer)
    learned = sum(noted.learned for noted in model.passes)
    statistics = {"mean": np.array(behind[0].running_mean), "var": np.array(behind[0].running_var)} if behind else {}
    counts = {"backward": learned, "steps": len(steps), "too_early": steps.count(False)}
    return {"value": value, **counts, **statistics, **model.weights()}


def evaluate(
    names: Names, *, task: dict[str, Any], mean: np.ndarray, var: np.ndarray, training: bool, seed: int
) -> dict[str, Any]:
    """Evaluate a linear model with batch normalization and dropout that comes in train or eval mode."""
    norm = _norm(mean, var)
    model, loader = _open(task, norm, nn.Dropout(0.5))
    model.train(training)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        value = names["evaluate"](model, loader)
    modes = [part.training for part in model.modules()]
    return {"value": value, "seen": model.modes(), "training": modes, "mean": norm.running_mean, **model.weights()}


def stopping(names: Names, *, patience: int | None, values: list[float], to_the_end: bool = False) -> dict[str, Any]:
    """Hand the values to an EarlyStopping until it says stop; return what step says and what best is after each.

    ``to_the_end`` hands over all of them, whatever it says.
    """
    stopper = names["EarlyStopping"]() if patience is None else names["EarlyStopping"](patience)
    answers, bests = [], []
    for value in values:
        answers.append(stopper.step(value))
        bests.append(getattr(stopper, "best", None))
        if isinstance(answers[-1], bool | np.bool_) and answers[-1] and not to_the_end:
            break
    return {"answers": answers, "bests": bests}


def two_stoppings(names: Names) -> dict[str, Any]:
    """Hand two EarlyStoppings a value each, and one of them another; return whether the other's best is as it was."""
    first, second = names["EarlyStopping"](3), names["EarlyStopping"](3)
    first.step(1.0)
    second.step(2.0)
    before = getattr(second, "best", None)
    first.step(-math.inf)
    return {"apart": getattr(second, "best", None) == before}


@dataclass(frozen=True)
class _Config:
    """A configuration as fit reads it, where the student's TrainConfig is not up to it."""

    epochs: int
    lr: float
    step_size: int
    gamma: float
    patience: int
    batch_size: int
    val_fraction: float = 0.2
    seed: int = 0


def _config(names: Names, settings: dict[str, Any]) -> Any:
    """Return the student's own TrainConfig with these settings if it takes them: fit may use what else it can do."""
    plain = _Config(**settings)
    try:
        found = names["TrainConfig"](**settings)
        same = all(getattr(found, field) == value for field, value in settings.items())
        return found if same and all(hasattr(found, field) for field in FIELDS) else plain
    except Exception:
        return plain


def fit(
    names: Names,
    *,
    task: dict[str, Any],
    val_images: np.ndarray,
    val_targets: np.ndarray,
    settings: dict[str, Any],
    interrupted_at: int | None,
    counted: bool,
) -> dict[str, Any]:
    """Fit a linear model; a training can be interrupted at its so many-th pass with gradients.

    A model that is ``counted`` has a buffer with the passes it has seen in train mode, as batch normalization has: it
    belongs to the weights that are kept and put back.

    Returns the history and the weights it ends with, that count, whether the weights were written after the last step,
    and for each kind of row (training, validation) how many were learned from and how many only looked at.
    """
    model, train_loader = _open(task)
    if counted:
        model.register_buffer("steps", torch.zeros((), dtype=torch.long))
    model.interrupted_at = interrupted_at
    val_loader = _loader(val_images, val_targets, len(val_images))
    history = names["fit"](model, train_loader, val_loader, _config(names, settings))
    kept_apart = {row.tobytes() for row in val_images}
    rows = {"training": [0, 0], "validation": [0, 0]}
    for noted in model.passes:
        for row in noted.rows:
            rows["validation" if row in kept_apart else "training"][not noted.learned] += 1
    put_back = model.stamp != model.weight_stamp()
    kept = {"steps": None if model.steps is None else int(model.steps), "put_back": put_back}
    found: dict[str, Any] = {"type": type(history).__name__, "rows": rows, **kept, **model.weights()}
    if isinstance(history, dict):
        keys = ("train_loss", "val_rmse", "lr")
        found["history"] = {key: list(history[key]) for key in keys if isinstance(history.get(key), list | tuple)}
        found |= {"type": "dict", "keys": [str(key) for key in history]}
    return found
