"""Draw pictures as the IMM Face Database has them: one person six times before a dark board, with 58 points each."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_scripts.drawing.camera import Camera, Pose, rotation
from data_scripts.drawing.features import paint_face
from data_scripts.drawing.head import grow
from data_scripts.drawing.look import Look, draw_look, grow_hair
from data_scripts.drawing.render import OVERSAMPLE, Light, lay_head
from data_scripts.drawing.scene import behind_head, glasses
from data_scripts.drawing.shape import FaceShape, draw_shape
from data_scripts.drawing.texture import clouds, grain
from data_scripts.drawing.whole_head import build_whole_head
from data_scripts.imm.points import see_points

WIDTH, HEIGHT = 640, 480
KINDS = ("neutral", "happy", "turned right", "turned left", "side light", "grimace")  # the file name's 1 … 6
_CANVAS = 400  # a picture is composed on a square this wide, of which it shows the upper three quarters
_ENLARGE = WIDTH / _CANVAS
_EYES = np.array([324.7, 234.5])  # where the middle between the eyes lies on average, pixels
_ZOOM = np.array([2.5, 2.8])  # pixels for one head unit; the heads of this set are long and narrow


@dataclass(frozen=True)
class Person:
    """What stays the same in the six pictures of one person."""

    shape: FaceShape  # with a neutral expression
    look: Look
    glasses: bool
    size: float  # of the head, 1 on average
    place: np.ndarray  # (2,) pixels, how far the head sits off the average place
    seed: int  # of hair, skin and clothes


def draw_person(rng: np.random.Generator, female: bool) -> Person:
    """Draw one person; `rng` is advanced."""
    look = draw_look(rng)
    # Nobody in this set wears a hat or a scarf; make-up above 0 marks the generator's women.
    while (look.makeup > 0) != female or look.hair_style in ("hat", "scarf"):
        look = draw_look(rng)
    shape = draw_shape(rng)
    shape = replace(
        shape,
        eye_half_width=1.15 * shape.eye_half_width,
        eye_open=float(np.clip(shape.eye_open, 0.6, 1.3)),
        brow_y=0.3 * shape.brow_y - 4.6,
        brow_frown=0.4 * shape.brow_frown,
        nose_y=float(np.clip(rng.normal(19.2, 1.2), 16.5, 22.0)),
        nose_half_width=1.45 * shape.nose_half_width,
        mouth_half_width=float(np.clip(rng.normal(15.1, 1.2), 12, 18)),
        smile=float(0.2 * rng.standard_normal()),
        mouth_open=0.0,
        width=1.05 * shape.width,
        chin_y=float(np.clip(rng.normal(61.5, 2.5), 56, 67)),
    )
    shape = replace(shape, mouth_y=max(shape.nose_y + 9 + shape.upper_lip, float(rng.normal(33.8, 1.3))))
    gauss = np.clip(rng.standard_normal(3), -2.2, 2.2)
    return Person(
        shape=shape,
        look=look,
        glasses=bool(rng.random() < 0.12),
        size=float(1 + 0.06 * gauss[0]),
        place=np.array([8.0, 12.0]) * gauss[1:],
        seed=int(rng.integers(2**31)),
    )


def draw_picture(person: Person, kind: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one picture of a person: -> (480, 640) uint8 and (58, 2) float64, relative to its width and height.

    `kind` is 1 … 6, as in KINDS; `rng` is advanced. All points lie in the picture.
    """
    look = person.look
    while True:
        shape = _expression(person.shape, kind, rng)
        bare, camera = build_whole_head(shape), _camera(person, kind, rng)
        # The camera counts pixels of a picture that the canvas shows OVERSAMPLE times as large.
        points = (see_points(bare, camera) + 0.5) * OVERSAMPLE * _ENLARGE / (WIDTH, HEIGHT)
        if points.min() > 0.01 and points.max() < 0.99:
            break
    light = _light(kind, rng)
    # The same seed for every picture of a person: the same hair, skin and clothes.
    own = np.random.default_rng(person.seed)
    cover, hair = grow_hair(own, shape, look)
    head = grow(bare, hair)
    texture = paint_face(own, head, look, cover)
    canvas = _board(rng, kind)
    behind_head(np.random.default_rng(person.seed + 1), canvas, head, camera, look, light)
    lay_head(canvas, head, camera, light, texture, cover)
    if person.glasses:
        glasses(np.random.default_rng(person.seed + 2), canvas, head, camera, light, dark_share=0)
    return _photograph(rng, canvas), points


def _expression(shape: FaceShape, kind: int, rng: np.random.Generator) -> FaceShape:
    """The person's measures with the expression of this kind of picture."""
    smile, opening, lift, frown, lids = shape.smile + 0.1 * rng.standard_normal(), 0.0, 0.0, shape.brow_frown, 1.0
    if kind == 2:
        smile, opening, lids = rng.uniform(0.6, 1.2), max(rng.uniform(-2.0, 4.5), 0.0), 0.85
    elif kind == 6:
        smile, opening = rng.uniform(-0.6, 1.2), max(rng.uniform(-4.0, 13.0), 0.0)
        lift, frown, lids = rng.uniform(-0.5, 3.5), frown + rng.normal(0, 0.8), rng.uniform(0.4, 1.3)
    return replace(
        shape,
        smile=float(smile),
        mouth_open=float(opening),
        mouth_half_width=shape.mouth_half_width + 3.2 * float(smile) - 0.1 * float(opening),
        mouth_y=shape.mouth_y - 0.8 * max(float(smile), 0.0),
        chin_y=shape.chin_y + 0.8 * float(opening),
        brow_y=shape.brow_y - float(lift),
        brow_frown=float(frown),
        eye_open=float(np.clip(shape.eye_open * lids, 0.2, 1.5)),
    )


def _camera(person: Person, kind: int, rng: np.random.Generator) -> Camera:
    """A camera on a stand; the person turns before it."""
    loose = 2.0 if kind == 6 else 1.0
    gauss = np.clip(rng.standard_normal(6), -2.4, 2.4)
    turn = {3: -33.0, 4: 33.0}.get(kind, 0.0)
    pose = Pose(
        yaw=float(np.radians(turn + (8.0 if turn else 2.5 * loose) * gauss[0])),
        pitch=float(np.radians(3.0 * loose * gauss[1])),
        roll=float(np.radians(1.8 * loose * gauss[2])),
        distance=float(rng.uniform(600, 900)),
        scale=person.size * float(1 + 0.03 * gauss[3]),
        stretch=1.0,
        shift_x=float(person.place[0] + 12.0 * loose * gauss[4]),
        shift_y=float(person.place[1] + 7.0 * loose * gauss[5]),
    )
    to_camera = 1 / (OVERSAMPLE * _ENLARGE)
    zoom = _ZOOM * to_camera * pose.scale * (pose.distance - 40) / pose.distance
    camera = Camera(rotation(pose), pose.distance, zoom, np.zeros(2))
    # An unturned head of average size has its eyes at _EYES; turning it moves them about the neck.
    origin = camera.project(np.array([0.0, 0.0, 0.0]))
    offset = (_EYES + (pose.shift_x, pose.shift_y)) * to_camera - 0.5 - origin
    return replace(camera, offset=offset)


def _light(kind: int, rng: np.random.Generator) -> Light:
    """Diffuse light; for kind 5 a lamp at the person's left beside it."""
    azimuth = rng.uniform(0.8, 1.2) if kind == 5 else rng.normal(0, 0.25)
    height = rng.uniform(0.1, 0.5) if kind == 5 else rng.normal(0.6, 0.15)
    key = np.array([np.sin(azimuth) * np.cos(height), -np.sin(height), np.cos(azimuth) * np.cos(height)], np.float32)
    return Light(
        key=key,
        fill=np.array([0.0, -0.5, 0.866], np.float32),
        key_power=float(rng.uniform(0.6, 0.9)),
        fill_power=0.2,
        ambient=float(rng.uniform(0.3, 0.4) if kind == 5 else rng.uniform(0.4, 0.5)),
        wrap=0.2 if kind == 5 else 0.6,
        gloss=float(rng.uniform(0.02, 0.12)),
        shadow=0.6 if kind == 5 else 0.0,
    )


def _board(rng: np.random.Generator, kind: int) -> np.ndarray:
    """The dark board behind the person: (_CANVAS, _CANVAS) float32, brighter on one side under the lamp."""
    x = np.linspace(-1, 1, _CANVAS, dtype=np.float32)
    tone = np.float32(rng.uniform(0.02, 0.045))
    slope = rng.uniform(0.3, 1.5) if kind == 5 else rng.normal(0, 0.1)
    chalk = clouds(rng, _CANVAS, _CANVAS, 40, 6) * np.float32(rng.uniform(0.02, 0.12))
    board = tone * (1.2 + np.float32(slope) * x + np.float32(rng.normal(0, 0.2)) * x[:, None])
    return np.clip(board * (1 + chalk), 0.004, None).astype(np.float32)


def _photograph(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """(_CANVAS, _CANVAS) float32 linear light -> (480, 640) uint8."""
    shown = canvas[: _CANVAS * HEIGHT // WIDTH]
    picture = cv2.resize(shown, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    bright = np.float32(np.percentile(canvas[80:260:4, 120:290:4], 88)) + np.float32(0.01)
    picture = np.float32(rng.uniform(165, 205)) * np.clip(picture / bright, 0, 1.5) ** np.float32(0.6)
    picture += np.float32(rng.uniform(1.0, 3.0)) * grain(rng, HEIGHT, WIDTH)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
