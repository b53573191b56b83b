"""Readers, crops, networks and errors of lesson 09 that are right in another style."""

from __future__ import annotations

import xml.dom.minidom
import xml.etree.ElementTree as ET  # noqa: N817 (the name that students give it)
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import cv2
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F  # noqa: N812 (the name that students give it)
from PIL import Image
from torch import Tensor, nn

from tests.lessons.answers import Answer
from tests.reference import reference_names


@dataclass(frozen=True)
class Labeled:
    """A record without order."""

    file: str
    box: tuple
    keypoints: np.ndarray | None


def read_with_minidom(path: Path) -> list:
    """Another library of the standard library."""
    try:
        document = xml.dom.minidom.parse(str(path))
    except (ExpatError, LookupError):
        raise ValueError("not XML") from None
    result = []
    for box in document.getElementsByTagName("box"):
        numbers = [int(box.getAttribute(key)) for key in ("left", "top", "width", "height")]
        file = box.parentNode.getAttribute("file")
        if not file:
            raise ValueError("no file")
        parts = box.getElementsByTagName("part")
        points = None
        if len(parts) > 0:
            if sorted(int(part.getAttribute("name")) for part in parts) != list(range(68)):
                raise ValueError("wrong points")
            points = np.empty((68, 2), "float32")
            for part in parts:
                points[int(part.getAttribute("name"))] = part.getAttribute("x"), part.getAttribute("y")
            if not np.all(np.isfinite(points)):
                raise ValueError("no finite number")
        result.append((file, np.array(numbers), points))
    return result


def read_into_dataclasses(path: str) -> list[Labeled]:
    """One table of points for each box."""
    with open(path, encoding="iso-8859-1") as file:
        text = file.read()
    try:
        root = ET.fromstring(text)
        found = []
        for image in root.findall("./images/image"):
            for box in image.findall("box"):
                side = {key: int(value) for key, value in box.attrib.items()}
                table = pd.DataFrame([part.attrib for part in box.findall("part")])
                points = None
                if len(table):
                    table = table.set_index(table["name"].astype(int)).sort_index()
                    assert table.index.tolist() == list(range(68))
                    assert table.notna().all(axis=None)
                    points = table[["x", "y"]].astype("float32").to_numpy()
                    assert np.abs(points).max() < np.inf
                found.append(
                    Labeled(image.attrib["file"], (side["left"], side["top"], side["width"], side["height"]), points)
                )
    except Exception as error:
        raise ValueError(f"{path} is broken") from error
    return found


class BrokenFile(ValueError):
    """A ValueError of their own."""


def number(element: ET.Element, key: str) -> float:
    """Return an attribute that must be there."""
    value = element.get(key)
    if value is None:
        raise BrokenFile(f"no {key}")
    if float(value) - float(value) != 0:
        raise BrokenFile(f"{key} is {value}")
    return float(value)


def read_floats(path: str | Path) -> tuple:
    """A tuple of dictionaries, boxes of floats."""
    try:
        tree = ET.parse(path)
    except (ET.ParseError, LookupError) as error:
        raise BrokenFile(str(error)) from None
    records = []
    for image in tree.iter("image"):
        if "file" not in image.attrib:
            raise BrokenFile("no file")
        for box in image:
            points = {part.get("name"): [number(part, "x"), number(part, "y")] for part in box}
            if len(box) and (len(box) != 68 or any(f"{k:02}" not in points for k in range(68))):
                raise BrokenFile("points")
            array = np.float32([points[key] for key in sorted(points)]) if points else None
            sides = [number(box, key) for key in ("left", "top", "width", "height")]
            records.append({"file": image.get("file"), "box": sides, "keypoints": array})
    return tuple(records)


def read_in_passing(path: Path) -> list:
    """Element by element, as large files are read."""
    records, parts = [], {}
    try:
        for _, element in ET.iterparse(str(path)):
            if element.tag == "part":
                if element.attrib["name"] in parts:
                    raise ValueError("twice")
                parts[element.attrib["name"]] = [number(element, key) for key in "xy"]
            elif element.tag == "box":
                points = np.array([parts[f"{k:02d}"] for k in range(68)], "f") if parts else None
                if len(parts) not in (0, 68):
                    raise ValueError("how many?")
                records.append(([int(element.attrib[key]) for key in ("left", "top", "width", "height")], points))
                parts = {}
            elif element.tag == "image":
                file = element.attrib["file"]
                records = [(file, *record) if len(record) == 2 else record for record in records]
    except (SyntaxError, LookupError) as error:
        raise ValueError("broken") from error
    return records


def points_in(points: np.ndarray, box: tuple, size: int) -> np.ndarray:
    """From the image into the crop, x and y apart."""
    x0, y0, w, h = box
    out = np.empty_like(points)
    out[:, 0] = (points[:, 0] - (x0 - 0.5)) / w * size - 0.5
    out[:, 1] = (points[:, 1] - (y0 - 0.5)) / h * size - 0.5
    return out


def points_out(points: np.ndarray, box: tuple, size: int = 224) -> np.ndarray:
    """From the crop into the image, x and y apart."""
    x0, y0, w, h = box
    return np.stack([(points[:, 0] + 0.5) / size * w + x0 - 0.5, (points[:, 1] + 0.5) / size * h + y0 - 0.5], axis=-1)


def crop_with_warp(image: np.ndarray, box: tuple, keypoints: Any, size: int = 224) -> tuple:
    """One matrix for pixels and points."""
    x0, y0, w, h = box
    sx, sy = size / w, size / h
    matrix = np.array([[sx, 0, (0.5 - x0) * sx - 0.5], [0, sy, (0.5 - y0) * sy - 0.5]])
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    if keypoints is None:
        return crop, None
    homogeneous = np.concatenate([keypoints, np.ones((len(keypoints), 1))], axis=1)
    return crop, (homogeneous @ matrix.T).astype(np.float32)


def uncrop_with_inverse(points: np.ndarray, box: tuple, size: int = 224) -> np.ndarray:
    """The inverse of the matrix."""
    x0, y0, w, h = box
    sx, sy = size / w, size / h
    matrix = np.array([[sx, 0, (0.5 - x0) * sx - 0.5], [0, sy, (0.5 - y0) * sy - 0.5], [0, 0, 1]])
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    return (homogeneous @ np.linalg.inv(matrix).T)[:, :2]


def crop_with_pillow(image: np.ndarray, box: tuple, keypoints: Any, size: int = 224) -> tuple:
    """Pillow's crop, bicubic, in a list."""
    x0, y0, w, h = box
    cut = Image.fromarray(image).crop((x0, y0, x0 + w, y0 + h)).resize((size, size), Image.Resampling.BICUBIC)
    crop = np.clip(np.array(cut, dtype=np.float32), 0, 1)
    return [crop, None if keypoints is None else points_in(keypoints, box, size)]


def crop_with_pad(image: np.ndarray, box: tuple, keypoints: Any = None, size: int = 224) -> tuple:
    """A wide border, the nearest pixel."""
    x0, y0, w, h = box
    border = 500
    padded = np.pad(image, border)
    cut = padded[y0 + border : y0 + h + border, x0 + border : x0 + w + border]
    crop = cv2.resize(cut, dsize=(size, size), interpolation=cv2.INTER_NEAREST)
    return crop, points_in(keypoints, box, size) if keypoints is not None else None


def crop_with_torch(image: np.ndarray, box: tuple, keypoints: Any, size: int = 224) -> tuple:
    """Row by row, PyTorch's resizing."""
    x0, y0, w, h = box
    cut = torch.zeros(h, w)
    for y in range(max(y0, 0), min(y0 + h, image.shape[0])):
        for x in (max(x0, 0),):
            stop = min(x0 + w, image.shape[1])
            cut[y - y0, x - x0 : stop - x0] = torch.from_numpy(image[y, x:stop])
    crop = F.interpolate(cut[None, None], size=(size, size), mode="bilinear", antialias=True)[0, 0].numpy()
    moved = None if keypoints is None else points_in(keypoints.astype(np.float64), box, size).astype(np.float32)
    return crop, moved


def crop_by_index(image: np.ndarray, box: tuple, keypoints: Any, size: int = 224) -> tuple:
    """The row and the column of each pixel."""
    x0, y0, w, h = box
    column = np.floor((np.arange(size) + 0.5) * w / size).astype(int) + x0
    row = np.floor((np.arange(size) + 0.5) * h / size).astype(int) + y0
    inside = ((row >= 0) & (row < image.shape[0]))[:, None] & ((column >= 0) & (column < image.shape[1]))
    crop = np.where(inside, image[np.clip(row, 0, image.shape[0] - 1)][:, np.clip(column, 0, image.shape[1] - 1)], 0)
    return crop, None if keypoints is None else points_in(keypoints, box, size)


class Block(nn.Module):
    """A block with another order of attributes than torchvision's."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.downsample = downsample
        self.bn1, self.bn2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)
        self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding="same", bias=False)

    def forward(self, x: Tensor) -> Tensor:
        identity = self.downsample(x) if self.downsample else x
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        out += identity
        return F.relu(out)


class Net(nn.Module):
    """Layers set by their names, functions in place of modules without weights."""

    def __init__(self, outputs: int, in_channels: int) -> None:
        super().__init__()
        self.planes = 64
        self.fc = nn.Linear(512, outputs)
        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        for number, width in enumerate((64, 128, 256, 512), start=1):
            setattr(self, f"layer{number}", self.make(width, 2 if number > 1 else 1))
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def make(self, width: int, stride: int) -> nn.Sequential:
        down = None
        if stride != 1:
            down = nn.Sequential(nn.Conv2d(self.planes, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        first = Block(self.planes, width, stride, down)
        self.planes = width
        return nn.Sequential(first, Block(width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean(dim=(2, 3)))


def built_of_attributes(outputs: int = 136, in_channels: int = 1) -> nn.Module:
    """Modules of their own."""
    return Net(outputs, in_channels)


def built_in_sequence(outputs: int = 136, in_channels: int = 1) -> nn.Module:
    """Nothing but Sequentials."""

    class Residual(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            out = self.conv1(x)
            out = self.conv2(self.bn1(out).relu())
            return (self.bn2(out) + (self.downsample(x) if "downsample" in self._modules else x)).relu()

    def residual(before: int, width: int) -> nn.Module:
        stride = 1 if before == width else 2
        block = Residual()
        block.conv1, block.bn1 = nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        block.conv2, block.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        if stride == 2:
            block.downsample = nn.Sequential(nn.Conv2d(before, width, 1, 2, bias=False), nn.BatchNorm2d(width))
        return block

    model = nn.Sequential()
    model.conv1, model.bn1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
    model.relu, model.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    for number, (before, width) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)], start=1):
        model.add_module(f"layer{number}", nn.Sequential(residual(before, width), residual(width, width)))
    model.avgpool, model.flatten = nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()
    model.fc = nn.Linear(512, outputs)
    return model


def with_torch(pred: np.ndarray, target: np.ndarray) -> float:
    """PyTorch's loss."""
    pred, target = torch.as_tensor(pred), torch.as_tensor(target)
    if pred.shape != target.shape:
        raise ValueError("shapes")
    return F.l1_loss(pred, target).item()


def with_loop(pred: np.ndarray, target: np.ndarray) -> float:
    """Face by face."""
    if np.shape(pred) != np.shape(target):
        raise ValueError("shapes")
    total = sum(float(np.abs(p - t).sum(dtype=float)) for p, t in zip(pred, target, strict=True))
    return total / target.size


def numpy_scalar(pred: np.ndarray, target: np.ndarray) -> Any:
    """Return a NumPy number."""
    if pred.shape != target.shape:
        raise ValueError(f"{pred.shape} {target.shape}")
    return np.mean(np.absolute(target - pred))


class Norm(nn.Module):
    """A normalization that is no layer of PyTorch's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)


def built_of_own_norms(outputs: int = 136, in_channels: int = 1) -> nn.Module:
    """Every normalization of a network in the place of PyTorch's."""
    model = Net(outputs, in_channels)
    for part in list(model.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(part, name, Norm(child.num_features))
    return model


def crop_with_remap(image: np.ndarray, box: tuple, keypoints: Any, size: int = 224) -> tuple:
    """Each pixel of the crop asks where it comes from; Lanczos, cut to [0, 1]."""
    x0, y0, w, h = box
    x, y = ((np.arange(size) + 0.5) * side / size - 0.5 + start for side, start in ((w, x0), (h, y0)))
    maps = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    crop = cv2.remap(image, *maps, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_CONSTANT).clip(0, 1)
    return crop, None if keypoints is None else points_in(keypoints, box, size)


READERS = (read_with_minidom, read_into_dataclasses, read_floats, read_in_passing)
CROPS = (
    (crop_with_warp, uncrop_with_inverse),
    (crop_with_pillow, points_out),
    (crop_with_pad, points_out),
    (crop_with_torch, points_out),
    (crop_by_index, uncrop_with_inverse),
    (crop_with_remap, points_out),
)
ERRORS = (with_torch, with_loop, numpy_scalar)
# Filling a network with known weights takes long.
NETWORK_SEEDS = 5
RIGHT = [
    *(Answer("read_ibug_xml", reader.__name__, {"read_ibug_xml": reader}) for reader in READERS),
    *(Answer("crop_face", crop.__name__, {"crop_face": crop, "uncrop": uncrop}) for crop, uncrop in CROPS),
    *(Answer("mean_absolute_error", error.__name__, {"mean_absolute_error": error}) for error in ERRORS),
    *(
        Answer("resnet18", build.__name__, {"resnet18": build}, seeds=NETWORK_SEEDS)
        for build in (built_of_attributes, built_in_sequence, built_of_own_norms)
    ),
    # Of an infinite side, int() raises an OverflowError.
    Answer(
        "read_ibug_xml",
        "sides by way of floats",
        partial(reference_names, "09_larger_dataset", ("int(box.attrib[side])", "int(float(box.attrib[side]))")),
    ),
    *(Answer(exercise, "reference", {}) for exercise in ("read_ibug_xml", "crop_face", "mean_absolute_error")),
    Answer("resnet18", "reference", {}, seeds=NETWORK_SEEDS),
]
