"""Wrong answers to lesson 09 that the catalogue does not name: the reference with a text of it replaced."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.reference import reference_names

ONE_LAYER = """
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(in_channels, outputs)

        def forward(self, x):
            return self.fc(x.mean((2, 3)))

        def state_dict(self, *args, **kwargs):
            return ResNet18(outputs, in_channels).state_dict()

    return One()
"""
# By exercise: the id, what is said, the old text and the one in its place.
CHANGES = {
    "read_ibug_xml": [
        ("sides as text", "a side of the box", "int(box.attrib[side])", "box.attrib[side]"),
        ("nothing read", "records of a file", "    return records", "    return []"),
        (
            "nan for a side",
            "left='nan'",
            "int(box.attrib[side])",
            "(round(float(box.attrib[side])) if np.isfinite(float(box.attrib[side])) else 0)",
        ),
        ("sides as floats", "left='nan'", "int(box.attrib[side])", "float(box.attrib[side])"),
        (
            "infinite sides",
            "height='inf'",
            "int(box.attrib[side])",
            "(np.inf if box.attrib[side] == 'inf' else int(box.attrib[side]))",
        ),
        ("no y is 0", "a point without y", 'float(part.attrib["y"])', 'float(part.get("y", 0))'),
        (
            "a text for y is 0",
            "a point whose y is 'far'",
            'float(part.attrib["y"])',
            'float(part.attrib["y"] if part.attrib["y"] != "far" else 0)',
        ),
        (
            "attributes by their place",
            "no style sheet",
            '(float(part.attrib["x"]), float(part.attrib["y"]))',
            "tuple(float(value) for value in list(part.attrib.values())[1:])",
        ),
    ],
    "crop_face": [
        (
            "black",
            "not there; the pixel there is 0.00",
            "    if keypoints is None:\n        return crop, None\n",
            "    crop = crop * 0\n    if keypoints is None:\n        return crop, None\n",
        ),
        (
            "one gray",
            "not there",
            "    if keypoints is None:\n        return crop, None\n",
            "    crop = np.full_like(crop, image.mean())\n    if keypoints is None:\n        return crop, None\n",
        ),
        (
            "brighter",
            "grays of the crop",
            "    if keypoints is None:\n        return",
            "    crop = crop**0.9\n    if keypoints is None:\n        return",
        ),
        (
            "points outside are unknown",
            "off by nan",
            "    return crop, moved",
            "    moved[(moved < 0).any(1) | (moved > size).any(1)] = np.nan\n    return crop, moved",
        ),
    ],
    "resnet18": [
        ("one layer that lies", "lacking 120 names", "    return ResNet18(outputs, in_channels)\n", ONE_LAYER),
        (
            "a layer left out",
            "the answer:",
            "self.layer4(self.layer3(self.layer2(self.layer1(x))))",
            "self.layer4(self.layer3(self.layer2(x)))",
        ),
        (
            "made for 224",
            "a linear layer made for 25,088",
            "self.fc = nn.Linear(512, outputs)",
            "self.fc = nn.Linear(25088, outputs)\n            self.avgpool = nn.Identity()",
        ),
    ],
    "mean_absolute_error": [
        ("zero", "1.333333", "float(np.abs(pred - target).mean())", "0.0"),
    ],
}
WRONG = [
    Answer(exercise, id, partial(reference_names, "09_larger_dataset", (old, new)), said=said, seeds=2)
    for exercise, changes in CHANGES.items()
    for id, said, old, new in changes
]
