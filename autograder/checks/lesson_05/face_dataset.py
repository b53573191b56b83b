"""Checks of lesson 05: the dataset, item by item and in a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue, type_name

face_dataset = Ladder("FaceDataset")

# The items that are looked at; faces 1 and 3 lack labels.
INDICES = [0, 1, 3, 4]


def _array(value: object, what: str) -> np.ndarray:
    found = value.array if isinstance(value, TensorValue) else value
    if not isinstance(found, np.ndarray):
        raise expect.Mismatch(f"{what}: a torch.Tensor", type_name(value))
    return found


def _ask(
    student: Student, rng: np.random.Generator, complete: bool = False
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Ask for the data set of five faces; all labels are there, or two faces lack some."""
    images = rng.random((5, 96, 96), dtype=np.float32)
    keypoints = rng.uniform(0, 96, (5, 4, 2)).astype(np.float32)
    if not complete:
        keypoints[1, 2] = np.nan
        keypoints[3, :, 0] = np.nan
    answer = student.probe("lesson_05.dataset", images=images, keypoints=keypoints, indices=INDICES)
    return images, keypoints, answer


def _item(answer: dict[str, Any], index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return image and targets at an index that was looked at. Raises Mismatch where there are none."""
    item = answer["items"][INDICES.index(index)]
    hint = "Faces with missing labels count too."
    expect.true(item is not None, f"dataset[{index}] of 5 faces: an item", "an IndexError", hint=hint)
    image, targets = (_array(value, "a part") for value in item)
    # A pair that begins with its targets costs where shapes are asked; what lies in it counts all the same.
    return (targets, image) if image.size < targets.size else (image, targets)


@face_dataset.rung("type", points=1, gate=True)
def items_are_pairs(student: Student, rng: np.random.Generator) -> None:
    """An item is a pair of an image and its targets."""
    answer = _ask(student, rng)[2]
    for place, (item, size) in enumerate(zip(answer["items"], answer["sizes"], strict=True)):
        if place and item is None:
            continue
        got = "no tuple" if size is None else f"{size} of them"
        expect.true(size == 2, "dataset[0]: two values, (image, targets)", got)
        _array(item[0], "the image")
        _array(item[1], "the targets")


@face_dataset.rung("shape", points=2)
def shapes_of_an_item(student: Student, rng: np.random.Generator) -> None:
    """The image is (1, 96, 96), the targets are (2K,)."""
    _, keypoints, answer = _ask(student, rng)
    image, targets = (_array(part, "a part") for part in answer["items"][0])
    hint = "A convolution wants an axis of channels before height and width, even for one channel."
    expect.true(image.shape == (1, 96, 96), "an image of shape (1, 96, 96)", f"shape {image.shape}", hint=hint)
    want = (keypoints.shape[1] * 2,)
    hint = "The network answers with one row of numbers for each face: flatten (K, 2), whatever K is."
    expected = f"targets of shape {want} for keypoints {keypoints.shape}"
    expect.true(targets.shape == want, expected, f"shape {targets.shape}", hint=hint)


@face_dataset.rung("dtype", points=1)
def dtypes_of_an_item(student: Student, rng: np.random.Generator) -> None:
    """Both are in float32, as the network's weights are."""
    for part, what in zip(_ask(student, rng)[2]["items"][0], ("image", "targets"), strict=True):
        dtype, hint = _array(part, what).dtype.name, "Convert once, when the dataset is built."
        expect.true(dtype == "float32", f"the {what} in float32", dtype, hint=hint)


def _expect_parts(student: Student, rng: np.random.Generator, part: int, what: str, hint: str) -> None:
    """Expect one part of items as it was handed in, each with its own face; what becomes of gaps is another rung's."""
    images, keypoints, answer = _ask(student, rng, complete=True)
    for index in (0, 4):
        item = _item(answer, index)
        # Arrays handed back as they came are no data set: one of the two must have its shape.
        as_given = item[0].shape == images[index].shape and item[1].shape == keypoints[index].shape
        expect.true(not as_given, "an image and its targets, each in its shape", "both as they came", hint=hint)
        want = (images, keypoints)[part][index]
        expect.close(item[part].ravel(), want.ravel(), what=what.format(f"dataset[{index}]"), hint=hint)


@face_dataset.rung("values", points=2)
def values_of_items(student: Student, rng: np.random.Generator) -> None:
    """Pixels are unchanged, each picture with its own face."""
    hint = "Nothing is scaled or turned here, and dataset[i] is the face number i."
    _expect_parts(student, rng, 0, "the pixels of {}[0]", hint)


@face_dataset.rung("values", points=2)
def targets_of_items(student: Student, rng: np.random.Generator) -> None:
    """Coordinates are unchanged, in the order x, y, x, y, each row with its own face."""
    hint = "Nothing is scaled or sorted here: x, y of the first keypoint, then x, y of the next, all in pixels."
    _expect_parts(student, rng, 1, "{}[1]", hint)


@face_dataset.rung("edge cases", points=2)
def keeps_missing_labels(student: Student, rng: np.random.Generator) -> None:
    """Missing labels stay NaN, and no face is dropped."""
    _, keypoints, answer = _ask(student, rng)
    hint = "The length is that of the first axis: the number of faces, complete or not."
    expect.true(answer["length"] == len(keypoints), f"len(dataset): {len(keypoints)}", f"{answer['length']}", hint=hint)
    hint = "NaN says that there is no label; the loss leaves it out. Any number in its place would be learned."
    for index in (1, 3):
        got, labeled = _item(answer, index)[1].ravel(), np.isfinite(keypoints[index]).sum()
        dropped = "; the unlabeled ones were dropped" if got.size == labeled else ""
        example, size = f"{np.isnan(keypoints[index]).sum()} coordinates are not labeled", keypoints[index].size
        expected, came = f"dataset[{index}][1]: {size} targets", f"{got.size} of them{dropped}"
        expect.true(got.size == size, expected, came, example, hint)
        expect.close(got, keypoints[index].ravel(), what=f"dataset[{index}][1]", hint=hint)


@form(face_dataset, "edge cases", points=1, of="torch")
def can_be_loaded(student: Student, rng: np.random.Generator) -> Answers:
    """A DataLoader makes batches of it."""
    _, keypoints, answer = _ask(student, rng)
    expect.true(not isinstance(answer["batch"], str), "batches of a DataLoader", f"{answer['batch']}")
    yield "a batch of images", answer["batch"][0], (5, 1, 96, 96)
    yield "a batch of targets", answer["batch"][1], (5, keypoints.shape[1] * 2)


@kept(face_dataset, points=1)
def leaves_the_arrays(student: Student, rng: np.random.Generator) -> Kept:
    """The arrays it was built from are unchanged."""
    images, keypoints, answer = _ask(student, rng)
    yield "images", images, answer["images"]
    yield "keypoints", keypoints, answer["keypoints"]
