"""Answers to mirror_faces as students write them."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pandas as pd
import torch

from tests.lessons.answers import Answer, change_reference, name_answers

Faces = tuple[np.ndarray, np.ndarray]
Axis = float | np.ndarray


def by_loops(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    mirrored_images, mirrored = np.zeros_like(images), np.zeros_like(keypoints)
    axes = np.ones(len(images)) * axis
    for k, name in enumerate(names):
        words = name.split("_")
        for i, word in enumerate(words):
            if word == "left":
                words[i] = "right"
            elif word == "right":
                words[i] = "left"
        partner = "_".join(words)
        if partner not in names:
            raise ValueError(f"no {partner}")
        for n in range(len(images)):
            x, y = keypoints[n, names.index(partner)]
            mirrored[n, k] = 2 * axes[n] - x, y
    for n, image in enumerate(images):
        for column in range(image.shape[1]):
            mirrored_images[n, :, column] = image[:, image.shape[1] - 1 - column]
    return mirrored_images, mirrored


def by_placeholder(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    place = {name: k for k, name in enumerate(names)}
    order = []
    for name in names:
        other = name.replace("left", "#").replace("right", "left").replace("#", "right")
        try:
            order.append(place[other])
        except KeyError as error:
            raise ValueError(f"{name} has no partner") from error
    points = keypoints[:, order].copy()
    if np.ndim(axis) == 1:
        axis = axis[:, np.newaxis]
    points[:, :, 0] = 2 * axis - points[:, :, 0]
    return np.flip(images, axis=-1).copy(), points


def by_torch(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    order = torch.tensor([names.index(re.sub("left|right", _other, name)) for name in names])
    points = torch.tensor(keypoints).index_select(1, order)
    axes = torch.as_tensor(axis, dtype=torch.float32).reshape(-1, 1)
    x, y = points.unbind(dim=-1)
    return torch.tensor(images).flip(-1).numpy(), torch.stack([2 * axes - x, y], dim=-1).numpy()


def _other(found: re.Match[str]) -> str:
    return "right" if found[0] == "left" else "left"


def by_sign_and_offset(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    """The mirror is a product and a sum: x times -1, plus twice the axis."""
    table = pd.Series(range(len(names)), index=names)
    exchanged = pd.Index(names).str.replace("left|right", _other, regex=True)
    if not exchanged.isin(table.index).all():
        raise ValueError("partners are missing")
    offset = np.stack(np.broadcast_arrays(2 * np.asarray(axis, np.float32), np.float32(0)), axis=-1)
    points = keypoints[:, table[exchanged]] * np.array([-1, 1], np.float32) + offset.reshape(-1, 1, 2)
    return images[..., np.arange(95, -1, -1)], points


def by_pairs(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    """Each pair is exchanged once, when its left one is met."""
    missing = [name for name in names if _swapped(name) not in names]
    if missing:
        raise ValueError(", ".join(missing))
    result = np.array(keypoints)
    for name in names:
        if "left" in name:
            one, other = names.index(name), names.index(_swapped(name))
            result[:, [one, other]] = result[:, [other, one]]
    result[:, :, 0] *= -1
    result[:, :, 0] += np.reshape(2 * np.array(axis), (-1, 1)).astype(np.float32)
    return np.ascontiguousarray(images[:, :, ::-1]), result


def _swapped(name: str) -> str:
    return name.replace("left", "right") if "left" in name else name.replace("right", "left")


def face_by_face(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    pictures = np.stack([cv2.flip(image, 1) for image in images])
    axes = [axis] * len(images) if np.isscalar(axis) else list(axis)
    points = []
    for face, mirror in zip(keypoints, axes, strict=True):
        known = dict(zip(names, face, strict=True))
        lost = [name for name in names if _swapped(name) not in known]
        if lost:
            raise ValueError(f"no partner for {lost}")
        points.append([(2 * mirror - known[_swapped(name)][0], known[_swapped(name)][1]) for name in names])
    return pictures, np.array(points, dtype="float32")


def by_matrix(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    """A matrix of zeros and ones would make NaN of everything, so the exchange is a sort of names."""
    names = np.array(names)
    swapped = np.array([_swapped(name) for name in names])
    if set(swapped) != set(names):
        raise ValueError("names without partner")
    order = np.empty(len(names), int)
    order[np.argsort(swapped)] = np.argsort(names)
    points = np.take(keypoints, order, axis=1)
    both = np.where([True, False], 2 * np.reshape(axis, (-1, 1, 1)) - points, points)
    return images[:, :, ::-1] + np.float32(0), both.astype(np.float32)


RIGHT = [
    Answer("mirror_faces", function.__name__.replace("_", "-"), {"mirror_faces": function})
    for function in (
        by_loops,
        by_placeholder,
        by_torch,
        by_sign_and_offset,
        by_pairs,
        face_by_face,
        by_matrix,
    )
]

IMAGES = "images[:, :, ::-1].copy()"
DOUBLED = "2 * np.asarray(axis, dtype=np.float64).reshape(-1, 1) - mirrored[..., 0]"
ORDER = "[names.index(partner) for partner in partners]"
REFUSES = "if partner not in names:"
# The id, what is said, the old text and the one in its place.
CHANGES = [
    ("given back", "images as they were", f"return {IMAGES}, mirrored", "return images.copy(), keypoints.copy()"),
    ("half a turn", "half a turn", IMAGES, "images[:, ::-1, ::-1].copy()"),
    ("transposed", "rows and columns are exchanged", IMAGES, "images.swapaxes(1, 2).copy()"),
    ("names reversed", "keypoints: (", ORDER, "list(range(len(names)))[::-1]"),
    ("negative", "keypoints: (", DOUBLED, "-mirrored[..., 0]"),
    ("95 - x, then the axis", "keypoints: (", DOUBLED, "np.asarray(axis).reshape(-1, 1) + 47.5 - mirrored[..., 0]"),
    ("points cut off", "keypoints: (", DOUBLED, f"np.clip({DOUBLED}, 20, 76)"),
    ("assert", "AssertionError", f"{REFUSES}\n            raise ValueError(", "assert partner in names, ("),
    ("one array", "images and keypoints, two arrays", f"return {IMAGES}, mirrored", "return mirrored"),
    ("given in another order", "shape", f"return {IMAGES}, mirrored", f"return mirrored, {IMAGES}"),
]
WRONG = [change_reference("mirror_faces", id, old, new, said) for id, said, old, new in CHANGES]


def prefix_alone(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    def other(name: str) -> str:
        for one, two in (("left_", "right_"), ("right_", "left_")):
            if name.startswith(one):
                return two + name[len(one) :]
        return name

    if any(other(name) not in names for name in names):
        raise ValueError("no partner")
    points = keypoints[:, [names.index(other(name)) for name in names]]
    points[:, :, 0] = 2 * np.reshape(axis, (-1, 1)) - points[:, :, 0]
    return images[:, :, ::-1].copy(), points


def in_place(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    pictures, points = by_pairs(images, keypoints, names, axis)
    keypoints[..., 0] = 2 * np.reshape(axis, (-1, 1)) - keypoints[..., 0]
    order = [names.index(_swapped(name)) for name in names]
    keypoints[:] = keypoints[:, order]
    return pictures, points


def last_index_of_96(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 48) -> Faces:
    return by_pairs(images, keypoints, names, axis)


def without_its_axis(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    return by_pairs(images, keypoints, names, 47.5)


def along_keypoints(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    pictures, points = by_pairs(images, keypoints, names, 0)
    points[..., 0] += 2 * axis
    return pictures, points.astype(np.float32)


def kaggle_pairs(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    by_pairs(images, keypoints, names, axis)
    order = [i if names[i] == _swapped(names[i]) else min(i ^ 1, len(names) - 1) for i in range(len(names))]
    points = keypoints[:, order]
    points[..., 0] = 2 * np.reshape(axis, (-1, 1)) - points[..., 0]
    return np.flip(images, 2).copy(), points


def without_nan(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    pictures, points = by_torch(images, keypoints, names, axis)
    points[np.isnan(points)] = 0
    return pictures, points


def in_double(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    pictures, points = by_loops(images, keypoints, names, axis)
    return pictures, points.astype(float)


def views(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    return np.flip(images, 2), by_placeholder(images, keypoints, names, axis)[1]


def unexchanged(images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: Axis = 47.5) -> Faces:
    by_pairs(images, keypoints, names, axis)
    x, y = keypoints[..., 0], keypoints[..., 1]
    mirrored = (2 * np.reshape(axis, (-1, 1)) - x).astype(np.float32)
    return np.flip(images, 2).copy(), np.stack([mirrored, y], axis=-1)


NAMED = name_answers(
    (f"mirror_faces/{id}", {"mirror_faces": function})
    for id, function in {
        "first-word-alone": prefix_alone,
        "keypoints-overwritten": in_place,
        "width-minus-x": last_index_of_96,
        "axis-left-out": without_its_axis,
        "axis-for-each-keypoint": along_keypoints,
        "exchanged-by-position": kaggle_pairs,
        "missing-labels-filled": without_nan,
        "keypoints-in-float64": in_double,
        "images-are-a-view": views,
        "nothing-exchanged": unexchanged,
    }.items()
)
