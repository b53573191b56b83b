"""One face from beginning to end: measures, pose, look and light, then surface, texture, scene and photograph."""

import numpy as np

from data_scripts.drawing.camera import draw_pose, frame_head
from data_scripts.drawing.features import paint_face
from data_scripts.drawing.head import build_head, grow
from data_scripts.drawing.lifelike import cluttered, lifelike_look, lifelike_pose, lifelike_shape
from data_scripts.drawing.look import draw_look, grow_hair
from data_scripts.drawing.photograph import develop
from data_scripts.drawing.render import draw_light, lay_head
from data_scripts.drawing.scene import background, behind_head, brim, glasses, obstacle
from data_scripts.drawing.shape import IMAGE_SIZE, draw_shape


def draw_face(rng: np.random.Generator, lifelike: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draw one face: -> (96, 96) uint8 picture and (15, 2) float32 keypoints, x and y in pixels; `rng` is advanced.

    All 15 keypoints lie in the picture: faces that do not fit are drawn again. `lifelike` faces have people's measures
    in place of those that Kaggle's labels lead to, more varied poses, and more things around and before them.
    """
    while True:
        if lifelike:
            shape, pose, look = lifelike_shape(rng), lifelike_pose(rng), lifelike_look(rng)
        else:
            shape, pose, look = draw_shape(rng), draw_pose(rng), draw_look(rng)
        light = draw_light(rng)
        bare = build_head(shape)
        camera, keypoints = frame_head(bare, pose)
        if keypoints.min() >= 0.5 and keypoints.max() <= IMAGE_SIZE - 1.5:
            break
    cover, hair = grow_hair(rng, shape, look)
    head = grow(bare, hair)
    canvas = cluttered(rng) if lifelike else background(rng)
    behind_head(rng, canvas, head, camera, look, light)
    texture = paint_face(rng, head, look, cover)
    lay_head(canvas, head, camera, light, texture, cover)
    if look.hair_style == "hat" and rng.random() < 0.6:
        brim(rng, canvas, head, camera, light)
    if rng.random() < 0.16:
        glasses(rng, canvas, head, camera, light)
    if rng.random() < (0.2 if lifelike else 0.1):
        obstacle(rng, canvas)
    return develop(rng, canvas), keypoints.astype(np.float32)
