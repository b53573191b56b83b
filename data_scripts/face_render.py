"""Light on a head and its picture: shading, cast shadow, and which point of the surface each pixel sees."""

from dataclasses import dataclass

import cv2
import numpy as np

from data_scripts.face_camera import Camera
from data_scripts.face_shape import IMAGE_SIZE, Head
from data_scripts.face_texture import TEXTURE

OVERSAMPLE = 1.5
CANVAS = int(IMAGE_SIZE * OVERSAMPLE)  # pictures are composed this many pixels wide, then shrunk


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


def shade(head: Head, camera: Camera, light: Light, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Light that reaches each point, light that glints off it, and how far it faces the camera (cosine).

    `cover` is the hair's coverage. All (GRID, GRID) float32.
    """
    points = head.points
    du = cv2.Sobel(points, cv2.CV_32F, 1, 0, ksize=3)
    dv = cv2.Sobel(points, cv2.CV_32F, 0, 1, ksize=3)
    normal = np.empty_like(points)
    for axis, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
        normal[..., axis] = du[..., first] * dv[..., second] - du[..., second] * dv[..., first]
    normal *= 1 / (np.sqrt(np.einsum("ijk,ijk->ij", normal, normal)) + 1e-6)[..., None]
    turn = camera.turn.astype(np.float32)
    normal = cv2.transform(normal, turn)
    direct = np.clip((normal @ light.key + light.wrap) / (1 + light.wrap), 0, None)
    if light.shadow > 0.1:
        lit = _cast_shadow(cv2.transform(points, turn), light.key)
        direct *= 1 - light.shadow * (1 - lit)
    second = np.clip((normal @ light.fill + 0.3) / 1.3, 0, None)
    sky = light.ambient * (0.75 - 0.35 * normal[..., 1])
    hollow = head.relief - cv2.blur(head.relief, (15, 15))
    sky *= np.clip(1 + 0.16 * hollow, 0.4, 1.15)
    half = light.key + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    glint = light.gloss * np.clip(normal @ half, 0, 1) ** 14 * (direct > 0) * (1 - 0.7 * cover)
    return light.key_power * direct + light.fill_power * second + sky, light.key_power * glint, normal[..., 2]


def _cast_shadow(points: np.ndarray, toward: np.ndarray) -> np.ndarray:
    """Which surface points see the lamp: (GRID, GRID) 0 in shadow … 1 lit, from a depth map seen by the lamp."""
    across = np.cross(toward, np.array([0, 1, 0], np.float32))
    across /= np.linalg.norm(across) + 1e-6
    down = np.cross(toward, across)
    cell = 1.6
    columns = np.clip((points @ across) / cell + 50, 0, 99).astype(np.intp)
    rows = np.clip((points @ down) / cell + 50, 0, 99).astype(np.intp)
    depth = points @ toward
    flat = rows * 100 + columns
    nearest = np.full(10000, -1e3, np.float32)
    np.maximum.at(nearest, flat.ravel(), depth.ravel())
    blocked = np.clip((nearest[flat] - depth - 2.5) / 2.5, 0, 1)
    return 1 - cv2.GaussianBlur(blocked, (0, 0), 1.2)


def rasterize(head: Head, camera: Camera, facing: np.ndarray, size: int = CANVAS) -> tuple[np.ndarray, np.ndarray]:
    """Which point of the texture each pixel of a square canvas sees; `facing` is `shade`'s cosine.

    -> index into the flattened (TEXTURE, TEXTURE) texture, (size, size) int, and coverage, bool.
    """
    turned = cv2.transform(head.points, camera.turn.astype(np.float32))
    where, depth = camera.see(turned)
    where = where * np.float32(OVERSAMPLE) + np.float32(0.5 * OVERSAMPLE)
    columns = cv2.resize(where[..., 0], (TEXTURE, TEXTURE)).ravel()
    rows = cv2.resize(where[..., 1], (TEXTURE, TEXTURE)).ravel()
    depth = cv2.resize(depth, (TEXTURE, TEXTURE)).ravel()
    front = cv2.resize((facing > -0.08).view(np.uint8), (TEXTURE, TEXTURE), interpolation=cv2.INTER_NEAREST).ravel()
    inside = np.flatnonzero((front > 0) & (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size))
    pixels = rows[inside].astype(np.int32) * size + columns[inside].astype(np.int32)
    # Painter's algorithm: far points first, so that the nearest one written to a pixel stays; 16-bit keys sort fast.
    keys = np.clip((depth[inside] + 120) * 250, 0, 65535).astype(np.uint16)
    order = np.argsort(keys, kind="stable")
    seen = np.full(size * size, -1, np.float32)
    seen[pixels[order]] = inside[order]
    seen = seen.reshape(size, size)
    kernel = np.ones((3, 3), np.uint8)
    covered = (seen >= 0).astype(np.uint8)
    padded = cv2.copyMakeBorder(covered, 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[2:-2, 2:-2]
    # Where a near surface is sampled thinly, a far one shows through in single pixels: those count as holes too.
    height = np.where(covered > 0, depth[np.maximum(seen, 0).astype(np.intp)], np.float32(-120))
    pits = cv2.morphologyEx(height, cv2.MORPH_CLOSE, kernel) - height > 3
    index = np.where((covered > 0) & ~pits, seen, cv2.dilate(np.where(pits, -1, seen), kernel)).astype(np.intp)
    return np.maximum(index, 0), (closed > 0) & (index >= 0)
