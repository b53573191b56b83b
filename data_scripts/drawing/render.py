"""Light on a head and its picture: shading, cast shadow, and which point of the surface each pixel sees."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from data_scripts.drawing.camera import Camera
from data_scripts.drawing.head import Head
from data_scripts.drawing.shape import IMAGE_SIZE
from data_scripts.drawing.texture import TEXTURE, lay

OVERSAMPLE = 1.5
CANVAS = int(IMAGE_SIZE * OVERSAMPLE)  # pictures are composed this many pixels wide, then shrunk
_NUMBERS = np.arange(TEXTURE * TEXTURE, dtype=np.uint32).reshape(TEXTURE, TEXTURE)  # they fit into 16 bits


@dataclass(frozen=True)
class Light:
    """Light on a scene; directions point from the head to the lamp, in the camera frame."""

    key: np.ndarray  # (3,) unit
    fill: np.ndarray  # (3,) unit
    key_power: float
    fill_power: float
    ambient: float
    wrap: float  # 0 a bare bulb … 1 a large window
    gloss: float
    shadow: float  # 0 no cast shadow … 1 black


def draw_light(rng: np.random.Generator) -> Light:
    """Draw the light of one picture; `rng` is advanced."""

    def toward(azimuth: float, height: float) -> np.ndarray:
        return np.array(
            [np.sin(azimuth) * np.cos(height), -np.sin(height), np.cos(azimuth) * np.cos(height)], np.float32
        )

    azimuth = rng.normal(0, 0.75)
    key = toward(np.clip(azimuth, -1.9, 1.9), np.clip(rng.normal(0.65, 0.4), -0.6, 1.35))
    fill = toward(-np.sign(azimuth) * rng.uniform(0.4, 2.4), rng.uniform(-0.4, 0.8))
    hard = rng.random()
    return Light(
        key=key,
        fill=fill,
        key_power=float(rng.uniform(0.5, 1.1)),
        fill_power=float(rng.uniform(0.0, 0.5) ** 1.5),
        ambient=float(rng.uniform(0.12, 0.55)),
        wrap=float(rng.uniform(0.0, 0.6) * (1 - 0.6 * hard)),
        gloss=float(rng.uniform(0.0, 0.35) ** 1.3),
        shadow=float(0.9 * hard),
    )


def lay_head(
    canvas: np.ndarray, head: Head, camera: Camera, light: Light, texture: np.ndarray, cover: np.ndarray
) -> None:
    """Lay the picture of a lit head over a square canvas, (size, size) float32 of linear light.

    `texture`: its reflectance, (TEXTURE, TEXTURE) float32; `cover`: its hair's coverage, (GRID, GRID) float32.
    """
    turned = camera.turn_planes(head.points)
    matte, glint, facing = shade(head, turned, light, cover)
    lit = texture * cv2.resize(matte, texture.shape) + cv2.resize(glint, texture.shape)
    index, seen = rasterize(turned, camera, facing, len(canvas))
    edge = cv2.GaussianBlur(seen.astype(np.float32), (3, 3), 0.7) * seen
    lay(canvas, edge, lit.ravel()[index.ravel()].reshape(canvas.shape))


def shade(head: Head, turned: np.ndarray, light: Light, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Light that reaches each point, light that glints off it, and how far it faces the camera (cosine).

    `turned`: the head's points in the camera frame, (3, GRID, GRID) float32; `cover`: the hair's coverage. All that
    is returned is (GRID, GRID) float32.
    """
    normal = _normals(turned)
    flat = normal.reshape(3, -1)

    def toward(direction: np.ndarray) -> np.ndarray:
        return (direction @ flat).reshape(normal.shape[1:])

    direct = np.maximum((toward(light.key) + light.wrap) / (1 + light.wrap), 0)
    if light.shadow > 0.1:
        direct *= 1 - light.shadow * _cast_shadow(turned, light.key)
    second = np.maximum((toward(light.fill) + 0.3) / 1.3, 0)
    sky = light.ambient * (0.75 - 0.35 * normal[1])
    hollow = head.relief - cv2.blur(head.relief, (15, 15))
    sky *= np.clip(1 + 0.16 * hollow, 0.4, 1.15)
    half = light.key + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    glint = cv2.pow(np.maximum(toward(half), 0), 14) * (direct > 0) * (1 - 0.7 * cover)
    glint *= light.key_power * light.gloss
    return light.key_power * direct + light.fill_power * second + sky, glint, normal[2]


def _normals(points: np.ndarray) -> np.ndarray:
    """Unit vectors that stand on the surface, outward; points and normals are (3, GRID, GRID) float32."""
    du = [cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3) for plane in points]
    dv = [cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3) for plane in points]
    normal = np.empty_like(points)
    for axis, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
        np.subtract(du[first] * dv[second], du[second] * dv[first], out=normal[axis])
    normal /= np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-6
    return normal


def _cast_shadow(points: np.ndarray, toward: np.ndarray) -> np.ndarray:
    """How far each surface point is hidden from the lamp: (GRID, GRID) 0 lit … 1 in shadow, from the lamp's depth map.

    `points`: (3, GRID, GRID) float32, camera frame; `toward`: (3,) unit, to the lamp.
    """
    # Two axes of the depth map, at right angles to the light: the first one level, the second their cross product.
    x, y, z = toward.tolist()
    level = math.hypot(x, z) + 1e-6
    across, down = (-z / level, 0, x / level), (x * y / level, -level, y * z / level)
    axes = np.array([across, down, toward], np.float32)
    axes[:2] /= 1.6  # the size of a cell
    columns, rows, depth = axes @ points.reshape(3, -1)
    cells = np.clip(rows + 50, 0, 99).astype(np.intp) * 100 + np.clip(columns + 50, 0, 99).astype(np.intp)
    nearest = np.full(100 * 100, -1e3, np.float32)
    np.maximum.at(nearest, cells, depth)
    blocked = np.clip((nearest[cells] - depth - 2.5) / 2.5, 0, 1).reshape(points.shape[1:])
    return cv2.GaussianBlur(blocked, (7, 7), 1.2)


def rasterize(turned: np.ndarray, camera: Camera, facing: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which point of the texture each pixel of a square canvas sees.

    `turned`: the head's points in the camera frame, (3, GRID, GRID) float32; `facing`: `shade`'s cosine.
    -> index into the flattened (TEXTURE, TEXTURE) texture, (size, size) int, and coverage, bool.
    """
    nearest = _nearest_points(turned, camera, facing, size)
    covered = nearest > 0
    seen = np.where(covered, (nearest & 0xFFFF).astype(np.float32), np.float32(-1))
    kernel = np.ones((3, 3), np.uint8)
    padded = cv2.copyMakeBorder(covered.view(np.uint8), 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[2:-2, 2:-2]
    # Where a near surface is sampled thinly, a far one shows through in single pixels: those count as holes too.
    height = (nearest >> 16).astype(np.float32) / 250
    pits = cv2.morphologyEx(height, cv2.MORPH_CLOSE, kernel) - height > 3
    index = np.where(covered & ~pits, seen, cv2.dilate(np.where(pits, np.float32(-1), seen), kernel)).astype(np.intp)
    return np.maximum(index, 0), (closed > 0) & (index >= 0)


def _nearest_points(turned: np.ndarray, camera: Camera, facing: np.ndarray, size: int) -> np.ndarray:
    """The nearest point of the texture on each pixel, 0 where there is none.

    -> (size, size) uint32: how near in the upper 16 bits, the index into the flattened texture in the lower.
    """
    nearer = camera.distance / (camera.distance - turned[2])
    # One row and one column more on each side hold what lies beyond the canvas.
    wide = size + 2
    zoom, offset = OVERSAMPLE * camera.zoom, OVERSAMPLE * (camera.offset + 0.5) + 1
    columns, rows = (turned[axis] * nearer * float(zoom[axis]) + float(offset[axis]) for axis in (0, 1))
    front = facing > -0.08
    # The part of the grid that holds what is seen, with a margin of one cell.
    visible = front & (np.abs(columns - 0.5 * wide) < 0.5 * wide) & (np.abs(rows - 0.5 * wide) < 0.5 * wide)
    top, bottom = _span(visible.any(axis=1))
    left, right = _span(visible.any(axis=0))
    grid, fine = np.s_[top:bottom, left:right], np.s_[2 * top : 2 * bottom, 2 * left : 2 * right]

    def refine(plane: np.ndarray, method: int = cv2.INTER_LINEAR) -> np.ndarray:
        return cv2.resize(plane[grid], None, fx=2, fy=2, interpolation=method)

    columns, rows = (np.clip(refine(plane), 0, wide - 1).astype(np.intp) for plane in (columns, rows))
    near = np.clip(refine((turned[2] + 120) * 250), 1, 65535).astype(np.uint32)
    # The nearest point of a pixel is the largest number.
    numbers = (near << 16 | _NUMBERS[fine]) * refine(front.view(np.uint8), cv2.INTER_NEAREST)
    nearest = np.zeros(wide * wide, np.uint32)
    np.maximum.at(nearest, (rows * wide + columns).ravel(), numbers.ravel())
    return nearest.reshape(wide, wide)[1:-1, 1:-1]


def _span(there: np.ndarray) -> tuple[int, int]:
    """Where the true values of a vector begin and end, and one more on each side."""
    at = np.flatnonzero(there)
    return (max(int(at[0]) - 1, 0), min(int(at[-1]) + 2, len(there))) if len(at) else (0, 1)
