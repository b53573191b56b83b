"""Checks of move_faces: points that move, pictures that move with them, and what comes in at the border."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.lesson_10.moved_places import Moves, Size, grid, inside, off_by, ramps, read_ramps, sample
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue, type_name

move_faces = Ladder("move_faces")

PARTS = ("images", "keypoints")
CALL = "move_faces(…)"
# Pixels in float32 after a few sums and products.
POINTS = 2e-3
# Pixels. Who turns or scales about another centre by half a pixel is off by more; a library that counts places in
# parts of 32, by less.
PLACES = 0.1
# Gray values between 0.2 and 0.8 whose places are off by 1/64 of a pixel in both directions.
GRAYS = 0.025
SQUARE, WIDE, HIGH = (31, 31), (22, 36), (34, 20)
POINT_HINT = "Take a single point and follow it on paper: from the centre, turned, scaled, back again, then shifted."
PICTURE_HINT = "The picture asks the way back: which old place does this new pixel show? What is undone first?"


def _ask(student: Student, images: np.ndarray, keypoints: np.ndarray, moves: Moves) -> dict[str, Any]:
    return student.probe("lesson_10.move", images=images, keypoints=keypoints, **vars(moves))


def _parts(value: Any) -> list[Any]:
    """Expect two things, images and keypoints."""
    got = f"{len(value)} values" if isinstance(value, list) else type_name(value)
    expect.true(isinstance(value, list) and len(value) == 2, f"{CALL}: images and keypoints, two tensors", got)
    return value


def _part(value: Any, index: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return images or keypoints of this shape.

    That an array came in place of a tensor, or images without their axis of channels, costs the rungs of form alone.
    """
    part = _parts(value)[index]
    found = part.array if isinstance(part, TensorValue) else part
    if isinstance(found, np.ndarray) and index == 0 and found.shape == (shape[0], *shape[2:]):
        found = found[:, None]
    return expect.array(found, shape, ("float", "integer"), what=f"{CALL}, {PARTS[index]}").astype(float)


def _draw_faces(
    rng: np.random.Generator, faces: int, size: Size = SQUARE, count: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Draw noisy images (faces, 1, H, W) between 0.2 and 0.8, and keypoints (faces, count, 2), float32."""
    images = rng.uniform(0.2, 0.8, (faces, 1, *size)).astype(np.float32)
    share = rng.uniform(0.1, 0.9, (faces, count, 2))
    return images, (share * (np.array(size[::-1]) - 1)).astype(np.float32)


def _say_moves(moves: Moves, face: int, size: Size) -> str:
    x, y = moves.shift[face] + 0.0
    turn = f"degrees {moves.degrees[face] + 0.0:.4g}, scale {moves.scale[face]:.4g}, shift ({x:.4g}, {y:.4g})"
    return f"{turn}, an image of {size[0]} rows and {size[1]} columns"


def _say(points: np.ndarray) -> str:
    # To hundredths: what float32 leaves of 0 has no digits that count.
    return ", ".join(f"({x:.2f}, {y:.2f})" for x, y in np.round(points, 2) + 0.0)


def _say_shown(places: np.ndarray, pixels: np.ndarray) -> str:
    """Return which old places (H, W, 2) these pixels (n, 2) of a moved picture show."""
    return " and ".join(f"pixel ({x}, {y}) shows the old place {_say(places[y, x][None])}" for x, y in pixels)


def _expect_points(student: Student, rng: np.random.Generator, moves: Moves, size: Size = SQUARE) -> None:
    """Expect moved keypoints; where a face's differ, all of its points are told."""
    images, keypoints = _draw_faces(rng, len(moves.degrees), size)
    got = _part(_ask(student, images, keypoints, moves)["value"], 1, keypoints.shape)
    want = moves.move(keypoints, size)
    right = np.isclose(got, want, rtol=0, atol=POINTS).all(axis=(1, 2))
    if not right.all():
        face = int(np.argmin(right))
        example = f"points {_say(keypoints[face])}; {_say_moves(moves, face, size)}"
        raise expect.Mismatch(f"{CALL}, keypoints: {_say(want[face])}", _say(got[face]), example, POINT_HINT)


def _expect_pictures(student: Student, rng: np.random.Generator, moves: Moves, size: Size = SQUARE) -> None:
    """Expect moved pictures, by the old places that their pixels show; how they interpolate is another rung's."""
    faces = len(moves.degrees)
    images = np.tile(ramps(size), (faces, 1, 1, 1))
    keypoints = _draw_faces(rng, 2 * faces, size)[1]
    got = read_ramps(_part(_ask(student, images, keypoints, moves.repeated(2))["value"], 0, images.shape), size)
    want = moves.come_from(size)
    for face in range(faces):
        if off_by(got[face], want[face], size) < PLACES:
            continue
        # Two pixels off the centre, of those that come from within.
        pixels = grid(size)[inside(want[face], size)].astype(int)
        shown = pixels[[len(pixels) // 4, (5 * len(pixels)) // 8]]
        expected, came = (_say_shown(places[face], shown) for places in (want, got))
        example = f"{_say_moves(moves, face, size)}, whose values say where each pixel is"
        raise expect.Mismatch(f"{CALL}, images: {expected}", came, example, PICTURE_HINT)


def _angles(rng: np.random.Generator) -> list[float]:
    """Return angles to ask about: both ways, some of them drawn."""
    return [30.0, -round(float(rng.uniform(15, 40)), 1), round(float(rng.uniform(50, 85)), 1)]


def _scales(rng: np.random.Generator) -> list[float]:
    return [1.5, round(float(rng.uniform(0.6, 0.75)), 2)]


def _whole_shifts(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return shifts by whole pixels, of different length along both axes."""
    first, second = rng.choice(np.arange(3, 8), 2, replace=False).tolist()
    return [(5.0, 3.0), (-float(first), float(second)), (0.0, -float(first))]


@form(move_faces, "type", points=1, of="torch")
def returns_images_and_keypoints(student: Student, rng: np.random.Generator) -> Answers:
    """It returns images and keypoints: two tensors."""
    value = _ask(student, *_draw_faces(rng, 2), Moves.draw(rng, 2))["value"]
    yield from zip((f"{CALL}, {part}" for part in PARTS), _parts(value), strict=True)


@form(move_faces, "shape", points=1, of="torch")
def keeps_the_shapes(student: Student, rng: np.random.Generator) -> Answers:
    """Images stay (B, 1, H, W), keypoints (B, K, 2), also where B or K is 1 and H is not W."""
    for faces, size, count in ((3, SQUARE, 4), (1, WIDE, 3), (2, HIGH, 1)):
        given = _draw_faces(rng, faces, size, count)
        value = _ask(student, *given, Moves.draw(rng, faces))["value"]
        for part, answer, array in zip(PARTS, _parts(value), given, strict=True):
            yield f"{CALL}, {part}", answer, array.shape


@form(move_faces, "dtype", points=1, of="torch", dtype="float32")
def stays_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Images and keypoints stay float32."""
    value = _ask(student, *_draw_faces(rng, 2), Moves.draw(rng, 2))["value"]
    yield from zip((f"{CALL}, {part}" for part in PARTS), _parts(value), strict=True)


@move_faces.rung("values", points=3)
def turns_the_points(student: Student, rng: np.random.Generator) -> None:
    """The points of a face turn about the centre, from the x axis towards the y axis where the angle is positive."""
    for degrees in _angles(rng):
        _expect_points(student, rng, Moves.of(degrees))


@move_faces.rung("values", points=2)
def scales_the_points(student: Student, rng: np.random.Generator) -> None:
    """Above 1 the points of a face move away from the centre, below 1 towards it."""
    for scale in _scales(rng):
        _expect_points(student, rng, Moves.of(scale=scale))


@move_faces.rung("values", points=2)
def shifts_the_points(student: Student, rng: np.random.Generator) -> None:
    """The shift is added to the points of a face, in pixels."""
    for shift in _whole_shifts(rng):
        _expect_points(student, rng, Moves.of(shift=shift))


@move_faces.rung("values", points=3)
def turns_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """The picture turns as its points do: each new pixel shows the place that moved there."""
    for degrees in _angles(rng):
        _expect_pictures(student, rng, Moves.of(degrees))


@move_faces.rung("values", points=2)
def scales_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """Above 1 the picture grows about its centre, below 1 it shrinks."""
    for scale in _scales(rng):
        _expect_pictures(student, rng, Moves.of(scale=scale))


@move_faces.rung("values", points=2)
def shifts_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """The picture moves by the shift, in pixels, to the right and down where it is positive."""
    for shift in _whole_shifts(rng):
        _expect_pictures(student, rng, Moves.of(shift=shift))


@move_faces.rung("values", points=2)
def moves_points_in_this_order(student: Student, rng: np.random.Generator) -> None:
    """The points are turned and scaled first, and shifted in the end."""
    _expect_points(student, rng, Moves.of(30, 1.5, (4, -2)))
    for _ in range(2):
        _expect_points(student, rng, Moves.draw(rng, 1))


@move_faces.rung("values", points=2)
def moves_pictures_in_this_order(student: Student, rng: np.random.Generator) -> None:
    """The picture is turned and scaled first, and shifted in the end."""
    _expect_pictures(student, rng, Moves.of(30, 1.5, (4, -2)))
    for _ in range(2):
        _expect_pictures(student, rng, Moves.draw(rng, 1))


@move_faces.rung("values", points=2)
def moves_each_face_by_its_own(student: Student, rng: np.random.Generator) -> None:
    """Every face of a batch has its own angle, its own scale and its own shift."""
    moves = Moves.draw(rng, 4)
    _expect_points(student, rng, moves)
    _expect_pictures(student, rng, moves)


@move_faces.rung("values", points=2)
def moves_wide_and_high_images(student: Student, rng: np.random.Generator) -> None:
    """Images need not be square: the centre has an x and a y, and a turn keeps every distance."""
    for size in (WIDE, HIGH):
        for moves in (Moves.of(30), Moves.of(shift=(5, 3)), Moves.draw(rng, 1)):
            _expect_points(student, rng, moves, size)
            _expect_pictures(student, rng, moves, size)


def _expect_grays(
    student: Student, rng: np.random.Generator, moves: Moves, size: Size, hint: str, everywhere: bool
) -> None:
    """Expect the grays of moved noise, of all pixels or of those that come from within the picture."""
    images, keypoints = _draw_faces(rng, len(moves.degrees), size)
    places = moves.come_from(size)
    want = sample(images[:, 0], places)[:, None]
    got = _part(_ask(student, images, keypoints, moves)["value"], 0, images.shape)
    counted = np.ones_like(want, bool) if everywhere else inside(places, size)[:, None]
    want = np.where(counted, want, 0)
    example = f"noise between 0.2 and 0.8; {_say_moves(moves, 0, size)}"
    expect.close(np.where(counted, got, 0), want, 0, GRAYS, f"{CALL}, images", example, hint)


@move_faces.rung("values", points=1)
def mixes_the_four_nearest_pixels(student: Student, rng: np.random.Generator) -> None:
    """Between pixels the picture is bilinear."""
    hint = "Are the grays between pixels a mix of the four around them, by their distance along both axes?"
    _expect_grays(student, rng, Moves.draw(rng, 3), SQUARE, hint, everywhere=False)


@move_faces.rung("edge cases", points=2)
def repeats_the_border(student: Student, rng: np.random.Generator) -> None:
    """Beyond the border its nearest pixel is repeated, however far away."""
    hint = "What comes in from outside is the last row or column again, neither black nor a reflection."
    for shift in ((6, -4), (-5, 3), (0, 50)):
        _expect_grays(student, rng, Moves.of(shift=shift), SQUARE, hint, everywhere=True)


@move_faces.rung("edge cases", points=1)
def keeps_nan(student: Student, rng: np.random.Generator) -> None:
    """A keypoint without a label stays without one; its neighbours move as ever."""
    moves = Moves.draw(rng, 2)
    images, keypoints = _draw_faces(rng, 2)
    keypoints[0, 1] = keypoints[1, 3] = np.nan
    got = _part(_ask(student, images, keypoints, moves)["value"], 1, keypoints.shape)
    for face, nan in enumerate(np.isnan(keypoints)):
        right = np.array_equal(np.isnan(got[face]), nan)
        expected = f"{CALL}, keypoints: NaN as in {_say(moves.move(keypoints, SQUARE)[face])}"
        hint = "NaN needs no care of its own: what does NaN become in a product or a sum?"
        expect.true(right, expected, _say(got[face]), f"points {_say(keypoints[face])}", hint)


@move_faces.rung("edge cases", points=1)
def changes_nothing_by_nothing(student: Student, rng: np.random.Generator) -> None:
    """0 degrees, scale 1 and no shift leave picture and points as they are."""
    for size in (SQUARE, WIDE):
        images, keypoints = _draw_faces(rng, 1, size)
        value = _ask(student, images, keypoints, Moves.of())["value"]
        for index, given in enumerate((images, keypoints)):
            got, atol = _part(value, index, given.shape), (1e-3, POINTS)[index]
            expect.close(got, given, 0, atol, f"{CALL}, {PARTS[index]}", _say_moves(Moves.of(), 0, size))


def _expect_moved(value: Any, images: np.ndarray, keypoints: np.ndarray) -> None:
    """Expect other pictures and points than came in: who does nothing changes nothing."""
    for index, given in enumerate((images, keypoints)):
        got = _part(value, index, given.shape)
        same = np.allclose(got, given, rtol=0, atol=1e-3)
        expect.true(not same, f"{CALL}: {PARTS[index]} that moved", f"the {PARTS[index]} that came in")


@kept(move_faces, points=1, hint="An operation in place (-=, *=) wrote into a tensor that the caller still needs.")
def leaves_the_faces(student: Student, rng: np.random.Generator) -> Kept:
    """Images, keypoints, degrees, scale and shift are as they were."""
    moves = Moves.draw(rng, 3)
    images, keypoints = _draw_faces(rng, 3)
    answer = _ask(student, images, keypoints, moves)
    _expect_moved(answer["value"], images, keypoints)
    names = (*PARTS, *vars(moves))
    for name, before, after in zip(names, (images, keypoints, *vars(moves).values()), answer["after"], strict=True):
        yield f"the {name}", before, after


@move_faces.rung("side effects", points=1)
def returns_new_tensors(student: Student, rng: np.random.Generator) -> None:
    """What comes back is new, also where nothing moves: whoever writes into it leaves the stored faces alone."""
    images, keypoints = _draw_faces(rng, 2)
    _expect_moved(_ask(student, images, keypoints, Moves.draw(rng, 2))["value"], images, keypoints)
    found = _ask(student, images, keypoints, Moves.of().repeated(2))
    for index, (given, shares) in enumerate(zip((images, keypoints), found["shares"], strict=True)):
        _part(found["value"], index, given.shape)
        got = f"the very {PARTS[index]} that came in"
        expect.true(not shares, f"{CALL}, {PARTS[index]}: a tensor of its own, also where nothing moves", got)
