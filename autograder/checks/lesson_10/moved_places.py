"""Where turned, scaled and shifted points go, and where the pixels of a moved picture come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# A picture's height and width.
Size = tuple[int, int]


@dataclass(frozen=True)
class Moves:
    """How each face of a batch moves: degrees and scale (B,), shift (B, 2) pixels, float32."""

    degrees: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> Moves:
        """Return the move of a single face."""
        return cls(*(np.array([value], np.float32) for value in (degrees, scale, shift)))

    @classmethod
    def draw(cls, rng: np.random.Generator, faces: int) -> Moves:
        """Draw moves, each of another angle, scale and shift, none of which is small."""
        signs = rng.permutation(np.resize([1, -1], faces))
        scales = rng.permutation(np.resize([0.7, 1.4, 0.8, 1.25], faces))
        return cls(
            (signs * rng.uniform(15, 40, faces)).astype(np.float32),
            (scales + rng.uniform(-0.05, 0.05, faces)).astype(np.float32),
            (rng.choice([-1, 1], (faces, 2)) * rng.uniform(1.5, 4, (faces, 2))).astype(np.float32),
        )

    def repeated(self, times: int) -> Moves:
        """Return each move so many times in a row."""
        return replace(self, **{name: np.repeat(value, times, axis=0) for name, value in vars(self).items()})

    def turns(self) -> np.ndarray:
        """Return the matrices (B, 2, 2) that turn (x, y) from the x axis towards the y axis."""
        angle = np.radians(self.degrees.astype(float))
        cosine, sine = np.cos(angle), np.sin(angle)
        return np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2)

    def move(self, points: np.ndarray, size: Size) -> np.ndarray:
        """Return where points (B, K, 2) go, in pixels, float64."""
        centre = centre_of(size)
        turned = np.einsum("bij,bkj->bki", self.turns(), points.astype(float) - centre)
        return turned * self.scale[:, None, None].astype(float) + centre + self.shift[:, None].astype(float)

    def come_from(self, size: Size) -> np.ndarray:
        """Return where each pixel of the moved picture comes from, (B, H, W, 2) pixels of the old one."""
        centre = centre_of(size)
        away = grid(size)[None] - centre - self.shift[:, None, None].astype(float)
        return np.einsum("bji,bhwj->bhwi", self.turns(), away) / self.scale[:, None, None, None].astype(float) + centre


def centre_of(size: Size) -> np.ndarray:
    """Return the centre (x, y) of a picture in pixels, where a whole number is the centre of a pixel."""
    return (np.array(size[::-1]) - 1) / 2


def grid(size: Size) -> np.ndarray:
    """Return the place of each pixel, (H, W, 2), x before y."""
    return np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1).astype(float)


def ramps(size: Size) -> np.ndarray:
    """Return two pictures (2, 1, H, W) float32 in [0, 1] whose values say where a pixel is: one its x, one its y."""
    ends = np.array(size[::-1]) - 1.0
    return np.moveaxis(grid(size) / ends, -1, 0)[:, None].astype(np.float32)


def read_ramps(pictures: np.ndarray, size: Size) -> np.ndarray:
    """Return the places (B, H, W, 2) that moved ramps (2 * B, 1, H, W) show."""
    ends = np.array(size[::-1]) - 1.0
    return np.moveaxis(pictures.reshape(-1, 2, *size).astype(float), 1, -1) * ends


def inside(places: np.ndarray, size: Size) -> np.ndarray:
    """Return which places (…, 2) lie within the picture, and not at its very border."""
    return np.all((places >= 0.5) & (places <= np.array(size[::-1]) - 1.5), axis=-1)


def sample(pictures: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the values (B, H, W) of pictures (B, H, W) at places (B, H, W, 2): bilinear, the border repeated."""
    ends = np.array(pictures.shape[:0:-1]) - 1
    within = np.clip(places, 0, ends)
    x, y = np.moveaxis(np.minimum(np.floor(within), np.maximum(ends - 1, 0)).astype(int), -1, 0)
    right, down = np.moveaxis(within, -1, 0)[0] - x, np.moveaxis(within, -1, 0)[1] - y
    face = np.arange(len(pictures))[:, None, None]
    values = pictures.astype(float)
    upper = values[face, y, x] * (1 - right) + values[face, y, x + 1] * right
    lower = values[face, y + 1, x] * (1 - right) + values[face, y + 1, x + 1] * right
    return upper * (1 - down) + lower * down


def off_by(got: np.ndarray, want: np.ndarray, size: Size) -> float:
    """Return by how many pixels the places (H, W, 2) that a picture shows are off, apart from what interpolation does.

    Interpolation to the nearest pixel is off by up to half a pixel here and there, but not on the whole: the
    difference is smoothed by a plane. Only pixels that come from within the picture count.
    """
    known = inside(want, size)
    error = (got - want)[known]
    if not np.isfinite(error).all() or np.abs(error).mean() > 0.5:
        return np.inf
    steps = (grid(size)[known] - centre_of(size)) / max(size)
    plane = np.column_stack([np.ones(len(steps)), steps])
    return float(np.abs(plane @ np.linalg.lstsq(plane, error, rcond=None)[0]).max())
