"""Checks of HeatmapNet: its maps, the places of those maps, and that it learns to find a spot anywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.common import module_shapes
from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue
from autograder.worker.probes.lesson_10_spots import draw_spots, places_beside

heatmap_net = Ladder("HeatmapNet")

SIDE, CELLS, MOST = 96, 24, 2_000_000
# How large the weights are drawn. In a network without normalization the larger ones make maps without end.
GAINS = [1.0, 0.25, 4.0, 16.0]
# Logits up to which the places of maps are compared: of larger ones, float32 keeps too few digits.
LARGEST = 60.0
# In pixels: what places may be off by, and how far apart those must be that are compared.
CLOSE, APART = 0.005, 0.02
CORNER = 12
CORNERS = {
    "upper left": (slice(0, CORNER), slice(0, CORNER)),
    "upper right": (slice(0, CORNER), slice(-CORNER, None)),
    "lower left": (slice(-CORNER, None), slice(0, CORNER)),
    "lower right": (slice(-CORNER, None), slice(-CORNER, None)),
}


def _numbers(value: Any, shape: tuple[int | None, ...] | None, what: str) -> np.ndarray:
    """Expect a float tensor of this shape; return its numbers."""
    return expect.array(value, shape, "float", "torch", what)


def _spots(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return pictures of spots, (count, 1, 96, 96), for which no keypoints are asked."""
    return draw_spots(rng, count, places_beside(rng))[0]


def mean_places(maps: np.ndarray) -> np.ndarray:
    """Return the mean place of maps (B, K, h, w) of 96 x 96 images, (B, K, 2) pixels, x then y."""
    logits = maps.astype(float)
    weights = np.exp(logits - logits.max(axis=(2, 3), keepdims=True))
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    rows, columns = (SIDE / count * (np.arange(count) + 0.5) - 0.5 for count in maps.shape[2:])
    return np.stack([(weights.sum(axis=2) * columns).sum(axis=2), (weights.sum(axis=3) * rows).sum(axis=2)], axis=2)


def _best_places(maps: np.ndarray) -> np.ndarray:
    """Return the middle of the largest cell of each map, (B, K, 2) pixels."""
    height, width = maps.shape[2:]
    best = maps.reshape(*maps.shape[:2], -1).argmax(axis=2)
    return np.stack([SIDE / width * (best % width + 0.5), SIDE / height * (best // width + 0.5)], axis=2) - 0.5


@heatmap_net.rung("type", points=1, gate=True)
def is_a_network_with_maps(student: Student, rng: np.random.Generator) -> None:
    """HeatmapNet() is a module with parameters, and maps is one of its methods."""
    found = student.probe("lesson_10.network_type", seed=module_shapes.seed(rng))
    expect.true(bool(found["is_module"]), "HeatmapNet(): a torch.nn.Module", f"{found['type']}")
    hint = "The class needs two methods besides __init__: maps, and forward, which calls it."
    expect.true(bool(found["maps"]), "a method maps(images)", "no such method", hint=hint)
    got = "no parameters at all"
    expect.true(bool(found["shapes"]), "layers whose weights can be trained", got, hint=module_shapes.PLAIN_LIST_HINT)


def _ask(student: Student, rng: np.random.Generator, what: str, batch: int, **kwargs: int) -> Any:
    images = _spots(rng, batch)
    seed = module_shapes.seed(rng)
    return student.probe("lesson_10.network_answer", kwargs=kwargs, images=images, what=what, seed=seed)


@heatmap_net.rung("shape", points=1)
def gives_fifteen_maps(student: Student, rng: np.random.Generator) -> None:
    """Two images give maps (2, 15, 24, 24)."""
    maps = _ask(student, rng, "maps", 2)
    _numbers(maps, (2, 15, CELLS, CELLS), "HeatmapNet().maps of images (2, 1, 96, 96)")


@heatmap_net.rung("shape", points=1)
def gives_fifteen_places(student: Student, rng: np.random.Generator) -> None:
    """Two images give places (2, 30), x and y of each keypoint in one row."""
    _numbers(_ask(student, rng, "forward", 2), (2, 30), "HeatmapNet() of images (2, 1, 96, 96)")


@heatmap_net.rung("shape", points=1)
def takes_other_sizes(student: Student, rng: np.random.Generator) -> None:
    """Another number of keypoints gives so many maps, whatever the width."""
    keypoints = int(rng.integers(4, 9))
    call = f"HeatmapNet(keypoints={keypoints}, width=16)"
    maps = _ask(student, rng, "maps", 3, keypoints=keypoints, width=16)
    hint = "Where in your network does a number stand that should be keypoints or follow from width?"
    shape = maps.array.shape if isinstance(maps, TensorValue) else None
    # The size of a map has a rung of its own.
    right = shape is not None and len(shape) == 4 and shape[:2] == (3, keypoints)
    got = f"shape {shape}" if shape is not None else expect.show_typed(maps)
    expected = f"{call}.maps of images (3, 1, 96, 96): shape (3, {keypoints}, {CELLS}, {CELLS})"
    expect.true(right, expected, got, hint=hint)


def _redrawn(
    student: Student, rng: np.random.Generator, images: np.ndarray, gains: list[float], **also: bool
) -> list[dict[str, Any]]:
    """Return what the network answers for its own weights and for weights drawn with these gains."""
    also = {"places": False, "alone": False, **also}
    seed = module_shapes.seed(rng)
    answers = student.probe("lesson_10.network_redrawn", images=images, gains=gains, seed=seed, **also)
    for one in answers:
        one["maps"] = _numbers(one["maps"], (len(images), None, None, None), "maps(images)")
    return answers


def _places_mistakes(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Return in words what mistakes make of maps (B, K, h, w), each (B, 2K)."""
    right, batch = mean_places(maps), len(maps)
    best, stride = _best_places(maps), SIDE / maps.shape[3]
    mistakes = {
        "y before x of each keypoint": right[..., ::-1],
        "cells of the map, not pixels of the image": (right + 0.5) / stride - 0.5,
        "all x before all y": right.transpose(0, 2, 1),
        "the upper left corner of each cell in place of its middle": right - (stride - 1) / 2,
        "places half a pixel too far": right + 0.5,
        "shares of the image's width, not pixels": right / SIDE,
        "the place of the largest cell, from which no gradient comes": best,
    }
    return {words: places.reshape(batch, -1) for words, places in mistakes.items()}


@heatmap_net.rung("values", points=4)
def says_the_places_of_its_maps(student: Student, rng: np.random.Generator) -> None:
    """What forward says is the mean place of each map, x then y, in pixels; for weights drawn here."""
    images = _spots(rng, 6)
    expected = "what forward says: the mean places of the network's own maps, as soft_argmax gives them"
    hint = "forward has two steps: the maps of the images, then soft_argmax of these maps, in one row for each image."
    rounds = []
    for one in _redrawn(student, rng, images, GAINS, places=True):
        maps = one["maps"]
        if not np.isfinite(maps).all() or np.abs(maps).max(initial=0) > LARGEST:
            continue
        want = mean_places(maps)
        places = _numbers(one["places"], None, "what forward says")
        flat = want.reshape(len(maps), -1)
        if places.size != flat.size:
            raise expect.Mismatch(f"{expected}, shape {flat.shape}", f"shape {places.shape}", hint=hint)
        # In the order of how much the maps say: those that say little are like some mistake by chance.
        spread = float(np.ptp(want, axis=0).min(axis=1).max())
        rounds.append((spread, maps, flat, places.reshape(flat.shape)))
    rounds.sort(key=lambda one: one[0], reverse=True)
    for _, maps, flat, places in rounds:
        if np.allclose(places, flat, rtol=0, atol=CLOSE):
            continue
        mistakes = _places_mistakes(maps).items()
        words = next((words for words, wrong in mistakes if np.allclose(places, wrong, rtol=0, atol=CLOSE)), "")
        got = words or f"other places, off by {_rms(places - flat):.3g} pixels"
        raise expect.Mismatch(expected, got, "6 images; for several drawn weights", hint)
    seen = rounds[0][0] if rounds else 0.0
    got = "maps whose places are the same for every image"
    expect.true(seen > APART, "maps whose places depend on the image, whatever the weights", got, hint=hint)


def _rms(values: np.ndarray) -> float:
    return float(math.sqrt(np.square(values.astype(float)).mean()))


def _learn(student: Student, rng: np.random.Generator) -> tuple[float, str]:
    """Return the error of a trained network on pictures that it has not seen, as a part of a constant answer's.

    Beside it, what is odd about its maps.
    """
    beside = places_beside(rng)
    images, targets = draw_spots(rng, 24, beside)
    answer = student.probe("lesson_10.network_learns", images=images, beside=beside, seed=module_shapes.seed(rng))
    maps = _numbers(answer, (len(images), targets.shape[1], None, None), "maps(images), keypoints=2")
    if not np.isfinite(maps).all():
        return math.inf, "; its maps hold no numbers"
    error = _rms(mean_places(maps) - targets) / _rms(targets - targets.mean(axis=0))
    if np.allclose(maps.sum(axis=(2, 3)), 1, atol=1e-3) and maps.min() >= 0:
        return error, "; each of its maps adds up to 1, as behind a softmax"
    if maps.min() >= 0 and maps.max() <= 1:
        return error, "; its maps hold values between 0 and 1, as behind a sigmoid"
    if np.ptp(maps, axis=0).max() < 1e-6:
        return error, "; its maps are the same for every image"
    return error, ""


_learned = Shared("HeatmapNet/learned", _learn)


def _expect_learned(student: Student, rng: np.random.Generator, share: float) -> None:
    error, odd = _learned(student, rng)
    hint = (
        "A map learns where nothing holds its values back (no sigmoid, no softmax behind the last layer), and where "
        "each cell still knows where it is in the image."
    )
    expected = f"after a short training, less than {share:.0%} of the error of a constant answer"
    # No digits: the same mistake made twice does not learn alike to the last of them.
    got = "as much as a constant answer, or nearly" if error > 0.85 else "more than that"
    expect.true(error < share, expected, f"{got}{odd}", "pictures of a bright spot, keypoints=2", hint)


@heatmap_net.rung("values", points=2)
def learns_something(student: Student, rng: np.random.Generator) -> None:
    """Trained on pictures of a bright spot, it is better on others than any constant answer."""
    _expect_learned(student, rng, 0.65)


@heatmap_net.rung("values", points=4)
def learns_to_find(student: Student, rng: np.random.Generator) -> None:
    """Trained on pictures of a bright spot, it finds the keypoints beside it in pictures that it has not seen."""
    _expect_learned(student, rng, 0.4)


def _changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which cells of maps (K, h, w) differ.

    What is added to a whole map alike changes no place: it is no change. An infinity minus itself is no number, and no
    change either.
    """
    with np.errstate(invalid="ignore"):
        apart = one.astype(float) - other
    finite = np.isfinite(apart)
    apart = np.where(finite, apart, 0)
    uneven = np.ptp(apart, axis=(1, 2)) > 1e-4 * np.abs(apart).max(axis=(1, 2))
    return finite & (apart != 0) & uneven[:, None, None]


@heatmap_net.rung("edge cases", points=3)
def every_corner_reaches_every_cell(student: Student, rng: np.random.Generator) -> None:
    """A change in any corner of the image changes every cell of its maps."""
    reached = dict.fromkeys(CORNERS, np.zeros((), bool))
    # Whatever a single draw may hide by chance, such as a ReLU that is shut, another one shows.
    for _ in range(6):
        image = np.clip(_spots(rng, 1) + rng.normal(0, 0.15, (1, 1, SIDE, SIDE)), 0, 1).astype(np.float32)
        images = np.repeat(image, 5, axis=0)
        for number, place in enumerate(CORNERS.values(), start=1):
            images[number, 0][place] = rng.random((CORNER, CORNER), np.float32)
        for one in _redrawn(student, rng, images, [1.0, 1.0]):
            maps = one["maps"]
            for number, corner in enumerate(CORNERS, start=1):
                reached[corner] = reached[corner] | _changed(maps[number], maps[0])
        if all(cells.all() for cells in reached.values()):
            return
    hint = (
        "Follow the image down to the smallest map. If that still has many cells, the layers behind it must carry "
        "what one corner knows to the others."
    )
    for corner, cells in reached.items():
        expected = f"a change in the {corner} corner of the image changes every cell of every map"
        got = f"{np.count_nonzero(cells):,} of {cells.size:,} cells change"
        example = f"the {CORNER} x {CORNER} pixels of one corner drawn anew, in eval mode"
        expect.true(bool(cells.all()), expected, got, example, hint)


@heatmap_net.rung("edge cases", points=1)
def looks_at_each_image_alone(student: Student, rng: np.random.Generator) -> None:
    """In eval mode the maps of an image do not depend on the others of its batch."""
    images = _spots(rng, 4) * np.array([0.3, 0.6, 1, 0.9], np.float32)[:, None, None, None]
    hint = "A mean or a maximum over the batch mixes the images. Which axes does each of your sums run over?"
    for one in _redrawn(student, rng, images, [1.0], alone=True):
        maps = one["maps"]
        largest = float(np.abs(maps).max(initial=0))
        for number, alone in enumerate(one["alone"]):
            single = _numbers(alone, (1, *maps.shape[1:]), "the maps of one image")
            same = np.allclose(single[0], maps[number], rtol=1e-3, atol=1e-3 * largest, equal_nan=True)
            expected = "in eval mode, the same maps of an image alone and among others"
            expect.true(bool(same), expected, "other maps", "a batch of 4, then each of them alone", hint)


@heatmap_net.rung("edge cases", points=1)
def has_two_million_parameters_at_most(student: Student, rng: np.random.Generator) -> None:
    """With the default arguments there are at most 2 million parameters."""
    shapes = student.probe("lesson_10.network_type", seed=module_shapes.seed(rng))["shapes"]
    count = sum(math.prod(shape) for shape in shapes)
    most = max((tuple(shape) for shape in shapes), key=math.prod)
    hint = f"The largest of them, of shape {most}, holds {math.prod(most):,}. Must its layer be so wide?"
    expect.true(count <= MOST, f"HeatmapNet(): at most {MOST:,} parameters", f"{count:,}", hint=hint)


@heatmap_net.rung("gradients", points=1)
def trains_every_layer(student: Student, rng: np.random.Generator) -> None:
    """From what forward says, a gradient reaches every parameter, and PyTorch finds all layers."""
    images = _spots(rng, 4)
    upstream = rng.standard_normal((4, 4)).astype(np.float32)
    found = student.probe("lesson_10.network_gradients", images=images, upstream=upstream, seed=module_shapes.seed(rng))
    module_shapes.expect_found(found)
    without = found["without"]
    hint = "A layer without a gradient is not used in forward, or something behind it cuts the way back."
    got = f"none for {', '.join(map(str, without[:3]))}{', …' if len(without) > 3 else ''}"
    expect.true(not without, "a gradient for every parameter of the network", got, hint=hint)
