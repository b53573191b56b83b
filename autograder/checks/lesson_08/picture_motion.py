"""Pictures that move and turn, on the deciding side: pictures to ask with, where points go, and what mistakes make.

A place in a picture is counted in pixels from its upper left corner, so that pixel number i lies between i and i + 1;
relative keypoints times (width, height) are such places.
"""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect


def blob_picture(shape: tuple[int, int], place: np.ndarray, radius: float = 2.0) -> np.ndarray:
    """Return a black picture (H, W) float32 with one bright, soft spot at the place (x, y) in pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * radius**2)).astype(np.float32)


def points_off_center(
    rng: np.random.Generator, shape: tuple[int, int], count: int = 5, spread: float = 0.25
) -> np.ndarray:
    """Draw relative keypoints (count, 2) float32 around a place that is not the center of a picture of this shape.

    They lie on a circle, whose radius is ``spread`` of the picture's shorter side.

    Who turns them about their own mean, which lies 12 pixels from the center or more, is off by 4 at 20 degrees.
    """
    size = np.array(shape[::-1])
    angles, length = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count, spread * min(shape)
    mean = size / 2 - rng.uniform(8.5, 12, 2)
    return ((mean + length * np.stack([np.cos(angles), np.sin(angles)], axis=1)) / size).astype(np.float32)


def center_of_mass(picture: np.ndarray) -> np.ndarray | None:
    """Return where the brightness of a picture lies, (x, y) in pixels; None where there is none."""
    mass = picture.astype(float)
    # What interpolation leaves far from the spot would pull the center to the middle.
    mass = np.where(mass > 0.1 * mass.max(initial=0), mass, 0)
    total = mass.sum()
    if not total > 0 or not np.isfinite(total):
        return None
    y, x = np.mgrid[: mass.shape[0], : mass.shape[1]] + 0.5
    return np.array([(x * mass).sum(), (y * mass).sum()]) / total


def turned(places: np.ndarray, degrees: float, center: np.ndarray) -> np.ndarray:
    """Turn places (K, 2) in pixels about a center, counterclockwise as seen, where y grows downwards."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (places - center) @ np.array([[cosine, -sine], [sine, cosine]]) + center


def turned_points(keypoints: np.ndarray, degrees: float, shape: tuple[int, int]) -> np.ndarray:
    """Turn relative keypoints (K, 2) about the center of a picture of this shape."""
    size = np.array(shape[::-1])
    return turned(keypoints * size, degrees, size / 2) / size


def turning_mistakes(keypoints: np.ndarray, degrees: float, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return in words what common mistakes make of relative keypoints that shall turn, and their result."""
    size = np.array(shape[::-1])
    places, middle, half, corner = keypoints * size, size / 2, np.full(2, 0.5), np.zeros(2)
    mean = places.mean(axis=0)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = (places - middle).T
    turned_x = cosine * x + sine * y
    twice = np.stack([turned_x, -sine * turned_x + cosine * y], axis=1)
    return {
        "points that stayed where they were": keypoints,
        "points turned clockwise": turned(places, -degrees, middle) / size,
        "points turned in relative units, where x and y are of different length": turned(keypoints, degrees, half),
        "points turned clockwise in relative units": turned(keypoints, -degrees, half),
        "points turned about the upper left corner": turned(places, degrees, corner) / size,
        "points turned clockwise about the upper left corner": turned(places, -degrees, corner) / size,
        "points turned about their own mean": turned(places, degrees, mean) / size,
        "points turned clockwise about their own mean": turned(places, -degrees, mean) / size,
        "points turned by half a degree or so: the angle in radians, taken for degrees": turned(
            places, float(np.radians(degrees)), middle
        )
        / size,
        "points turned by so many radians": turned(places, float(np.degrees(degrees)), middle) / size,
        "points in pixels": turned(places, degrees, middle),
        "points turned after x was multiplied by H and y by W": (
            turned(keypoints * size[::-1], degrees, middle) / size[::-1]
        ),
        "points turned about (H / 2, W / 2)": turned(places, degrees, middle[::-1]) / size,
        "points turned clockwise, and moved: the matrix was not transposed": (
            turned(places, -degrees, corner) + middle - turned(middle, degrees, corner)
        )
        / size,
        "points cut to [0, 1]": np.clip(turned(places, degrees, middle) / size, 0, 1),
        "points whose y was turned with the x that was turned already": (twice + middle) / size,
        "points about the middle, which was never added again": turned(places - middle, degrees, corner) / size,
    }


def translated(image: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """Move a picture (H, W) by whole pixels, dx to the right and dy down; 0 comes in."""
    height, width = image.shape
    moved = np.zeros_like(image)
    if abs(dx) < width and abs(dy) < height:
        rows, columns = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
        from_rows, from_columns = slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0))
        moved[rows, columns] = image[from_rows, from_columns]
    return moved


def translating_mistakes(image: np.ndarray, dx: int, dy: int) -> dict[str, np.ndarray]:
    """Return in words what common mistakes make of a picture that shall move, and their result."""
    height, width = image.shape
    rows = np.clip(np.arange(height) - dy, 0, height - 1)
    columns = np.clip(np.arange(width) - dx, 0, width - 1)
    inside = translated(np.ones_like(image), dx, dy) > 0
    return {
        "a picture that did not move": image,
        "a picture that moved the other way": translated(image, -dx, -dy),
        "a picture that moved the other way in x": translated(image, -dx, dy),
        "a picture that moved the other way in y": translated(image, dx, -dy),
        "a picture that moved by dy to the right and by dx down": translated(image, dy, dx),
        "a picture whose leaving pixels came in again on the other side": np.roll(image, (dy, dx), (0, 1)),
        "a picture whose rim was stretched into the gap": image[np.ix_(rows, columns)],
        "a picture whose gap is white": np.where(inside, translated(image, dx, dy), 1),
        "a picture whose gap is gray": np.where(inside, translated(image, dx, dy), 0.5),
    }


def moved_points_mistakes(keypoints: np.ndarray, dx: int, dy: int, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return in words what common mistakes make of relative keypoints that shall move, and their result."""
    height, width = shape
    step = np.array([dx / width, dy / height])
    return {
        "points that stayed where they were": keypoints,
        "points that moved the other way": keypoints - step,
        "points that moved by whole pixels, as if they were in pixels": keypoints + [dx, dy],
        "points in pixels": (keypoints + step) * [width, height],
        "points with dx divided by the height and dy by the width": keypoints + [dx / height, dy / width],
        "points with dx and dy both divided by the width": keypoints + [dx / width, dy / width],
        "points with dx and dy both divided by the height": keypoints + [dx / height, dy / height],
        "points that moved by dy in x and by dx in y": keypoints + [dy / width, dx / height],
        "points cut to [0, 1]": np.clip(keypoints + step, 0, 1),
    }


def jitter_mistakes(image: np.ndarray, brightness: float, contrast: float) -> dict[str, np.ndarray]:
    """Return in words what common mistakes make of a picture whose light shall change, and their result."""
    right, mean = 0.5 + contrast * (image - 0.5) + brightness, image.mean()
    return {
        "a picture as it was": image,
        "values that were not cut to [0, 1]": right,
        "contrast about black: contrast * image + brightness": np.clip(contrast * image + brightness, 0, 1),
        "contrast about the picture's own mean": np.clip(mean + contrast * (image - mean) + brightness, 0, 1),
        "brightness multiplied by the contrast": np.clip(0.5 + contrast * (image - 0.5 + brightness), 0, 1),
        "brightness as a factor": np.clip((0.5 + contrast * (image - 0.5)) * (1 + brightness), 0, 1),
        "brightness as the only factor": np.clip((0.5 + contrast * (image - 0.5)) * brightness, 0, 1),
        "contrast without brightness": np.clip(0.5 + contrast * (image - 0.5), 0, 1),
        "brightness without contrast": np.clip(image + brightness, 0, 1),
        "values stretched to all of [0, 1]": (right - right.min()) / max(right.max() - right.min(), 1e-9),
        "values in -0.5 … 0.5": np.clip(right, 0, 1) - 0.5,
        "0.5 that was not added again": np.clip(contrast * (image - 0.5) + brightness, 0, 1),
    }


def expect_near(
    got: np.ndarray,
    want: np.ndarray,
    atol: float,
    mistakes: dict[str, np.ndarray],
    expected: str,
    what: str,
    example: str,
    hint: str,
) -> None:
    """Expect numbers within ``atol`` of ``want``; where a mistake explains others, its words beside ``expected``."""
    if got.shape == want.shape and np.allclose(got, want, rtol=0, atol=atol):
        return
    words = named(got, mistakes, atol)
    if words:
        raise expect.Mismatch(expected, words, example, hint)
    expect.close(got, want, rtol=0, atol=atol, what=what, example=example, hint=hint)


def named(got: np.ndarray, mistakes: dict[str, np.ndarray], atol: float) -> str | None:
    """Return the words of the first mistake whose result is ``got``, None where there is none."""
    for words, wrong in mistakes.items():
        if wrong.shape == got.shape and np.allclose(got, wrong, rtol=0, atol=atol):
            return words
    return None
