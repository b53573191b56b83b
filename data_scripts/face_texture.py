"""What is painted on a head: skin, eyes, brows, nostrils, lips, wrinkles, beard, hair, as reflectance over its surface.

Everything is drawn in the head frame of `face_shape` and lands on a texture with the rows and columns of the
surface grid, twice as fine. Reflectance is linear: 0 swallows all light, 1 returns it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from data_scripts.face_shape import CROWN, GRID, THETA_MAX, UNDER_CHIN, FaceShape, Head, frontal_keypoints

TEXTURE = 2 * GRID
_GRAIN = np.random.default_rng(1).standard_normal((3 * TEXTURE, 3 * TEXTURE)).astype(np.float32)


def grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width) float32 of standard normal noise, cut from a fixed tile: far cheaper than drawing it anew."""
    row = rng.integers(0, _GRAIN.shape[0] - height)
    column = rng.integers(0, _GRAIN.shape[1] - width)
    return _GRAIN[row : row + height, column : column + width]


def step(x: np.ndarray) -> np.ndarray:
    """Smooth step: 0 far below zero, 1 far above, without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def clouds(rng: np.random.Generator, height: int, width: int, cells_y: int, cells_x: int) -> np.ndarray:
    """(height, width) float32 of smooth noise of unit spread with that many cells down and across."""
    coarse = grain(rng, cells_y + 2, cells_x + 2)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@dataclass(frozen=True)
class Look:
    """Colors and choices of one face that are not measures."""

    skin: float
    hair: float
    lips: float
    age: float  # 0 smooth … 1 wrinkled
    makeup: float  # 0 … 1
    hair_style: str  # bald, short, fringe, long, hat, scarf
    beard: str  # none, stubble, mustache, goatee, full


def draw_look(rng: np.random.Generator) -> Look:
    """Draw colors and choices of one face; `rng` is advanced."""
    skin = float(
        np.clip(rng.choice([0.5, 0.38, 0.22, 0.1], p=[0.4, 0.3, 0.18, 0.12]) * rng.uniform(0.75, 1.25), 0.05, 0.7)
    )
    dark_hair = skin < 0.25 or rng.random() < 0.6
    hair = float(rng.uniform(0.015, 0.07) if dark_hair else rng.uniform(0.08, 0.5))
    masculine = rng.random() < 0.58
    age = float(rng.beta(1.2, 2.0))
    styles = ["bald", "short", "fringe", "long", "hat", "scarf"]
    weights = [0.1, 0.6, 0.14, 0.04, 0.1, 0.02] if masculine else [0.02, 0.16, 0.25, 0.42, 0.08, 0.07]
    beards = ["none", "stubble", "mustache", "goatee", "full"]
    return Look(
        skin=skin,
        hair=hair,
        lips=float(skin * rng.uniform(0.35, 0.9)),
        age=age,
        makeup=0.0 if masculine else float(rng.random()),
        hair_style=str(rng.choice(styles, p=weights)),
        beard=str(rng.choice(beards, p=[0.5, 0.2, 0.1, 0.1, 0.1])) if masculine else "none",
    )


def grow_hair(rng: np.random.Generator, shape: FaceShape, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Hair, hat or scarf over the surface: -> coverage in [0, 1] and thickness in head units, both (GRID, GRID)."""
    v = np.linspace(CROWN, shape.chin_y + UNDER_CHIN, GRID, dtype=np.float32)[:, None]
    theta = np.linspace(-THETA_MAX, THETA_MAX, GRID, dtype=np.float32)[None]
    degrees = np.degrees(theta)
    side = np.abs(degrees)
    if look.hair_style == "bald":
        return np.zeros((GRID, GRID), np.float32), np.zeros((GRID, GRID), np.float32)
    if look.hair_style == "scarf":
        opening = rng.uniform(52, 72)
        around = (degrees / opening) ** 2 + ((v - 12) / (0.5 * (shape.chin_y + rng.uniform(28, 48)))) ** 2
        cover = step((around - 1) * 14)
        return cover.astype(np.float32), (cover * rng.uniform(2, 6)).astype(np.float32)
    if look.hair_style == "hat":
        line = -rng.uniform(18, 36) - rng.uniform(-4, 8) * (degrees / 60) ** 2
        cover = step((line - v) * 2.0)
        below = step((rng.uniform(-5, 25) - v) * 0.8) * step((side - rng.uniform(66, 84)) * 0.5)
        return np.maximum(cover, below).astype(np.float32), (cover * rng.uniform(2, 7) + below * 2).astype(np.float32)
    lowest = {"short": rng.uniform(0, 20), "fringe": rng.uniform(0, 40), "long": 90.0}[look.hair_style]
    temple = rng.uniform(58, 76) if look.hair_style == "short" else rng.uniform(48, 78)
    height = -rng.uniform(26, 48) if look.hair_style != "fringe" else -rng.uniform(13, 24)
    parting = rng.uniform(-40, 40)
    widow = rng.uniform(-5, 9) * np.exp(-(((degrees - 0.3 * parting) / 16) ** 2))
    line = height + widow - rng.uniform(0, 9) * np.exp(-(((side - 38) / 15) ** 2)) + rng.uniform(-5, 5) * degrees / 60
    line = line + clouds(rng, 1, GRID, 1, int(rng.integers(12, 50))) * rng.uniform(0.5, 3.0)
    fall = step((side - temple - 6 * clouds(rng, GRID, 1, 6, 1)) * 0.45)
    edge = line * (1 - fall) + lowest * fall
    cover = step((edge - v) * rng.uniform(0.5, 1.5))
    thickness = rng.uniform(1.0, 7.0) if look.hair_style == "short" else rng.uniform(3.0, 10.0)
    lumps = 1 + 0.18 * clouds(rng, GRID, GRID, 10, 10)
    # A cliff of hair would tear the surface apart where it is seen aslant: let it rise over a few grid cells.
    return cover.astype(np.float32), cv2.GaussianBlur((cover * thickness * lumps).astype(np.float32), (0, 0), 2.0)


class Painter:
    """Paints soft areas and strokes, given in the head frame, on the texture of one head."""

    def __init__(self, head: Head, base: np.ndarray) -> None:
        """`base`: (TEXTURE, TEXTURE) float32, painted over in place."""
        self.head = head
        self.canvas = base

    def _pixels(self, xy: np.ndarray, soft: float) -> tuple[np.ndarray, tuple[slice, slice]] | None:
        at = self.head.to_grid(xy) * ((TEXTURE - 1) / (GRID - 1))
        margin = 3 * soft + 3
        x0, y0 = np.maximum(np.floor(at.min(axis=0) - margin), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(at.max(axis=0) + margin), TEXTURE - 1).astype(int)
        if x1 <= x0 or y1 <= y0:
            return None
        return np.round((at - (x0, y0)) * 16).astype(np.int32), (slice(y0, y1 + 1), slice(x0, x1 + 1))

    def _paint(self, where: tuple[slice, slice], mask: np.ndarray, soft: float, value: float, alpha: float) -> None:
        if soft > 0.3:
            size = 2 * int(2.5 * soft + 0.5) + 1
            mask = cv2.GaussianBlur(mask, (size, size), soft)
        patch = self.canvas[where]
        weight = mask * np.float32(alpha / 255)
        patch += weight * (np.float32(value) - patch)

    def area(self, xy: np.ndarray, value: float, alpha: float = 1.0, soft: float = 1.0) -> None:
        """Fill the polygon `xy` (K, 2) with reflectance `value` at opacity `alpha`; `soft` in texture pixels."""
        placed = self._pixels(xy, soft)
        if placed is None:
            return
        points, where = placed
        mask = np.zeros(self.canvas[where].shape, np.uint8)
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
        self._paint(where, mask, soft, value, alpha)

    def stroke(self, xy: np.ndarray, width: int, value: float, alpha: float = 1.0, soft: float = 1.0) -> None:
        """Draw the line `xy` (K, 2) `width` texture pixels wide."""
        placed = self._pixels(xy, soft + width)
        if placed is None:
            return
        points, where = placed
        mask = np.zeros(self.canvas[where].shape, np.uint8)
        cv2.polylines(mask, [points], False, 255, width, cv2.LINE_AA, 4)
        self._paint(where, mask, soft, value, alpha)


def ellipse(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    """Outline of an ellipse, (20, 2)."""
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return np.stack([cx + rx * np.cos(turn), cy + ry * np.sin(turn)], axis=1)


def arc(x0: float, y0: float, x1: float, y1: float, bow: float, power: float = 1.0, steps: int = 11) -> np.ndarray:
    """Curve from (x0, y0) to (x1, y1) that swells by `bow` down in its middle, (steps, 2)."""
    t = np.linspace(0, 1, steps)
    swell = np.sin(np.pi * t) ** power
    return np.stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + bow * swell], axis=1)


def paint_face(rng: np.random.Generator, head: Head, look: Look, cover: np.ndarray) -> np.ndarray:
    """Reflectance of the whole head, (TEXTURE, TEXTURE) float32 in [0, 1]; `cover` is the hair's coverage."""
    s, skin = head.shape, look.skin
    base = np.full((TEXTURE, TEXTURE), skin, np.float32)
    base *= 1 + 0.07 * clouds(rng, TEXTURE, TEXTURE, 9, 9)
    painter = Painter(head, base)
    _skin_marks(rng, painter, s, look)
    _beard(rng, painter, s, look)
    for side in (-1, 1):
        _eye(rng, painter, s, look, side)
        _brow(painter, s, look, side, rng)
    _nose(rng, painter, s, look)
    _mouth(rng, painter, s, look)
    base *= 1 + rng.uniform(0.01, 0.06) * grain(rng, TEXTURE, TEXTURE)
    return np.clip(_hair(rng, base, look, cover), 0.004, 0.95)


def _hair(rng: np.random.Generator, base: np.ndarray, look: Look, cover: np.ndarray) -> np.ndarray:
    if look.hair_style == "bald":
        return base
    mask = cv2.resize(cover, (TEXTURE, TEXTURE), interpolation=cv2.INTER_LINEAR)
    if look.hair_style in ("hat", "scarf"):
        cloth = np.float32(rng.uniform(0.02, 0.8))
        weave = clouds(rng, TEXTURE, TEXTURE, int(rng.integers(2, 50)), int(rng.integers(2, 50)))
        color = cloth * (1 + rng.uniform(0.0, 0.5) * weave)
    else:
        strands = clouds(rng, TEXTURE, TEXTURE, int(rng.integers(4, 30)), int(rng.integers(40, 110)))
        color = look.hair * np.exp(rng.uniform(0.15, 0.55) * strands)
        edge = 4 * mask * (1 - mask)
        mask = np.clip(mask + 0.35 * edge * strands, 0, 1)
    return base + mask * (color.astype(np.float32) - base)


def _skin_marks(rng: np.random.Generator, painter: Painter, s: FaceShape, look: Look) -> None:
    skin, dark = look.skin, look.skin * 0.45
    for side in (-1, 1):
        painter.area(ellipse(side * s.eye_x, -0.5, 10, 6.5), dark, rng.uniform(0.05, 0.4), 4.0)
        fold = arc(side * (s.nose_half_width + 1.5), s.nose_y - 2, side * (s.mouth_half_width + 4), s.mouth_y + 1, 0)
        fold[:, 0] += side * 2.2 * np.sin(np.linspace(0, np.pi, len(fold)))
        depth = np.clip(0.08 + 0.35 * look.age + 0.25 * s.smile, 0.03, 0.75)
        painter.stroke(fold, 2, dark, depth, 1.6)
        bag = arc(side * (s.eye_x - 6.5), 3.0, side * (s.eye_x + 6), 3.0, 3.2)
        painter.stroke(bag, 2, dark, 0.05 + 0.4 * look.age * rng.random(), 1.4)
        if look.age > 0.45:
            for drop in (-2.0, 1.0, 3.5):
                x = side * (s.eye_x + s.eye_half_width + 2)
                painter.stroke(arc(x, 0.3 * drop, x + side * 5, drop, 0), 1, dark, 0.4 * look.age, 0.8)
        painter.area(ellipse(side * 24, 20, 9, 8), skin * rng.uniform(0.75, 1.15), 0.5, 6.0)
    if rng.random() < 0.6 * look.age + 0.1:
        for y in -np.arange(17, 17 + 5 * rng.integers(1, 5), 5):
            painter.stroke(arc(-20, y, 20, y + rng.uniform(-1, 1), -3), 1, dark, 0.15 + 0.4 * look.age, 0.9)
    if s.brow_frown > 0.6:
        for side in (-1, 1):
            painter.stroke(arc(side * 2.4, -5, side * 2.8, -12, 0), 1, dark, 0.25 * s.brow_frown, 0.9)
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(-30, 30), rng.uniform(-25, 55)
        painter.area(ellipse(x, y, *rng.uniform(0.4, 1.2, 2)), skin * rng.uniform(0.3, 1.2), 0.7, 0.8)


def _eye(rng: np.random.Generator, painter: Painter, s: FaceShape, look: Look, side: int) -> None:
    eye, w, skin = s.eye_x, s.eye_half_width, look.skin
    wide = float(np.clip(s.eye_open * (1 + 0.06 * rng.standard_normal()), 0.03, 1.6))
    inner, outer = (side * (eye - w), 0.5), (side * (eye + w), -s.eye_tilt)
    upper = arc(*inner, *outer, -3.1 * wide + 0.6 * max(0.5 - wide, 0), 0.8)
    lower = arc(*inner, *outer, 2.1 * wide**0.7 + 0.4, 0.9)
    lid = arc(
        side * (eye - w - 0.5),
        -0.5,
        side * (eye + w + 1.5),
        -s.eye_tilt - 0.5,
        -3.1 * wide - rng.uniform(1.5, 3.5),
        0.7,
    )
    shade = skin * rng.uniform(0.25, 0.6)
    painter.area(np.concatenate([lid, upper[::-1]]), shade, 0.15 + 0.5 * look.makeup * rng.random(), 1.2)
    painter.stroke(lid, 1, 0.3 * skin, rng.uniform(0.1, 0.6), 0.9)
    outline = np.concatenate([upper, lower[::-1]])
    if wide > 0.12:
        white = rng.uniform(0.3, 0.62) * (0.6 + 0.4 * min(1.0, 2 * skin))
        painter.area(outline, white, min(1.0, 2 * wide), 0.7)
        _iris(rng, painter, s, side, upper, lower)
    lash = 0.12 * skin + 0.005
    painter.stroke(upper, 2 if rng.random() < 0.4 + 0.4 * look.makeup else 1, lash, rng.uniform(0.55, 0.95), 0.7)
    painter.stroke(lower, 1, lash, rng.uniform(0.15, 0.45) + 0.4 * look.makeup * rng.random(), 0.7)


def _iris(
    rng: np.random.Generator, painter: Painter, s: FaceShape, side: int, upper: np.ndarray, lower: np.ndarray
) -> None:
    """Iris, pupil and glint, cut by the lids."""
    gaze = np.array([rng.normal(0, 1.4), rng.normal(0, 0.5)]) if rng.random() < 0.6 else np.zeros(2)
    cx, cy = side * s.eye_x + gaze[0], -0.4 + gaze[1]
    order = np.argsort(upper[:, 0])
    tone = rng.uniform(0.01, 0.06) if rng.random() < 0.7 else rng.uniform(0.06, 0.2)
    for radius, value in ((rng.uniform(2.9, 3.5), tone), (rng.uniform(1.1, 1.6), 0.008)):
        disc = ellipse(cx, cy, radius, radius)
        top = np.interp(disc[:, 0], upper[order, 0], upper[order, 1])
        low = np.interp(disc[:, 0], lower[order, 0], lower[order, 1])
        disc[:, 1] = np.clip(disc[:, 1], top, np.maximum(low, top))
        painter.area(disc, value, 0.95, 0.6)
    if rng.random() < 0.75 and s.eye_open > 0.45:
        painter.area(ellipse(cx + rng.uniform(-1.2, 1.2), cy - 0.9, 0.75, 0.7), 0.95, rng.uniform(0.4, 1.0), 0.5)


def _brow(painter: Painter, s: FaceShape, look: Look, side: int, rng: np.random.Generator) -> None:
    keypoints = frontal_keypoints(s)
    start, end = keypoints[6], keypoints[7]
    middle = arc(start[0], start[1], end[0], end[1], -s.brow_arch, 1.0)
    t = np.linspace(0, 1, len(middle))
    thick = s.brow_thickness * np.interp(t, [0, 0.15, 0.5, 1], [0.5, 1.0, 0.95, 0.2])
    top, low = middle.copy(), middle.copy()
    top[:, 1] -= 0.5 * thick
    low[:, 1] += 0.5 * thick
    outline = np.concatenate([top, low[::-1]]) * (side, 1)
    darkness = rng.uniform(0.45, 1.0)
    value = min(0.7 * look.hair, look.skin * 0.65)
    painter.area(outline, value, darkness, 1.1)
    for _ in range(7):
        a = int(rng.integers(1, len(middle) - 2))
        hair = np.stack([low[a], top[a + 1]]) * (side, 1)
        painter.stroke(hair, 1, value * rng.uniform(0.3, 1.5), 0.5, 0.6)


def _nose(rng: np.random.Generator, painter: Painter, s: FaceShape, look: Look) -> None:
    dark, tip, w = look.skin * 0.35, s.nose_y, s.nose_half_width
    for side in (-1, 1):
        hole = ellipse(side * 0.52 * w, tip + 3.4, 0.27 * w, rng.uniform(0.7, 1.3))
        hole[:, 1] -= 0.25 * np.abs(hole[:, 0] - side * 0.4 * w)
        painter.area(hole, 0.1 * look.skin, rng.uniform(0.45, 0.95), 0.8)
        wing = arc(side * (w - 0.2), tip - 2.5, side * (w - 0.6), tip + 3.6, 0)
        wing[:, 0] += side * 1.0 * np.sin(np.linspace(0, np.pi, len(wing)))
        painter.stroke(wing, 1, dark, rng.uniform(0.2, 0.6), 1.0)
    painter.stroke(arc(-0.45 * w, tip + 4.2, 0.45 * w, tip + 4.2, 0.6), 1, dark, rng.uniform(0.2, 0.6), 1.0)


def _mouth(rng: np.random.Generator, painter: Painter, s: FaceShape, look: Look) -> None:
    points = frontal_keypoints(s)
    (rx, ry), (lx, ly), (cx, top), (_, bottom) = points[12], points[11], points[13], points[14]
    in_top = s.mouth_y - 0.12 * s.mouth_open - 0.2 * s.smile
    in_low = in_top + s.mouth_open
    corner = 0.5 * (ry + ly)
    seam = arc(rx, ry, lx, ly, in_top - corner, 0.9, 15)
    inner_low = arc(rx, ry, lx, ly, in_low - corner, 0.8, 15)
    upper = arc(rx, ry, lx, ly, top - corner, 0.75, 15)
    upper[:, 1] += 0.7 * np.exp(-(((upper[:, 0] - cx) / 1.6) ** 2)) - 0.5 * np.exp(
        -(((np.abs(upper[:, 0] - cx) - 3) / 1.8) ** 2)
    )
    lower = arc(rx, ry, lx, ly, bottom - corner, 0.85, 15)
    opacity = rng.uniform(0.55, 1.0)
    painter.area(np.concatenate([upper, seam[::-1]]), look.lips * rng.uniform(0.65, 0.95), opacity, 1.0)
    painter.area(np.concatenate([inner_low, lower[::-1]]), look.lips * rng.uniform(0.9, 1.2), opacity, 1.0)
    if s.mouth_open > 0.8:
        painter.area(np.concatenate([seam, inner_low[::-1]]), 0.015, 0.97, 0.6)
        if rng.random() < 0.75:
            drop = min(s.mouth_open * rng.uniform(0.35, 0.9), 4.5)
            edge = seam + (0, drop) * (1 - np.linspace(-1, 1, len(seam)) ** 4)[:, None]
            edge[:, 1] = np.minimum(edge[:, 1], inner_low[:, 1])
            painter.area(np.concatenate([seam, edge[::-1]])[:, :], rng.uniform(0.4, 0.75), 0.95, 0.6)
        if s.mouth_open > 5 and rng.random() < 0.7:
            painter.area(ellipse(cx, in_low - 1.0, 0.55 * s.mouth_half_width, 0.25 * s.mouth_open), 0.12, 0.8, 1.2)
    painter.stroke(seam, 2 if s.mouth_open < 0.8 else 1, 0.08 * look.skin + 0.004, rng.uniform(0.5, 0.9), 0.9)
    dark = 0.4 * look.skin
    painter.stroke(arc(cx - 7, bottom + 2, cx + 7, bottom + 2, 1), 2, dark, rng.uniform(0.1, 0.5), 1.6)
    for x, y in ((rx, ry), (lx, ly)):
        painter.area(ellipse(x, y, 1.3, 1.1), dark, rng.uniform(0.3, 0.8), 0.9)


def _beard(rng: np.random.Generator, painter: Painter, s: FaceShape, look: Look) -> None:
    if look.beard == "none":
        return
    color = min(look.hair * rng.uniform(0.8, 1.6), 0.8 * look.skin)
    if look.age > 0.7 and rng.random() < 0.5:
        color = rng.uniform(0.3, 0.6)
    strength = rng.uniform(0.15, 0.45) if look.beard == "stubble" else rng.uniform(0.6, 0.95)
    m, half = s.mouth_y, s.mouth_half_width
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
            ]
        )
        lip = np.array([(6, s.nose_y + 6.5), (0, s.nose_y + 7)])
        half_outline = np.concatenate([right, lip])
        outline = np.concatenate([half_outline, (half_outline * (-1, 1))[::-1]])
        painter.area(outline, color, strength, rng.uniform(2.0, 5.0))
    if look.beard in ("mustache", "goatee"):
        y = 0.5 * (s.nose_y + 5 + m - s.upper_lip)
        painter.area(
            np.concatenate(
                [
                    arc(-half - 1, m, half + 1, m, -(m - y) * 1.6),
                    arc(half + 1, m + 1.5, -half - 1, m + 1.5, -s.upper_lip - 1.2),
                ]
            ),
            color,
            strength,
            1.6,
        )
    if look.beard == "goatee":
        wide = rng.uniform(5, half)
        painter.area(
            ellipse(0, 0.5 * (m + s.lower_lip + s.chin_y) + 3, wide, 0.5 * (s.chin_y - m) - 1), color, strength, 2.0
        )
    spread = rng.uniform(0.05, 0.3)
    row = int(painter.head.to_grid(np.array([0.0, s.nose_y + 5]))[1] * 2)
    painter.canvas[row:] *= 1 + spread * strength * grain(rng, TEXTURE - row, TEXTURE)
