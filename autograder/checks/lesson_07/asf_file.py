"""Checks of lesson 07: read_asf, on files drawn anew and files that are broken."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.probing import raises_value_error
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

read_asf = Ladder("read_asf")

COUNT = 58
# Eight digits behind the point, kept in float32.
RTOL, ATOL = 1e-6, 1e-7
# Of the points along each part of a face: the first, the last, and its type, 0 for a closed line and 4 for an open one.
_PARTS = ((0, 12, 4), (13, 20, 0), (21, 28, 0), (29, 33, 4), (34, 38, 4), (39, 46, 0), (47, 57, 4))


def draw_points(rng: np.random.Generator, count: int = COUNT) -> np.ndarray:
    """Return relative points with eight digits, as files have them: (count, 2) float64."""
    return np.round(rng.uniform(0.1, 0.9, (count, 2)), 8)


def _rows(points: np.ndarray, extra: str = "") -> list[str]:
    rows = []
    for number, (x, y) in enumerate(points):
        # More points than a face has belong to the last part.
        path = next((path for path, (_, last, _) in enumerate(_PARTS) if number <= last), len(_PARTS) - 1)
        first, last, kind = _PARTS[path]
        before, after = max(first, number - 1), min(last, number + 1)
        rows.append(f"{path} \t{kind} \t{x:.8f} \t{y:.8f} \t{number} \t{before} \t{after}{extra}")
    return rows


def asf_text(
    points: np.ndarray,
    count: int = COUNT,
    notes: int = 5,
    extra: str = "",
    rows: list[str] | None = None,
    name: str = "11-4m.jpg",
) -> str:
    """Return an .asf file's text: ``notes`` lines of comment, the ``count`` that is announced, and the points.

    ``extra`` ends every point's line, ``rows`` take the place of these lines, ``name`` is the picture's.
    """
    head = [*["#" * 60] * notes, "", "#", "# number of model points", "#", str(count), "", "#", "# model points", "#"]
    columns = "# format: <path#> <type> <x rel.> <y rel.> <point#> <connects from> <connects to>"
    foot = ["", "#", "# host image", "#", name]
    return "\n".join([*head, columns, "#", *(_rows(points, extra) if rows is None else rows), *foot]) + "\n"


def _read(student: Student, text: str) -> object:
    return student.probe("lesson_07.read", text=text)


def _ask(student: Student, rng: np.random.Generator) -> Answers:
    yield "read_asf(path)", _read(student, asf_text(draw_points(rng)))


@form(read_asf, "type", points=1, gate=True)
def returns_an_array(student: Student, rng: np.random.Generator) -> Answers:
    """It returns a NumPy array."""
    return _ask(student, rng)


@form(read_asf, "shape", points=1, gate=True, shape=(COUNT, 2))
def returns_58_points(student: Student, rng: np.random.Generator) -> Answers:
    """58 points, x and y each: (58, 2)."""
    return _ask(student, rng)


@form(read_asf, "dtype", points=1, dtype="float32")
def returns_float32(student: Student, rng: np.random.Generator) -> Answers:
    """The coordinates are float32."""
    return _ask(student, rng)


def _expect_points(student: Student, text: str, points: np.ndarray, example: str) -> None:
    got = expect.array(_read(student, text), what="read_asf(path)")
    hint = "Split one line of a point and number its fields, from 0."
    if got.shape == points.shape and got.dtype.kind in "biuf":
        wrong = ~np.isclose(got, points, rtol=RTOL, atol=ATOL).all(axis=1)
        if wrong.any():
            # Both numbers of a point, so that a mistake in one of them is told from one in both.
            first = int(wrong.argmax())
            texts = [f"({', '.join(f'{value:.7g}' for value in rows[first])})" for rows in (points, got.astype(float))]
            came = f"{texts[1]}; {int(wrong.sum())} of {len(points)} points differ"
            raise expect.Mismatch(f"read_asf(path): point {first}: {texts[0]}", came, example, hint)
    expect.close(got, points, rtol=RTOL, atol=ATOL, what="read_asf(path)", example=example, hint=hint)


@read_asf.rung("values", points=4)
def reads_every_point(student: Student, rng: np.random.Generator) -> None:
    """x and y of every point, in the order of the file."""
    points = draw_points(rng)
    x, y = points[0]
    _expect_points(student, asf_text(points), points, f"the first point's line has {x:.8f} and {y:.8f}")


@read_asf.rung("values", points=2)
def reads_the_fields_of_x_and_y(student: Student, rng: np.random.Generator) -> None:
    """The two numbers of every point are its x and its y, in whatever order and unit."""
    points = draw_points(rng)
    got = expect.array(_read(student, asf_text(points)), shape=(COUNT, 2), dtype="float", what="read_asf(path)")
    units = [got.astype(float) / order for order in (points, points[:, ::-1])]
    found = any(
        np.isfinite(unit).all() and (unit > 0).all() and (np.ptp(unit, axis=0) < 1e-5 * unit.mean(axis=0)).all()
        for unit in units
    )
    hint = "Split one line of a point and number its fields, from 0. Which two of them are x and y?"
    expect.true(found, "x and y of every point, be it in another order or unit", "other numbers", hint=hint)


@read_asf.rung("edge cases", points=2)
def reads_longer_lines(student: Student, rng: np.random.Generator) -> None:
    """Three fields more in every point's line change nothing."""
    points = draw_points(rng)
    _expect_points(student, asf_text(points, extra="\t0.00" * 3), points, "every point's line has ten fields")


@read_asf.rung("edge cases", points=1)
def reads_names_with_blanks(student: Student, rng: np.random.Generator) -> None:
    """The picture's name may have blanks; its line is no point."""
    for name in ("my face.jpg", "face 4 of person 11.jpg"):
        points = draw_points(rng)
        _expect_points(student, asf_text(points, name=name), points, f"the picture's name is {name}")


@read_asf.rung("edge cases", points=1)
def reads_other_comments(student: Student, rng: np.random.Generator) -> None:
    """Comments and empty lines of another number change nothing."""
    for notes in (0, int(rng.integers(7, 12))):
        points = draw_points(rng)
        example = f"the comment at the top is {abs(notes - 5)} lines {'shorter' if notes < 5 else 'longer'}"
        _expect_points(student, asf_text(points, notes=notes), points, example)


def _refuses(student: Student, text: str, example: str, hint: str) -> None:
    raises_value_error(student, "lesson_07.read", "read_asf(path)", example, hint, text=text)


@read_asf.rung("edge cases", points=2)
def refuses_a_file_cut_off(student: Student, rng: np.random.Generator) -> None:
    """A file with too few points raises ValueError."""
    hint = "Who asks for 58 points must not get fewer without a word. Compare how many there are with how many must be."
    points = draw_points(rng)
    for kept in (int(rng.integers(20, 50)), 57):
        _refuses(student, asf_text(points[:kept]), f"58 are announced, {kept} points follow", hint)
    lines = asf_text(points).splitlines()
    first = next(number for number, line in enumerate(lines) if "\t" in line)
    cut = "\n".join(lines[: first + int(rng.integers(5, 50))])
    _refuses(student, cut, "a file that ends in the midst of the points", hint)
    _refuses(student, "", "an empty file", hint)


@read_asf.rung("edge cases", points=2)
def refuses_another_number(student: Student, rng: np.random.Generator) -> None:
    """A file that announces or holds another number of points raises ValueError."""
    hint = "Two things must be 58: the number that the file announces, and the lines of points that it holds."
    few = int(rng.integers(30, 57))
    agreed = asf_text(draw_points(rng, few), count=few)
    _refuses(student, agreed, f"{few} are announced, {few} points follow", hint)
    _refuses(student, asf_text(draw_points(rng, 60)), "58 are announced, 60 points follow", hint)
    _refuses(student, asf_text(draw_points(rng), count=57), "57 are announced, 58 points follow", hint)


@read_asf.rung("edge cases", points=2)
def refuses_what_is_no_coordinate(student: Student, rng: np.random.Generator) -> None:
    """A coordinate that is missing, no number or not finite raises ValueError."""
    points, number = draw_points(rng), int(rng.integers(5, 50))
    rows = _rows(points)
    words = rows[number].split()
    for example, fields in (
        ("a point whose x is 0.3x81", [*words[:2], "0.3x81", *words[3:]]),
        ("a point whose y is nan", [*words[:3], "nan", *words[4:]]),
        ("a point whose x is inf", [*words[:2], "inf", *words[3:]]),
        ("a point's line that ends behind x", words[:3]),
    ):
        broken = [*rows[:number], " \t".join(fields), *rows[number + 1 :]]
        hint = "float() takes 'nan' and 'inf' for numbers, and a line may be too short to have a fourth field."
        _refuses(student, asf_text(points, rows=broken), example, hint)
