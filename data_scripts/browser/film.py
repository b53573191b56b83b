"""A film of one drawn face that moves and turns a little, with the truth of every picture: a camera for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from data_scripts.drawing.camera import Camera, Pose, rotation
from data_scripts.drawing.features import paint_face
from data_scripts.drawing.head import grow
from data_scripts.drawing.look import Look, draw_look, grow_hair
from data_scripts.drawing.render import OVERSAMPLE, Light, lay_head
from data_scripts.drawing.scene import background, behind_head
from data_scripts.drawing.shape import FaceShape, draw_shape, frontal_keypoints
from data_scripts.drawing.whole_head import build_whole_head
from data_scripts.files.whole import whole_file

WIDE, HIGH = 640, 480
_CANVAS = WIDE // 2  # drawn so many pixels wide and high, then enlarged twice and cut
_CUT = (WIDE - HIGH) // 2  # rows of the enlarged picture above the film's
NUMBER_CELL, NUMBER_BITS = 16, 10  # a picture's number stands in its upper left corner, lowest bit first


@dataclass(frozen=True)
class Actor:
    """Who is filmed, and in which light."""

    shape: FaceShape
    look: Look
    light: Light
    seed: int


def draw_actor(seed: int) -> Actor:
    """Draw a face without hat or scarf, in soft light from the front."""
    rng = np.random.default_rng(seed)
    shape = draw_shape(rng)
    look = replace(draw_look(rng), hair_style="short", skin=0.42)
    key, fill = np.array([0.3, -0.5, 0.81], np.float32), np.array([-0.7, -0.1, 0.7], np.float32)
    light = Light(key, fill, key_power=0.75, fill_power=0.2, ambient=0.35, wrap=0.4, gloss=0.05, shadow=0.2)
    return Actor(shape, look, light, seed)


def pose_at(turn: float) -> Pose:
    """Return how the head stands at a moment of its round, 0 … 1; its end is its beginning."""
    around = 2 * np.pi * turn
    return Pose(
        yaw=float(np.radians(13 * np.sin(2 * around))),
        pitch=float(np.radians(5 * np.sin(around + 1))),
        roll=float(np.radians(9 * np.sin(around))),
        distance=500.0,
        scale=float(0.78 * (1 + 0.13 * np.sin(around + 2.5))),
        stretch=1.0,
        shift_x=float(26 * np.sin(around)),
        shift_y=float(8 * np.sin(2 * around + 0.5)),
    )


def draw_picture(actor: Actor, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Draw the actor in a pose: -> (480, 640) uint8 and (15, 2) float32 pixels, x and y."""
    bare = build_whole_head(actor.shape)
    middle = 0.5 * _CANVAS / OVERSAMPLE  # of the picture, in the pixels that poses are in
    size = pose.scale * (pose.distance - 40) / pose.distance
    camera = Camera(rotation(pose), pose.distance, np.array([size, size]), np.zeros(2))
    lifted = bare.lift(frontal_keypoints(actor.shape))
    # The head turns about a place behind the eyes and the nose, as on a neck.
    offset = np.array([middle + pose.shift_x, middle + pose.shift_y - 12]) - camera.project(np.zeros((1, 3)))[0]
    camera = replace(camera, offset=offset)
    # What is drawn at random is drawn alike in every picture.
    rng = np.random.default_rng([actor.seed, 1])
    cover, hair = grow_hair(rng, actor.shape, actor.look)
    head = grow(bare, hair)
    canvas = cv2.resize(background(np.random.default_rng([actor.seed, 2])), (_CANVAS, _CANVAS))
    canvas = 0.1 + 0.25 * canvas
    behind_head(np.random.default_rng([actor.seed, 3]), canvas, head, camera, actor.look, actor.light)
    texture = paint_face(rng, head, actor.look, cover)
    lay_head(canvas, head, camera, actor.light, texture, cover)
    light = np.sqrt(np.clip(canvas / 0.6, 0, 1))
    whole = cv2.resize(light, (WIDE, WIDE), interpolation=cv2.INTER_CUBIC)[_CUT : _CUT + HIGH]
    points = ((camera.project(lifted) + 0.5) * OVERSAMPLE * 2 - 0.5) - (0, _CUT)
    return (20 + 215 * whole.clip(0, 1)).round().astype(np.uint8), points.astype(np.float32)


def film(count: int, seed: int = 3) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw the ``count`` pictures of one round, numbered in a corner, with their keypoints."""
    if not 1 <= count < 2**NUMBER_BITS:
        raise ValueError(f"expected 1 to {2**NUMBER_BITS - 1} pictures, got {count}; their numbers stand in a corner")
    actor = draw_actor(seed)
    for number in range(count):
        picture, points = draw_picture(actor, pose_at(number / count))
        for bit in range(NUMBER_BITS):
            shade = 235 if number >> bit & 1 else 20
            picture[:NUMBER_CELL, bit * NUMBER_CELL : (bit + 1) * NUMBER_CELL] = shade
        yield picture, points


def write_film(path: Path, count: int, seed: int = 3, rate: int = 30) -> np.ndarray:
    """Write a film as Y4M, which browsers take in a camera's place; -> its keypoints, (count, 15, 2) float32 pixels.

    Raises:
        OSError: the file can't be written.
    """
    truth = []
    gray = bytes([128]) * (WIDE * HIGH // 4)
    with whole_file(path) as unfinished, open(unfinished, "wb") as file:
        file.write(f"YUV4MPEG2 W{WIDE} H{HIGH} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture, points in film(count, seed):
            # Video keeps black at 16 and white at 235.
            luma = (16 + picture.astype(np.float32) * (219 / 255)).round().astype(np.uint8)
            file.write(b"FRAME\n" + luma.tobytes() + gray + gray)
            truth.append(points)
    return np.stack(truth)
