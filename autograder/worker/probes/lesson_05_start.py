"""Let the student's start_at_mean set a model of given weights; say what became of it and how it trains on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..names import Names


class _Nested(nn.Module):
    """Its last linear layer lies two levels deep, under a name of its own, and is not the last of the modules."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs))
        self.answers = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(outputs, outputs)), nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        return self.answers(self.body(x))


def _build(kind: str, inputs: int, outputs: int) -> nn.Module:
    """Return a model with one linear layer, with two in a row, or with two in parts of parts."""
    if kind == "nested":
        return _Nested(inputs, outputs)
    second = [nn.ReLU(), nn.Linear(outputs, outputs)] if kind == "two" else []
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), *second)


def _state(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def start_at_mean(
    names: Names,
    *,
    kind: str,
    state: dict[str, np.ndarray],
    keypoints: np.ndarray,
    images: np.ndarray,
    lr: float,
    training: bool = False,
    step: bool = False,
) -> dict[str, Any]:
    """Call start_at_mean on a model of these weights; return its state, what else could change, and the keypoints.

    With ``step`` an optimizer that was made before the call then takes one step of SGD on the sum of the model's
    answers; the state after that is ``later``.
    """
    sizes = [value.shape for name, value in state.items() if name.endswith("weight") and value.ndim == 2]
    model = _build(kind, sizes[0][1], sizes[-1][0])
    dtype = next(iter(state.values())).dtype
    model.to(torch.from_numpy(np.zeros(0, dtype)).dtype)
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    model.train(training)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    own = keypoints.copy()
    value = names["start_at_mean"](model, own)
    found: dict[str, Any] = {"value": value, "keypoints": own, "state": _state(model), "training": model.training}
    found["learns"] = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    if step:
        answers = model(torch.from_numpy(images.astype(dtype)))
        if answers.requires_grad:
            answers.sum().backward()
        optimizer.step()
        found["later"] = _state(model)
    return found
