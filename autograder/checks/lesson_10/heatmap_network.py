"""Checks of HeatmapNet: its maps, the places of those maps, and that it learns to find a spot anywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checks.common import module_shapes
from autograder.checks.common.shared import Shared
from autograder.checks.lesson_10.earlier_functions import CELLS, OwnPlaces, mend_first
from autograder.checks.lesson_10.map_places import SIDE, mean_places, places_mistakes, spread
from autograder.isolation.process import OutOfTime
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue
from autograder.worker.probes.lesson_10_spots import TRIES, draw_spots, places_beside

heatmap_net = Ladder("HeatmapNet")

MOST = 2_000_000
# Seconds of the processor that the training on spots may take; the rest of the exercise's time is for the other rungs.
TRAINING_SECONDS = 40.0
SLOW = (
    f"The check trains your network for {sum(steps for steps, _ in TRIES)} steps; its step takes too long. On how many "
    "cells does each of its layers work?"
)
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


@heatmap_net.rung("values", points=4)
def says_the_places_of_its_maps(student: Student, rng: np.random.Generator) -> None:
    """What forward says is the mean place of each map, x then y, in pixels; for weights drawn here."""
    images = _spots(rng, 6)
    expected = "what forward says: the mean places of the network's own maps, as soft_argmax gives them"
    hint = "forward has two steps: the maps of the images, then soft_argmax of these maps, in one row for each image."
    rounds, own = [], OwnPlaces(student)
    for one in _redrawn(student, rng, images, GAINS, places=True):
        maps = one["maps"]
        if not np.isfinite(maps).all() or np.abs(maps).max(initial=0) > LARGEST:
            continue
        flat = mean_places(maps).reshape(len(maps), -1)
        places = _numbers(one["places"], None, "what forward says")
        if places.size != flat.size:
            raise expect.Mismatch(f"{expected}, shape {flat.shape}", f"shape {places.shape}", hint=hint)
        # In the order of how much the maps say: those that say little are like some mistake by chance.
        rounds.append((spread(flat), maps, flat, places.reshape(flat.shape)))
    rounds.sort(key=lambda one: one[0], reverse=True)
    for number, (_, maps, flat, places) in enumerate(rounds):
        if np.allclose(places, flat, rtol=0, atol=CLOSE):
            continue
        # A slip in soft_argmax costs its share there.
        if own.follow(places, maps, flat, CLOSE, clear=number == 0):
            continue
        mistakes = places_mistakes(maps).items()
        words = next((words for words, wrong in mistakes if np.allclose(places, wrong, rtol=0, atol=CLOSE)), "")
        got = words or f"other places, off by {_rms(places - flat):.3g} pixels"
        wrong = expect.Mismatch(expected, got, "6 images; for several drawn weights", hint)
        raise wrong if own.right else mend_first(wrong, "soft_argmax", own.usable)
    seen = rounds[0][0] if rounds else 0.0
    got = "maps whose places are the same for every image"
    expect.true(seen > APART, "maps whose places depend on the image, whatever the weights", got, hint=hint)


def _rms(values: np.ndarray) -> float:
    return float(math.sqrt(np.square(values.astype(float)).mean()))


def _learn(student: Student, rng: np.random.Generator) -> tuple[float, str, bool]:
    """Return the error of a trained network on pictures that it has not seen, as a part of a constant answer's.

    Beside it, what is odd about its maps, and whether its training took too long to come to its end.
    """
    beside = places_beside(rng)
    images, targets = draw_spots(rng, 24, beside)
    inputs = {"images": images, "beside": beside, "seed": module_shapes.seed(rng), "seconds": TRAINING_SECONDS}
    try:
        answer = student.probe("lesson_10.network_learns", **inputs)
    except OutOfTime as late:
        raise OutOfTime(f"{late} in the training that this check does; your network's step takes too long") from None
    maps = _numbers(answer["maps"], (len(images), targets.shape[1], None, None), "maps(images), keypoints=2")
    if not np.isfinite(maps).all():
        return math.inf, "; its maps hold no numbers", False
    error = _rms(mean_places(maps) - targets) / _rms(targets - targets.mean(axis=0))
    return error, _odd(maps), bool(answer["late"])


def _odd(maps: np.ndarray) -> str:
    """Return what keeps maps from learning, in words; empty where nothing is odd about them."""
    if np.allclose(maps.sum(axis=(2, 3)), 1, atol=1e-3) and maps.min() >= 0:
        return "; each of its maps adds up to 1, as behind a softmax"
    if maps.min() >= 0 and maps.max() <= 1:
        return "; its maps hold values between 0 and 1, as behind a sigmoid"
    if np.ptp(maps, axis=0).max() < 1e-6:
        return "; its maps are the same for every image"
    return ""


_learned = Shared("HeatmapNet/learned", _learn)


def _expect_learned(student: Student, rng: np.random.Generator, share: float) -> None:
    error, odd, late = _learned(student, rng)
    hint = (
        "A map learns where nothing holds its values back (no sigmoid, no softmax behind the last layer), and where "
        "each cell still knows where it is in the image."
    )
    expected = f"after a short training, less than {share:.0%} of the error of a constant answer"
    # No digits: the same mistake made twice does not learn alike to the last of them.
    got = "as much as a constant answer, or nearly" if error > 0.85 else "more than that"
    if late and not odd:
        got, hint = f"{got}, when the time for it was up", SLOW
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


def _without_gradient(student: Student, rng: np.random.Generator) -> list[Any]:
    """Return the parameters that no gradient reaches from what forward says.

    A soft_argmax that lets none through costs its share there: then the way back begins at the maps.
    """
    images = _spots(rng, 4)
    upstream = rng.standard_normal((4, 4)).astype(np.float32)
    inputs: dict[str, Any] = {"images": images, "upstream": upstream, "seed": module_shapes.seed(rng)}
    try:
        found = student.probe("lesson_10.network_gradients", **inputs)
    except StudentError:
        if not OwnPlaces(student).cuts_the_gradient(rng.standard_normal((1, 2, CELLS, CELLS)).astype(np.float32)):
            raise
        found = student.probe("lesson_10.network_gradients", **inputs, what="maps")
    module_shapes.expect_found(found)
    return found["without"]


@heatmap_net.rung("gradients", points=1)
def trains_every_layer(student: Student, rng: np.random.Generator) -> None:
    """From what forward says, a gradient reaches every parameter, and PyTorch finds all layers."""
    without = _without_gradient(student, rng)
    hint = "A layer without a gradient is not used in forward, or something behind it cuts the way back."
    got = f"none for {', '.join(map(str, without[:3]))}{', …' if len(without) > 3 else ''}"
    expect.true(not without, "a gradient for every parameter of the network", got, hint=hint)
