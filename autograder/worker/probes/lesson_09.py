"""Let the student's code of lesson 09 read a file, cut out a face, build a network; say what happened."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..names import Names
from ..tiled import gentle_weight, tiled_weight

FIELDS = ("file", "box", "keypoints")
SIDES = ("left", "top", "width", "height")


def _fields(record: Any) -> list | None:
    """Return file, box and keypoints of a tuple, a dict or an object with these names; None for anything else."""
    if all(hasattr(record, field) for field in FIELDS):
        return [getattr(record, field) for field in FIELDS]
    if isinstance(record, Mapping) and all(field in record for field in FIELDS):
        return [record[field] for field in FIELDS]
    return list(record) if isinstance(record, tuple | list) and len(record) == len(FIELDS) else None


def _plain_box(box: Any) -> Any:
    if isinstance(box, Mapping) and all(side in box for side in SIDES):
        return [box[side] for side in SIDES]
    if all(hasattr(box, side) for side in SIDES):
        return [getattr(box, side) for side in SIDES]
    return box.tolist() if isinstance(box, np.ndarray) else box


def read(names: Names, *, content: str) -> dict[str, Any]:
    """Write a file of labels and let the student read it.

    Returns the type of the answer, and of each record its type and, where it has them, file, box and keypoints.
    """
    path = Path(tempfile.mkdtemp(dir=names.scratch)) / "labels.xml"
    path.write_text(content, encoding="iso-8859-1")
    answer = names["read_ibug_xml"](path)
    found: dict[str, Any] = {"type": type(answer).__name__}
    if not isinstance(answer, list | tuple):
        return found
    records = []
    for record in answer:
        fields = _fields(record)
        if fields is None:
            records.append({"type": type(record).__name__})
            continue
        file, box, keypoints = fields
        file = os.fspath(file) if isinstance(file, os.PathLike) else file
        # A picture's own folder would be another path in every run.
        if isinstance(file, str):
            file = file.replace(str(path.parent), "FOLDER")
        records.append({"type": "record", "file": file, "box": _plain_box(box), "keypoints": keypoints})
    return {**found, "records": records}


def crop(
    names: Names, *, image: np.ndarray, box: list[int], keypoints: np.ndarray | None, size: int | None
) -> dict[str, Any]:
    """Call crop_face (``size`` None: with its default); return its answer's type and parts, and the inputs after it.

    An array alone is taken for a crop.
    """
    own_image, own_points = image.copy(), None if keypoints is None else keypoints.copy()
    more = [] if size is None else [size]
    answer = names["crop_face"](own_image, tuple(box), own_points, *more)
    parts = list(answer) if isinstance(answer, tuple | list) else None
    return {
        "type": type(answer).__name__,
        "count": None if parts is None else len(parts),
        "crop": parts[0] if parts and len(parts) == 2 else answer if isinstance(answer, np.ndarray) else None,
        "keypoints": parts[1] if parts and len(parts) == 2 else None,
        "image_after": own_image,
        "keypoints_after": own_points,
    }


def uncrop(names: Names, *, points: np.ndarray, box: list[int], size: int | None) -> dict[str, Any]:
    """Call uncrop (``size`` None: with its default); return its answer and the points after it."""
    own = points.copy()
    more = [] if size is None else [size]
    return {"value": names["uncrop"](own, tuple(box), *more), "after": own}


# Taken before a notebook runs: a network may say of itself what it likes.
_STATE_DICT = nn.Module.state_dict


def _state_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights and statistics that the module really holds, by their names."""
    return dict(_STATE_DICT(module))


def _fill(state: dict[str, torch.Tensor], weights: dict[str, np.ndarray]) -> None:
    """Put weights in the place of those that a module holds."""
    with torch.no_grad():
        for name, weight in weights.items():
            state[name].copy_(torch.from_numpy(weight.copy()))


def _idle(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a weight that torchvision's network lacks, filled so that it changes nothing, where that can be."""
    if len(shape) > 1:
        weight = np.zeros(shape, np.float32)
        middle = tuple(side // 2 for side in shape[2:])
        for channel in range(min(shape[:2]) if shape[0] == shape[1] else 0):
            weight[(channel, channel, *middle)] = 1
        return weight
    if name.endswith("running_var"):
        # The normalization adds 1e-5 itself.
        return np.full(shape, 1 - 1e-5, np.float32)
    return (np.ones if name.endswith("weight") else np.zeros)(shape, np.float32)


def _pair_names(own: list[str], wanted: list[str]) -> list[tuple[str, str]]:
    """Return each weight of the student's with torchvision's name of it: by place where names alone differ."""
    if len(own) == len(wanted) and set(own) != set(wanted):
        return list(zip(own, wanted, strict=True))
    return [(name, name) for name in own if name in wanted]


def _build(names: Names, kwargs: dict[str, int], seed: int) -> Any:
    torch.manual_seed(seed)
    return names["resnet18"](**kwargs)


def network(names: Names, *, kwargs: dict[str, int], shapes: list[list[int]], seed: int) -> dict[str, Any]:
    """Build the network; return its type, what its state_dict holds, and the shapes of its answers to images."""
    with torch.random.fork_rng(devices=[]):
        module = _build(names, kwargs, seed)
        if not isinstance(module, nn.Module):
            return {"type": type(module).__name__, "is_module": False}
        module.eval()
        with torch.no_grad():
            answers = [module(torch.rand(shape)) for shape in shapes]
    state = [[name, list(value.shape)] for name, value in _state_of(module).items()]
    outputs = [list(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__ for answer in answers]
    return {"type": type(module).__name__, "is_module": True, "state": state, "outputs": outputs}


def _try(part: Any, *inputs: torch.Tensor) -> torch.Tensor | None:
    """Return what a part of the network answers, None where it can't."""
    try:
        found = part(*inputs)
    except Exception:
        return None
    return found if isinstance(found, torch.Tensor) else None


def _still(module: nn.Module) -> None:
    """Let the normalizations of a module in train mode go on with their running statistics."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


def _answer_gently(module: nn.Module, images: torch.Tensor, blocks: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what the network answers to images (B, C, 1, 1), and its blocks, by their names, to maps of their own."""
    parts = dict(module.named_modules())
    module.eval()
    with torch.no_grad():
        answer = _try(module, images)
        maps = {name: _try(parts[name], torch.from_numpy(x)) for name, x in blocks.items() if name in parts}
    return {"gentle": answer, "blocks": maps}


def answer(
    names: Names,
    *,
    kwargs: dict[str, int],
    x: np.ndarray,
    tile: np.ndarray,
    wanted: list[str],
    pixels: np.ndarray,
    blocks: dict[str, np.ndarray],
    seed: int,
) -> dict[str, Any]:
    """Build the network, fill it with the weights of the tile, run it on ``x`` and backwards.

    ``wanted`` holds the names of the weights in torchvision's order. Where the student's are others, as many and in the
    same order, their place counts. Weights that torchvision does not have are filled so that they change nothing.
    Returns the answer in eval mode, in train mode but for the normalizations, and in train mode to ``x`` and ``-x``
    together, and the parameters that get no gradient, or need none; ``failed`` is the message of an error on the way.
    ``filled`` is False where less than half of the weights are there.

    Filled with gentle weights beforehand, it is asked for ``pixels`` (B, C, 1, 1), and its blocks for maps of a pixel.
    """
    with torch.random.fork_rng(devices=[]):
        module = _build(names, kwargs, seed)
        state = _state_of(module)
        pairs = _pair_names(list(state), wanted)
        if 2 * len(pairs) < len(wanted):
            return {"filled": False}
        places = {name: place for place, name in enumerate(wanted)}
        weights = {n: tiled_weight(s, tuple(state[n].shape), tile, places[s]) for n, s in pairs}
        _fill(state, {name: _idle(name, tuple(value.shape)) for name, value in state.items() if name not in weights})
        _fill(state, {name: gentle_weight(source, weights[name]) for name, source in pairs})
        found = _answer_gently(module, torch.from_numpy(pixels), blocks)
        _fill(state, weights)
        found["filled"] = True
        try:
            module.eval()
            with torch.no_grad():
                found["output"] = module(torch.from_numpy(x))
            module.train()
            _still(module)
            with torch.no_grad():
                found["still_output"] = module(torch.from_numpy(x))
            module.train()
            found["train_output"] = loud = module(torch.from_numpy(np.concatenate([x, -x])))
            loud.square().sum().backward()
        except Exception as error:
            # What was asked before counts all the same.
            return {**found, "failed": f"{type(error).__name__}: {error}"[:2000]}
        found["without_grad"] = [key for key, p in module.named_parameters() if p.requires_grad and p.grad is None]
        found["frozen"] = [key for key, p in module.named_parameters() if not p.requires_grad]
    return found
