"""Checks of lesson 09: what is read from a file of labels, and which files are refused."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.lesson_09.labels_text import (
    COMMENT,
    DECLARATION,
    NAMES,
    POINTS,
    STYLE,
    Face,
    box_text,
    draw_face,
    file_text,
    image_text,
    text_of,
)
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

read_ibug_xml = Ladder("read_ibug_xml")

PROBE = "lesson_09.read"
# float32 keeps seven digits of a coordinate below 1000.
close_points = partial(expect.close, rtol=1e-6, atol=1e-4)
BOX_HINT = "Which four numbers does the docstring ask for, and in which order?"
POINTS_HINT = "Take x and y of each point as the file has them: pixels of the picture, with their decimals."


def _records(student: Student, content: str, faces: int | None = None) -> list[dict[str, Any]]:
    """Return the records that the student reads from a file, of so many ``faces`` where that is said."""
    found = student.probe(PROBE, content=content)
    hint = "Collect the faces in a list, each a FaceRecord(file, box, keypoints)."
    expect.true("records" in found, "a list of records", f"a {found['type']}", hint=hint)
    for record in found["records"]:
        got = f"a record that is a {record['type']} of something else"
        expect.true(record["type"] == "record", "records of three: file, box, keypoints", got, hint=hint)
    if faces is not None:
        hint = "Each box of each image is a face, however deep the images lie. In which loop does your return stand?"
        whole = f"records of a file with {faces} face{'s' * (faces > 1)}"
        expect.equal(len(found["records"]), faces, what=whole, hint=hint)
    return found["records"]


@read_ibug_xml.rung("type", points=1, gate=True)
def reads_records(student: Student, rng: np.random.Generator) -> None:
    """It returns a list of records of three: file, box, keypoints."""
    _records(student, text_of([draw_face(rng, number) for number in range(2)]))


@read_ibug_xml.rung("shape", points=1)
def one_record_a_face(student: Student, rng: np.random.Generator) -> None:
    """There is one record for each face; its box has 4 numbers and its keypoints the shape (68, 2)."""
    for count in (1, 3):
        records = _records(student, text_of([draw_face(rng, number) for number in range(count)]), count)
        for record in records:
            box = record["box"]
            is_four = isinstance(box, list | np.ndarray) and len(box) == 4
            expect.true(is_four, "a box of four numbers", expect.show(box))
            for side in box:
                expect.number(side, "a side of the box")
            expect.array(record["keypoints"], shape=(POINTS, 2), what="keypoints")


@form(read_ibug_xml, "dtype", points=1, dtype="float32")
def points_are_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Keypoints are float32."""
    return (("keypoints", record["keypoints"]) for record in _records(student, text_of([draw_face(rng, 0)])))


def _expect_box(record: dict[str, Any], face: Face) -> None:
    what = "box: left, top, width, height"
    expect.close(record["box"], list(face.box), what=what, example=face.box_tag, hint=BOX_HINT)


@read_ibug_xml.rung("values", points=3)
def reads_files_and_boxes(student: Student, rng: np.random.Generator) -> None:
    """Each record has the name of its picture and its box, in the order of the file."""
    faces = [draw_face(rng, number) for number in range(4)]
    for record, face in zip(_records(student, text_of(faces), len(faces)), faces, strict=True):
        expect.equal(record["file"], face.file, what="file", hint="The name as it stands in the XML, without a folder.")
        _expect_box(record, face)


@read_ibug_xml.rung("values", points=5)
def reads_points(student: Student, rng: np.random.Generator) -> None:
    """Keypoint k is (x, y) of the point named k, in pixels of the picture."""
    # One face a file: how many are read of several is asked by other rungs.
    for face in [draw_face(rng, number) for number in range(2)]:
        (record,) = _records(student, text_of([face]), 1)
        x, y = face.points[0]
        example = f"the first point: <part name='00' x='{x:.1f}' y='{y:.1f}'/>"
        close_points(record["keypoints"], face.points, what="keypoints", example=example, hint=POINTS_HINT)


@read_ibug_xml.rung("edge cases", points=2)
def boxes_without_points(student: Student, rng: np.random.Generator) -> None:
    """A box without points has keypoints None, beside boxes that have some."""
    faces = [draw_face(rng, number, labeled=number != 1) for number in range(3)]
    for record, face in zip(_records(student, text_of(faces), len(faces)), faces, strict=True):
        if face.labeled:
            close_points(record["keypoints"], face.points, what="keypoints of a box with points")
        else:
            came = expect.show(record["keypoints"])
            expect.true(record["keypoints"] is None, "keypoints None for a box without points", came)
    bare = _records(student, text_of([draw_face(rng, number, labeled=False) for number in range(2)]), 2)
    unknown = all(record["keypoints"] is None for record in bare)
    expect.true(unknown, "keypoints None in a file of boxes alone", "others")


@read_ibug_xml.rung("edge cases", points=2)
def points_go_by_their_names(student: Student, rng: np.random.Generator) -> None:
    """The order of the points is that of their names, wherever they stand in the file."""
    face = draw_face(rng, 0)
    order = rng.permutation(POINTS)
    while np.array_equal(order, np.arange(POINTS)):
        order = rng.permutation(POINTS)
    order[[0, int(np.flatnonzero(order == POINTS - 1)[0])]] = POINTS - 1, order[0]
    content = file_text([image_text(face.file, [box_text(face, order)])])
    record = _records(student, content, 1)[0]
    example = f"a box whose points come in the order {', '.join(NAMES[n] for n in order[:4])}, …"
    hint = "What is the name of a point for?"
    close_points(record["keypoints"], face.points, what="keypoints", example=example, hint=hint)


@read_ibug_xml.rung("edge cases", points=2)
def elements_go_by_their_names(student: Student, rng: np.random.Generator) -> None:
    """What else stands above the images, and in which order attributes come, changes nothing."""
    hint = "Ask for elements and attributes by their names: iter('image'), attrib['x']. What stands where may change."
    for declaration, head, example in (
        ((DECLARATION,), (), "no style sheet, no name and no comment above the images"),
        ((), ("<name>faces</name>",), "no XML declaration and no comment above the images"),
        ((DECLARATION, STYLE), (COMMENT, "<name>faces</name>", "<license>none</license>"), "the comment comes first"),
    ):
        faces = [draw_face(rng, number) for number in range(2)]
        images = [image_text(face.file, [box_text(face, turned=True)]) for face in faces]
        records = _records(student, file_text(images, declaration, head))
        expect.equal(len(records), 2, what="records of a file with 2 faces", example=example, hint=hint)
        for record, face in zip(records, faces, strict=True):
            expect.equal(record["file"], face.file, what="file", example=example, hint=hint)
            expect.close(record["box"], list(face.box), what="box", example=example, hint=hint)
            close_points(record["keypoints"], face.points, what="keypoints", example=example, hint=hint)


@read_ibug_xml.rung("edge cases", points=1)
def several_boxes_and_negative_sides(student: Student, rng: np.random.Generator) -> None:
    """An image may hold several boxes, each a record; a box may begin outside of its picture."""
    first, second, third, fourth = (draw_face(rng, number) for number in range(4))
    left, top = -int(rng.integers(1, 20)), -int(rng.integers(21, 40))
    second = replace(second, file=first.file, box=(left, top, *second.box[2:]))
    faces = first, second, replace(third, file=first.file), fourth
    images = [
        image_text(first.file, [box_text(face) for face in faces[:3]]),
        image_text(fourth.file, [box_text(fourth)]),
    ]
    records = _records(student, file_text(images))
    what = (
        "records of a file with three faces in one image, the second of them partly outside of it, and one in another"
    )
    # Which ones, so that who reads one box of an image is told from who leaves out the box outside.
    boxes = [list(face.box) for face in faces]
    which = [1 + boxes.index(sides) for sides in map(_sides, records) if sides in boxes]
    got = f"{len(records)}, of the faces {', '.join(map(str, which))}"
    expect.true(len(records) == len(faces), f"{what}: {len(faces)}", got)
    for record, face in zip(records, faces, strict=True):
        expect.equal(record["file"], face.file, what="file of each face, three in one image and one in another")
        _expect_box(record, face)


def _sides(record: dict[str, Any]) -> list | None:
    """Return a record's box as whole numbers; None where it is something else."""
    box = record["box"]
    numbers = isinstance(box, list) and all(isinstance(side, int | float) for side in box)
    return [round(side) if math.isfinite(side) else side for side in box] if numbers else None


def _refuses(student: Student, content: str, example: str, hint: str, also: str = "ValueError") -> None:
    """Expect a ValueError or ``also``; where a box comes instead it is told: a 0 for what is missing, or a 1."""
    try:
        found = student.probe(PROBE, content=content)
    except StudentError as raised:
        if expect.is_stub(raised):
            raise
        refused = not {"ValueError", also}.isdisjoint(raised.bases)
        expect.true(refused, "read_ibug_xml(path): ValueError", str(raised), example, hint)
        return
    boxes = [sides for sides in map(_sides, (r for r in found.get("records", []) if r["type"] == "record")) if sides]
    got = f"no error; the box {boxes[0]}" if boxes else "no error"
    raise expect.Mismatch("read_ibug_xml(path): ValueError", got, example, hint)


@read_ibug_xml.rung("edge cases", points=2)
def refuses_what_is_no_xml(student: Student, rng: np.random.Generator) -> None:
    """A file that is not XML, or ends too early, raises ValueError."""
    whole = text_of([draw_face(rng, 0)])
    hint = "Which class of error does the XML reader raise? It is no ValueError of its own accord."
    for content, example in (
        (whole[: len(whole) // 2], "a file that ends in the middle"),
        ("", "an empty file"),
        ("left,top,width,height\n1,2,3,4\n", "a table with commas"),
    ):
        _refuses(student, content, example, hint)


@read_ibug_xml.rung("edge cases", points=2)
def refuses_missing_attributes(student: Student, rng: np.random.Generator) -> None:
    """A missing attribute raises ValueError, and so does one that is no number."""
    face = draw_face(rng, 0)
    whole, (x, y) = text_of([face]), face.points[5]
    left, top, width, height = face.box
    hint = "What does your way of asking for an attribute give, or raise, where there is none?"
    for old, new, example in (
        (f" top='{top}'", "", "a box without top"),
        (f" left='{left}'", "", "a box without left"),
        (f" width='{width}' height", " height", "a box without width"),
        (f" height='{height}'>\n      <part", ">\n      <part", "a box without height"),
        (f" file='{face.file}'", "", "an image without file"),
        (f"<part name='05' x='{x:.1f}'", "<part name='05'", "a point without x"),
        ("<part name='05' ", "<part ", "a point without a name"),
        (f"<part name='05' x='{x:.1f}'", "<part name='05' x='far'", "a point whose x is 'far'"),
        (f" width='{width}' height", " width='wide' height", "a box whose width is 'wide'"),
        (f" y='{y:.1f}'/>", "/>", "a point without y"),
        (f" y='{y:.1f}'/>", " y='far'/>", "a point whose y is 'far'"),
    ):
        assert old in whole
        _refuses(student, whole.replace(old, new, 1), example, hint)


@read_ibug_xml.rung("edge cases", points=2)
def refuses_another_number_of_points(student: Student, rng: np.random.Generator) -> None:
    """A box with some points, but not 00 to 67 once each, raises ValueError."""
    face = draw_face(rng, 0)
    lines = text_of([face]).splitlines(keepends=True)
    parts = [line for line in lines if "<part" in line]
    first = lines.index(parts[0])
    before, behind = lines[:first], lines[first + POINTS :]
    row = int(rng.integers(1, POINTS - 1))
    hint = "A face with a point missing must not shift all points behind it. Count them, and look at their names."
    for changed, example in (
        (parts[:row] + parts[row + 1 :], f"67 points: {NAMES[row]} is missing"),
        ([*parts, parts[-1].replace("'67'", "'68'")], "69 points"),
        (parts[:1], "a single point"),
        ([*parts[:row], parts[row - 1], *parts[row + 1 :]], f"68 points: {NAMES[row - 1]} twice, no {NAMES[row]}"),
        ([*parts[:-1], parts[-1].replace("'67'", "'68'")], "68 points: 68 in the place of 67"),
    ):
        _refuses(student, "".join([*before, *changed, *behind]), example, hint)


@read_ibug_xml.rung("edge cases", points=1)
def refuses_what_is_not_finite(student: Student, rng: np.random.Generator) -> None:
    """A coordinate or a side of the box that is nan or inf raises ValueError."""
    face = draw_face(rng, 0)
    (x, y), (left, *_, height) = face.points[5], face.box
    whole, hint = text_of([face]), "float() takes the texts 'nan' and 'inf' for numbers."
    for name, value in (("x", x), ("y", y)):
        for word in ("nan", "inf"):
            broken = whole.replace(f"{name}='{value:.1f}'", f"{name}='{word}'", 1)
            _refuses(student, broken, f"a point whose {name} is '{word}'", hint)
    for old, new in ((f" left='{left}'", " left='nan'"), (f" height='{height}'>", " height='inf'>")):
        # int(float("inf")) is an OverflowError: whoever wrote that has refused the box, too.
        _refuses(student, whole.replace(old, new, 1), f"a box with{new.rstrip('>')}", hint, also="OverflowError")


@read_ibug_xml.rung("edge cases", points=1)
def refuses_a_point_twice(student: Student, rng: np.random.Generator) -> None:
    """All 68 points and one of them once more raise ValueError."""
    face, row = draw_face(rng, 0), int(rng.integers(1, POINTS - 1))
    part = next(line for line in text_of([face]).splitlines(keepends=True) if f"name='{NAMES[row]}'" in line)
    other = part.replace("x='", "x='1")
    hint = "A dict of points by their names keeps one of two that are called the same. Count the elements, too."
    broken = text_of([face]).replace(part, part + other)
    _refuses(student, broken, f"69 points: 00 to 67, and {NAMES[row]} once more, elsewhere", hint)


@read_ibug_xml.rung("edge cases", points=1)
def refuses_an_unknown_encoding(student: Student, rng: np.random.Generator) -> None:
    """A file whose declaration names an encoding that does not exist raises ValueError, or is read all the same."""
    face = draw_face(rng, 0)
    broken = text_of([face]).replace("ISO-8859-1", "ansi")
    example = "a file that begins with <?xml version='1.0' encoding='ansi'?>"
    hint = "Python raises a LookupError for an encoding that it does not know. Is that a ValueError?"
    try:
        records = _records(student, broken)
    except StudentError as error:
        if expect.is_stub(error):
            raise
        expect.true("ValueError" in error.bases, "read_ibug_xml(path): ValueError", str(error), example, hint)
        return
    # Who opens the file with an encoding of their own never asks for this one.
    expect.equal(len(records), 1, what="records", example=example, hint=hint)
    close_points(records[0]["keypoints"], face.points, what="keypoints", example=example, hint=hint)
