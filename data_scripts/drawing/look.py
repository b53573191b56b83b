"""Who a face is, besides its measures: skin, age, hair, hat, beard. And how hair lies on the head."""

from dataclasses import dataclass

import cv2
import numpy as np

from data_scripts.drawing.head import GRID, THETA, heights
from data_scripts.drawing.numbers import clamp, pick
from data_scripts.drawing.shape import FaceShape
from data_scripts.drawing.texture import TEXTURE, clouds, step

_DEGREES = np.degrees(THETA)[None]


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
    skin = float(clamp(pick(rng, (0.5, 0.38, 0.22, 0.1), (0.4, 0.3, 0.18, 0.12)) * rng.uniform(0.75, 1.25), 0.05, 0.7))
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
        hair_style=pick(rng, styles, weights),
        beard=pick(rng, beards, (0.5, 0.2, 0.1, 0.1, 0.1)) if masculine else "none",
    )


def grow_hair(rng: np.random.Generator, shape: FaceShape, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Hair, hat or scarf over the surface: -> coverage in [0, 1] and thickness in head units, both (GRID, GRID)."""
    v = heights(shape)[:, None]
    degrees, side = _DEGREES, np.abs(_DEGREES)
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
    return cover.astype(np.float32), cv2.GaussianBlur((cover * thickness * lumps).astype(np.float32), (11, 11), 2.0)


def color_hair(rng: np.random.Generator, base: np.ndarray, look: Look, cover: np.ndarray) -> np.ndarray:
    """Reflectance `base` of the skin, (TEXTURE, TEXTURE), with hair, hat or scarf where `cover` says."""
    if look.hair_style == "bald":
        return base
    mask: np.ndarray = cv2.resize(cover, (TEXTURE, TEXTURE), interpolation=cv2.INTER_LINEAR)
    if look.hair_style in ("hat", "scarf"):
        cloth = np.float32(rng.uniform(0.02, 0.8))
        weave = clouds(rng, TEXTURE, TEXTURE, int(rng.integers(2, 50)), int(rng.integers(2, 50)))
        color: np.ndarray = cloth * (1 + rng.uniform(0.0, 0.5) * weave)
    else:
        strands = clouds(rng, TEXTURE, TEXTURE, int(rng.integers(4, 30)), int(rng.integers(40, 110)))
        color = look.hair * cv2.exp(rng.uniform(0.15, 0.55) * strands)
        edge = 4 * mask * (1 - mask)
        mask = np.clip(mask + 0.35 * edge * strands, 0, 1)
    return base + mask * (color.astype(np.float32) - base)
