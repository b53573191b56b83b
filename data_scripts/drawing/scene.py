"""Everything around a face: background, hair behind the head, neck, clothes, glasses, a cap's brim, things in the way.

All draw on a square canvas, float32 of linear light, CANVAS pixels wide or more, and change it in place; points are
given in its pixels.
"""

import cv2
import numpy as np

from data_scripts.drawing.camera import Camera
from data_scripts.drawing.head import Head
from data_scripts.drawing.look import Look
from data_scripts.drawing.numbers import pick
from data_scripts.drawing.render import CANVAS, OVERSAMPLE, Light
from data_scripts.drawing.texture import clouds, ellipse, grain, lay, reach, soften

FAR = 96  # the background is drawn this many pixels wide, then enlarged: it lies out of focus
_ACROSS = np.linspace(-1, 1, FAR, dtype=np.float32)


def to_canvas(camera: Camera, points: np.ndarray) -> np.ndarray:
    """(K, 3) head points -> (K, 2) canvas pixels."""
    return camera.project(points) * OVERSAMPLE + 0.5 * OVERSAMPLE


def soft_mask(outline: np.ndarray, soft: float, size: int = CANVAS) -> np.ndarray:
    """Coverage of a polygon (K, 2), blurred by `soft` pixels: (size, size) float32 in [0, 1]."""
    mask = np.zeros((size, size), np.float32)
    lay_shape(mask, outline, 1.0, soft)
    return mask


def lay_shape(
    canvas: np.ndarray, outline: np.ndarray, value: np.ndarray | float, soft: float, opacity: float = 1.0
) -> None:
    """Lay `value`, one number or (size, size) of them, over the polygon `outline` (K, 2), blurred by `soft` pixels."""
    size = len(canvas)
    points = (outline * 16).clip(-32000, 32000).astype(np.int32)
    x0, y0, x1, y1 = reach(points, 2.5 * soft + 2, size)
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, [points - (16 * x0, 16 * y0)], 255, cv2.LINE_AA, 4)
    part = slice(y0, y1), slice(x0, x1)
    lay(
        canvas[part],
        soften(mask * np.float32(opacity / 255), soft),
        value[part] if isinstance(value, np.ndarray) and value.ndim else value,
    )


def wobbly(rng: np.random.Generator, outline: np.ndarray, size: float) -> np.ndarray:
    """The outline with each point moved by a random step of `size` pixels."""
    return outline + rng.normal(0, size, outline.shape)


def background(rng: np.random.Generator) -> np.ndarray:
    """A place: gradient, out-of-focus shapes, edges, texture. (CANVAS, CANVAS) float32."""
    x, y = _ACROSS, _ACROSS[:, None]
    tone = pick(rng, [rng.uniform(0.0, 0.05), rng.uniform(0.02, 0.3), rng.uniform(0.3, 0.9)], [0.35, 0.5, 0.15])
    slope = rng.normal(0, 0.35, 2)
    scene = np.float32(tone) * (1 + np.float32(slope[0]) * x + np.float32(slope[1]) * y)
    for _ in range(rng.integers(0, 9)):
        value = min(tone * rng.lognormal(0, 0.8), 1.2)
        cx, cy, rx, ry = rng.uniform(0, FAR, 2).tolist() + rng.uniform(3, 40, 2).tolist()
        if rng.random() < 0.5:
            outline = ellipse(cx, cy, rx, ry)
        else:
            turn = rng.normal(0, 0.3)
            box = np.array([(-rx, -2 * ry), (rx, -2 * ry), (rx, 2 * ry), (-rx, 2 * ry)])
            outline = box @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]).T + (cx, cy)
        lay_shape(scene, outline, value, pick(rng, (0.3, 1.5, 4.0)), rng.uniform(0.3, 1))
    if rng.random() < 0.5:
        # Mostly few cells, so that shapes outnumber speckle.
        cells_y, cells_x = (2 * np.exp(rng.uniform(0, 2.5, 2))).astype(int).tolist()
        scene *= cv2.exp(np.float32(rng.uniform(0.1, 0.6)) * clouds(rng, FAR, FAR, cells_y, cells_x))
    if rng.random() < 0.1:
        stripes = np.sin((x * rng.normal() + y * rng.normal()) * rng.uniform(8, 40))
        scene *= 1 + np.float32(rng.uniform(0.1, 0.5)) * stripes
    return cv2.resize(np.clip(scene, 0, 1.6), (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)


def behind_head(
    rng: np.random.Generator, canvas: np.ndarray, head: Head, camera: Camera, look: Look, light: Light
) -> None:
    """Long hair falling behind the face, neck, shoulders and collar."""
    s, size = head.shape, len(canvas)
    power = light.ambient + 0.5 * light.key_power
    if look.hair_style in ("long", "fringe", "scarf") and rng.random() < 0.8:
        half, low = s.width + rng.uniform(0, 16), rng.uniform(20, 120)
        around = np.linspace(0, np.pi, 12)
        crown = np.stack([half * np.cos(around), -30 - 52 * np.sin(around)], axis=1)
        sides = np.array([(-half - rng.uniform(-3, 8), low), (half + rng.uniform(-3, 8), low * rng.uniform(0.8, 1.2))])
        flat = wobbly(rng, np.concatenate([crown, sides]), 1.8)
        outline = to_canvas(camera, np.concatenate([flat, np.full((len(flat), 1), -12.0)], axis=1))
        strands = clouds(rng, size, size, int(rng.integers(3, 14)), int(rng.integers(15, 60)))
        lay_shape(canvas, outline, look.hair * power * cv2.exp(0.45 * strands), 1.2)
    neck_half = s.width * rng.uniform(0.55, 0.8)
    tilt = rng.normal(0, 5)
    neck = np.array(
        [
            (-neck_half, s.chin_y - 22, 0),
            (neck_half, s.chin_y - 22, 0),
            (neck_half + tilt, 140, -8),
            (-neck_half + tilt, 140, -8),
        ]
    )
    shade = look.skin * power * rng.uniform(0.35, 0.85)
    across = 1 + 0.35 * light.key[0] * np.linspace(-1.5, 1.5, size, dtype=np.float32)[None]
    lay_shape(canvas, to_canvas(camera, neck), np.broadcast_to((shade * across).astype(np.float32), (size, size)), 1.0)
    top = s.chin_y + rng.uniform(4, 30)
    wide = rng.uniform(60, 110)
    slope = rng.uniform(10, 40)
    opening = rng.uniform(0.4, 1.1) * neck_half
    cloth = np.array(
        [
            (-wide, top + slope),
            (-neck_half - 3, top - 4),
            (tilt, top + opening),
            (neck_half + 3, top - 4),
            (wide, top + slope),
            (wide, 220),
            (-wide, 220),
        ]
    )
    outline = to_canvas(camera, np.concatenate([wobbly(rng, cloth, 1.5), np.full((7, 1), -5.0)], axis=1))
    color = pick(rng, (0.02, 0.15, 0.5, 0.85)) * rng.uniform(0.6, 1.2) * power
    folds = cv2.exp(
        rng.uniform(0.05, 0.35) * clouds(rng, size, size, int(rng.integers(4, 30)), int(rng.integers(4, 30)))
    )
    lay_shape(canvas, outline, color * folds, 0.7)


def glasses(
    rng: np.random.Generator,
    canvas: np.ndarray,
    head: Head,
    camera: Camera,
    light: Light,
    dark_share: float = 0.12,
) -> None:
    """Spectacles in front of the eyes, or sunglasses with probability `dark_share`."""
    s, size = head.shape, len(canvas)
    eyes = head.lift(np.array([(-s.eye_x, 2.0), (s.eye_x, 2.0)]))
    front = eyes[:, 2].mean() + rng.uniform(5, 8)
    rx, ry = rng.uniform(11.0, 14.5), rng.uniform(7.5, 12.0)
    square = rng.uniform(0.55, 1.0)
    turn = np.linspace(0, 2 * np.pi, 28)
    rim = np.stack(
        [
            np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** square * rx,
            np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** square * ry,
        ],
        axis=1,
    )
    drop = rng.uniform(0.0, 4.0)
    lenses = []
    for side in (-1, 1):
        x = rim[:, 0] + side * (s.eye_x + 0.8)
        lenses.append(to_canvas(camera, np.stack([x, rim[:, 1] + drop, front - 0.012 * x**2], axis=1)))
    power = light.ambient + 0.5 * light.key_power
    dark = rng.random() < dark_share
    for lens in lenses:
        if dark:
            lay_shape(canvas, lens, 0.02 * power, 0.6, rng.uniform(0.8, 0.97))
        elif rng.random() < 0.3:
            x, y = (lens.mean(axis=0) + rng.normal(0, 5, 2)).tolist()
            glare = soft_mask(ellipse(x, y, rng.uniform(2, 9), rng.uniform(1, 5)), 1.5, size) * soft_mask(
                lens, 0.5, size
            )
            lay(canvas, glare * np.float32(rng.uniform(0.2, 0.9)), rng.uniform(0.5, 1.2))
    lines = np.zeros((size, size), np.uint8)
    width = 1 if rng.random() < 0.55 else int(rng.integers(2, 5))
    bridge_y, arm_y = drop - rng.uniform(1, 4), drop - rng.uniform(1, 5)
    inner, outer = s.eye_x + 0.8 - rx, s.eye_x + 0.8 + rx
    paths = lenses if rng.random() < 0.85 else []
    paths = [
        *paths,
        to_canvas(
            camera, np.array([(-inner, bridge_y, front), (0, bridge_y - 1.5, front + 1), (inner, bridge_y, front)])
        ),
    ]
    for side in (-1, 1):
        if side * camera.turn[0, 2] < 0.12:
            arm = np.array([(side * outer, arm_y, front - 0.012 * outer**2), (side * (s.width + 1), arm_y - 1, 8)])
            paths.append(to_canvas(camera, arm))
    for path in paths:
        cv2.polylines(lines, [np.round(path * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
    tone = pick(rng, (0.01, 0.08, 0.5), (0.6, 0.25, 0.15)) * power
    mask = lines.astype(np.float32) * np.float32(rng.uniform(0.6, 1.0) / 255)
    canvas *= 1 - 0.35 * np.roll(soften(mask, 1.5), 3, axis=0)
    lay(canvas, mask, tone)


def brim(rng: np.random.Generator, canvas: np.ndarray, head: Head, camera: Camera, light: Light) -> None:
    """The brim of a cap, and the shade it throws over the forehead."""
    s = head.shape
    around = np.linspace(-1.25, 1.25, 15)
    y, reach = -rng.uniform(22, 34), rng.uniform(10, 26)
    back = np.stack([s.width * np.sin(around), np.full(15, y), 44 * np.cos(around)], axis=1)
    fore = np.stack([s.width * np.sin(around), np.full(15, y + rng.uniform(-2, 7)), 44 * np.cos(around)], axis=1)
    fore[:, 2] += reach * np.cos(around / 1.25 * np.pi / 2)
    outline = to_canvas(camera, np.concatenate([back, fore[::-1]]))
    shade = soft_mask(outline + (0, rng.uniform(4, 26)), 3.0)
    canvas *= 1 - rng.uniform(0.2, 0.7) * shade
    tone = pick(rng, (0.02, 0.15, 0.6)) * rng.uniform(0.5, 1.2)
    lay_shape(canvas, outline, tone * (light.ambient + 0.5 * light.key_power), 0.6)


def obstacle(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Something before the face: a microphone, a hand, the edge of something near."""
    kind = rng.random()
    tone = rng.uniform(0.0, 0.7)
    if kind < 0.4:
        x, y = rng.uniform(25, 120), rng.uniform(105, 142)
        head = ellipse(x, y, rng.uniform(5, 12), rng.uniform(6, 13))
        lay_shape(canvas, head, 0.2 * tone * (1 + 0.3 * grain(rng, CANVAS, CANVAS)), 0.8)
    elif kind < 0.75:
        x, y = pick(rng, (rng.uniform(-5, 35), rng.uniform(110, 150))), rng.uniform(70, 150)
        for _ in range(rng.integers(1, 5)):
            finger = ellipse(0, 0, rng.uniform(5, 9), rng.uniform(14, 34))
            turn = rng.normal(0, 0.5)
            finger = finger @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) + (x, y)
            lay_shape(canvas, finger, tone * rng.uniform(0.7, 1.2), 1.0, 0.95)
            x += rng.uniform(-8, 8)
    else:
        edge = rng.uniform(0, 25)
        outline = np.array([(0, 0), (edge, 0), (edge + rng.normal(0, 12), CANVAS), (0, CANVAS)])
        if rng.random() < 0.5:
            outline[:, 0] = CANVAS - outline[:, 0]
        lay_shape(canvas, outline, tone, rng.uniform(0.5, 3))
