"""Run the student's reader, split, network, training and sweep of lesson 07 on small given data; say what happened."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

# The first optimizer of a process imports it, which takes seconds; here it is done once, before notebooks are forked.
import torch._dynamo
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.data import DataLoader, TensorDataset

from ..names import Names
from . import layer_table


def read(names: Names, *, text: str) -> Any:
    """Write an .asf file with this text and let the student read it."""
    path = Path(tempfile.mkdtemp(dir=names.scratch)) / "11-4m.asf"
    path.write_text(text, encoding="utf-8")
    return names["read_asf"](path)


def split(names: Names, *, files: list[str], n_val: int | None, paths: bool) -> dict[str, Any]:
    """Let the student split file names, or paths of these names.

    Returns how many things came, their types, the types of their items and these as texts, and the list afterwards.
    """
    items = [Path(file) if paths else file for file in files]
    answer = names["split_by_person"](items) if n_val is None else names["split_by_person"](items, n_val)
    count = len(answer) if isinstance(answer, tuple | list) else None
    found: dict[str, Any] = {"count": count, "text": type(answer).__name__, "files": [_text(item) for item in items]}
    if count is not None:
        found["text"] += f" of {count}"
    if count == 2:
        found["types"] = [type(part).__name__ for part in answer]
        lists = [list(part) if isinstance(part, list | tuple) else [] for part in answer]
        found["items"] = [sorted({_kind(item) for item in part}) for part in lists]
        found["parts"] = [[_text(item) for item in part] for part in lists]
    return found


def _text(item: object) -> str:
    return item.as_posix() if isinstance(item, Path) else str(item)


def _kind(item: object) -> str:
    return "pathlib.Path" if isinstance(item, Path) else type(item).__name__


def network(names: Names, **inputs: Any) -> dict[str, Any]:
    """Build a NoseTipNet and say what it is and does; see ``layer_table.network``."""
    return layer_table.network(names, "NoseTipNet", **inputs)


class _Moded(nn.Module):
    """A linear model whose answers tell its mode: to each of them is added what stands at ``[training][gradients]``."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray, modes: np.ndarray) -> None:
        super().__init__()
        self.modes = modes.tolist()
        self.layer = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            self.layer.weight.copy_(torch.from_numpy(weight))
            self.layer.bias.copy_(torch.from_numpy(bias))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)) + self.modes[self.training][torch.is_grad_enabled()]


def _set(images: np.ndarray, targets: np.ndarray) -> TensorDataset:
    return TensorDataset(torch.from_numpy(images), torch.from_numpy(targets))


def _is_row(values: Any) -> bool:
    """Return whether these are several numbers in a row, be it in a list or in an array."""
    return isinstance(values, list | tuple) or (isinstance(values, np.ndarray | Tensor) and values.ndim == 1)


CURVES = ("step", "train_mse", "val_step", "val_mse")


def train(
    names: Names,
    *,
    images: np.ndarray,
    targets: np.ndarray,
    batch_size: int,
    val_images: np.ndarray,
    val_targets: np.ndarray,
    val_batch_size: int,
    weight: np.ndarray,
    bias: np.ndarray,
    epochs: int,
    lr: float,
    training: bool,
    modes: np.ndarray,
) -> dict[str, Any]:
    """Let the student train a linear model that comes in train or eval mode; ``modes`` (2, 2) makes it tell which.

    Returns the curves and the weights afterwards.
    """
    model = _Moded(weight, bias, modes).train(training)
    loader = DataLoader(_set(images, targets), batch_size)
    val_loader = DataLoader(_set(val_images, val_targets), val_batch_size)
    curve = names["train_with_curve"](model, loader, val_loader, epochs, lr)
    weights = {name: value.detach().numpy().copy() for name, value in model.layer.named_parameters()}
    kind = "dict" if isinstance(curve, dict) else type(curve).__name__
    found: dict[str, Any] = {"type": kind, **weights}
    if isinstance(curve, dict):
        found["keys"] = [str(key) for key in curve]
        found["types"] = {key: type(curve[key]).__name__ for key in CURVES if key in curve}
        found["curve"] = {key: list(curve[key]) for key in CURVES if _is_row(curve.get(key))}
    return found


def _plain_cell(column: str, value: Any) -> Any:
    value = value.detach() if isinstance(value, Tensor) else value
    if column != "predictions":
        return value
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return type(value).__name__


def _table(answer: Any) -> dict[str, Any]:
    """Return a table's type, columns and rows; an array in a cell as an array of floats where it can be one."""
    import pandas as pd

    if not isinstance(answer, pd.DataFrame):
        return {"type": type(answer).__name__}
    columns = [str(column) for column in answer.columns]
    rows = [
        {column: _plain_cell(column, answer.iloc[row, place]) for place, column in enumerate(columns)}
        for row in range(len(answer))
    ]
    return {"type": "pandas.DataFrame", "columns": columns, "rows": rows}


def _is_network(args: tuple, output: Any) -> bool:
    """Return whether a module turned images into pairs of numbers, where NoseTipNet is a function that builds one."""
    images = isinstance(args[0], Tensor) and args[0].ndim == 4 if args else False
    return images and isinstance(output, Tensor) and output.shape == (len(args[0]), 2)


class _Given(nn.Sequential):
    """The network that takes the place of the student's own, so that a mistake in that one is not paid for twice."""


_LAYERS = {"linear": nn.Linear, "pool": nn.MaxPool2d, "relu": nn.ReLU, "flatten": nn.Flatten}


@contextmanager
def _in_place_of(function: Any, name: str, value: Any) -> Iterator[None]:
    """Let a global name of a function's module stand for something else meanwhile."""
    space = getattr(function, "__globals__", {})
    missing = object()
    own = space.get(name, missing)
    space[name] = value
    try:
        yield
    finally:
        if own is missing:
            space.pop(name, None)
        else:
            space[name] = own


class _Notes:
    """What networks were learned from: for each gradient step the network's number and the batch's first pixels.

    ``starts`` holds the parameters of networks before their first step, and ``start_of`` says for each network which of
    them were its own: most begin alike.
    """

    def __init__(self, own: tuple[type, ...]) -> None:
        self._own = own
        self._networks: list[nn.Module] = []
        self.passes: list[np.ndarray] = []
        self.owners: list[int] = []
        self.starts: list[list[np.ndarray]] = []
        self.start_of: list[int] = []

    def note(self, module: nn.Module, args: tuple, output: Any) -> None:
        """Look at a forward pass; a hook of all modules."""
        known = isinstance(module, self._own) if self._own else _is_network(args, output)
        if not (known and args and isinstance(output, Tensor) and output.requires_grad):
            return
        if not any(module is network for network in self._networks):
            self._networks.append(module)
            self._keep_start([parameter.detach().numpy().copy() for parameter in module.parameters()])
        number = next(place for place, network in enumerate(self._networks) if network is module)
        firsts = args[0].detach().numpy()[:, 0, 0, 0].copy()

        def learned(gradient: Tensor) -> None:
            self.passes.append(firsts)
            self.owners.append(number)

        output.register_hook(learned)

    def _keep_start(self, start: list[np.ndarray]) -> None:
        for place, other in enumerate(self.starts):
            if len(start) == len(other) and all(map(np.array_equal, start, other)):
                self.start_of.append(place)
                return
        self.start_of.append(len(self.starts))
        self.starts.append(start)

    def plain(self) -> dict[str, Any]:
        """Return what was noted."""
        return {"passes": self.passes, "owners": self.owners, "starts": self.starts, "start_of": self.start_of}


def sweep(
    names: Names,
    *,
    images: np.ndarray,
    targets: np.ndarray,
    val_images: np.ndarray,
    val_targets: np.ndarray,
    settings: list[list],
    epochs: int,
    layers: list[list],
) -> dict[str, Any]:
    """Let the student sweep over settings; images know each other by their first pixel.

    ``layers`` makes the NoseTipNet that the sweep finds. Returns the table, and what its networks were learned from:
    see ``_Notes``.
    """

    def build() -> nn.Module:
        return _Given(*(_LAYERS[kind](*sizes) for kind, *sizes in layers))

    function = names["sweep"]
    # A sweep that was defined elsewhere may hold on to the network of its own.
    own = [names["NoseTipNet"]] if "NoseTipNet" in names else []
    types = [kind for kind in own if isinstance(kind, type)]
    notes = _Notes((*types, _Given) if len(types) == len(own) else ())
    pairs = [tuple(setting) for setting in settings]
    with torch.random.fork_rng(devices=[]), _in_place_of(function, "NoseTipNet", build):
        torch.manual_seed(12345)
        hook = register_module_forward_hook(notes.note)
        try:
            found = _table(function(pairs, _set(images, targets), _set(val_images, val_targets), epochs))
        finally:
            hook.remove()
    return {**found, **notes.plain()}
