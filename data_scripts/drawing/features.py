"""What is painted on a face: eyes, brows, nostrils, lips, wrinkles, beard, in the head frame of `shape`."""

import numpy as np

from data_scripts.drawing.head import Head
from data_scripts.drawing.look import Look, color_hair
from data_scripts.drawing.numbers import clamp
from data_scripts.drawing.painting import Layer, paint
from data_scripts.drawing.shape import FaceShape, frontal_keypoints
from data_scripts.drawing.texture import TEXTURE, arc, arc_between, clouds, ellipse, grain

_ALONG = np.linspace(0, 1, 11)  # the steps of an arc
_BROW_WIDTHS = np.interp(_ALONG, [0, 0.15, 0.5, 1], [0.5, 1.0, 0.95, 0.2])
_SWELL = np.sin(np.pi * _ALONG)
_TEETH = (1 - np.linspace(-1, 1, 15) ** 4)[:, None]


def paint_face(rng: np.random.Generator, head: Head, look: Look, cover: np.ndarray) -> np.ndarray:
    """Reflectance of the whole head, (TEXTURE, TEXTURE) float32 in [0, 1]; `cover` is the hair's coverage."""
    s = head.shape
    base = np.float32(look.skin) * (1 + 0.07 * clouds(rng, TEXTURE, TEXTURE, 9, 9))
    paint(head, base, _skin_marks(rng, s, look))
    _beard(rng, base, head, look)
    layers = [*_eyes_and_brows(rng, s, look), _nose(rng, s, look), *_mouth(rng, s, look)]
    paint(head, base, layers)
    base *= 1 + rng.uniform(0.01, 0.06) * grain(rng, TEXTURE, TEXTURE)
    return np.clip(color_hair(rng, base, look, cover), 0.004, 0.95)


def _skin_marks(rng: np.random.Generator, s: FaceShape, look: Look) -> list[Layer]:
    """Shades around the eyes and on the cheeks; wrinkles and moles."""
    shades, lines = Layer(5.0), Layer(1.2)
    skin, dark = look.skin, look.skin * 0.45
    for side in (-1, 1):
        shades.area(ellipse(side * s.eye_x, -0.5, 10, 6.5), dark, rng.uniform(0.05, 0.4))
        fold = arc(side * (s.nose_half_width + 1.5), s.nose_base - 2, side * (s.mouth_half_width + 4), s.mouth_y + 1, 0)
        fold[:, 0] += side * 2.2 * _SWELL
        lines.stroke(fold, 2, dark, clamp(0.08 + 0.35 * look.age + 0.25 * s.smile, 0.03, 0.75))
        bag = arc(side * (s.eye_x - 6.5), 3.0, side * (s.eye_x + 6), 3.0, 3.2)
        lines.stroke(bag, 2, dark, 0.05 + 0.4 * look.age * rng.random())
        if look.age > 0.45:
            x = side * (s.eye_x + s.eye_half_width + 2)
            feet = np.stack([arc(x, 0.3 * drop, x + side * 5, drop, 0, steps=3) for drop in (-2.0, 1.0, 3.5)])
            lines.stroke(feet, 1, dark, 0.4 * look.age)
        shades.area(ellipse(side * 24, 20, 9, 8), skin * rng.uniform(0.75, 1.15), 0.5)
    if rng.random() < 0.6 * look.age + 0.1:
        heights = -17.0 - 5.0 * np.arange(rng.integers(1, 5))
        across = np.stack([arc(-20, y, 20, y + rng.uniform(-1, 1), -3) for y in heights])
        lines.stroke(across, 1, dark, 0.15 + 0.4 * look.age)
    if s.brow_frown > 0.6:
        for side in (-1, 1):
            lines.stroke(arc(side * 2.4, -5, side * 2.8, -12, 0), 1, dark, 0.25 * s.brow_frown)
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(-30, 30), rng.uniform(-25, 55)
        lines.area(ellipse(x, y, *rng.uniform(0.4, 1.2, 2)), skin * rng.uniform(0.3, 1.2), 0.7)
    return [shades, lines]


def _eyes_and_brows(rng: np.random.Generator, s: FaceShape, look: Look) -> list[Layer]:
    lids, eyes, brows = Layer(1.2), Layer(0.65), Layer(0.9)
    top, low = _brow_edges(s)
    for side in (-1, 1):
        _eye(rng, lids, eyes, s, look, side)
        _brow(rng, brows, look, top * (side, 1), low * (side, 1))
    return [lids, eyes, brows]


def _eye(rng: np.random.Generator, lids: Layer, eyes: Layer, s: FaceShape, look: Look, side: int) -> None:
    eye, w, skin = s.eye_x, s.eye_half_width, look.skin
    wide = clamp(s.eye_open * (1 + 0.06 * rng.standard_normal()), 0.03, 1.6)
    inner, outer = (side * (eye - w), 0.5), (side * (eye + w + s.eye_reach), -s.eye_tilt)
    upper = arc(*inner, *outer, -3.1 * wide + 0.6 * max(0.5 - wide, 0), 0.8)
    lower = arc(*inner, *outer, 2.1 * wide**0.7 + 0.4, 0.9)
    crease = -3.1 * wide - rng.uniform(1.5, 3.5)
    lid = arc(side * (eye - w - 0.5), -0.5, side * (eye + w + s.eye_reach + 1.5), -s.eye_tilt - 0.5, crease, 0.7)
    shade = skin * rng.uniform(0.25, 0.6)
    lids.area(np.concatenate([lid, upper[::-1]]), shade, 0.15 + 0.5 * look.makeup * rng.random())
    eyes.stroke(lid, 1, 0.3 * skin, rng.uniform(0.1, 0.6))
    outline = np.concatenate([upper, lower[::-1]])
    if wide > 0.12:
        white = min(rng.uniform(0.3, 0.62), 2.2 * skin + 0.08)
        eyes.area(outline, white, min(1.0, 2 * wide))
        _iris(rng, eyes, s, side, upper, lower)
    lash = 0.12 * skin + 0.005
    eyes.stroke(upper, 2 if rng.random() < 0.4 + 0.4 * look.makeup else 1, lash, rng.uniform(0.55, 0.95))
    eyes.stroke(lower, 1, lash, rng.uniform(0.15, 0.45) + 0.4 * look.makeup * rng.random())


def _iris(rng: np.random.Generator, eyes: Layer, s: FaceShape, side: int, upper: np.ndarray, lower: np.ndarray) -> None:
    """Iris, pupil and glint, cut by the lids."""
    gaze = (rng.normal(0, 1.4), rng.normal(0, 0.5)) if rng.random() < 0.6 else (0.0, 0.0)
    cx, cy = side * s.eye_x + gaze[0], -0.4 + gaze[1]
    order = slice(None, None, side)  # from the viewer's left to the right
    tone = rng.uniform(0.01, 0.06) if rng.random() < 0.7 else rng.uniform(0.06, 0.2)
    for radius, value in ((rng.uniform(2.9, 3.5), tone), (rng.uniform(1.1, 1.6), 0.008)):
        disc = ellipse(cx, cy, radius, radius)
        top = np.interp(disc[:, 0], upper[order, 0], upper[order, 1])
        low = np.interp(disc[:, 0], lower[order, 0], lower[order, 1])
        disc[:, 1] = np.minimum(np.maximum(disc[:, 1], top), np.maximum(low, top))
        eyes.area(disc, value, 0.95)
    if rng.random() < 0.75 and s.eye_open > 0.45:
        eyes.area(ellipse(cx + rng.uniform(-1.2, 1.2), cy - 0.9, 0.75, 0.7), 0.95, rng.uniform(0.4, 1.0))


def _brow_edges(s: FaceShape) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower edge of the left eyebrow from its inner to its outer end, (11, 2) both."""
    start, end = frontal_keypoints(s)[6:8]
    top = arc_between(start + (s.brow_fade, 0.0), end, -s.brow_arch)
    low = top.copy()
    half = 0.5 * s.brow_thickness * _BROW_WIDTHS
    top[:, 1] -= half
    low[:, 1] += half
    return top, low


def _brow(rng: np.random.Generator, brows: Layer, look: Look, top: np.ndarray, low: np.ndarray) -> None:
    darkness = rng.uniform(0.45, 1.0)
    value = min(0.7 * look.hair, look.skin * 0.65)
    brows.area(np.concatenate([top, low[::-1]]), value, darkness)
    for tone in (0.7, 1.2):
        roots = rng.integers(1, len(top) - 2, 4)
        brows.stroke(np.stack([low[roots], top[roots + 1]], axis=1), 1, value * tone, darkness)


def _nose(rng: np.random.Generator, s: FaceShape, look: Look) -> Layer:
    dark, base, w = look.skin * 0.35, s.nose_base, s.nose_half_width
    layer = Layer(0.9)
    for side in (-1, 1):
        hole = ellipse(side * 0.52 * w, base + 2.7, 0.27 * w, rng.uniform(0.7, 1.3))
        hole[:, 1] -= 0.25 * np.abs(hole[:, 0] - side * 0.4 * w)
        layer.area(hole, 0.1 * look.skin, rng.uniform(0.45, 0.95))
        wing = arc(side * (w - 0.2), base - 2.5, side * (w - 0.6), base + 2.9, 0)
        wing[:, 0] += side * _SWELL
        layer.stroke(wing, 1, dark, rng.uniform(0.2, 0.6))
    layer.stroke(arc(-0.45 * w, base + 3.5, 0.45 * w, base + 3.5, 0.6), 1, dark, rng.uniform(0.2, 0.6))
    return layer


def _mouth(rng: np.random.Generator, s: FaceShape, look: Look) -> list[Layer]:
    mouth, around = Layer(0.9), Layer(1.3)
    (lx, ly), (rx, ry), (cx, top), (_, bottom) = frontal_keypoints(s)[11:15].tolist()
    in_top = s.mouth_y - 0.12 * s.mouth_open - 0.2 * s.smile
    in_low = in_top + s.mouth_open
    corner = 0.5 * (ry + ly)
    seam = arc(rx, ry, lx, ly, in_top - corner, 0.9, 15)
    inner_low = arc(rx, ry, lx, ly, in_low - corner, 0.8, 15)
    upper = arc(rx, ry, lx, ly, top - s.bow - corner, 0.75, 15)
    off = upper[:, 0] - cx
    upper[:, 1] += 0.7 * np.exp(-((off / 1.6) ** 2)) - 0.5 * np.exp(-(((np.abs(off) - 3) / 1.8) ** 2))
    lower = arc(rx, ry, lx, ly, bottom - corner, 0.85, 15)
    opacity = rng.uniform(0.55, 1.0)
    mouth.area(np.concatenate([upper, seam[::-1]]), look.lips * rng.uniform(0.65, 0.95), opacity)
    mouth.area(np.concatenate([inner_low, lower[::-1]]), look.lips * rng.uniform(0.9, 1.2), opacity)
    if s.mouth_open > 0.8:
        mouth.area(np.concatenate([seam, inner_low[::-1]]), 0.015, 0.97)
        if rng.random() < 0.75:
            drop = min(s.mouth_open * rng.uniform(0.4, 1.1), 5.5)
            edge = seam + (0, drop) * _TEETH
            edge[:, 1] = np.minimum(edge[:, 1], inner_low[:, 1])
            mouth.area(np.concatenate([seam, edge[::-1]]), rng.uniform(0.3, 0.65), 0.95)
        if s.mouth_open > 5 and rng.random() < 0.7:
            mouth.area(ellipse(cx, in_low - 1.0, 0.55 * s.mouth_half_width, 0.25 * s.mouth_open), 0.12, 0.8)
    mouth.stroke(seam, 2 if s.mouth_open < 0.8 else 1, 0.08 * look.skin + 0.004, rng.uniform(0.5, 0.9))
    dark = 0.4 * look.skin
    around.stroke(arc(cx - 7, bottom + 1, cx + 7, bottom + 1, 1), 2, dark, rng.uniform(0.1, 0.5))
    for x, y in ((rx, ry), (lx, ly)):
        around.area(ellipse(x, y, 1.3, 1.1), dark, rng.uniform(0.3, 0.8))
    return [mouth, around]


def _beard(rng: np.random.Generator, base: np.ndarray, head: Head, look: Look) -> None:
    """Paint a beard, and roughen everything below the nose with its hairs."""
    if look.beard == "none":
        return
    s = head.shape
    color = min(look.hair * rng.uniform(0.8, 1.6), 0.8 * look.skin)
    if look.age > 0.7 and rng.random() < 0.5:
        color = rng.uniform(0.3, 0.6)
    strength = rng.uniform(0.15, 0.45) if look.beard == "stubble" else rng.uniform(0.6, 0.95)
    m, half = s.mouth_y, s.mouth_half_width
    soft = 1.6
    outlines = []
    if look.beard in ("stubble", "full"):
        cheek = rng.uniform(12, 30)
        right = np.array(
            [
                (0, s.chin_y + 9),
                (18, s.chin_y + 4),
                (30, s.chin_y - 12),
                (38, 20),
                (38.2, cheek - 12),
                (34, cheek - 4),
                (25, cheek + 3),
                (half + 2, m - 6),
                (6, s.nose_base + 6.5),
                (0, s.nose_base + 7),
            ]
        )
        outlines.append(np.concatenate([right, (right * (-1, 1))[::-1]]))
        soft = rng.uniform(2.0, 5.0)
    if look.beard in ("mustache", "goatee"):
        y = 0.5 * (s.nose_base + 5 + m - s.upper_lip)
        above = arc(-half - 1, m, half + 1, m, -(m - y) * 1.6)
        below = arc(half + 1, m + 1.5, -half - 1, m + 1.5, -s.upper_lip - 1.2)
        outlines.append(np.concatenate([above, below]))
    if look.beard == "goatee":
        wide = rng.uniform(5, half)
        outlines.append(ellipse(0, 0.5 * (m + s.lower_lip + s.chin_y) + 3, wide, 0.5 * (s.chin_y - m) - 1))
    layer = Layer(soft)
    for outline in outlines:
        layer.area(outline, color, strength)
    paint(head, base, [layer])
    spread = rng.uniform(0.05, 0.3)
    row = int(head.to_grid(np.array([0.0, s.nose_y + 5]))[1] * 2)
    base[row:] *= 1 + spread * strength * grain(rng, TEXTURE - row, TEXTURE)
