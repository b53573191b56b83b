"""Checks of move_faces: points that move, pictures that move with them, and what comes in at the border."""

from __future__ import annotations

import numpy as np

from autograder.checks.lesson_10.asked_faces import (
    CALL,
    HIGH,
    PARTS,
    POINTS,
    SQUARE,
    WIDE,
    ask,
    draw_faces,
    expect_moved,
    expect_pictures,
    expect_points,
    part,
    parts,
    say,
    say_moves,
)
from autograder.checks.lesson_10.moved_places import Moves, Size, inside, sample
from autograder.ladder import expect
from autograder.ladder.form import Answers, Kept, form, kept
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

move_faces = Ladder("move_faces")

# Gray values between 0.2 and 0.8 whose places are off by 1/64 of a pixel in both directions.
GRAYS = 0.025


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
    value = ask(student, *draw_faces(rng, 2), Moves.draw(rng, 2))["value"]
    yield from zip((f"{CALL}, {name}" for name in PARTS), parts(value), strict=True)


@form(move_faces, "shape", points=1, of="torch")
def keeps_the_shapes(student: Student, rng: np.random.Generator) -> Answers:
    """Images stay (B, 1, H, W), keypoints (B, K, 2), also where B or K is 1 and H is not W."""
    for faces, size, count in ((3, SQUARE, 4), (1, WIDE, 3), (2, HIGH, 1)):
        given = draw_faces(rng, faces, size, count)
        value = ask(student, *given, Moves.draw(rng, faces))["value"]
        for name, answer, array in zip(PARTS, parts(value), given, strict=True):
            yield f"{CALL}, {name}", answer, array.shape


@form(move_faces, "dtype", points=1, of="torch", dtype="float32")
def stays_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Images and keypoints stay float32."""
    value = ask(student, *draw_faces(rng, 2), Moves.draw(rng, 2))["value"]
    yield from zip((f"{CALL}, {name}" for name in PARTS), parts(value), strict=True)


@move_faces.rung("values", points=3)
def turns_the_points(student: Student, rng: np.random.Generator) -> None:
    """The points of a face turn about the centre, from the x axis towards the y axis where the angle is positive."""
    for degrees in _angles(rng):
        expect_points(student, rng, Moves.of(degrees))


@move_faces.rung("values", points=2)
def scales_the_points(student: Student, rng: np.random.Generator) -> None:
    """Above 1 the points of a face move away from the centre, below 1 towards it."""
    for scale in _scales(rng):
        expect_points(student, rng, Moves.of(scale=scale))


@move_faces.rung("values", points=2)
def shifts_the_points(student: Student, rng: np.random.Generator) -> None:
    """The shift is added to the points of a face, in pixels."""
    for shift in _whole_shifts(rng):
        expect_points(student, rng, Moves.of(shift=shift))


@move_faces.rung("values", points=3)
def turns_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """The picture turns as its points do: each new pixel shows the place that moved there."""
    for degrees in _angles(rng):
        expect_pictures(student, rng, Moves.of(degrees))


@move_faces.rung("values", points=2)
def scales_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """Above 1 the picture grows about its centre, below 1 it shrinks."""
    for scale in _scales(rng):
        expect_pictures(student, rng, Moves.of(scale=scale))


@move_faces.rung("values", points=2)
def shifts_the_pictures(student: Student, rng: np.random.Generator) -> None:
    """The picture moves by the shift, in pixels, to the right and down where it is positive."""
    for shift in _whole_shifts(rng):
        expect_pictures(student, rng, Moves.of(shift=shift))


@move_faces.rung("values", points=2)
def moves_points_in_this_order(student: Student, rng: np.random.Generator) -> None:
    """The points are turned and scaled first, and shifted in the end."""
    expect_points(student, rng, Moves.of(30, 1.5, (4, -2)))
    for _ in range(2):
        expect_points(student, rng, Moves.draw(rng, 1))


@move_faces.rung("values", points=2)
def moves_pictures_in_this_order(student: Student, rng: np.random.Generator) -> None:
    """The picture is turned and scaled first, and shifted in the end."""
    expect_pictures(student, rng, Moves.of(30, 1.5, (4, -2)))
    for _ in range(2):
        expect_pictures(student, rng, Moves.draw(rng, 1))


@move_faces.rung("values", points=2)
def moves_each_face_by_its_own(student: Student, rng: np.random.Generator) -> None:
    """Every face of a batch has its own angle, its own scale and its own shift."""
    moves = Moves.draw(rng, 4)
    expect_points(student, rng, moves)
    expect_pictures(student, rng, moves)


@move_faces.rung("values", points=2)
def moves_wide_and_high_images(student: Student, rng: np.random.Generator) -> None:
    """Images need not be square: the centre has an x and a y, and a turn keeps every distance."""
    for size in (WIDE, HIGH):
        for moves in (Moves.of(30), Moves.of(shift=(5, 3)), Moves.draw(rng, 1)):
            expect_points(student, rng, moves, size)
            expect_pictures(student, rng, moves, size)


def _expect_grays(
    student: Student, rng: np.random.Generator, moves: Moves, size: Size, hint: str, everywhere: bool
) -> None:
    """Expect the grays of moved noise, of all pixels or of those that come from within the picture."""
    images, keypoints = draw_faces(rng, len(moves.degrees), size)
    places = moves.come_from(size)
    want = sample(images[:, 0], places)[:, None]
    got = part(ask(student, images, keypoints, moves)["value"], 0, images.shape)
    counted = np.ones_like(want, bool) if everywhere else inside(places, size)[:, None]
    want = np.where(counted, want, 0)
    example = f"noise between 0.2 and 0.8; {say_moves(moves, 0, size)}"
    expect.close(np.where(counted, got, 0), want, 0, GRAYS, f"{CALL}, images", example, hint)


@move_faces.rung("values", points=1)
def mixes_the_four_nearest_pixels(student: Student, rng: np.random.Generator) -> None:
    """Between pixels the picture is bilinear."""
    hint = "Are the grays between pixels a mix of the four around them, by their distance along both axes?"
    _expect_grays(student, rng, Moves.draw(rng, 3), SQUARE, hint, everywhere=False)


@move_faces.rung("edge cases", points=2)
def repeats_the_border(student: Student, rng: np.random.Generator) -> None:
    """Beyond the border its nearest pixel is repeated, as often as it takes."""
    hint = "What comes in from outside is the last row or column again, neither black nor a reflection."
    for shift in ((6, -4), (-5, 3), (0, 25)):
        _expect_grays(student, rng, Moves.of(shift=shift), SQUARE, hint, everywhere=True)


@move_faces.rung("edge cases", points=1)
def keeps_nan(student: Student, rng: np.random.Generator) -> None:
    """A keypoint without a label stays without one; its neighbours move as ever."""
    moves = Moves.draw(rng, 2)
    images, keypoints = draw_faces(rng, 2)
    keypoints[0, 1] = keypoints[1, 3] = np.nan
    got = part(ask(student, images, keypoints, moves)["value"], 1, keypoints.shape)
    for face, nan in enumerate(np.isnan(keypoints)):
        right = np.array_equal(np.isnan(got[face]), nan)
        expected = f"{CALL}, keypoints: NaN as in {say(moves.move(keypoints, SQUARE)[face])}"
        hint = "NaN needs no care of its own: what does NaN become in a product or a sum?"
        expect.true(right, expected, say(got[face]), f"points {say(keypoints[face])}", hint)


@move_faces.rung("edge cases", points=1)
def changes_nothing_by_nothing(student: Student, rng: np.random.Generator) -> None:
    """0 degrees, scale 1 and no shift leave picture and points as they are."""
    for size in (SQUARE, WIDE):
        images, keypoints = draw_faces(rng, 1, size)
        value = ask(student, images, keypoints, Moves.of())["value"]
        for index, given in enumerate((images, keypoints)):
            got, atol = part(value, index, given.shape), (1e-3, POINTS)[index]
            expect.close(got, given, 0, atol, f"{CALL}, {PARTS[index]}", say_moves(Moves.of(), 0, size))


@kept(move_faces, points=1, hint="An operation in place (-=, *=) wrote into a tensor that the caller still needs.")
def leaves_the_faces(student: Student, rng: np.random.Generator) -> Kept:
    """Images, keypoints, degrees, scale and shift are as they were."""
    moves = Moves.draw(rng, 3)
    images, keypoints = draw_faces(rng, 3)
    answer = ask(student, images, keypoints, moves)
    expect_moved(answer["value"], images, keypoints)
    names = (*PARTS, *vars(moves))
    for name, before, after in zip(names, (images, keypoints, *vars(moves).values()), answer["after"], strict=True):
        yield f"the {name}", before, after


@move_faces.rung("side effects", points=1)
def returns_new_tensors(student: Student, rng: np.random.Generator) -> None:
    """What comes back is new, also where nothing moves: whoever writes into it leaves the stored faces alone."""
    images, keypoints = draw_faces(rng, 2)
    expect_moved(ask(student, images, keypoints, Moves.draw(rng, 2))["value"], images, keypoints)
    found = ask(student, images, keypoints, Moves.of().repeated(2))
    for index, (given, shares) in enumerate(zip((images, keypoints), found["shares"], strict=True)):
        part(found["value"], index, given.shape)
        got = f"the very {PARTS[index]} that came in"
        expect.true(not shares, f"{CALL}, {PARTS[index]}: a tensor of its own, also where nothing moves", got)
