"""Checks of soft_argmax: the mean place of maps, in pixels, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue, type_name

soft_argmax = Ladder("soft_argmax")

STRIDE = 4
# A float32 mean of some hundred places of up to 200 pixels, added up in any order.
ATOL = 2e-3
CALL = "soft_argmax(maps)"
CELL_HINT = "Which pixels does the first cell cover, and where is their middle? A whole number is a pixel's centre."
SIZE_HINT = "Maps of other sizes come, too: take h and w from the shape of the maps that are given."
MEAN_HINT = "A map's weights add up to 1 over all of its rows and columns together. Then average the cells' centres."


def _centres(height: int, width: int, stride: float) -> np.ndarray:
    """Return the centre of every cell, (height, width, 2) pixels, x before y."""
    x, y = (stride * (np.arange(size) + 0.5) - 0.5 for size in (width, height))
    return np.stack(np.meshgrid(x, y), axis=-1)


def _weights(maps: np.ndarray) -> np.ndarray:
    """Return the softmax of each map, float64."""
    powers = np.exp(maps.astype(float) - maps.max(axis=(2, 3), keepdims=True))
    return powers / powers.sum(axis=(2, 3), keepdims=True)


def _places(maps: np.ndarray, stride: float = STRIDE) -> np.ndarray:
    """Return the mean place of each map, (B, K, 2) pixels."""
    return np.einsum("bkhw,hwa->bka", _weights(maps), _centres(maps.shape[2], maps.shape[3], stride))


def _draw_maps(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw maps (B, K, h, w) float32 with a hill somewhere in each, so that their places differ by some cells."""
    batch, count, height, width = shape
    rows, columns = np.mgrid[:height, :width]
    places = rng.uniform(0.15, 0.85, (batch, count, 2, 1, 1)) * np.array([width, height]).reshape(1, 1, 2, 1, 1)
    distance = (columns - places[:, :, 0]) ** 2 + (rows - places[:, :, 1]) ** 2
    return (4 * np.exp(-distance / 18) + rng.normal(0, 0.7, shape)).astype(np.float32)


def _ask(student: Student, maps: np.ndarray, stride: int | None = None) -> Any:
    """Return the places of maps. Of an error with maps that have not the lesson's size, say that there are others."""
    height, width = maps.shape[2:]
    try:
        return student.probe("lesson_10.places", maps=maps, stride=stride)["value"]
    except StudentError as raised:
        if (height, width) == (24, 24) or not {"RuntimeError", "ValueError", "IndexError"} & set(raised.bases):
            raise
        example = f"maps of {height} rows and {width} columns"
        raise expect.Mismatch("no error", str(raised), example, SIZE_HINT, where=raised.where) from None


def _found(value: Any, maps: np.ndarray) -> np.ndarray:
    """Return the places (B, K, 2) that came; that they are no tensor, or in a single row, costs the rungs of form."""
    shape = (*maps.shape[:2], 2)
    found = value.array if isinstance(value, TensorValue) else value
    expect.true(isinstance(found, np.ndarray), f"{CALL}: a torch.Tensor", type_name(value))
    fits = found.shape in (shape, (shape[0], 2 * shape[1]))
    expect.true(fits, f"{CALL}: shape {shape}", f"shape {found.shape}")
    expect.true(found.dtype.kind in "biuf", f"{CALL}: numbers", f"{found.dtype}")
    return found.reshape(shape).astype(float)


def _say(points: np.ndarray) -> str:
    # To thousandths: what float32 leaves of 0 has no digits that count.
    return ", ".join(f"({x:.6g}, {y:.6g})" for x, y in np.round(points.reshape(-1, 2)[:4], 3) + 0.0)


def _expect_places(got: np.ndarray, want: np.ndarray, what: str, example: str, hint: str) -> None:
    """Expect places (B, K, 2); where some differ, those of the first maps are told."""
    close = np.isclose(got, want, rtol=1e-5, atol=ATOL)
    if not close.all():
        face = int(np.argmin(close.all(axis=(1, 2))))
        raise expect.Mismatch(f"{what}: {_say(want[face])}", _say(got[face]), example, hint)


@form(soft_argmax, "type", points=1, of="torch")
def returns_a_tensor(student: Student, rng: np.random.Generator) -> Answers:
    """The places are a torch.Tensor."""
    yield CALL, _ask(student, _draw_maps(rng, 2, 3, 24, 24))


@form(soft_argmax, "shape", points=1, of="torch")
def a_place_for_each_map(student: Student, rng: np.random.Generator) -> Answers:
    """(B, K, h, w) become (B, K, 2), one map alone included."""
    for batch, count in ((2, 3), (1, 1), (2, 2)):
        yield CALL, _ask(student, _draw_maps(rng, batch, count, 24, 24)), (batch, count, 2)


@form(soft_argmax, "dtype", points=1, of="torch", dtype="float32")
def stays_float32(student: Student, rng: np.random.Generator) -> Answers:
    """The places are float32."""
    yield CALL, _ask(student, _draw_maps(rng, 2, 3, 24, 24))


def _affine_error(got: np.ndarray, want: np.ndarray) -> float:
    """Return how far numbers are from a factor times others plus an offset, in their unit; inf without a factor."""
    factor, offset = np.polyfit(want, got, 1)
    return float(np.abs(got - factor * want - offset).max() / factor) if factor > 0.05 else np.inf


def _alike(got: np.ndarray, want: np.ndarray, atol: float = 5 * ATOL) -> bool:
    """Return whether places (B, K, 2) are the right ones in some unit, from some corner, x and y in either order."""
    if not np.isfinite(got).all():
        return False
    return any(
        max(_affine_error(found[..., axis].ravel(), want[..., axis].ravel()) for axis in (0, 1)) < atol
        for found in (got, got[..., ::-1])
    )


def _expect_alike(
    got: np.ndarray, want: np.ndarray, what: str, example: str, hint: str, atol: float = 5 * ATOL
) -> None:
    if not _alike(got, want, atol):
        raise expect.Mismatch(f"{what}: {_say(want[0])}", _say(got[0]), example, hint)


@soft_argmax.rung("values", points=4)
def weighs_all_cells_by_their_softmax(student: Student, rng: np.random.Generator) -> None:
    """Places are means over all cells of a map, weighted by its softmax, in whatever unit and from whatever corner."""
    small = np.log(np.array([[[[1, 1], [1, 1]], [[3, 1], [1, 1]], [[1, 4], [1, 2]], [[1, 2], [3, 6]]]], np.float32))
    for maps, example in (
        (small, "maps log of [[1, 1], [1, 1]], [[3, 1], [1, 1]], [[1, 4], [1, 2]] and [[1, 2], [3, 6]]"),
        (_draw_maps(rng, 4, 5, 12, 12), "maps of 12 x 12 cells"),
    ):
        _expect_alike(_found(_ask(student, maps), maps), _places(maps), CALL, example, MEAN_HINT)


@soft_argmax.rung("values", points=3)
def answers_the_centre_of_a_cell(student: Student, rng: np.random.Generator) -> None:
    """Where one cell outweighs all others, its centre is the answer, in pixels: x from its column, y from its row."""
    cells = [(2, 5), (0, 0), *zip(rng.integers(0, 10, 2).tolist(), rng.integers(12, 24, 2).tolist(), strict=True)]
    maps = np.zeros((1, len(cells), 24, 24), np.float32)
    for index, (row, column) in enumerate(cells):
        maps[0, index, row, column] = 60
    said = ", ".join(f"row {row} and column {column}" for row, column in cells)
    example = f"maps of 24 x 24 cells, all 0 but for a 60 at {said}"
    _expect_places(_found(_ask(student, maps), maps), _places(maps), CALL, example, CELL_HINT)


@soft_argmax.rung("values", points=3)
def averages_in_pixels(student: Student, rng: np.random.Generator) -> None:
    """Where no cell outweighs all others, the mean of the centres is the answer, in pixels."""
    for _ in range(2):
        # Of the lesson's size: maps of others are asked by rungs of their own.
        maps, example = _draw_maps(rng, 3, 4, 24, 24), "maps of 24 x 24 cells, a hill in each"
        _expect_places(_found(_ask(student, maps), maps), _places(maps), CALL, example, CELL_HINT)


@soft_argmax.rung("values", points=2)
def takes_wide_and_high_maps(student: Student, rng: np.random.Generator) -> None:
    """Maps may have any size and need not be square: x runs along the columns, y along the rows."""
    hint = "The last two axes are rows, then columns. How long is each of them?"
    for height, width in ((6, 14), (15, 5), (10, 10)):
        maps = _draw_maps(rng, 2, 4, height, width)
        example = f"maps of {height} rows and {width} columns"
        _expect_alike(_found(_ask(student, maps), maps), _places(maps), CALL, example, hint)


@soft_argmax.rung("values", points=2)
def uses_the_stride(student: Student, rng: np.random.Generator) -> None:
    """With another stride a cell covers more pixels or fewer, and places lie further apart or closer together."""
    hint = "How many pixels lie between the centres of two neighbouring cells?"
    for stride in (2, 8, 1):
        maps = _draw_maps(rng, 2, 4, 24, 24)
        got, want = _found(_ask(student, maps, stride), maps), _places(maps, stride)
        # Where the first cell has its middle, and which number is x, is asked by other rungs.
        apart = want - want[:1, :1]
        if not any(
            np.allclose(found - found[:1, :1], apart, rtol=1e-5, atol=2 * ATOL) for found in (got, got[..., ::-1])
        ):
            what, example = f"soft_argmax(maps, stride={stride})", "maps of 24 x 24 cells, a hill in each"
            raise expect.Mismatch(f"{what}: {_say(want[0])}", _say(got[0]), example, hint)


def _expect_gradient(student: Student, maps: np.ndarray, upstream: np.ndarray, example: str) -> None:
    """Expect the gradient of the sum of places times ``upstream`` (B, K, 2)."""
    answer = student.probe("lesson_10.places_gradient", maps=maps, upstream=upstream)
    _found(answer["value"], maps)
    hint = "autograd must know every step from the maps to the places: which of yours has no slope, or leaves PyTorch?"
    expect.true(answer["error"] is None, "places that lead back to the maps", str(answer["error"]), example, hint)
    known = isinstance(answer["gradient"], TensorValue)
    expect.true(known, "maps.grad is a tensor", expect.show(answer["gradient"]), example, hint)
    got = expect.array(answer["gradient"], maps.shape, "float", "torch", "maps.grad").astype(float)
    away = _centres(maps.shape[2], maps.shape[3], STRIDE) - _places(maps)[:, :, None, None]
    wanted = [
        _weights(maps) * np.einsum("bka,bkhwa->bkhw", factors.astype(float), away)
        for factors in (upstream, upstream[..., ::-1])
    ]
    # The unit of places, and which number is x, is asked by other rungs.
    for want in wanted:
        factor = float((got * want).sum() / (want * want).sum())
        if factor > 0.05 and np.allclose(got, factor * want, rtol=1e-3, atol=2e-5):
            return
    expect.close(got, wanted[0], 1e-3, 2e-5, "maps.grad", example, hint)


@soft_argmax.rung("gradients", points=3)
def has_the_gradient_of_the_mean(student: Student, rng: np.random.Generator) -> None:
    """Every cell gets a gradient: its weight times how far it lies from the mean."""
    for _ in range(2):
        maps = _draw_maps(rng, 2, 3, 24, 24)
        upstream = rng.normal(size=(2, 3, 2)).astype(np.float32)
        _expect_gradient(student, maps, upstream, "a weighted sum of the places of maps of 24 x 24 cells")


def _large_maps(rng: np.random.Generator, level: float) -> np.ndarray:
    """Return maps (1, 6, 6, 6) around a level: one flat, one with a peak, and some of a few different values."""
    maps = np.full((1, 6, 6, 6), level, np.float32)
    row, column = rng.integers(0, 6, 2)
    maps[0, 1, row, column] += 100
    maps[0, 2:] += rng.integers(0, 7, (4, 6, 6)).astype(np.float32) / 2
    return maps


@soft_argmax.rung("edge cases", points=2)
def stays_finite_for_large_values(student: Student, rng: np.random.Generator) -> None:
    """Values of 10,000 and more, of either sign, have places and gradients like any others."""
    hint = "exp(100) is more than float32 can hold, and exp(-200) is 0. What may be taken off a map beforehand?"
    for level in (200.0, -200.0, 1e4, -1e4):
        maps, example = _large_maps(rng, level), f"values around {level:g}"
        # Of numbers around 10,000 float32 keeps thousandths, and the logarithm of a sum no more.
        _expect_alike(_found(_ask(student, maps), maps), _places(maps), CALL, example, hint, atol=0.1)
        answer = student.probe("lesson_10.places_gradient", maps=maps, upstream=np.ones((1, 6, 2), np.float32))
        gradient = answer["gradient"]
        finite = isinstance(gradient, TensorValue) and bool(np.isfinite(gradient.array).all())
        expect.true(finite, "maps.grad: finite numbers", expect.show(gradient), example, hint)


@kept(soft_argmax, points=1, hint="An operation in place (-=, exp_) wrote into the maps themselves.")
def leaves_the_maps(student: Student, rng: np.random.Generator) -> Kept:
    """The maps are as they were."""
    maps = _draw_maps(rng, 2, 3, 24, 24)
    answer = student.probe("lesson_10.places", maps=maps, stride=None)
    # Who does nothing changes nothing.
    got, want = _found(answer["value"], maps), _places(maps)
    expect.true(_alike(got, want), f"{CALL}: {_say(want)}", _say(got), "maps of 24 x 24 cells", MEAN_HINT)
    yield "the maps", maps, answer["after"]
