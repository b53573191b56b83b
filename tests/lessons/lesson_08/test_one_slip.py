"""One slip in lesson 08 costs what it concerns, and is named for what it is."""

from __future__ import annotations

import pytest

from tests.lessons.battery import MISTAKE_SEED, grade_and_diagnose, remembering, story
from tests.reference import reference_names

LESSON = "08_full_keypoints"
LIGHT = "return np.clip(0.5 + contrast * (image - 0.5) + brightness, 0, 1).astype(np.float32)"
LIT = "image = jitter(image, light * self.max_jitter, 1 + range_ * self.max_jitter)"
WHEN_LIT = f"        if self.max_jitter > 0:\n            {LIT}"
TURNED = "image, keypoints = rotate(image, keypoints, turn * self.max_degrees)"
OWN = "self.generator = torch.Generator() if generator is None else generator"
# The exercise, the old text, the one in its place, the least share of the points, and the mistake's name or None.
SLIPS = {
    "jitter without return": ("translate", LIGHT, f"image = {LIGHT[7:]}", 0.6, None),
    "translate without points": ("translate", "return moved, points.astype(np.float32)", "return moved", 0.5, None),
    "sizes in translate": (
        "translate",
        "moved = cv2.warpAffine(image, matrix, (width, height)",
        "moved = cv2.warpAffine(image, matrix, image.shape",
        0.5,
        "frame-of-the-moved-picture-turned",
    ),
    "sizes in rotate": (
        "translate",
        "turned = cv2.warpAffine(image, matrix, (width, height)",
        "turned = cv2.warpAffine(image, matrix, image.shape",
        0.5,
        "frame-turned-too",
    ),
    "a matrix of whole numbers": (
        "translate",
        "[0, 1, dy]], np.float64)",
        "[0, 1, dy]])",
        0.5,
        "matrix-of-whole-numbers",
    ),
    "radians": ("translate", "degrees, 1.0)", "degrees * np.pi / 180, 1.0)", 0.5, "radians-for-degrees"),
    "targets in pixels": (
        "AugmentedFaces",
        "torch.tensor(keypoints.reshape(-1))",
        "torch.tensor((keypoints * np.float32(image.shape[::-1])).reshape(-1))",
        0.7,
        "targets-in-pixels",
    ),
    "x before y": ("AugmentedFaces", "keypoints.reshape(-1)", "keypoints.T.reshape(-1)", 0.7, "all-x-before-all-y"),
    "not centered": ("AugmentedFaces", "image - np.float32(0.5)", "image", 0.7, "not-centered"),
    "filters as a tensor": ("first_layer_filters", ".numpy().copy()", ".clone()", 0.8, "tensor-returned"),
    "no axis of channels": ("AugmentedFaces", ".unsqueeze(0)", "", 0.8, "no-channel-axis"),
    "targets (K, 2)": ("AugmentedFaces", "keypoints.reshape(-1)", "keypoints", 0.8, "targets-not-flat"),
    "length": ("AugmentedFaces", "return len(self.images)", "return len(self.images) - 1", 0.9, "length-off-by-one"),
    "turned for nothing": ("AugmentedFaces", TURNED, "rotate(image, keypoints, turn)", 0.8, "never-turned"),
    "one angle for good": (
        "AugmentedFaces",
        OWN,
        f"{OWN}\n        type(self).angle = 7.0",
        0.8,
        "angle-drawn-once",
    ),
    "whole degrees": (
        "AugmentedFaces",
        "turn * self.max_degrees",
        "round(turn * self.max_degrees)",
        0.8,
        "whole-degrees",
    ),
    "gray": ("AugmentedFaces", WHEN_LIT, f"        {LIT.replace('1 + range_', 'range_')}", 0.4, "gray-without-jitter"),
    "no generator": ("AugmentedFaces", OWN, "self.generator = generator", 0.8, None),
    "58 points": ("FaceKeypointNet", ".flatten(1))", ".flatten(1)).reshape(len(x), 58, 2)", 0.8, "points-in-rows"),
    "one bias": ("FaceKeypointNet", "nn.Conv2d(1, 16, 5)", "nn.Conv2d(1, 16, 5, bias=False)", 0.7, None),
    "filters of (16, 1, 5, 5)": ("first_layer_filters", ".squeeze(1)", "", 0.8, "channel-axis-kept"),
}
SECOND = {"one angle for good": ("turn * self.max_degrees", "self.angle")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("id", [pytest.param(id, marks=remembering(LESSON)) for id in SLIPS])
def test_one_slip_costs_what_it_concerns(id: str) -> None:
    exercise, old, new, least, name = SLIPS[id]
    result = grade_and_diagnose(
        exercise, reference_names(LESSON, *filter(None, [(old, new), SECOND.get(id)])), MISTAKE_SEED
    )
    assert least <= result.score / result.exercise.points < 1, story(result)
    assert result.misconception == (name and f"{exercise}/{name}"), story(result)
    assert result.doubt is None
