"""Answers to move_faces as students write them."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tests.lessons.answers import Answer, change_reference, name_answers

Moved = tuple[Tensor, Tensor]
# Makes (2, 3) of an angle in degrees, a scale, a shift (x, y) and a centre (x, y): where a pixel goes.
MakeMatrix = Callable[[float, float, np.ndarray, np.ndarray], np.ndarray]


def matrix_of(degrees: float, scale: float, shift: np.ndarray, centre: np.ndarray) -> np.ndarray:
    angle = math.radians(degrees)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.column_stack([turn, centre - turn @ centre + shift])


def by_opencv(
    images: Tensor,
    keypoints: Tensor,
    degrees: Tensor,
    scale: Tensor,
    shift: Tensor,
    make: MakeMatrix = matrix_of,
    flags: int = cv2.INTER_LINEAR,
    border: int = cv2.BORDER_REPLICATE,
) -> Moved:
    """One face after the other, by OpenCV, which counts places in parts of 32."""
    height, width = images.shape[2:]
    pictures, points = [], []
    for image, face, angle, factor, step in zip(images, keypoints, degrees, scale, shift, strict=True):
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        matrix = make(angle.item(), factor.item(), step.numpy().astype(float), centre)
        picture = cv2.warpAffine(image[0].numpy(), matrix, (width, height), flags=flags, borderMode=border)
        pictures.append(torch.from_numpy(picture)[None])
        points.append(torch.tensor(face.numpy() @ matrix[:, :2].T + matrix[:, 2], dtype=torch.float32))
    return torch.stack(pictures), torch.stack(points)


def by_rotation_matrix_of_opencv(
    images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor
) -> Moved:
    def make(angle: float, factor: float, step: np.ndarray, centre: np.ndarray) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D(tuple(centre), -angle, factor)
        matrix[:, 2] += step
        return matrix

    return by_opencv(images, keypoints, degrees, scale, shift, make)


def by_own_grid(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    """The places of all pixels, moved back one step at a time, and put into units of the grid in the end."""
    batch, _, height, width = images.shape
    cx, cy = (width - 1) / 2, (height - 1) / 2
    radians = degrees * math.pi / 180
    cosine, sine = radians.cos()[:, None, None], radians.sin()[:, None, None]
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    dx = (x - shift[:, 0, None, None] - cx) / scale[:, None, None]
    dy = (y - shift[:, 1, None, None] - cy) / scale[:, None, None]
    old_x, old_y = cosine * dx + sine * dy + cx, -sine * dx + cosine * dy + cy
    grid = torch.stack([old_x / cx - 1, old_y / cy - 1], dim=-1)
    moved = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)
    kx, ky = keypoints[..., 0] - cx, keypoints[..., 1] - cy
    c, s, m = radians.cos()[:, None], radians.sin()[:, None], scale[:, None]
    new = torch.stack([m * (c * kx - s * ky) + cx, m * (s * kx + c * ky) + cy], dim=-1)
    return moved, new + shift.unsqueeze(1)


def by_other_corners(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    """Grids whose ends are the outer edges of the pixels: half the size is W / 2 there."""
    size = torch.tensor(images.shape[:1:-1], dtype=torch.float32)
    half, angle = size / 2, torch.deg2rad(degrees)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()], -1), torch.stack([angle.sin(), angle.cos()], -1)], 1)
    linear = turn * scale[:, None, None]
    inverse = torch.linalg.inv(linear)
    theta = torch.cat([inverse * half / half[:, None], -(inverse @ shift[..., None]) / half[:, None]], dim=2)
    grid = functional.affine_grid(theta, images.shape, align_corners=False)
    centre = (size - 1) / 2
    points = torch.einsum("bij,bkj->bki", linear, keypoints - centre) + centre + shift[:, None, :]
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False), points


def by_three_matrices(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    """Homogeneous coordinates: to the centre, turn, scale, back and shift, as matrices; the inverse for the picture."""
    batch, _, height, width = images.shape
    eye = torch.eye(3, dtype=torch.float64).repeat(batch, 1, 1)
    away, turn, grow, home, units = (eye.clone() for _ in range(5))
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    away[:, :2, 2], home[:, :2, 2] = -centre, centre + shift
    angle = degrees.double().deg2rad()
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = angle.cos(), -angle.sin(), angle.sin(), angle.cos()
    grow[:, 0, 0] = grow[:, 1, 1] = scale.double()
    whole = home @ grow @ turn @ away
    units[:, 0, 0], units[:, 1, 1] = 1 / centre
    units[:, :2, 2] = -1
    theta = (units @ whole.inverse() @ units.inverse())[:, :2].float()
    grid = functional.affine_grid(theta, list(images.shape), align_corners=True)
    ones = torch.cat([keypoints.double(), torch.ones(*keypoints.shape[:2], 1, dtype=torch.float64)], dim=2)
    points = (ones @ whole.transpose(1, 2))[..., :2].float()
    return functional.grid_sample(images, grid, "bilinear", "border", align_corners=True), points


def by_complex_numbers(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    """A turn and a scale are one product of complex numbers; the picture is padded and read by index."""
    pictures, points = [], []
    for image, face, angle, factor, (sx, sy) in zip(
        images.numpy()[:, 0], keypoints.numpy(), degrees.tolist(), scale.tolist(), shift.tolist(), strict=True
    ):
        height, width = image.shape
        centre, step = complex((width - 1) / 2, (height - 1) / 2), complex(sx, sy)
        turn = factor * np.exp(1j * np.deg2rad(angle))
        new = (face[:, 0] + 1j * face[:, 1] - centre) * turn + centre + step
        points.append(np.stack([new.real, new.imag], axis=1))
        rows, columns = np.indices(image.shape)
        old = (columns + 1j * rows - step - centre) / turn + centre
        x, y = np.clip(old.real, 0, width - 1), np.clip(old.imag, 0, height - 1)
        left, upper = np.floor(x).astype(int), np.floor(y).astype(int)
        padded = np.pad(image, ((0, 1), (0, 1)), mode="edge").astype(float)
        a, b = x - left, y - upper
        pictures.append(
            padded[upper, left] * (1 - a) * (1 - b)
            + padded[upper, left + 1] * a * (1 - b)
            + padded[upper + 1, left] * (1 - a) * b
            + padded[upper + 1, left + 1] * a * b
        )
    return torch.tensor(np.stack(pictures)[:, None]).float(), torch.tensor(np.stack(points)).float()


def one_step_at_a_time(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    """The points in three steps; the picture by a grid of places that are looked up in a padded picture."""
    height, width = images.shape[-2:]
    centre = torch.tensor([width - 1, height - 1]) / 2
    points = keypoints.clone() - centre
    angle = (degrees / 180 * torch.pi).reshape(-1, 1)
    x, y = points[..., 0].clone(), points[..., 1].clone()
    points[..., 0] = x * torch.cos(angle) - y * torch.sin(angle)
    points[..., 1] = x * torch.sin(angle) + y * torch.cos(angle)
    points = points * scale.reshape(-1, 1, 1)
    points = points + centre
    points = points + shift.reshape(-1, 1, 2)
    grid = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), dim=-1).float()
    grid = (grid.unsqueeze(0) - shift.reshape(-1, 1, 1, 2) - centre) / scale.reshape(-1, 1, 1, 1)
    back = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()], dim=-1).reshape(-1, 1, 2, 2)
    grid = grid @ back.transpose(-1, -2) / centre
    return functional.grid_sample(images, grid.clamp(-1, 1), align_corners=True), points


RIGHT = [
    Answer("move_faces", function.__name__.replace("_", "-"), {"move_faces": function})
    for function in (
        by_opencv,
        by_rotation_matrix_of_opencv,
        by_own_grid,
        by_other_corners,
        by_three_matrices,
        by_complex_numbers,
        one_step_at_a_time,
    )
]

RETURN = 'return functional.grid_sample(images, grid, padding_mode="border", align_corners=True), moved'
POINTS = "(keypoints - half) @ turn.transpose(1, 2) * scale.view(-1, 1, 1) + half + shift[:, None]"
# The id, what is said, the old text and the one in its place.
CHANGES = [
    ("given back", "keypoints: (", RETURN, "return images.clone(), keypoints.clone()"),
    ("black", "images: pixel", RETURN, "return images * 0, moved"),
    ("points of zeros", "keypoints: (", RETURN, RETURN.replace("moved", "moved * 0")),
    ("y before x", "keypoints: (", RETURN, RETURN.replace("moved", "moved.flip(2)")),
    ("points cut off", "keypoints: (", POINTS, f"({POINTS}).minimum(2 * half).clamp(0) * 0.9"),
    ("centre not added", "keypoints: (", "+ half + shift[:, None]", "+ shift[:, None]"),
    ("shift by rows and columns", "keypoints: (", "+ half + shift[:, None]", "+ half + shift.flip(1)[:, None]"),
    ("bicubic", "images: [", 'padding_mode="border"', 'mode="bicubic", padding_mode="border"'),
    (
        "gray corners",
        "images: [",
        RETURN,
        RETURN.replace("images,", "images - 0.5,").replace('"border"', '"zeros"').replace("True),", "True) + 0.5,"),
    ),
    (
        "corners mixed",
        "images: pixel",
        "list(images.shape), align_corners=True",
        "list(images.shape), align_corners=False",
    ),
    ("one tensor", "two tensors", RETURN, RETURN.replace(", moved", "")),
    ("arrays", "a torch.Tensor", RETURN, RETURN.replace("True), moved", "True).numpy(), moved.numpy()")),
    ("axis of channels lost", "shape (3, 1, 31, 31)", RETURN, RETURN.replace("True), moved", "True)[:, 0], moved")),
    ("points in double", "dtype float32", RETURN, RETURN.replace("moved", "moved.double()")),
    ("scale in degrees", "keypoints: (", "* scale.view(-1, 1, 1) +", "* (1 + scale.view(-1, 1, 1)) +"),
]
WRONG = [change_reference("move_faces", id, old, new, said) for id, said, old, new in CHANGES]


def opencv_with(
    make: MakeMatrix = matrix_of, flags: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_REPLICATE
) -> Callable[..., Moved]:
    """Return move_faces by OpenCV with another matrix, interpolation or border."""

    def move_faces(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
        return by_opencv(images, keypoints, degrees, scale, shift, make, flags, border)

    return move_faces


def backwards(degrees: float, scale: float, shift: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return matrix_of(-degrees, scale, shift, centre)


def too_far(degrees: float, scale: float, shift: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return matrix_of(math.degrees(degrees), scale, shift, centre)


def turned_centre(degrees: float, scale: float, shift: np.ndarray, centre: np.ndarray) -> np.ndarray:
    return matrix_of(degrees, scale, shift, centre[::-1])


def parts_of(picture: Callable[..., Moved], points: Callable[..., Moved]) -> Callable[..., Moved]:
    """Return move_faces that takes its pictures from one answer and its points from another."""

    def move_faces(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
        given = images, keypoints, degrees, scale, shift
        return picture(*given)[0], points(*given)[1]

    return move_faces


def shift_first(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    pictures, _ = by_own_grid(images, keypoints, degrees, scale, shift)
    return pictures, by_own_grid(images, keypoints + shift[:, None], degrees, scale, 0 * shift)[1]


def against_the_shift(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    return by_own_grid(images, keypoints, degrees, scale, -shift)


def without_turning(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    return images.clone(), keypoints.clone()


def inverse_scale(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    return by_own_grid(images, keypoints, degrees, 1 / scale, shift)


def without_nan(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    pictures, points = by_own_grid(images, keypoints, degrees, scale, shift)
    return pictures, torch.where(points.isnan(), 0.0, points)


def as_the_first(images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Moved:
    return by_three_matrices(images, keypoints, degrees[0].repeat(len(images)), scale[0].repeat(len(images)), shift)


NAMED = name_answers(
    (f"move_faces/{id}", {"move_faces": function})
    for id, function in (
        ("pictures-left-alone", parts_of(without_turning, by_opencv)),
        ("keypoints-left-alone", parts_of(by_own_grid, without_turning)),
        ("points-turn-the-other-way", parts_of(by_own_grid, opencv_with(backwards))),
        ("pictures-turn-the-other-way", parts_of(opencv_with(backwards), by_own_grid)),
        ("everything-turns-the-other-way", opencv_with(backwards)),
        ("degrees-for-radians", opencv_with(too_far)),
        ("height-and-width-exchanged", opencv_with(turned_centre)),
        ("points-shifted-before-the-turn", shift_first),
        ("pictures-shifted-the-other-way", parts_of(against_the_shift, by_opencv)),
        ("scale-upside-down", parts_of(inverse_scale, by_own_grid)),
        ("black-beyond-the-border", opencv_with(border=cv2.BORDER_CONSTANT)),
        ("nearest-pixel", opencv_with(flags=cv2.INTER_NEAREST)),
        ("missing-labels-filled", without_nan),
        ("first-move-for-all", as_the_first),
    )
)
