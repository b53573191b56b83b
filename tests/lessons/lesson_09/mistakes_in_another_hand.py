"""The mistakes of lesson 09 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

import re
from functools import partial

from tests.lessons.answers import Answer, Names, name_answers
from tests.lessons.battery import changed, names_after

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
    except (ExpatError, LookupError):
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
                if np.isnan(points - points).any():
                    raise ValueError("no finite number")
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

IN_X = "(keypoints[:, 0] + 0.5 - x0) * sx - 0.5"
BACK_X = "(points[:, 0] + 0.5) * w / size + x0 - 0.5"


def of_y(formula: str) -> str:
    """Return the formula of y that goes with one of x."""
    names = {"0]": "1]", "x0": "y0", "y0": "x0", "sx": "sy", "sy": "sx", "w": "h"}
    return re.sub(r"0\]|\b(x0|y0|sx|sy|w)\b", lambda found: names[found[0]], formula)


def there(formula: str) -> tuple[str, ...]:
    """Return the changes that put a formula for x, and its like for y, in place of those of crop_face."""
    return IN_X, formula, of_y(IN_X), of_y(formula)


def back(formula: str) -> tuple[str, ...]:
    """Return the same changes for uncrop."""
    return BACK_X, formula, of_y(BACK_X), of_y(formula)


CHECK = 'if sorted(numbers) != list(range(68)):\n                    raise ValueError("wrong points")'
SIDES = "(left, top, width, height), points)"
MOVED = 'return crop, np.stack([x, y], axis=1).astype("float32")'
DOWN = "                nn.BatchNorm2d(width),\n            )"
MISTAKES: list[tuple[str, ...]] = [
    ("read_ibug_xml/box-in-the-order-of-the-file", SIDES, "(top, left, width, height), points)"),
    ("read_ibug_xml/width-and-height-exchanged", SIDES, "(left, top, height, width), points)"),
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
    ("crop_face/half-a-pixel-lost", *there("(keypoints[:, 0] - x0) * sx"), *back("points[:, 0] * w / size + x0")),
    ("crop_face/half-a-pixel-lost-on-the-way-there", *there("(keypoints[:, 0] - x0) * sx")),
    ("crop_face/half-a-pixel-lost-on-the-way-back", *back("points[:, 0] * w / size + x0")),
    ("crop_face/rims-on-rims-on-the-way-there", *there("(keypoints[:, 0] - x0) * (size - 1) / (w - 1)")),
    ("crop_face/rims-on-rims-on-the-way-back", *back("points[:, 0] * (w - 1) / (size - 1) + x0")),
    ("crop_face/points-scaled-from-the-image", *there("keypoints[:, 0] * sx")),
    ("crop_face/corner-forgotten", *there("(keypoints[:, 0] + 0.5) * sx - 0.5")),
    ("crop_face/scaled-before-moving", *there("(keypoints[:, 0] + 0.5) * sx - 0.5 - x0")),
    ("crop_face/left-and-top-exchanged", *there("(keypoints[:, 0] + 0.5 - y0) * sx - 0.5")),
    ("crop_face/width-and-height-exchanged", *there("(keypoints[:, 0] + 0.5 - x0) * sy - 0.5")),
    ("crop_face/scaled-by-the-height", IN_X, IN_X.replace("sx", "sy")),
    ("crop_face/x-and-y-exchanged", MOVED, MOVED.replace("[x, y]", "[y, x]")),
    ("crop_face/uncrop-crops-again", *back("(points[:, 0] - x0 + 0.5) * size / w - 0.5")),
    ("crop_face/not-scaled-on-the-way-back", *back("points[:, 0] + x0")),
    ("crop_face/moved-back-before-scaling", *back("(points[:, 0] + 0.5 + x0) * w / size - 0.5")),
    ("crop_face/corner-forgotten-on-the-way-back", *back("(points[:, 0] + 0.5) * w / size - 0.5")),
    ("crop_face/rim-repeated", "BORDER_CONSTANT", "BORDER_REPLICATE"),
    ("crop_face/points-not-moved", MOVED, "return crop, keypoints"),
    ("crop_face/points-clipped", MOVED, "return crop, np.stack([x, y], axis=1).clip(0, size).astype('float32')"),
    ("crop_face/points-rounded", MOVED, "return crop, np.rint(np.stack([x, y], axis=1)).astype('float32')"),
    ("crop_face/points-as-shares", MOVED, "return crop, np.stack([x / size, y / size], axis=1).astype('float32')"),
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
        "before, width, 3, stride",
        "before, width, 3, 1",
        "width, width, 3, 1",
        "width, width, 3, stride",
    ),
    ("resnet18/no-max-pooling", "        x = F.max_pool2d(x, 3, 2, 1)\n", ""),
    ("resnet18/stem-without-relu", "x = F.relu(self.bn1(self.conv1(x)))", "x = self.bn1(self.conv1(x))"),
    (
        "resnet18/dropout-before-the-last-layer",
        "self.fc(x.mean(dim=(2, 3)))",
        "self.fc(F.dropout(x.mean(dim=(2, 3)), 0.2, self.training))",
    ),
    (
        "crop_face/rounded-on-the-way-back",
        "return np.stack([x, y], axis=1)\n",
        "return np.stack([x, y], axis=1).round()\n",
    ),
    (
        "crop_face/grays-beyond-black-and-white",
        "(size, size), borderMode",
        "(size, size), flags=cv2.INTER_CUBIC, borderMode",
    ),
    (
        "crop_face/pixels-scaled-from-their-centers",
        "[sx, 0, (0.5 - x0) * sx - 0.5], [0, sy, (0.5 - y0) * sy - 0.5]",
        "[sx, 0, -x0 * sx], [0, sy, -y0 * sy]",
    ),
    ("read_ibug_xml/unknown-encoding-let-through", "(ExpatError, LookupError)", "ExpatError"),
    ("read_ibug_xml/nan-accepted", "np.isnan(points - points).any()", "False"),
    (
        "read_ibug_xml/one-point-twice-accepted",
        "sorted(numbers) != list(range(68))",
        "set(numbers) != set(range(68))",
    ),
    ("resnet18/maximum-at-the-end", "x.mean(dim=(2, 3))", "x.amax(dim=(2, 3))"),
    ("resnet18/relu-before-the-addition", "F.relu(out + x)", "F.relu(out) + x"),
    ("resnet18/no-relu-at-the-end-of-a-block", "F.relu(out + x)", "out + x"),
    ("resnet18/no-relu-inside-of-a-block", "out = F.relu(self.bn1(self.conv1(x)))", "out = self.bn1(self.conv1(x))"),
    ("resnet18/first-norm-used-twice", "self.bn2(self.conv2(out))", "self.bn1(self.conv2(out))"),
    ("resnet18/sigmoid-at-the-end", "self.fc(x.mean(dim=(2, 3)))", "self.fc(x.mean(dim=(2, 3))).sigmoid()"),
    ("mean_absolute_error/squared-error", "np.absolute(d)", "d * d"),
    ("mean_absolute_error/root-of-squares", "np.mean(np.absolute(d))", "np.sqrt((d**2).mean())"),
    ("mean_absolute_error/signed-errors", "np.mean(np.absolute(d))", "np.absolute(np.mean(d))"),
    ("mean_absolute_error/signed-errors", "np.absolute(d)", "d"),
    ("mean_absolute_error/signed-errors-backwards", "np.absolute(d)", "-d"),
    ("mean_absolute_error/one-count-a-face", "np.mean(np.absolute(d))", "sum(abs(face).sum() for face in d) / len(d)"),
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


def names_with(exercise: str, *changes: str) -> Names:
    """Return the lesson's names with the other answer, changed."""
    return names_after("09_larger_dataset", IMPORTS + changed(OTHER[exercise], *changes))


RIGHT = [Answer(exercise, "other hand", partial(names_with, exercise), seeds=1) for exercise in OTHER]
NAMED = name_answers((id, partial(names_with, id.partition("/")[0], *changes)) for id, *changes in MISTAKES)
