"""Slips of beginners in lesson 08, made in right answers as they write them: with OpenCV, a line for each step."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer, Names, name_answers
from tests.lessons.battery import changed, names_after

LESSON = "08_full_keypoints"
IMPORTS = """
import cv2
import numpy as np
import torch
from torch.utils.data import Dataset
"""
CODES = {
    "translate": """
def translate(image, keypoints, dx, dy):
    h, w = image.shape
    M = np.float32([[1, 0, dx], [0, 1, dy]])
    moved = cv2.warpAffine(image, M, (w, h))
    return moved, (keypoints + np.array([dx / w, dy / h])).astype(np.float32)
def rotate(image, keypoints, degrees):
    h, w = image.shape
    M = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    out = cv2.warpAffine(image, M, (w, h))
    p = keypoints * [w, h]
    p = p @ M[:, :2].T + M[:, 2]
    return out, (p / [w, h]).astype(np.float32)
def jitter(image, brightness, contrast):
    return np.clip(0.5 + contrast * (image - 0.5) + brightness, 0, 1).astype(np.float32)
""",
    "AugmentedFaces": """
class AugmentedFaces(Dataset):
    def __init__(self, images, keypoints, max_shift=10, max_degrees=0.0, max_jitter=0.0, generator=None):
        self.images, self.keypoints = images, keypoints
        self.max_shift, self.max_degrees, self.max_jitter = max_shift, max_degrees, max_jitter
        self.generator = generator if generator is not None else torch.Generator()
    def __len__(self):
        return len(self.images)
    def uniform(self, a, b):
        return a + (b - a) * torch.rand(1, generator=self.generator).item()
    def __getitem__(self, index):
        image, k = self.images[index], self.keypoints[index]
        image, k = rotate(image, k, self.uniform(-self.max_degrees, self.max_degrees))
        dx = torch.randint(-self.max_shift, self.max_shift + 1, (1,), generator=self.generator).item()
        dy = torch.randint(-self.max_shift, self.max_shift + 1, (1,), generator=self.generator).item()
        image, k = translate(image, k, dx, dy)
        b = self.uniform(-self.max_jitter, self.max_jitter)
        c = self.uniform(1 - self.max_jitter, 1 + self.max_jitter)
        image = jitter(image, b, c)
        return torch.from_numpy(image).unsqueeze(0) - 0.5, torch.from_numpy(k).flatten()
""",
    "first_layer_filters": """
def first_layer_filters(model):
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d):
            return part.weight.detach().numpy().copy()[:, 0]
""",
}
TURN = "M = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)"
LIGHT = "        image = jitter(image, b, c)\n"
OWN = "        self.generator = generator if generator is not None else torch.Generator()\n"
SLIPS: list[tuple[str, ...]] = [
    ("translate/center-of-height-and-width", "(w / 2, h / 2)", "(h / 2, w / 2)"),
    ("translate/matrix-not-transposed", "p @ M[:, :2].T", "p @ M[:, :2]"),
    ("translate/turned-points-in-pixels", "(p / [w, h])", "p"),
    (
        "translate/turned-by-height-and-width",
        "p = keypoints * [w, h]",
        "p = keypoints * [h, w]",
        "(p / [w, h])",
        "(p / [h, w])",
    ),
    ("translate/every-frame-turned", "M, (w, h))", "M, image.shape)"),
    ("translate/points-about-the-corner", "p @ M[:, :2].T + M[:, 2]", "p @ M[:, :2].T"),
    ("translate/radians-for-degrees", "degrees, 1.0)", "np.deg2rad(degrees), 1.0)"),
    ("AugmentedFaces/never-moved", "image, k = translate(", "translate("),
    ("AugmentedFaces/never-lit", LIGHT, LIGHT.replace("image = ", "")),
    ("AugmentedFaces/pictures-written-back", LIGHT, f"{LIGHT}        self.images[index] = image\n"),
    (
        "AugmentedFaces/light-drawn-once",
        OWN,
        f"{OWN}        self.b = self.uniform(-max_jitter, max_jitter)\n"
        "        self.c = self.uniform(1 - max_jitter, 1 + max_jitter)\n",
        "jitter(image, b, c)",
        "jitter(image, self.b, self.c)",
    ),
    ("AugmentedFaces/targets-in-pixels", "torch.from_numpy(k)", "torch.from_numpy(k * np.float32(image.shape[::-1]))"),
    (
        "AugmentedFaces/everything-once",
        OWN,
        f"{OWN}        self.items = [self.draw(index) for index in range(len(images))]\n",
        "    def __getitem__(self, index):\n",
        "    def __getitem__(self, index):\n        return self.items[index]\n    def draw(self, index):\n",
    ),
    ("first_layer_filters/tensor-returned", ".numpy().copy()", ".clone()"),
]


def names_with(exercise: str, *changes: str) -> Names:
    """Return the lesson's names with the beginner's answer, changed."""
    return names_after(LESSON, IMPORTS + changed(CODES[exercise], *changes))


RIGHT = [Answer(exercise, "a beginner's", partial(names_with, exercise), seeds=5) for exercise in CODES]
NAMED = name_answers((id, partial(names_with, id.partition("/")[0], *changes)) for id, *changes in SLIPS)
NAMED = [
    Answer(each.exercise, f"a beginner's {each.id}", each.names, misconception=each.misconception) for each in NAMED
]
# No mistake of the catalogue: the run can't be repeated, though faces move as they should.
WRONG = [
    Answer(
        "AugmentedFaces",
        "seeded for all the world",
        partial(
            names_with, "AugmentedFaces", OWN, f"{OWN}        torch.manual_seed(0)\n", ", generator=self.generator", ""
        ),
        said="the same 30 items",
        seeds=1,
    )
]
