"""A mistake in course.yaml, or a room of checks that does not fit it, is one line: file, field, what was expected."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autograder import checks
from autograder.authoring.manifest_text import with_exercise, with_lesson
from autograder.course.manifest import CourseError, find_lesson, read_course

TEXT = """# The course.
title: Facial keypoint detection
version: 1.0.0

lessons:
  - id: 01_pixel_parsing
    title: From a string to a face
    goal: Parse a file
    minutes: 45
    frameworks: [numpy, pandas]
    needs: []
    demo: false
    exercises:
      - names: [parse_pixels]
        points: 10
        hint: Split the text.
  - id: 02_nan_masking
    title: Missing labels
    goal: Mask them
    minutes: 60
    frameworks: [numpy]
    needs: [01_pixel_parsing]
    exercises:
      - names: [rmse]
        points: 5
        hint: Average, then take the root.
"""
FIRST = "      - names: [parse_pixels]\n        points: 10\n"


def refusal(tmp_path: Path, text: str) -> str:
    """Return what is said of a manifest that must be refused."""
    path = tmp_path / "course.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError) as caught:
        read_course(path)
    assert "\n" not in str(caught.value)
    assert "course.yaml" in str(caught.value)
    return str(caught.value)


def test_a_manifest_is_read(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(TEXT, encoding="utf-8")
    course = read_course(tmp_path / "course.yaml")
    assert [exercise.id for lesson in course.lessons for exercise in lesson.exercises] == ["01.1", "02.1"]
    assert (course.version, course.lessons[0].demo, course.lessons[1].demo) == ("1.0.0", False, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (FIRST, FIRST.replace("10", "ten"), "exercise 1 (parse_pixels): points: expected a number above 0; got 'ten'"),
        (FIRST, FIRST.replace("10", "0"), "points: expected a number above 0; got 0"),
        (FIRST, FIRST.replace("10", ".inf"), "points: expected a number above 0; got inf"),
        (FIRST, FIRST.replace("10", "true"), "points: expected a number above 0; got True"),
        ("        points: 10\n", "", "lesson 01_pixel_parsing, exercise 1 (parse_pixels): points: missing"),
        (FIRST, FIRST.replace("points", "point"), "point: no such field; expected one of names, points, hint, seconds"),
        (FIRST, FIRST.replace("[parse_pixels]", "parse_pixels"), "names: expected a list of names such as [rmse]"),
        (FIRST, FIRST.replace("[parse_pixels]", "[parse pixels]"), "names: expected a list of names such as [rmse]"),
        (FIRST, FIRST.replace("parse_pixels", "rmse"), "two exercises are named rmse"),
        ("    minutes: 45\n", "    minutes: 4.5\n", "lesson 01_pixel_parsing: minutes: expected a whole number from 1"),
        ("    minutes: 45\n", "    minutes: 45\n    minutes: 45\n", "line 10: minutes stands twice"),
        ("id: 01_pixel_parsing", "id: pixel_parsing", "lesson pixel_parsing: id: expected NN_name"),
        ("id: 02_nan_masking", "id: 01_nan_masking", "lesson 01_nan_masking: id: 01_pixel_parsing has this number"),
        ("    needs: []\n", "    needs: [02_nan_masking]\n", "needs: 02_nan_masking must be lessons that come before"),
        ("    needs: []\n", "    needs: none\n", "needs: expected a list of lessons such as"),
        ("    demo: false\n", "    demo: sometimes\n", "demo: expected true or false; got 'sometimes'"),
        ("    frameworks: [numpy, pandas]\n", "", "lesson 01_pixel_parsing: frameworks: missing; expected a list"),
        ("title: Facial keypoint detection\n", "", "course.yaml: title: missing; expected a text"),
        ("version: 1.0.0\n", "version: [1]\n", "version: expected a version such as 1.0.0; got [1]"),
        ("lessons:\n", "lesson:\n", "lesson: no such field; expected one of title, version, lessons"),
        (TEXT, "", "expected the fields title, version, lessons; got None"),
        (TEXT, "lessons: [", "line 1"),
    ],
)
def test_a_mistake_in_the_manifest_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    assert said in refusal(tmp_path, TEXT.replace(old, new, 1))


LADDER = """from autograder.ladder.ladder import Ladder
split = Ladder("split_rows")
@split.rung("{kind}", points=1)
def one(student, rng):
    '''It splits.'''
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty room of checks for lesson 01."""
    monkeypatch.setattr(checks, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(checks, "__path__", [str(tmp_path)])
    checks.ladders.cache_clear()
    for name in [name for name in sys.modules if name.startswith("autograder.checks.lesson_01")]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "lesson_01").mkdir()
    yield tmp_path / "lesson_01"
    checks.ladders.cache_clear()
    for name in [name for name in sys.modules if name.startswith("autograder.checks.lesson_01")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LADDER.format(kind="value"), r"lesson_01/row_split.py, line 3: split_rows: a rung of kind 'value'; expected"),
        (LADDER.format(kind="values"), r'lesson_01: no module holds Ladder\("parse_pixels"\); course.yaml lists that'),
        ("import no_such_module\n", r"lesson_01/row_split.py, line 1: No module named 'no_such_module'"),
        ("def (:\n", r"lesson_01/row_split.py, line 1: invalid syntax"),
    ],
)
def test_a_room_of_checks_that_does_not_fit_is_named(room: Path, text: str, said: str) -> None:
    (room / "row_split.py").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=said) as caught:
        checks.ladders(find_lesson("01"))
    assert "\n" not in str(caught.value)


def test_a_room_of_checks_that_is_not_there_is_named(room: Path) -> None:
    room.rmdir()
    with pytest.raises(
        CourseError, match=r"lesson_01 is missing; expected modules there with a Ladder for parse_pixels"
    ):
        checks.ladders(find_lesson("01"))


ENTRY = "- names: [added]\n  points: 1\n  hint: None.\n"
LESSON = "\n  - id: 77_added\n    exercises:\n"
SMALL = """# The course.
lessons:
  # The first.
  - id: 01_one
    exercises:
      - names: [one]
        hint: A hint of
          two lines.   # and a remark

  # The second.
  - id: 02_two
    exercises:
    - names: [two]
      hint: >-
        A folded hint
        of two lines."""


def test_an_exercise_is_put_behind_the_last_one_of_its_lesson() -> None:
    added = "      - names: [added]\n        points: 1\n        hint: None.\n"
    behind = "          two lines.   # and a remark\n"
    assert with_exercise(SMALL, "01_one", ENTRY) == SMALL.replace(behind, behind + added)
    at_the_end = with_exercise(SMALL, "02_two", ENTRY)
    assert at_the_end == SMALL + "\n    - names: [added]\n      points: 1\n      hint: None.\n"


def test_a_lesson_is_put_behind_the_last_one() -> None:
    added = "  - id: 77_added\n    exercises:\n      - names: [added]\n        points: 1\n        hint: None.\n"
    assert with_lesson(SMALL, LESSON, ENTRY) == f"{SMALL}\n\n{added}"
    # A remark at the end belongs to what stands before it.
    assert with_lesson(f"{SMALL}\n", LESSON, ENTRY) == f"{SMALL}\n\n{added}"


def test_a_list_of_exercises_on_one_line_is_refused() -> None:
    with pytest.raises(CourseError, match="lesson 01_one: exercises: expected one entry a line"):
        with_exercise("lessons:\n- {id: 01_one, exercises: []}", "01_one", ENTRY)
