"""Build the student's modules of lesson 03, run them on given arrays, and say what happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from ..names import Names
from .hidden_layers import hides_layers
from .lesson_03_weights import DRAWN, EPS, NAMES, ONES, ZEROS, draw_weights

# Taken before the notebook runs: whatever it puts in their places later is not asked.
Conv2d, Linear, BatchNorm2d, Module, Sequential = nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.Module, nn.Sequential
KINDS = (Conv2d, "conv"), (Linear, "linear"), (BatchNorm2d, "norm")


def _owned(module: nn.Module) -> Iterator[tuple[str, dict[str, torch.Tensor | None]]]:
    """Yield every convolution, linear layer and normalization, then every parameter that belongs to none of them.

    Each by its kind and what it owns.
    """
    seen: set[int] = set()
    for part in module.modules():
        kind = next((kind for of, kind in KINDS if isinstance(part, of)), None)
        if kind is not None:
            names = NAMES if kind == "norm" else NAMES[:2]
            seen |= {id(parameter) for parameter in part.parameters(recurse=False)}
            yield kind, {name: getattr(part, name) for name in names}
    for parameter in module.parameters():
        if id(parameter) not in seen:
            yield "other", {"weight": parameter}


def _holds(kind: str, owned: dict[str, torch.Tensor | None]) -> str:
    value = owned["weight"]
    if kind != "other" or value is None or value.ndim > 1:
        return DRAWN
    constant = value.detach().reshape(-1)
    return ONES if bool((constant == 1).all()) else ZEROS if bool((constant == 0).all()) else DRAWN


def _fill(module: nn.Module, fill: str, seed: int) -> list[dict[str, Any]]:
    """Fill the weights with numbers drawn from the seed, or leave them as they are: ``own``. Return what was filled."""
    parts = list(_owned(module))
    layout = [
        {
            "kind": kind,
            "holds": _holds(kind, owned),
            "shapes": {name: None if value is None else list(value.shape) for name, value in owned.items()},
        }
        for kind, owned in parts
    ]
    if fill == "own":
        return layout
    for part in module.modules():
        if isinstance(part, BatchNorm2d):
            part.eps = EPS
            part.reset_running_stats()
    with torch.no_grad():
        for (_, owned), values in zip(parts, draw_weights(layout, fill, seed), strict=True):
            for name, tensor in owned.items():
                value = values[name]
                if tensor is not None and value is not None:
                    tensor.copy_(torch.from_numpy(value))
    return layout


def _build(names: Names, name: str, args: list, kwargs: dict, shape: tuple[int, ...]) -> nn.Module:
    module = names[name](
        *args, **{k: tuple(value) if isinstance(value, list) else value for k, value in kwargs.items()}
    )
    if isinstance(module, nn.Module) and any(nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
        with torch.no_grad():
            module(torch.zeros(shape))
    return module


def describe(names: Names, *, name: str, args: list, kwargs: dict, shape: list[int], seed: int) -> dict[str, Any]:
    """Build ``name(*args, **kwargs)`` and return its type and the shapes of its parameters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _build(names, name, args, kwargs, tuple(shape))
    found: dict[str, Any] = {
        "type": type(module).__name__,
        "is_module": isinstance(module, Module),
        "is_sequential": isinstance(module, Sequential),
    }
    if found["is_module"]:
        found["shapes"] = [list(parameter.shape) for parameter in module.parameters() if parameter.requires_grad]
        found["hidden"] = hides_layers(module)
        layers = [part for _, part in module.named_modules(remove_duplicate=False) if list(part.parameters())]
        found["repeated"] = len({id(part) for part in layers}) < len(layers)
    return found


def run(
    names: Names,
    *,
    name: str,
    args: list,
    kwargs: dict,
    x: np.ndarray,
    seed: int,
    fill: str = "random",
    train: bool = True,
    upstream: np.ndarray | None = None,
) -> dict[str, Any]:
    """Build ``name(*args, **kwargs)``, fill its weights, run it on ``x`` and, given ``upstream``, backwards.

    Of what is no module only the type is told; of layers only what there is to fill, see ``lesson_03_weights``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _build(names, name, args, kwargs, x.shape)
        if not isinstance(module, Module):
            return {"type": type(module).__name__}
        layers = _fill(module, fill, seed)
        module.train(train)
        inputs = torch.from_numpy(x.copy()).requires_grad_(upstream is not None)
        outputs = module(inputs)
        found = {"layers": layers, "hidden": hides_layers(module), "output": outputs}
        if upstream is not None:
            (outputs * torch.from_numpy(upstream)).sum().backward()
            found["x_grad"] = inputs.grad
            found["without_grad"] = [key for key, p in module.named_parameters() if p.requires_grad and p.grad is None]
        found["x_after"] = inputs.detach()
        return found


def count(names: Names, *, channels: int, features: int, frozen: list[str], deeper: int = 0) -> Any:
    """Return ``count_parameters`` of a small network, the parameters called ``frozen`` needing no gradient.

    ``deeper`` channels come of one more convolution at its end.
    """
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(1, channels, 3))
    model.add_module("inner", nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU()))
    model.add_module("linear", nn.Linear(channels, features))
    if deeper:
        model.add_module("last", nn.Conv2d(channels, deeper, 3))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return names["count_parameters"](model)
