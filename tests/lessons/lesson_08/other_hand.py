"""The mistakes of lesson 08 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

from tests.lessons.other_hand import named_in_other_hand, right_in_other_hand

LESSON = "08_full_keypoints"
IMPORTS = """
import math
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import Dataset
"""

# Right answers in another style than the reference, for the mistakes to be made in.
CODES = {
    "FaceKeypointNet": IMPORTS
    + """
class FaceKeypointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.conv3 = nn.Conv2d(32, 32, 3)
        self.conv4 = nn.Conv2d(32, 64, 3)
        self.conv5 = nn.Conv2d(64, 64, 3)
        self.conv6 = nn.Conv2d(64, 64, 3)
        self.fc1 = nn.Linear(4224, 512)
        self.fc2 = nn.Linear(512, 116)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(F.max_pool2d(self.conv3(x), 2))
        x = F.relu(self.conv4(x))
        x = F.relu(self.conv5(x))
        x = F.relu(self.conv6(x))
        x = x.view(-1, 4224)
        x = F.relu(self.fc1(x))
        return self.fc2(x)
""",
    "translate": IMPORTS
    + """
def translate(image, keypoints, dx, dy):
    h, w = image.shape
    out = np.zeros_like(image)
    rows, cols = np.mgrid[:h, :w]
    from_rows, from_cols = rows - dy, cols - dx
    inside = (from_rows >= 0) & (from_rows < h) & (from_cols >= 0) & (from_cols < w)
    out[inside] = image[from_rows[inside], from_cols[inside]]
    new = keypoints.copy()
    new[:, 0] += dx / w
    new[:, 1] += dy / h
    return out, new


def rotate(image, keypoints, degrees):
    h, w = image.shape
    picture = Image.fromarray(image, mode="F").rotate(degrees, resample=Image.Resampling.BILINEAR)
    angle = math.radians(degrees)
    x, y = keypoints[:, 0] * w - w / 2, keypoints[:, 1] * h - h / 2
    new_x = x * math.cos(angle) + y * math.sin(angle)
    new_y = y * math.cos(angle) - x * math.sin(angle)
    points = np.stack([(new_x + w / 2) / w, (new_y + h / 2) / h], axis=1)
    return np.array(picture), points.astype(np.float32)


def jitter(image, brightness, contrast):
    out = image.copy()
    out = (out - 0.5) * contrast + 0.5
    out = out + brightness
    out[out < 0] = 0
    out[out > 1] = 1
    return out
""",
    "AugmentedFaces": IMPORTS
    + """
class AugmentedFaces(Dataset):
    def __init__(self, images, keypoints, max_shift=10, max_degrees=0.0, max_jitter=0.0, generator=None):
        self.images, self.keypoints, self.n = images, keypoints, max_shift
        self.degrees, self.light = max_degrees, max_jitter
        self.g = generator if generator is not None else torch.Generator().manual_seed(0)

    def __len__(self):
        return len(self.keypoints)

    def uniform(self, most):
        return (torch.rand(1, generator=self.g).item() * 2 - 1) * most

    def __getitem__(self, i):
        image = self.images[i].copy()
        points = self.keypoints[i].copy()
        angle = self.uniform(self.degrees)
        image, points = rotate(image, points, angle)
        dx = torch.randint(-self.n, self.n + 1, (1,), generator=self.g).item()
        dy = torch.randint(-self.n, self.n + 1, (1,), generator=self.g).item()
        image, points = translate(image, points, dx, dy)
        image = jitter(image, self.uniform(self.light), 1 + self.uniform(self.light))
        x = torch.from_numpy(image)[None] - 0.5
        y = torch.from_numpy(points).flatten()
        return x, y
""",
    "first_layer_filters": IMPORTS
    + """
def first_layer_filters(model):
    with torch.no_grad():
        weight = list(model.parameters())[0]
        kernels = np.array(weight.tolist(), dtype=np.float32)
    return kernels.reshape(16, 5, 5)
""",
}

TURN = "image, points = rotate(image, points, angle)"
MOVE = "image, points = translate(image, points, dx, dy)"
DRAW_X = "dx = torch.randint(-self.n, self.n + 1, (1,), generator=self.g).item()"
DRAW_Y = "dy = torch.randint(-self.n, self.n + 1, (1,), generator=self.g).item()"
KERNELS = "np.array(weight.tolist(), dtype=np.float32)"
MISTAKES: dict[str, list[tuple[str, ...]]] = {
    "FaceKeypointNet": [
        ("padded-convolutions", "5)\n", "5, padding='same')\n", "3)\n", "3, padding='same')\n"),
        ("third-pooling-forgotten", "F.max_pool2d(self.conv3(x), 2)", "self.conv3(x)"),
        ("one-number-a-keypoint", "116", "58"),
        ("batch-axis-lost", "return self.fc2(x)", "return self.fc2(x).squeeze(0)"),
        ("small-filters-first", "nn.Conv2d(1, 16, 5)", "nn.Conv2d(1, 16, kernel_size=3)"),
        (
            "sixth-convolution-missing",
            "        self.conv6 = nn.Conv2d(64, 64, 3)\n",
            "",
            "self.conv6(x)",
            "self.conv5(x)",
        ),
        ("sixth-convolution-unused", "self.conv6(x)", "self.conv5(x)"),
        ("no-relu-between-linear-layers", "F.relu(self.fc1(x))", "self.fc1(x)"),
        ("relu-at-the-end", "return self.fc2(x)", "return torch.relu(self.fc2(x))"),
        ("sigmoid-at-the-end", "return self.fc2(x)", "return torch.sigmoid(self.fc2(x))"),
        ("dropout-added", "return self.fc2(x)", "return self.fc2(F.dropout(x, 0.2, self.training))"),
        (
            "convolutions-in-a-plain-list",
            "        self.fc1 =",
            "        self.convs = [self._modules.pop(f'conv{number}') for number in range(1, 7)]\n        self.fc1 =",
            *(text for number in range(6) for text in (f"self.conv{number + 1}(x)", f"self.convs[{number}](x)")),
        ),
    ],
    "translate": [
        (
            "picture-wraps-around",
            "out[inside] = image[from_rows[inside], from_cols[inside]]",
            "out = image[from_rows % h, from_cols % w]",
        ),
        (
            "rim-stretched",
            "out[inside] = image[from_rows[inside], from_cols[inside]]",
            "out = image[from_rows.clip(0, h - 1), from_cols.clip(0, w - 1)]",
        ),
        ("picture-moves-the-other-way", "rows - dy, cols - dx", "rows + dy, cols + dx"),
        ("rows-and-columns-mixed-up", "rows - dy, cols - dx", "rows - dx, cols - dy"),
        ("points-left-behind", "return out, new", "return out, keypoints"),
        ("points-move-the-other-way", "+= dx / w", "-= dx / w", "+= dy / h", "-= dy / h"),
        ("pixels-added-to-relative-units", "dx / w", "dx", "dy / h", "dy"),
        (
            "width-and-height-mixed-up",
            "h, w = image.shape\n    out",
            "w, h = image.shape\n    out",
            "rows, cols = np.mgrid[:h, :w]",
            "rows, cols = np.mgrid[:w, :h]",
            "(from_rows < h)",
            "(from_rows < w)",
            "(from_cols < w)",
            "(from_cols < h)",
        ),
        ("points-kept-in-the-frame", "return out, new", "return out, np.clip(new, 0.0, 1.0)"),
        (
            "relative-units-turned",
            "keypoints[:, 0] * w - w / 2, keypoints[:, 1] * h - h / 2",
            "keypoints[:, 0] - 0.5, keypoints[:, 1] - 0.5",
            "(new_x + w / 2) / w, (new_y + h / 2) / h",
            "new_x + 0.5, new_y + 0.5",
        ),
        ("points-turn-the-other-way", "radians(degrees)", "radians(-degrees)"),
        ("points-turn-the-other-way", "+ y * math.sin", "- y * math.sin", "- x * math.sin", "+ x * math.sin"),
        (
            "points-do-not-turn",
            "return np.array(picture), points.astype(np.float32)",
            "return np.array(picture), keypoints",
        ),
        ("everything-clockwise", "rotate(degrees, ", "rotate(-degrees, ", "radians(degrees)", "radians(-degrees)"),
        (
            "points-about-their-own-mean",
            "keypoints[:, 0] * w - w / 2, keypoints[:, 1] * h - h / 2",
            "(keypoints[:, 0] - keypoints[:, 0].mean()) * w, (keypoints[:, 1] - keypoints[:, 1].mean()) * h",
            "(new_x + w / 2) / w, (new_y + h / 2) / h",
            "new_x / w + keypoints[:, 0].mean(), new_y / h + keypoints[:, 1].mean()",
        ),
        (
            "given-picture-returned",
            "    h, w = image.shape\n    out",
            "    h, w = image.shape\n    if not (dx or dy):\n        return image, keypoints\n    out",
        ),
        (
            "turned-about-the-corner",
            "BILINEAR)",
            "BILINEAR, center=(0, 0))",
            "keypoints[:, 0] * w - w / 2, keypoints[:, 1] * h - h / 2",
            "keypoints[:, 0] * w, keypoints[:, 1] * h",
            "(new_x + w / 2) / w, (new_y + h / 2) / h",
            "new_x / w, new_y / h",
        ),
        ("picture-about-the-corner", "BILINEAR)", "BILINEAR, center=(0, 0))"),
        ("degrees-for-radians", "math.radians(degrees)", "degrees"),
        ("light-not-cut", "    out[out < 0] = 0\n    out[out > 1] = 1\n", ""),
        ("contrast-about-black", "(out - 0.5) * contrast + 0.5", "out * contrast"),
        ("contrast-about-the-mean", "(out - 0.5) * contrast + 0.5", "(out - out.mean()) * contrast + out.mean()"),
        (
            "brightness-times-contrast",
            "(out - 0.5) * contrast + 0.5\n    out = out + brightness",
            "(out + brightness - 0.5) * contrast + 0.5",
        ),
        ("brightness-as-a-factor", "out = out + brightness", "out = out * (1 + brightness)"),
        (
            "picture-overwritten",
            "out = image.copy()\n    out = (out - 0.5) * contrast + 0.5\n    out = out + brightness\n",
            "out = image\n    out[:] = (out - 0.5) * contrast + 0.5 + brightness\n",
        ),
        ("keypoints-overwritten", "new = keypoints.copy()", "new = keypoints"),
    ],
    "AugmentedFaces": [
        ("no-channel-axis", "[None]", ""),
        ("targets-not-flat", ".flatten()", ""),
        ("all-x-before-all-y", ".flatten()", ".T.flatten()"),
        ("generator-made-anew", "        angle =", "        self.g.manual_seed(0)\n        angle ="),
        ("seeded-by-the-index", "        angle =", "        self.g.manual_seed(i + 7)\n        angle ="),
        (
            "moved-before-turning",
            TURN,
            "pass",
            MOVE,
            f"{MOVE}\n        {TURN}",
        ),
        (
            "one-number-for-brightness-and-contrast",
            "image = jitter(image, self.uniform(self.light), 1 + self.uniform(self.light))",
            "light = self.uniform(self.light)\n        image = jitter(image, light, 1 + light)",
        ),
        (
            "jitter-in-half-of-the-draws",
            "        image = jitter(",
            "        if torch.rand(1, generator=self.g) > 0.5:\n            image = jitter(",
        ),
        (
            "largest-shift-half-as-often",
            DRAW_X,
            "dx = round(self.uniform(self.n))",
            DRAW_Y,
            "dy = round(self.uniform(self.n))",
        ),
        ("shifts-add-up", MOVE, MOVE + "\n        self.images[i], self.keypoints[i] = image, points"),
        ("one-number-for-both", DRAW_Y, "dy = dx"),
        ("largest-shift-missing", "self.n + 1", "max(self.n, 1 - self.n)"),
        ("right-and-down-only", "randint(-self.n, ", "randint(0, "),
        ("points-forgotten", MOVE, "image, _ = translate(image, points, dx, dy)"),
        ("not-centered", "[None] - 0.5", "[None]"),
        (
            "targets-in-pixels",
            "torch.from_numpy(points)",
            "torch.from_numpy(points * np.float32([image.shape[1], image.shape[0]]))",
        ),
        ("global-random-state", DRAW_X, "dx = np.random.randint(-self.n, self.n + 1)"),
        ("pixels-turn-alone", TURN, "image = rotate(image, points, angle)[0]"),
        ("always-the-full-angle", "angle = self.uniform(self.degrees)", "angle = self.degrees"),
        ("contrast-around-zero", "1 + self.uniform(self.light)", "self.uniform(self.light) if self.light else 1"),
    ],
    "first_layer_filters": [
        ("channel-axis-kept", ".reshape(16, 5, 5)", ""),
        ("filters-flattened", ".reshape(16, 5, 5)", ".reshape(16, -1)"),
        ("tensor-returned", KERNELS, "torch.tensor(weight.tolist())"),
        ("memory-shared", KERNELS, "weight.data.numpy()"),
        ("float64", "dtype=np.float32", "dtype=np.float64"),
        ("second-layer", "[0]\n", "[2][:16, :1]\n"),
        ("filters-of-another-model", "model.parameters()", "FaceKeypointNet().parameters()"),
        ("stretched-for-drawing", "return kernels", "return ((kernels - kernels.min()) / np.ptp(kernels))"),
        ("training-switched-off", "list(model", "list(model.requires_grad_(False)"),
    ],
}

RIGHT = right_in_other_hand(LESSON, CODES)
NAMED = named_in_other_hand(LESSON, CODES, MISTAKES)
