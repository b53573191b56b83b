"""Build the student's network of lesson 08, draw from its data set, and say what happened."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn

from ..names import Names
from . import layer_table

NETWORK, PICTURE = "FaceKeypointNet", (1, 120, 160)
FIRST, OTHERS = (16, 1, 5, 5), 0.5


def network(names: Names, **inputs: Any) -> dict[str, Any]:
    """Build a FaceKeypointNet and say what it is and does; see ``layer_table.network``."""
    return layer_table.network(names, NETWORK, **inputs)


def filters(names: Names, *, kernel: np.ndarray) -> dict[str, Any]:
    """Put ``kernel`` into the first layer of the student's network and ask for its filters.

    Returns what came, what it has become after the model changed, and whether the model changes with it.
    """
    model = layer_table.build(names, NETWORK, PICTURE)
    layers = [p for p in model.parameters() if tuple(p.shape) == FIRST] if isinstance(model, nn.Module) else []
    if len(layers) != 1:
        return {"found": len(layers)}
    first = layers[0]
    with torch.no_grad():
        for parameter in model.parameters():
            # So that the numbers of another layer are known by their sight.
            parameter.fill_(OTHERS)
        first.copy_(torch.from_numpy(kernel))
    value = names["first_layer_filters"](model)
    found: dict[str, Any] = {"found": 1, "value": value, "kept": first.detach().numpy().copy()}
    found["still_trained"] = first.requires_grad
    parts = _parts(value)
    if parts:
        before = [part.copy() for part in parts]
        found["value"] = _like(value, before)
        with torch.no_grad():
            first.zero_()
        pairs = zip(_parts(value), before, strict=True)
        found["shared"] = not all(np.array_equal(after, kept, equal_nan=True) for after, kept in pairs)
    return found


def _parts(value: Any) -> list[np.ndarray]:
    """Return the numbers of an array, of a tensor, or of a list of them; none of anything else."""
    if isinstance(value, torch.Tensor):
        return [value.detach().numpy()]
    if isinstance(value, np.ndarray):
        return [value]
    parts = [_parts(part) for part in value] if isinstance(value, list | tuple) else []
    return [part for each in parts for part in each] if all(len(each) == 1 for each in parts) else []


def _like(value: Any, parts: list[np.ndarray]) -> Any:
    """Return what ``_parts`` took apart as a value of the kind that it was."""
    if isinstance(value, torch.Tensor):
        return torch.from_numpy(parts[0])
    return parts[0] if isinstance(value, np.ndarray) else parts


def shared(names: Names, *, name: str, arrays: list[np.ndarray], numbers: list[float]) -> list[list[Any]]:
    """Call translate, rotate or jitter; return each part of its answer, and whether it shares memory with its input."""
    answer = names[name](*arrays, *numbers)
    parts = list(answer) if isinstance(answer, tuple | list) else [answer]
    return [
        [part, isinstance(part, np.ndarray) and np.shares_memory(part, given)]
        for part, given in zip(parts, arrays, strict=False)
    ]


def _random_states() -> tuple[bytes, str, int]:
    """Return what changes whenever a number is drawn from one of the global random states."""
    state = np.random.get_state(legacy=False)
    drawn = [state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"], state["gauss"]]
    return torch.get_rng_state().numpy().tobytes(), str(drawn), hash(random.getstate())


def _together(parts: list[Any]) -> Any:
    """Return tensors or arrays of one shape and type as a single one, anything else as it is."""
    kinds = {type(part) for part in parts}
    if kinds == {torch.Tensor} and len({(part.shape, part.dtype) for part in parts}) == 1:
        return torch.stack(parts)
    if kinds == {np.ndarray} and len({(part.shape, part.dtype) for part in parts}) == 1:
        return np.stack(parts)
    return parts


def draw(
    names: Names,
    *,
    images: np.ndarray,
    keypoints: np.ndarray,
    options: dict[str, Any],
    seed: int | None,
    indices: list[int],
) -> dict[str, Any]:
    """Build an AugmentedFaces with these options and draw the items at ``indices``, one after the other.

    Returns its length, the pictures and targets, the arrays afterwards, and whether the global random states are as
    they were. Without a ``seed`` no generator is handed in.
    """
    own_images, own_keypoints = images.copy(), keypoints.copy()
    more = {} if seed is None else {"generator": torch.Generator().manual_seed(seed)}
    before = _random_states()
    faces = names["AugmentedFaces"](own_images, own_keypoints, **options, **more)
    items = [faces[index] for index in indices]
    kept = before == _random_states()
    sizes = sorted({len(item) if isinstance(item, tuple | list) else 0 for item in items})
    found: dict[str, Any] = {"length": len(faces), "sizes": sizes, "states_kept": kept}
    if sizes == [2]:
        found["pictures"] = _together([item[0] for item in items])
        found["targets"] = _together([item[1] for item in items])
    else:
        found["first"] = items[0]
    return {**found, "images": own_images, "keypoints": own_keypoints}
