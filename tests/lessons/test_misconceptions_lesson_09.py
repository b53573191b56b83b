"""The mistakes of lesson 09 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lessons.battery import MISTAKE_SEED, changed, grade, grade_and_diagnose, names_after, remembering, story

LESSON = "09_larger_dataset"
pytestmark = remembering(LESSON)
IMPORTS = """
import cv2
import numpy as np
import torch
import torch.nn.functional as F
import xml.dom.minidom
from torch import nn
from xml.parsers.expat import ExpatError
"""

# Right answers in another style than the reference, for the mistakes to be made in.
OTHER = {
    "read_ibug_xml": """
def read_ibug_xml(path):
    try:
        document = xml.dom.minidom.parse(str(path))
    except ExpatError:
        raise ValueError("not XML") from None
    result = []
    for image in document.getElementsByTagName("image"):
        for box in image.getElementsByTagName("box"):
            if not all(box.hasAttribute(key) for key in ("left", "top", "width", "height")):
                raise ValueError("no side")
            left, top = int(box.getAttribute("left")), int(box.getAttribute("top"))
            width, height = int(box.getAttribute("width")), int(box.getAttribute("height"))
            if not image.hasAttribute("file"):
                raise ValueError("no file")
            parts = box.getElementsByTagName("part")
            points = None
            if len(parts) > 0:
                numbers = [int(part.getAttribute("name")) for part in parts]
                if sorted(numbers) != list(range(68)):
                    raise ValueError("wrong points")
                points = np.zeros((68, 2), "float32")
                for number, part in zip(numbers, parts):
                    points[number, 0] = float(part.getAttribute("x"))
                    points[number, 1] = float(part.getAttribute("y"))
            result.append((image.getAttribute("file"), (left, top, width, height), points))
    return result
""",
    "crop_face": """
def crop_face(image, box, keypoints, size=224):
    x0, y0, w, h = box
    sx, sy = size / w, size / h
    matrix = np.array([[sx, 0, (0.5 - x0) * sx - 0.5], [0, sy, (0.5 - y0) * sy - 0.5]])
    crop = cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_CONSTANT)
    if keypoints is None:
        return crop, None
    x = (keypoints[:, 0] + 0.5 - x0) * sx - 0.5
    y = (keypoints[:, 1] + 0.5 - y0) * sy - 0.5
    return crop, np.stack([x, y], axis=1).astype("float32")


def uncrop(points, box, size=224):
    x0, y0, w, h = box
    x = (points[:, 0] + 0.5) * w / size + x0 - 0.5
    y = (points[:, 1] + 0.5) * h / size + y0 - 0.5
    return np.stack([x, y], axis=1)
""",
    "resnet18": """
class Block(nn.Module):
    def __init__(self, before, width):
        super().__init__()
        stride = 1 if before == width else 2
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if before != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, width, 1, 2, bias=False),
                nn.BatchNorm2d(width),
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if hasattr(self, "downsample"):
            x = self.downsample(x)
        return F.relu(out + x)


class Net(nn.Module):
    def __init__(self, outputs, in_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        widths = [64, 64, 128, 256, 512]
        for number in range(1, 5):
            before, width = widths[number - 1], widths[number]
            setattr(self, f"layer{number}", nn.Sequential(Block(before, width), Block(width, width)))
        self.fc = nn.Linear(512, outputs)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


def resnet18(outputs=136, in_channels=1):
    return Net(outputs, in_channels)
""",
    "mean_absolute_error": """
def mean_absolute_error(pred, target):
    if np.shape(pred) != np.shape(target):
        raise ValueError("shapes")
    d = np.subtract(pred, target, dtype=float)
    return np.mean(np.absolute(d))
""",
}

CHECK = 'if sorted(numbers) != list(range(68)):\n                    raise ValueError("wrong points")'
SIDES = "(left, top, width, height), points)"
BACK_X, BACK_Y = "(points[:, 0] + 0.5) * w / size + x0 - 0.5", "(points[:, 1] + 0.5) * h / size + y0 - 0.5"
MOVED = 'return crop, np.stack([x, y], axis=1).astype("float32")'
DOWN = "                nn.BatchNorm2d(width),\n            )"
MISTAKES: list[tuple[str, ...]] = [
    ("read_ibug_xml/box-in-the-order-of-the-file", SIDES, "(top, left, width, height), points)"),
    ("read_ibug_xml/box-as-two-corners", SIDES, "[left, top, left + width, top + height], points)"),
    (
        "read_ibug_xml/x-and-y-exchanged",
        'points[number, 0] = float(part.getAttribute("x"))',
        'points[number, 1] = float(part.getAttribute("x"))',
        'points[number, 1] = float(part.getAttribute("y"))',
        'points[number, 0] = float(part.getAttribute("y"))',
    ),
    (
        "read_ibug_xml/whole-pixels",
        '(68, 2), "float32")',
        "(68, 2), int)",
        SIDES,
        SIDES.replace("points", "points.astype('float32') if points is not None else None"),
    ),
    (
        "read_ibug_xml/points-from-the-corner-of-the-box",
        'float(part.getAttribute("x"))',
        'float(part.getAttribute("x")) - left',
        'float(part.getAttribute("y"))',
        'float(part.getAttribute("y")) - top',
    ),
    ("read_ibug_xml/points-in-the-order-of-the-file", "in zip(numbers, parts)", "in enumerate(parts)"),
    ("read_ibug_xml/number-of-points-unchecked", CHECK, "pass"),
    (
        "read_ibug_xml/names-of-points-unchecked",
        CHECK,
        CHECK.replace("sorted(numbers) != list(range(68))", "len(numbers) != 68"),
        "points[number, ",
        "points[min(number, 67), ",
    ),
    ("read_ibug_xml/no-points-as-an-empty-array", "points = None", "points = np.empty((0, 2), 'float32')"),
    ("read_ibug_xml/no-points-as-nan", "points = None", "points = np.full((68, 2), np.nan, 'float32')"),
    (
        "read_ibug_xml/boxes-without-points-dropped",
        "            points = None\n",
        "            if not parts:\n                continue\n",
    ),
    ("read_ibug_xml/one-box-an-image", '("box"):', '("box")[:1]:'),
    (
        "read_ibug_xml/folder-in-the-file",
        'result.append((image.getAttribute("file")',
        'import os\n            result.append((os.path.join(os.path.dirname(path), image.getAttribute("file"))',
    ),
    ("read_ibug_xml/float64", ', "float32")', ")"),
    (
        "crop_face/half-a-pixel-lost",
        "(keypoints[:, 0] + 0.5 - x0) * sx - 0.5",
        "(keypoints[:, 0] - x0) * sx",
        "(keypoints[:, 1] + 0.5 - y0) * sy - 0.5",
        "(keypoints[:, 1] - y0) * sy",
        BACK_X,
        "points[:, 0] * w / size + x0",
        BACK_Y,
        "points[:, 1] * h / size + y0",
    ),
    (
        "crop_face/half-a-pixel-lost-on-the-way-back",
        BACK_X,
        "points[:, 0] * w / size + x0",
        BACK_Y,
        "points[:, 1] * h / size + y0",
    ),
    ("crop_face/rim-repeated", "BORDER_CONSTANT", "BORDER_REPLICATE"),
    ("crop_face/points-not-moved", MOVED, "return crop, keypoints"),
    ("crop_face/points-clipped", MOVED, "return crop, np.stack([x, y], axis=1).clip(0, size).astype('float32')"),
    ("crop_face/points-rounded", MOVED, "return crop, np.rint(np.stack([x, y], axis=1)).astype('float32')"),
    ("crop_face/points-as-shares", MOVED, "return crop, np.stack([x / size, y / size], axis=1).astype('float32')"),
    (
        "crop_face/moved-back-before-scaling",
        BACK_X,
        "(points[:, 0] + 0.5 + x0) * w / size - 0.5",
        BACK_Y,
        "(points[:, 1] + 0.5 + y0) * h / size - 0.5",
    ),
    ("crop_face/corner-forgotten-on-the-way-back", "/ size + x0 -", "/ size -", "/ size + y0 -", "/ size -"),
    ("crop_face/size-taken-for-224", "w / size", "w / 224", "h / size", "h / 224"),
    ("crop_face/none-not-expected", "    if keypoints is None:\n        return crop, None\n", ""),
    ("crop_face/zeros-for-none", "return crop, None", "return crop, np.zeros((68, 2), 'float32')"),
    ("crop_face/grays-to-255", "return crop, np.stack", "crop = crop * 255\n    return crop, np.stack"),
    ("crop_face/float64-points", '.astype("float32")', ".astype(np.float64)"),
    ("crop_face/one-scale-for-both", "size / w, size / h", "size / w, size / w", "* h / size", "* w / size"),
    ("resnet18/biases-in-convolutions", ", bias=False", ""),
    ("resnet18/shortcut-named-otherwise", "downsample", "shortcut"),
    (
        "resnet18/layers-counted-from-zero",
        'f"layer{number}"',
        'f"layer{number - 1}"',
        "self.layer4(self.layer3(self.layer2(self.layer1(x))))",
        "self.layer3(self.layer2(self.layer1(self.layer0(x))))",
    ),
    ("resnet18/shortcut-without-norm", DOWN, "            )"),
    ("resnet18/outputs-ignored", "nn.Linear(512, outputs)", "nn.Linear(512, 136)"),
    ("resnet18/channels-ignored", "Conv2d(in_channels, 64", "Conv2d(1, 64"),
    (
        "resnet18/late-stride",
        "before, width, 3, stride, 1",
        "before, width, 3, 1, 1",
        "width, width, 3, 1, 1",
        "width, width, 3, stride, 1",
    ),
    ("resnet18/no-max-pooling", "        x = F.max_pool2d(x, 3, 2, 1)\n", ""),
    ("resnet18/relu-before-the-addition", "F.relu(out + x)", "F.relu(out) + x"),
    ("resnet18/no-relu-at-the-end-of-a-block", "F.relu(out + x)", "out + x"),
    (
        "resnet18/no-relu-inside-of-a-block",
        "F.relu(self.bn1(self.conv1(x)))\n        out",
        "self.bn1(self.conv1(x))\n        out",
    ),
    ("resnet18/first-norm-used-twice", "self.bn2(self.conv2(out))", "self.bn1(self.conv2(out))"),
    (
        "resnet18/sigmoid-at-the-end",
        "return self.fc(x.mean(dim=(2, 3)))",
        "return self.fc(x.mean(dim=(2, 3))).sigmoid()",
    ),
    ("mean_absolute_error/squared-error", "np.absolute(d)", "d * d"),
    ("mean_absolute_error/root-of-squares", "np.mean(np.absolute(d))", "np.sqrt((d**2).mean())"),
    ("mean_absolute_error/signed-errors", "np.mean(np.absolute(d))", "np.absolute(np.mean(d))"),
    ("mean_absolute_error/distances-of-points", "np.absolute(d)", "np.sqrt((d**2).sum(axis=-1))"),
    (
        "mean_absolute_error/one-count-a-point",
        "np.mean(np.absolute(d))",
        "np.absolute(d).sum() / (d.size // d.shape[-1])",
    ),
    ("mean_absolute_error/median", "np.mean", "np.median"),
    ("mean_absolute_error/sum-of-errors", "np.mean", "np.sum"),
    (
        "mean_absolute_error/shapes-unchecked",
        '    if np.shape(pred) != np.shape(target):\n        raise ValueError("shapes")\n',
        "",
    ),
]


def names_with(exercise: str, *changes: str) -> dict[str, Any]:
    """Return the lesson's names with the other answer, changed."""
    return names_after(LESSON, IMPORTS + changed(OTHER[exercise], *changes))


@pytest.mark.parametrize("exercise", OTHER)
def test_the_other_hand_is_right(exercise: str) -> None:
    result = grade(exercise, names_with(exercise), seed=0)
    assert result.outcome == "passed", story(result)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_is_named_in_another_hand(mistake: tuple[str, ...]) -> None:
    id, *changes = mistake
    exercise = id.partition("/")[0]
    result = grade_and_diagnose(exercise, names_with(exercise, *changes), MISTAKE_SEED)
    assert result.misconception == id, story(result)
