"""The surface of a head in three dimensions, raised from its measures; in the head frame of `shape`."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data_scripts.drawing.shape import FaceShape

GRID = 128  # rows and columns of the head's surface
THETA_MAX = np.radians(112.0)  # the surface wraps past the ears
THETA = np.linspace(-THETA_MAX, THETA_MAX, GRID, dtype=np.float32)  # of each column, radians
_DOWN = np.linspace(0, 1, GRID, dtype=np.float32)
_SINE, _COSINE = np.sin(THETA), np.cos(THETA)
_BULGE = np.sign(_COSINE) * np.abs(_COSINE) ** 0.8
_EAR = np.exp(-(((np.abs(THETA) - 1.55) / 0.11) ** 2))
_WINDOW = np.hanning(15)[1:-1] / np.hanning(15).sum()
_COLUMNS_PER_RADIAN = (GRID - 1) / (2 * THETA_MAX)
CROWN, UNDER_CHIN = -72.0, 12.0  # the surface runs from the crown to this far below the chin


@dataclass(frozen=True)
class Head:
    """The surface of one head: positions over a grid of height (rows) and angle around the vertical axis (columns)."""

    shape: FaceShape
    points: np.ndarray  # (3, GRID, GRID) float32, x, y and z in the head frame
    relief: np.ndarray  # (GRID, GRID) float32, how far features stand out of the smooth head
    top: float
    bottom: float
    half_width: np.ndarray  # (GRID,) float32, half the head's width at each row

    def _rows(self, y: np.ndarray) -> np.ndarray:
        return (y - self.top) / (self.bottom - self.top) * (GRID - 1)

    def to_grid(self, xy: np.ndarray) -> np.ndarray:
        """Frontal (..., 2) head coordinates -> (..., 2) column and row on the surface grid; clipped at the sides."""
        row = self._rows(xy[..., 1])
        sine = xy[..., 0] / self.half_width.take(row.astype(np.intp), mode="clip")
        at = np.empty(xy.shape)
        at[..., 0] = (np.arcsin(np.minimum(np.maximum(sine, -0.985), 0.985)) + THETA_MAX) * _COLUMNS_PER_RADIAN
        at[..., 1] = row
        return at

    def at(self, theta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Points of the surface at angles (M, K), radians, and heights (M,), head units: (M, K, 3) float64."""
        columns = (theta + THETA_MAX) * _COLUMNS_PER_RADIAN
        return self.at_grid(columns, np.broadcast_to(self._rows(y)[:, None], columns.shape))

    def at_grid(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Points of the surface at columns and rows of its grid, (M, K) both: (M, K, 3) float64."""
        surface = cv2.merge(list(self.points))
        return cv2.remap(surface, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR).astype(float)

    def lift(self, xy: np.ndarray) -> np.ndarray:
        """Frontal (K, 2) head coordinates -> (K, 3) points on the surface."""
        columns, rows = self.to_grid(xy).T
        return self.at_grid(columns[:, None], rows[:, None])[:, 0]


def heights(shape: FaceShape) -> np.ndarray:
    """Height of each row of the head's surface, (GRID,) float32, head units."""
    return np.float32(CROWN) + np.float32(shape.chin_y + UNDER_CHIN - CROWN) * _DOWN


def build_head(shape: FaceShape) -> Head:
    """Raise the bare surface of a head."""
    s = shape
    top, bottom = CROWN, s.chin_y + UNDER_CHIN
    v = heights(s)
    c = s.chin_y
    knots = [top, -66, -52, -34, -12, 6, 20, s.mouth_y, c - 11, c - 3, c + 3, bottom]
    widths = np.array([3, 17, 30, 37, 39.5, 39.5, 38.5 + s.cheek, 35.5 + s.jaw, 29 + s.jaw, 21 + 0.7 * s.jaw, 16, 11])
    depths = np.array([4, 20, 34, 42, 45, 45.5, 46, 47, 46, 42, 32, 20])
    half_width = _smooth(np.interp(v, knots, widths * (s.width / 39.5)))
    front = _smooth(np.interp(v, knots, depths * s.depth))
    relief = _relief(s, half_width, v)
    ear = s.ears * np.exp(-(((v - 6) / 10) ** 4))[:, None] * _EAR
    points = np.empty((3, GRID, GRID), np.float32)
    points[0] = half_width[:, None] * _SINE + ear * _SINE
    points[1] = v[:, None]
    points[2] = front[:, None] * _BULGE + relief + ear * _COSINE
    return Head(s, points, relief, top, bottom, half_width)


def grow(head: Head, hair: np.ndarray) -> Head:
    """The head with hair on it; `hair` is its thickness, (GRID, GRID) float32 in head units."""
    points = head.points.copy()
    points[0] += hair * _SINE
    points[1] -= hair * np.clip(points[1] / -60, 0, 1)
    points[2] += hair * _COSINE
    return replace(head, points=points)


def _smooth(profile: np.ndarray) -> np.ndarray:
    smooth = cv2.filter2D(profile[:, None], cv2.CV_64F, _WINDOW[:, None], borderType=cv2.BORDER_REPLICATE)
    return smooth[:, 0].astype(np.float32)


def _bumps(s: FaceShape) -> np.ndarray:
    """Gaussian bumps and hollows of one half of a face: (10, 5) of x, y, width and height on it, and how far out."""
    middle, bottom = s.mouth_y + 0.4 * s.mouth_open, s.mouth_y + 0.88 * s.mouth_open
    return np.array(
        [
            (s.nose_half_width - 0.8, s.nose_base + 0.6, 2.3, 2.6, 4.6),  # the wing of the nose
            (s.eye_x - 1, 0.5, 8.5, 5.0, -5.0),  # the socket
            (s.eye_x, 0.3, 5.2, 3.6, 2.6),  # the eyeball
            (s.eye_x - 2, s.brow_y + 3, 11, 3.5, 2.2),  # the ridge of the brow
            (24, 18, 9, 9, 2.4 + 1.5 * max(s.smile, 0)),  # the cheek
            (0, middle, 13, 10, 3.0),  # the teeth under the lips
            (0, s.mouth_y - 0.5 * s.upper_lip, 9, 2.0, 1.3),  # the upper lip
            (0, bottom + 0.5 * s.lower_lip, 8, 2.4, 1.5),  # the lower lip
            (0, bottom + s.lower_lip + 3, 9, 2.6, -1.3),  # the dip below it
            (0, s.chin_y - 7, 8, 6, 3.5),  # the chin
        ]
    )


def _relief(s: FaceShape, half_width: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far features stand out of the smooth head, (GRID, GRID) float32; `half_width` and `y` are (GRID,)."""
    # The two halves of a face mirror each other: one is raised, then copied.
    x = half_width[:, None] * _SINE[GRID // 2 :]
    tip = s.nose_y
    stands = np.array([0, 2.2, 3.0, 6.5, 10.5, 12, 10.2, 6.0, 2.2, 0]) * (s.nose_height / 12)
    low = 1 + s.tip_lift / 2.7  # how far the part below the tip is drawn out
    below = [tip + 2.2 * low, tip + 3.8 * low, tip + 5.2 * low, 60]
    ridge = np.interp(y, [-12, -6, -1, 0.5 * tip, tip - 4, tip, *below], stands)
    spread = np.interp(y, [-6, 2, tip - 4, tip + 3], [4.2, 3.2, 3.8, 4.6]) * (s.nose_half_width / 6.8)
    half = _bell(x * (1 / spread).astype(np.float32)[:, None]) * ridge.astype(np.float32)[:, None]
    bumps = _bumps(s)
    _, center, _, height, out = bumps.T[:, :, None]
    profiles = (out * np.exp(-0.5 * ((y - center) / height) ** 2)).astype(np.float32)[..., None]
    # Beyond 3.5 widths a bump is lower than 1/400 of what it is in its middle.
    ends = ((center + height * (-3.5, 3.5) - y[0]) * ((GRID - 1) / (y[-1] - y[0]))).clip(0, GRID - 1).astype(int)
    for (x0, _, wide, _, _), (first, last), profile in zip(bumps.tolist(), ends.tolist(), profiles, strict=True):
        rows = slice(first, last + 1)
        half[rows] += _bell(x[rows] * (1 / wide) - x0 / wide) * profile[rows]
    half *= np.clip(_COSINE[GRID // 2 :] * 3, 0, 1)
    return np.concatenate([half[:, ::-1], half], axis=1)


def _bell(x: np.ndarray) -> np.ndarray:
    """exp(-x²/2) of a matrix, which changes."""
    x *= x
    x *= -0.5
    return cv2.exp(x)
