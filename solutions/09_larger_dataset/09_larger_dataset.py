# %% [markdown]
# # 09 · A larger dataset
#
# **Goal.** You read 68-point faces from the files of a real contest, cut them out of their photographs, train a
# ResNet18, and bring its answers back into the photographs, where the contest measures them.
#
# **You need** lessons 03 (residual blocks) and 05 (training). **Time:** about 90 minutes, some four of them training.
#
# | exercise | you write |
# |---|---|
# | 09.1 `read_ibug_xml` | files, face boxes and points from XML |
# | 09.2 `crop_face`, `uncrop` | from the photograph into the crop, and back |
# | 09.3 `resnet18` | a published network, to the last parameter name |
# | 09.4 `mean_absolute_error` | the contest's figure |

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder

import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import cv2
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn


class FaceRecord(NamedTuple):
    """One face of a file of labels, a tuple of three: ``file, box, keypoints = record``.

    Attributes:
        file: name of the picture, as the XML has it; the picture lies beside the XML file.
        box: left, top, width, height in pixels, four whole numbers.
        keypoints: (68, 2) float32 pixels, (x, y), or None where the file gives the box alone.
    """

    file: str
    box: tuple[int, int, int, int]
    keypoints: np.ndarray | None


# %%
def read_ibug_xml(path: str | Path) -> list[FaceRecord]:
    """Read the faces of one XML file of the iBUG 300-W contest.

    Returns:
        One record for each ``box`` element, in the order of the file. The points are ordered by their names, 00 to 67.
        A box without any point has keypoints None.

    Raises:
        ValueError: the file is not XML; an attribute that is needed is missing, or is no number where one is needed;
            a box has some points, but not 68 of the names 00 to 67, each once.
    """
    ### BEGIN SOLUTION
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        # ParseError is a SyntaxError, which nobody expects of a file of data.
        raise ValueError(f"{path} is not XML: {error}") from error
    wanted = [f"{number:02d}" for number in range(68)]
    records = []
    try:
        for image in root.iter("image"):
            file = image.attrib["file"]
            for box in image.iter("box"):
                sides = tuple(int(box.attrib[side]) for side in ("left", "top", "width", "height"))
                parts = box.findall("part")
                points = {part.attrib["name"]: (float(part.attrib["x"]), float(part.attrib["y"])) for part in parts}
                if parts and (len(parts) != 68 or sorted(points) != wanted):
                    raise ValueError(f"{file}: expected points 00 to 67, each once, got {len(parts)}")
                keypoints = np.array([points[name] for name in wanted], np.float32) if parts else None
                records.append(FaceRecord(file, sides, keypoints))
    except KeyError as error:
        raise ValueError(f"{path}: the attribute {error} is missing") from error
    return records
    ### END SOLUTION


# %%
autograder.check("read_ibug_xml")


# %%
def crop_face(
    image: np.ndarray, box: tuple[int, int, int, int], keypoints: np.ndarray | None, size: int = 224
) -> tuple[np.ndarray, np.ndarray | None]:
    """Cut a box out of an image and resize it; the keypoints move along.

    A whole coordinate is the center of a pixel, in the image and in the crop: (0, 0) is the center of the upper left
    one. The kind of interpolation is up to you.

    Args:
        image: (H, W) float32 in [0, 1]. It is left alone.
        box: left, top, width, height: columns left ... left + width - 1 and rows top ... top + height - 1. It need not
            be square, and may reach outside of the image or lie in a corner of it.
        keypoints: (68, 2) float32 pixels of the image, (x, y), or None. It is left alone.
        size: width and height of the crop.

    Returns:
        The crop, (size, size) float32 in [0, 1], black (0) where the box is outside of the image. The keypoints in
        pixels of the crop, (68, 2) float32, also those outside of the crop; None for None.
    """
    ### BEGIN SOLUTION
    left, top, width, height = box
    rows, columns = image.shape
    x0, x1 = max(left, 0), min(left + width, columns)
    y0, y1 = max(top, 0), min(top + height, rows)
    cut = np.zeros((height, width), np.float32)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    # Averaging over areas uses every pixel of a large face; it is no way to enlarge a small one.
    shrinks = size < min(width, height)
    crop = cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if keypoints is None:
        return crop, None
    scale = size / np.array([width, height])
    moved = (keypoints - np.array([left, top]) + 0.5) * scale - 0.5
    return crop, moved.astype(np.float32)
    ### END SOLUTION


def uncrop(points: np.ndarray, box: tuple[int, int, int, int], size: int = 224) -> np.ndarray:
    """Bring points of a crop back into the image: the inverse of what crop_face does to keypoints.

    Args:
        points: (K, 2) pixels of the crop, (x, y). It is left alone.
        box: left, top, width, height of the crop in the image.
        size: width and height of the crop.

    Returns:
        The points in pixels of the image, (K, 2) float.
    """
    ### BEGIN SOLUTION
    left, top, width, height = box
    scale = np.array([width, height]) / size
    return ((points + 0.5) * scale - 0.5 + np.array([left, top])).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("crop_face")


# %%
### BEGIN SOLUTION
class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, with torchvision's names."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + shortcut)


class ResNet18(nn.Module):
    """The network of 18 layers with weights, with torchvision's names."""

    def __init__(self, outputs: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


### END SOLUTION
def resnet18(outputs: int = 136, in_channels: int = 1) -> nn.Module:
    """Build torchvision's ResNet18, with the very names and shapes of its parameters, so that its weights load.

    Args:
        outputs: size of the last layer: 68 points, x and y.
        in_channels: 1 for shades of gray, 3 for colors.

    Returns:
        A module that maps (B, in_channels, H, W) float32 to (B, outputs). How its weights begin is up to you.
    """
    ### BEGIN SOLUTION
    return ResNet18(outputs, in_channels)
    ### END SOLUTION


# %%
autograder.check("resnet18")


# %%
def mean_absolute_error(pred: np.ndarray, target: np.ndarray) -> float:
    """Return the mean of |prediction - truth| over all coordinates, in the unit of the arrays.

    Args:
        pred: predicted coordinates, any shape, such as (N, 68, 2) pixels of the original pictures.
        target: true ones, the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    ### BEGIN SOLUTION
    pred, target = np.asarray(pred, float), np.asarray(target, float)
    if pred.shape != target.shape:
        raise ValueError(f"expected two arrays of one shape, got {pred.shape} and {target.shape}")
    return float(np.abs(pred - target).mean())
    ### END SOLUTION


# %%
autograder.check("mean_absolute_error")
