"""Probes of lesson 10: moved faces, the places of maps and their gradients, and whether an answer is a view."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..names import Names
from . import lesson_10_network

# A worker finds probes in the module that has the lesson's name.
network_type, network_answer = lesson_10_network.network_type, lesson_10_network.network_answer
network_redrawn, network_learns = lesson_10_network.network_redrawn, lesson_10_network.network_learns
network_gradients, average = lesson_10_network.network_gradients, lesson_10_network.average


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def mirror_is_a_view(
    names: Names, *, images: np.ndarray, keypoints: np.ndarray, keypoint_names: list[str]
) -> dict[str, Any]:
    """Mirror faces; return the answer, and of each of its parts whether it shares memory with what came in."""
    value = names["mirror_faces"](images, keypoints, keypoint_names)
    shares = [
        isinstance(part, np.ndarray) and any(np.shares_memory(part, given) for given in (images, keypoints))
        for part in _parts(value)
    ]
    return {"value": value, "shares": shares}


def move(
    names: Names,
    *,
    images: np.ndarray,
    keypoints: np.ndarray,
    degrees: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
) -> dict[str, Any]:
    """Move faces; return the answer, the tensors afterwards, and of each part whether it shares memory with them."""
    given = [torch.tensor(each) for each in (images, keypoints, degrees, scale, shift)]
    value = names["move_faces"](*given)
    memory = {each.untyped_storage().data_ptr() for each in given}
    shares = [isinstance(part, Tensor) and part.untyped_storage().data_ptr() in memory for part in _parts(value)]
    return {"value": value, "after": [each.numpy() for each in given], "shares": shares}


def places(names: Names, *, maps: np.ndarray, stride: int | None) -> dict[str, Any]:
    """Return the places of maps, and the maps afterwards; without a stride it is left to the default."""
    given = torch.tensor(maps)
    value = names["soft_argmax"](given) if stride is None else names["soft_argmax"](given, stride)
    return {"value": value, "after": given.numpy()}


def places_gradient(names: Names, *, maps: np.ndarray, upstream: np.ndarray) -> dict[str, Any]:
    """Return the places of maps, and the gradient of their sum weighted by ``upstream``, or what stands against it.

    ``upstream`` weights the places as they come, whatever their shape, if it has as many numbers.
    """
    given = torch.tensor(maps, requires_grad=True)
    # A network's maps are no leaves: an operation in place has a gradient, and is asked for elsewhere.
    value = names["soft_argmax"](given * 1)
    if not isinstance(value, Tensor) or value.numel() != upstream.size:
        return {"value": value, "gradient": None, "error": None}
    error = None
    try:
        (value * torch.tensor(upstream).view_as(value)).sum().backward()
    except RuntimeError as raised:
        error = str(raised)
    return {"value": value, "gradient": given.grad, "error": error}
