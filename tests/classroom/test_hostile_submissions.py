"""One submission never stops a class: whatever it holds, the others are graded, and it is said why it is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.classroom.folders.handed_in import Submitted, read_handed_in
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook.marks import read_class
from autograder.classroom.gradebook.shown_notebook import make_notebook
from autograder.classroom.overview.overview import write_overview
from autograder.classroom.results.store import Store
from autograder.classroom.run import batch, work_list
from autograder.course.manifest import find_lesson
from autograder.grading.notebook_choice import read_notebook
from tests.classroom.course_folder import database, grade_here, hand_in, kept, marks, scores
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, with_code

lesson = find_lesson(LESSON)
FULL = {"parse_pixels": 10.0, "scale_pixels": 5.0, "load_faces": 15.0, "split_rows": 10.0}
NAME = f"{LESSON}.ipynb"
HALF = "\ud800"
DEEP = 1200


@pytest.fixture
def course(tmp_path: Path, entered: Path) -> Iterator[Path]:
    """A course folder whose gradebook knows the lesson, with two submissions that need no running to be graded."""
    course = shutil.copytree(entered, tmp_path / "course")
    hand_in(course, "anna", released_notebook())
    hand_in(course, "zoe", released_notebook())
    yield course
    # Python's own way of removing folders ends where they are too deep.
    subprocess.run(["rm", "-rf", str(course)], check=True)


def halves() -> dict[str, Any]:
    """Return a notebook with halves of characters wherever a text stands."""
    notebook = released_notebook()
    raising = f"import sys\nprint({HALF!r})\nraise type({'E' + HALF!r}, (Exception,), {{}})({HALF!r})"
    notebook["metadata"] = {"kernelspec": {"language": HALF, "name": HALF, "display_name": HALF}, HALF: HALF}
    cell_of(notebook, "split_rows")["source"] = (
        f"def split_rows(n_rows, val_fraction=0.2, seed=0):\n    raise ValueError({HALF!r})\n"
    )
    for cell in notebook["cells"]:
        cell["id"] = HALF
    notebook["cells"] += [
        {"cell_type": "code", "metadata": {}, "source": raising},
        {"cell_type": HALF, "metadata": {HALF: HALF}, "source": HALF},
        {"cell_type": "markdown", "source": HALF, "attachments": {HALF: {"image/png": HALF}}},
    ]
    return notebook


def deep(course: Path) -> None:
    """Hand in folders in folders."""
    folder = os.open(hand_in(course, "bad", released_notebook()), os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)


def half_a_name(course: Path) -> None:
    folder = hand_in(course, "bad", None)
    (Path(os.fsdecode(os.fsencode(folder) + b"/m\xff.ipynb"))).write_text(json.dumps(released_notebook()))
    (Path(os.fsdecode(os.fsencode(folder) + b"/n\xff.txt"))).touch()


def copy_beside_stub(course: Path) -> None:
    folder = hand_in(course, "bad", released_notebook())
    (folder / f"{LESSON}-Copy1.ipynb").write_text(json.dumps(reference_notebook()))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "halves of characters": (lambda course: hand_in(course, "bad", halves()), ""),
    "a file's name": (half_a_name, ""),
    "deep folders": (deep, "folders more than 100 deep"),
    "empty cells": (
        lambda course: hand_in(course, "bad", b'{"cells": [' + b"{}," * 3_000_000 + b"{}]}"),
        "more than 2,000,000 values",
    ),
    "fewer empty cells": (
        lambda course: hand_in(course, "bad", b'{"cells": [' + b"{}," * 300_000 + b"{}]}"),
        "300,001 cells",
    ),
    "sheets": (lambda course: hand_in(course, "bad", b'{"worksheets": [{"cells": 5}]}'), "holds no cell of code"),
    "archive": (lambda course: hand_in(course, "bad", b"PK\x03\x04"), "ZIP archive; unpack it"),
    "page": (lambda course: hand_in(course, "bad", b"<!DOCTYPE html>"), "HTML page"),
    "another lesson": (
        lambda course: hand_in(course, "bad", released_notebook("02_nan_masking")),
        "holds exercises of lesson 02_nan_masking",
    ),
    "copy": (copy_beside_stub, f"{LESSON}-Copy1.ipynb holds work that {NAME} does not"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_others_are_graded_and_the_reason_is_said(
    course: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    hand_over, said = HOSTILE[kind]
    hand_over(course)
    assert grade_here(course) == (1 if said else 0)
    told = capsys.readouterr()
    assert "Traceback" not in told.err + told.out
    assert "3 graded" in told.out
    if said:
        (line,) = [line for line in told.out.splitlines() if line.startswith(f"  bad, {LESSON}: ")]
        assert said in line
    assert {row[1] for row in marks(course)} == {"anna", "bad", "zoe"}
    assert (course / "autograded" / "bad" / LESSON / NAME).stat().st_size < 3_000_000
    assert grade_here(course) == (1 if said else 0)
    assert "0 graded, 3 unchanged" in capsys.readouterr().out
    write_overview(load_settings(course), course / "overview")


def test_the_student_reads_that_another_notebook_holds_the_work(course: Path) -> None:
    copy_beside_stub(course)
    assert grade_here(course) == 1
    shown = (course / "autograded" / "bad" / LESSON / NAME).read_text(encoding="utf-8")
    assert f"note: {LESSON}-Copy1.ipynb holds work" in shown
    assert any("holds work" in note for note in kept(course, "bad")["notes"])


@pytest.mark.parametrize("where", ["read_handed_in", "make_job", "full_result", "keep"])
@pytest.mark.parametrize("error", [RecursionError, MemoryError, UnicodeEncodeError])
def test_whatever_one_submission_raises_costs_it_alone(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str, error: type
) -> None:
    module = batch if hasattr(batch, where) else work_list
    real = getattr(module, where)

    def fail(*args: Any) -> Any:
        if any(f"student{sign}'bad'" in repr(args) for sign in ("=", "': ")):
            raise error("utf-8", HALF, 0, 1, "no") if error is UnicodeEncodeError else error("too much")
        return real(*args)

    hand_in(course, "bad", released_notebook())
    monkeypatch.setattr(module, where, fail)
    assert grade_here(course) == 1
    told = capsys.readouterr()
    assert "2 graded, 0 unchanged, 1 not graded" in told.out
    assert f"  bad, {LESSON}: not graded: {error.__name__}: " in told.out
    assert {row[1] for row in marks(course)} == {"anna", "zoe"}
    monkeypatch.setattr(module, where, real)
    assert grade_here(course) == 0
    assert "1 graded, 2 unchanged" in capsys.readouterr().out


@pytest.mark.parametrize("student", ["lock", "run.json", "overview", "canvas.csv", "results", "Lock", "{x}", "a%b[c]*"])
def test_any_name_is_a_students_name(course: Path, student: str, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(course, student, released_notebook())
    assert grade_here(course) == 0
    assert "3 graded" in capsys.readouterr().out
    assert grade_here(course) == 0
    assert "0 graded, 3 unchanged" in capsys.readouterr().out
    assert set(scores(course, student).values()) == {0.0}
    settings = load_settings(course)
    assert Store(settings.coursedir).log_path(student, LESSON).is_file()
    write_overview(settings, course / "grading" / "overview")
    assert read_class(settings).total(student) == 0.0


def _spoil(result: dict[str, Any], change: str) -> str:
    text = json.dumps(result, indent=1)
    score, entry = '"score": 40.0', '"score": 10.0'
    changed = {
        "infinite": text.replace(entry, '"score": Infinity'),
        "nan": text.replace(score, '"score": NaN'),
        "negative": text.replace(score, '"score": -1'),
        "text": text.replace(entry, '"score": "10"'),
        "nested": text.replace('"notes": []', f'"notes": {"[" * 50_000}{"]" * 50_000}'),
        "no list": text.replace('"look": []', '"look": 5'),
        "no exercise": text.replace('"exercises": [', '"exercises": [5,'),
        "another student": text.replace('"student": "anna"', '"student": "zoe"'),
    }[change]
    assert changed != text
    return changed


@pytest.mark.parametrize(
    "change", ["infinite", "nan", "negative", "text", "nested", "no list", "no exercise", "another student"]
)
def test_a_kept_result_that_is_none_is_graded_anew(
    course: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    hand_in(course, "anna", reference_notebook())
    assert grade_here(course) == 0
    path = course / "grading" / "anna" / LESSON / "result.json"
    path.write_text(_spoil(kept(course, "anna"), change))
    settings = load_settings(course)
    assert read_class(settings).total("anna") is None
    write_overview(settings, course / "overview")
    capsys.readouterr()
    assert grade_here(course) == 0
    assert "1 graded, 1 unchanged" in capsys.readouterr().out
    assert scores(course, "anna") == FULL


def test_a_mark_by_hand_that_is_no_number_counts_for_nothing_and_is_said(course: Path) -> None:
    assert grade_here(course) == 0
    with database(course) as connection:
        connection.execute("update grade set manual_score = 9e999, extra_credit = 9e999")
        connection.commit()
    settings = load_settings(course)
    found = read_class(settings)
    assert found.total("anna") == 0.0
    assert any("waits for a mark given by hand" in reason for _, _, reason in found.look())
    write_overview(settings, course / "overview")


def test_a_submission_with_very_many_files_is_said(course: Path) -> None:
    folder = hand_in(course, "bad", released_notebook())
    for number in range(10_000):
        (folder / f"{number}.txt").touch()
    found = read_handed_in(Submitted("bad", lesson, folder))
    assert found.content is not None
    assert any("10,000 files and folders or more" in reason for reason in found.look)


def test_a_page_of_a_hostile_notebook_stays_small() -> None:
    big = "x" * 900_000
    notebook = with_code("split_rows", "def split_rows(): ...")
    notebook["cells"] += [
        {"cell_type": "markdown", "source": big, "attachments": {f"{i}": {"image/png": big} for i in range(20)}}
        for _ in range(3)
    ]
    notebook["cells"] += [{}] * 1900
    shown = make_notebook(read_notebook(NAME, json.dumps(notebook).encode(), lesson))
    assert len(shown) < 5_000_000
