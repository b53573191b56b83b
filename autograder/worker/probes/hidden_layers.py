"""Layers that a module keeps out of PyTorch's sight."""

from __future__ import annotations

from typing import Any

from torch import nn


def hides_layers(module: nn.Module) -> bool:
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
