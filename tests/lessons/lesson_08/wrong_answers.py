"""Wrong answers to lesson 08 that the catalogue does not name: the reference with a text of it replaced."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.reference import reference_names

WEIGHTS = "first.weight.detach().squeeze(1)"
JITTER = "0.5 + contrast * (image - 0.5) + brightness"
LIGHT = f"np.clip({JITTER}, 0, 1)"
# By exercise: the id, what is said, the old text and the one in its place.
CHANGES = {
    "FaceKeypointNet": [
        ("answers of nothing", "these layers do not give", "self.features(x)", "(0 * self.features(x))"),
        ("tanh at the end", "a tanh behind", "nn.Linear(512, 116))", "nn.Linear(512, 116), nn.Tanh())"),
        ("no biases", "1 of (64,)", "nn.Conv2d(64, 64, 3)", "nn.Conv2d(64, 64, 3, bias=False)"),
    ],
    "translate": [
        (
            "given back",
            "stayed where they were",
            "    return moved, points.astype(np.float32)",
            "    return image.copy(), keypoints.copy()",
        ),
        ("gray gap", "whose gap is gray", "cv2.INTER_NEAREST", "cv2.INTER_NEAREST, borderValue=0.5"),
        ("points in pixels", "points in pixels", "return moved, points.", "return moved, (points * [width, height])."),
        (
            "turned twice as far",
            "twice as far",
            "(image, matrix, (width, height), flags=cv2.INTER_LINEAR)",
            "(image, cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 2 * degrees, 1.0), (width, height))",
        ),
        ("brightness alone", "brightness without contrast", JITTER, "image + brightness"),
        ("light around 0", "values in -0.5", LIGHT, f"({LIGHT} - 0.5)"),
    ],
    "AugmentedFaces": [
        (
            "given back",
            "at the places of the stored faces",
            "        dx, dy = torch",
            "        return torch.tensor(image)[None] - 0.5, torch.tensor(keypoints).flatten()\n        dx, dy = torch",
        ),
        (
            "angles of a bell curve",
            "some values come much more often",
            "2 * torch.rand(3, generator=self.generator) - 1",
            "torch.randn(3, generator=self.generator).clamp(-3, 3) / 3",
        ),
        ("angles to one side", "to one side only", "turn * self.max_degrees", "abs(turn) * self.max_degrees"),
        ("y before x", "y before x", "keypoints.reshape(-1)", "keypoints[:, ::-1].reshape(-1)"),
        ("half taken off twice", "taken off twice", "image - np.float32(0.5)", "image - np.float32(1)"),
        (
            "points stay behind",
            "another shift",
            "image, keypoints = translate(image, keypoints, dx, dy)",
            "image, keypoints = translate(image, keypoints, dx, dy)[0], translate(image, keypoints, dy, dx)[1]",
        ),
    ],
    "first_layer_filters": [
        ("zeros", "the same number everywhere", WEIGHTS, f"(0 * {WEIGHTS})"),
        (
            "with their biases",
            "made of the model's weights",
            WEIGHTS,
            f"({WEIGHTS} + first.bias.detach()[:, None, None])",
        ),
        ("upside down", "upside down", WEIGHTS, f"{WEIGHTS}.flip((1, 2))"),
        ("rows are columns", "rows are columns", WEIGHTS, f"{WEIGHTS}.mT"),
        ("absolute values", "absolute values", WEIGHTS, f"{WEIGHTS}.abs()"),
    ],
}
WRONG = [
    Answer(exercise, id, partial(reference_names, "08_full_keypoints", (old, new)), said=said, seeds=2)
    for exercise, changes in CHANGES.items()
    for id, said, old, new in changes
]
