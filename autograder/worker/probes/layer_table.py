"""What a network of given layers does with given weights; shared by the lessons that have their network by a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ..names import Names


def build(names: Names, name: str, image: tuple[int, ...]) -> Any:
    """Build the network ``name``, lazy layers for an image of shape (C, H, W); leave the global random state alone."""
    with torch.random.fork_rng(devices=[]):
        model = names[name]()
        if isinstance(model, nn.Module) and any(map(nn.parameter.is_lazy, model.parameters())):
            with torch.no_grad():
                model(torch.zeros(1, *image))
    return model


def _gray(value: np.ndarray) -> np.ndarray:
    """Return a parameter without negative numbers, a weight so scaled that its layer hands on what comes in."""
    size = np.abs(value)
    scaled = 0.1 * size if size.ndim == 1 else size / (size.mean(dtype=float) * np.prod(size.shape[1:]))
    return scaled.astype(np.float32)


def _fill(parameters: list[nn.Parameter], values: list[np.ndarray]) -> None:
    """Give every parameter the value of its shape."""
    by_shape = {value.shape: torch.from_numpy(value) for value in values}
    with torch.no_grad():
        for parameter in parameters:
            if tuple(parameter.shape) in by_shape:
                parameter.copy_(by_shape[tuple(parameter.shape)])


def network(
    names: Names, name: str, *, x: np.ndarray, values: list[np.ndarray], upstream: np.ndarray, grays: np.ndarray
) -> dict[str, Any]:
    """Build the network ``name``, give every parameter the value of its shape, and run it on ``x``, (B, C, H, W).

    With values that are not negative it is run, beforehand, on images of a single gray each, ``grays`` (B,).

    Returns its type, the shapes of its trainable parameters and of all else that it keeps, its output for the grays, in
    eval and in train mode and for the first image alone, the shapes of those without a gradient after a backward pass
    from ``upstream``, and the input afterwards. What is no module has a type alone.
    """
    model = build(names, name, x.shape[1:])
    found: dict[str, Any] = {"type": type(model).__name__, "is_module": isinstance(model, nn.Module)}
    if not found["is_module"]:
        return found
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    known = {id(parameter) for parameter in trained}
    kept = [value for value in [*model.parameters(), *model.buffers()] if id(value) not in known]
    found["shapes"] = [list(parameter.shape) for parameter in trained]
    found["others"] = [list(value.shape) for value in kept]
    model.eval()
    _fill(trained, [_gray(value) for value in values])
    flat = torch.from_numpy(np.broadcast_to(grays[:, None, None, None], x.shape).copy())
    with torch.no_grad():
        found["gray_output"] = model(flat)
    _fill(trained, values)
    inputs = torch.from_numpy(x.copy())
    with torch.no_grad():
        found["output"], found["alone"] = model(inputs), model(inputs[:1])
    model.train()
    output = model(inputs)
    found["train_output"], found["x_after"] = output, inputs
    if isinstance(output, torch.Tensor) and output.requires_grad and output.numel() == upstream.size:
        (output.reshape(upstream.shape) * torch.from_numpy(upstream)).sum().backward()
        found["without_grad"] = [list(parameter.shape) for parameter in trained if parameter.grad is None]
    return found
