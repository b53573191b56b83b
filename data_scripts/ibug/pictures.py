"""Photographs of faces as the 300-W contest has them, drawn, with a box around each face and its 68 points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_scripts.drawing.camera import Camera, draw_pose, rotation
from data_scripts.drawing.features import paint_face
from data_scripts.drawing.head import Head, grow
from data_scripts.drawing.look import draw_look, grow_hair
from data_scripts.drawing.render import OVERSAMPLE, Light, draw_light, lay_head
from data_scripts.drawing.scene import background, behind_head, glasses
from data_scripts.drawing.shape import draw_shape
from data_scripts.drawing.texture import grain
from data_scripts.drawing.whole_head import build_whole_head
from data_scripts.ibug.points import see_points

_WIDE = 240  # a photograph is composed on a square canvas of so many pixels


@dataclass(frozen=True)
class DrawnFace:
    """A photograph of one face, (H, W) uint8, its box, and its points, (68, 2) float64 pixels."""

    picture: np.ndarray
    box: tuple[int, int, int, int]
    points: np.ndarray


def draw_face(rng: np.random.Generator, light: Light, scene: int) -> DrawnFace:
    """Draw one face; `rng` is advanced. Faces of one photo share `light` and the seed `scene` of its background."""
    shape, look = draw_shape(rng), draw_look(rng)
    bare = build_whole_head(shape)
    camera = _frame(bare, rng)
    points = (see_points(bare, camera) + 0.5) * OVERSAMPLE - 0.5
    cover, hair = grow_hair(rng, shape, look)
    head = grow(bare, hair)
    canvas = cv2.resize(background(np.random.default_rng(scene)), (_WIDE, _WIDE))
    behind_head(rng, canvas, head, camera, look, light)
    texture = paint_face(rng, head, look, cover)
    lay_head(canvas, head, camera, light, texture, cover)
    if rng.random() < 0.14:
        glasses(rng, canvas, head, camera, light)
    return _photograph(rng, canvas, points)


def _frame(head: Head, rng: np.random.Generator) -> Camera:
    """A camera that sees the whole face, near the middle of the canvas."""
    pose = draw_pose(rng)
    size = pose.scale * (pose.distance - 40) / pose.distance * float(rng.uniform(0.8, 1.05))
    camera = Camera(rotation(pose), pose.distance, np.array([size * pose.stretch, size / pose.stretch]), np.zeros(2))
    flat = see_points(head, camera)
    middle = 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    half = 0.5 * _WIDE / OVERSAMPLE
    return replace(camera, offset=np.array([half, 1.08 * half]) + rng.normal(0, 4, 2) - middle)


def _photograph(rng: np.random.Generator, canvas: np.ndarray, points: np.ndarray) -> DrawnFace:
    """Cut, enlarge and expose the canvas; put a square box around the points, as a face detector does roughly."""
    rims = rng.integers(0, _WIDE // 6, 4)
    left, top = rims[:2].tolist()
    cut = canvas[top : _WIDE - rims[2], left : _WIDE - rims[3]]
    zoom = float(np.exp(rng.uniform(np.log(0.8), np.log(2.2))))
    width, height = round(cut.shape[1] * zoom), round(cut.shape[0] * zoom)
    shrinks = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    large = cv2.resize(cut, (width, height), interpolation=shrinks)
    scale = np.array([width, height]) / cut.shape[1::-1]
    moved = (points - (left, top) + 0.5) * scale - 0.5
    low, high = moved.min(axis=0), moved.max(axis=0)
    side = 1.1 * float((high - low).max()) * float(rng.normal(1, 0.03))
    corner = 0.5 * (low + high) + rng.normal(0, 0.015 * side, 2) - 0.5 * side
    box = (round(corner[0]), round(corner[1]), round(side), round(side))
    return DrawnFace(_expose(rng, large, moved), box, moved)


def _expose(rng: np.random.Generator, light: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(H, W) float32 linear light -> uint8 shades of gray, so exposed that the face is neither black nor white."""
    (x0, y0), (x1, y1) = np.clip(np.stack([points.min(axis=0), points.max(axis=0)]), 0, None).astype(int)
    bright = np.float32(np.percentile(light[y0:y1:3, x0:x1:3], 90)) + np.float32(0.01)
    picture: np.ndarray = np.float32(rng.uniform(140, 235)) * np.clip(light / bright, 0, 2) ** np.float32(
        rng.uniform(0.45, 0.8)
    )
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    # The tile of noise is smaller than a large photograph.
    noise = cv2.resize(grain(rng, 400, 400), light.shape[::-1], interpolation=cv2.INTER_LINEAR)
    picture = picture + np.float32(min(rng.gamma(1.2, 2.5), 14.0)) * noise
    knee = 225.0
    picture = np.where(picture > knee, knee + 30 * (1 - np.exp(-(picture - knee) / 40)), picture)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def draw_faces(count: int, part: str, sequence: np.random.SeedSequence) -> Iterator[tuple[str, DrawnFace]]:
    """Draw faces, one to three of each photo; yield file name and face. The same for the same sequence."""
    number, photo = 0, 0
    while number < count:
        photo += 1
        shared, *own = sequence.spawn(4)
        rng = np.random.default_rng(shared)
        light, scene = draw_light(rng), int(rng.integers(2**31))
        faces = int(rng.choice([1, 2, 3], p=[0.8, 0.14, 0.06]))
        key = 1_000_000 + int(rng.integers(0, 999)) + 1000 * photo
        for face in range(1, min(faces, count - number) + 1):
            number += 1
            yield f"drawn__{part}set__{key}_{face}.jpg", draw_face(np.random.default_rng(own[face - 1]), light, scene)
