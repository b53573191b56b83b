"""How faces are drawn: brushes, the nearest point of each pixel and numbers drawn, against slow and plain versions."""

import math

import numpy as np
import pytest

from data_scripts.drawing.camera import draw_pose, frame_head
from data_scripts.drawing.head import GRID, Head, build_head
from data_scripts.drawing.numbers import clamp, pick
from data_scripts.drawing.painting import Layer, paint
from data_scripts.drawing.render import OVERSAMPLE, draw_light, rasterize, shade
from data_scripts.drawing.shape import draw_shape
from data_scripts.drawing.texture import TEXTURE, ellipse, step


@pytest.fixture(scope="module")
def head() -> Head:
    return build_head(draw_shape(np.random.default_rng(0)))


def _weight(canvas: np.ndarray) -> tuple[float, float, float]:
    """Sum, and mean row and column, of what a canvas shows."""
    rows, columns = np.indices(canvas.shape)
    total = float(canvas.sum())
    return total, float((rows * canvas).sum()) / total, float((columns * canvas).sum()) / total


@pytest.mark.parametrize("seed", range(20))
def test_pick_draws_what_choice_draws(seed: int) -> None:
    ours, theirs = np.random.default_rng(seed), np.random.default_rng(seed)
    values, weights = [3.0, 5.0, 7.0, 11.0], [0.4, 0.3, 0.2, 0.1]
    assert pick(ours, values, weights) == theirs.choice(values, p=weights)
    assert pick(ours, values) == theirs.choice(values)
    assert ours.bit_generator.state == theirs.bit_generator.state


def test_clamp_and_step_are_the_known_functions() -> None:
    assert [clamp(value, -1, 2) for value in (-5, 0.5, 9)] == [-1, 0.5, 2]
    x = np.array([[-1e6, -3.0, 0.0, 0.7, 1e6]])
    np.testing.assert_allclose(step(x), 0.5 + 0.5 * np.tanh(0.5 * x), atol=1e-12)


def test_an_area_takes_its_color_inside_and_leaves_the_rest(head: Head) -> None:
    canvas = np.full((TEXTURE, TEXTURE), 0.2, np.float32)
    layer = Layer(1.0)
    layer.area(ellipse(0, 10, 12, 8), 0.6, 0.5)
    paint(head, canvas, [layer])
    row = round((10 - head.top) / (head.bottom - head.top) * (TEXTURE - 1))
    middle = TEXTURE // 2
    assert canvas[row, middle] == pytest.approx(0.5 * 0.2 + 0.5 * 0.6, abs=1 / 255)
    assert canvas[row, 20] == pytest.approx(0.2)
    assert canvas[row - 60, middle] == pytest.approx(0.2)
    assert 0.2 - 1e-6 <= canvas.min() <= canvas.max() <= 0.4 + 1 / 255


def test_a_later_mark_covers_an_earlier_one_of_its_layer(head: Head) -> None:
    canvas = np.zeros((TEXTURE, TEXTURE), np.float32)
    layer = Layer(0.5)
    layer.area(ellipse(0, 10, 12, 8), 0.9)
    layer.area(ellipse(0, 10, 6, 4), 0.1)
    paint(head, canvas, [layer])
    row = round((10 - head.top) / (head.bottom - head.top) * (TEXTURE - 1))
    assert canvas[row, TEXTURE // 2] == pytest.approx(0.1, abs=1 / 255)


def test_layers_without_marks_and_faint_marks_change_nothing(head: Head) -> None:
    canvas = np.full((TEXTURE, TEXTURE), 0.3, np.float32)
    faint = Layer(1.0)
    faint.area(ellipse(0, 0, 5, 5), 0.9, 0.01)
    faint.stroke(ellipse(0, 0, 5, 5), 1, 0.9, 0.01)
    paint(head, canvas, [Layer(1.0), faint])
    assert (canvas == np.float32(0.3)).all()


def test_a_very_soft_area_lies_where_a_sharp_one_does(head: Head) -> None:
    painted = []
    for soft in (0.2, 2.9, 3.1, 5.0):
        canvas = np.zeros((TEXTURE, TEXTURE), np.float32)
        layer = Layer(soft)
        layer.area(ellipse(7, 13, 10, 9), 1.0)
        paint(head, canvas, [layer])
        painted.append(_weight(canvas))
        assert np.unique(canvas).size > 20, "edges are smooth, not steps"
    sharp, fine, *coarse = painted
    np.testing.assert_allclose(fine, sharp, rtol=1e-5)
    for total, row, column in coarse:
        # From a softness of 3 on a pixel is four times as wide, and OpenCV fills those under the outline too.
        assert total == pytest.approx(sharp[0], rel=0.2)
        assert (row, column) == pytest.approx(sharp[1:], abs=0.6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_pixel_sees_the_nearest_point_that_falls_on_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    head = build_head(draw_shape(rng))
    camera, _ = frame_head(head, draw_pose(rng))
    turned = camera.turn_planes(head.points)
    _, _, facing = shade(head, turned, draw_light(rng), np.zeros((GRID, GRID), np.float32))
    size = 144
    index, seen = rasterize(turned, camera, facing, size)

    # The points of the texture lie between those of the grid; a quarter and three quarters of the way.
    at = np.clip((np.arange(TEXTURE) + 0.5) / 2 - 0.5, 0, GRID - 1)
    columns, rows = np.meshgrid(at, at)
    points = head.at_grid(columns, rows)
    pixels = camera.project(points) * OVERSAMPLE + 0.5 * OVERSAMPLE
    depth = (points @ camera.turn.T)[..., 2]
    front = np.repeat(np.repeat(facing > -0.08, 2, axis=0), 2, axis=1)
    nearest: dict[tuple[int, int], float] = {}
    for (x, y), z, visible in zip(pixels.reshape(-1, 2).tolist(), depth.ravel().tolist(), front.ravel(), strict=True):
        cell = (math.floor(y), math.floor(x))
        if visible and 0 <= cell[0] < size and 0 <= cell[1] < size:
            nearest[cell] = max(nearest.get(cell, -math.inf), z)
    errors = np.array([depth.ravel()[index[cell]] - z for cell, z in nearest.items()])
    assert seen[tuple(np.array(list(nearest)).T)].mean() > 0.99
    # A few pixels count as holes in a nearer surface, or lie on the border between two.
    assert (np.abs(errors) < 0.05).mean() > 0.97
    assert len(nearest) / seen.sum() > 0.9
