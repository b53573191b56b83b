"""From linear light to a photograph: exposure, blur, low resolution, noise, JPEG, 8 bits."""

import cv2
import numpy as np

from data_scripts.drawing.numbers import clamp, pick
from data_scripts.drawing.shape import IMAGE_SIZE
from data_scripts.drawing.texture import grain
from data_scripts.files.pictures import decode_gray, jpeg


def develop(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """(CANVAS, CANVAS) float32 linear light -> (96, 96) uint8 picture."""
    picture = cv2.resize(canvas, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    picture = _expose(rng, np.maximum(picture, 0))
    picture = _blur(rng, picture)
    if rng.random() < 0.5:
        amount = rng.gamma(1.2, 2.0)
        size = pick(rng, (IMAGE_SIZE, IMAGE_SIZE, 48))
        speckle = cv2.resize(grain(rng, size, size), (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_LINEAR)
        picture = picture + np.float32(min(amount, 16.0)) * speckle
    if rng.random() < 0.08:
        picture = _torn_border(rng, picture)
    image: np.ndarray = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.55:
        quality = int(rng.uniform(18, 95))
        image = decode_gray(jpeg(image, quality))
    return image


def _expose(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Gray levels 0–255 as a camera's tone curve gives them."""
    face = picture[20:88, 20:76]
    sample = np.sort(face[::3, ::3], axis=None)
    bright = float(sample[int(0.92 * len(sample))]) + 0.01
    tone = cv2.pow(np.clip(picture / bright, 0, 3.0), rng.uniform(0.45, 0.85))
    white = clamp(rng.normal(182, 42), 70, 275)
    black = clamp(rng.normal(-4, 14), -12, 40)
    out = black + tone * (white - black)
    knee = 225.0
    return np.where(out > knee, knee + 30 * (1 - cv2.exp((knee - out) / 40)), out)


def _blur(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    kind = rng.random()
    if kind < 0.25:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.9))
    if kind < 0.34:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.9, 2.2))
    if kind < 0.52:
        wide, high = rng.integers(24, 80, 2)
        if rng.random() < 0.6:
            wide = high
        small = cv2.resize(picture, (int(wide), int(high)), interpolation=cv2.INTER_AREA)
        return cv2.resize(
            small, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_LINEAR
        )
    if kind < 0.76:
        strength = rng.uniform(0.3, 1.0)
        return picture + np.float32(strength) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.2))
    return picture


def _torn_border(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """A face at the rim of its photograph: the last row or column repeats, as crops beyond the rim show."""
    picture = picture.copy()
    edge = int(rng.integers(3, 16))
    side = rng.integers(0, 4)
    if side == 0:
        picture[:edge] = picture[edge]
    elif side == 1:
        picture[:, :edge] = picture[:, edge : edge + 1]
    elif side == 2:
        picture[:, -edge:] = picture[:, -edge - 1 : -edge]
    else:
        picture[-edge:] = picture[-edge - 1]
    return picture
