"""Build the student's modules of lesson 03, run them on given arrays, and say what happened."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ..names import Names


def _fill(module: nn.Module, fill: str, seed: int) -> None:
    """Give every weight a known value: ``random``, ``plain`` (as random, but fresh normalizations), ``zero``; or
    leave it as it is: ``own``."""
    generator = torch.Generator().manual_seed(seed)

    def draw(tensor: torch.Tensor | None, low: float, high: float) -> None:
        if tensor is not None:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    if fill == "own":
        return
    with torch.no_grad():
        for parameter in module.parameters():
            if fill == "zero":
                parameter.zero_()
            elif parameter.ndim > 1:
                draw(parameter, -0.5, 0.5)
        for part in module.modules() if fill != "zero" else ():
            if isinstance(part, nn.Conv2d | nn.Linear):
                draw(part.bias, -0.5, 0.5)
            elif isinstance(part, nn.BatchNorm2d) and fill == "plain":
                part.reset_running_stats()
                part.reset_parameters()
                part.eps = 1e-5
            elif isinstance(part, nn.BatchNorm2d):
                for tensor, middle in (part.weight, 1), (part.bias, 0), (part.running_mean, 0), (part.running_var, 1):
                    draw(tensor, middle - 0.5, middle + 0.5)


def _array(tensor: torch.Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.detach().numpy().copy()


def _layers(module: nn.Module) -> list[dict[str, Any]]:
    """Every convolution, normalization and linear layer, then every parameter that belongs to none of them."""
    layers: list[dict[str, Any]] = []
    seen: set[int] = set()
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            kind = "conv" if isinstance(part, nn.Conv2d) else "linear"
            layers.append({"kind": kind, "weight": _array(part.weight), "bias": _array(part.bias)})
        elif isinstance(part, nn.BatchNorm2d):
            keys = ("weight", "bias", "running_mean", "running_var")
            values: dict[str, Any] = {key: _array(getattr(part, key)) for key in keys}
            layers.append({"kind": "norm", "channels": int(part.num_features), "eps": float(part.eps), **values})
        else:
            continue
        seen |= {id(parameter) for parameter in part.parameters(recurse=False)}
    for parameter in module.parameters():
        if id(parameter) not in seen:
            layers.append({"kind": "other", "weight": _array(parameter), "bias": None})
    return layers


def _hides_layers(module: nn.Module) -> bool:
    """Whether a plain list, tuple or dict of the module holds parameters that PyTorch does not find."""
    known = {id(parameter) for parameter in module.parameters()}

    def hides(value: Any, depth: int = 0) -> bool:
        if isinstance(value, nn.Module):
            return any(id(parameter) not in known for parameter in value.parameters())
        if isinstance(value, nn.Parameter):
            return id(value) not in known
        items = value.values() if isinstance(value, dict) else value
        plain = isinstance(value, list | tuple | set | dict)
        return plain and depth < 5 and any(hides(item, depth + 1) for item in items)

    of_torch = set(vars(nn.Module()))
    own = [value for part in module.modules() for key, value in vars(part).items() if key not in of_torch]
    return any(hides(value) for value in own)


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
        "is_module": isinstance(module, nn.Module),
        "is_sequential": isinstance(module, nn.Sequential),
    }
    if found["is_module"]:
        found["shapes"] = [list(parameter.shape) for parameter in module.parameters() if parameter.requires_grad]
        found["hidden"] = _hides_layers(module)
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
    with_layers: bool = True,
) -> dict[str, Any]:
    """Build ``name(*args, **kwargs)``, fill its weights, run it on ``x`` and, given ``upstream``, backwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _build(names, name, args, kwargs, x.shape)
        _fill(module, fill, seed)
        layers = _layers(module) if with_layers else []
        module.train(train)
        inputs = torch.from_numpy(x.copy()).requires_grad_(upstream is not None)
        outputs = module(inputs)
        found = {"layers": layers, "hidden": _hides_layers(module), "output": outputs}
        if upstream is not None:
            (outputs * torch.from_numpy(upstream)).sum().backward()
            found["x_grad"] = inputs.grad
            found["without_grad"] = [key for key, p in module.named_parameters() if p.requires_grad and p.grad is None]
        found["x_after"] = inputs.detach()
        return found


def count(names: Names, *, channels: int, features: int, frozen: list[str]) -> Any:
    """Return ``count_parameters`` of a small network, the parameters called ``frozen`` needing no gradient."""
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(1, channels, 3))
    model.add_module("inner", nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU()))
    model.add_module("linear", nn.Linear(channels, features))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return names["count_parameters"](model)
