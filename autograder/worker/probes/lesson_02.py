"""Probes of lesson 02: the masked loss and its gradient; whether a result shares memory with its input."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ..names import Names


def fill_shares_memory(names: Names, *, targets: np.ndarray) -> bool:
    """Return whether forward_fill's result shares memory with its input."""
    return bool(np.shares_memory(names["forward_fill"](targets), targets))


def masked_loss(names: Names, *, pred: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """Return the loss, whether it came from an nn.Module, and what became of its inputs."""
    module = names["MSELossIgnoreNan"]()
    pred_tensor, target_tensor = torch.tensor(pred), torch.tensor(target)
    value = module(pred_tensor, target_tensor)
    return {
        "value": value,
        "is_module": isinstance(module, nn.Module),
        "pred": pred_tensor.numpy(),
        "target": target_tensor.numpy(),
    }


def masked_gradient(names: Names, *, pred: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """Return the loss and pred's gradient (None where there is none), or what backward() says against it."""
    pred_tensor = torch.tensor(pred, requires_grad=True)
    value = names["MSELossIgnoreNan"]()(pred_tensor, torch.tensor(target))
    if not isinstance(value, torch.Tensor):
        return {"value": value, "error": f"a {type(value).__name__} has no backward()", "gradient": None}
    error = None
    try:
        value.backward()
    except RuntimeError as raised:
        error = str(raised)
    return {"value": value, "error": error, "gradient": pred_tensor.grad}
