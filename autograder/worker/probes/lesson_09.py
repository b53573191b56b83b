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
from ..tiled import tiled_weight

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
    """Call crop_face (``size`` None: with its default); return its answer's type and parts, and the inputs after it."""
    own_image, own_points = image.copy(), None if keypoints is None else keypoints.copy()
    more = [] if size is None else [size]
    answer = names["crop_face"](own_image, tuple(box), own_points, *more)
    parts = list(answer) if isinstance(answer, tuple | list) else None
    return {
        "type": type(answer).__name__,
        "count": None if parts is None else len(parts),
        "crop": parts[0] if parts and len(parts) == 2 else None,
        "keypoints": parts[1] if parts and len(parts) == 2 else None,
        "image_after": own_image,
        "keypoints_after": own_points,
    }


def uncrop(names: Names, *, points: np.ndarray, box: list[int], size: int | None) -> dict[str, Any]:
    """Call uncrop (``size`` None: with its default); return its answer and the points after it."""
    own = points.copy()
    more = [] if size is None else [size]
    return {"value": names["uncrop"](own, tuple(box), *more), "after": own}


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
    state = [[name, list(value.shape)] for name, value in module.state_dict().items()]
    outputs = [list(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__ for answer in answers]
    return {"type": type(module).__name__, "is_module": True, "state": state, "outputs": outputs}


def answer(
    names: Names, *, kwargs: dict[str, int], x: np.ndarray, tile: np.ndarray, wanted: list[str], seed: int
) -> dict[str, Any]:
    """Build the network, fill it with the weights of the tile, run it on ``x`` and backwards.

    ``wanted`` holds the names of the weights in torchvision's order. Where the student's are others, as many and in the
    same order, their place counts. Returns the answer in eval mode and the parameters that get no gradient, or need
    none; ``filled`` is False where there are more or fewer weights.
    """
    with torch.random.fork_rng(devices=[]):
        module = _build(names, kwargs, seed)
        state = module.state_dict()
        own = list(state)
        pairs = zip(own, own if set(own) == set(wanted) else wanted, strict=False)
        if len(own) != len(wanted):
            return {"filled": False}
        places = {name: place for place, name in enumerate(wanted)}
        with torch.no_grad():
            for name, source in pairs:
                weight = tiled_weight(source, tuple(state[name].shape), tile, places[source])
                state[name].copy_(torch.from_numpy(weight.copy()))
        module.eval()
        with torch.no_grad():
            quiet = module(torch.from_numpy(x))
        module.train()
        loud = module(torch.from_numpy(np.concatenate([x, -x])))
        loud.square().sum().backward()
        without = [key for key, p in module.named_parameters() if p.requires_grad and p.grad is None]
        frozen = [key for key, p in module.named_parameters() if not p.requires_grad]
    return {"filled": True, "output": quiet, "without_grad": without, "frozen": frozen}
