"""Which of the files that came is the lesson's notebook, and in words what the others are."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import find_lesson
from autograder.grading.notebook_choice import find_submission, read_notebook
from autograder.grading.submission import NoSubmission, Submission
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save

lesson = find_lesson(LESSON)
NAME = f"{LESSON}.ipynb"


def beside(folder: Path, files: dict[str, Any]) -> Submission | NoSubmission:
    """Return what is found in a lesson's folder that holds some files."""
    place = folder / LESSON
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return find_submission(folder, lesson)


def partly(*done: str) -> dict[str, Any]:
    """Return the released notebook with some exercises solved."""
    notebook = released_notebook()
    for name in done:
        cell_of(notebook, name)["source"] = copy.deepcopy(cell_of(reference_notebook(), name)["source"])
    return notebook


@pytest.mark.parametrize("other", [f"{LESSON}-Copy1.ipynb", "final.ipynb", f"{LESSON} (1).ipynb"])
def test_work_beside_a_stub_is_said(tmp_path: Path, other: str) -> None:
    found = beside(tmp_path, {NAME: released_notebook(), other: reference_notebook()})
    assert isinstance(found, Submission)
    assert len(found.untouched) == len(lesson.exercises)
    (said,) = found.look
    assert said in found.notes
    assert said.startswith(f"{other} holds work that {NAME} does not (parse_pixels, ")
    assert "hand it in anew" in said


def test_work_beside_half_of_it_is_said_and_an_old_copy_is_not(tmp_path: Path) -> None:
    half, whole = partly("parse_pixels"), partly("parse_pixels", "split_rows")
    found = beside(tmp_path / "newer", {NAME: half, f"{LESSON}-Copy1.ipynb": whole})
    assert f"{NAME} does not (split_rows)" in found.look[0]
    for name, old in {"older": half, "stub": released_notebook(), "broken": b"{", "dot": b"\x00\x05\x16\x07"}.items():
        found = beside(tmp_path / name, {NAME: whole, f"{LESSON}-Copy1.ipynb": old})
        assert not found.look
        assert not found.notes


def test_work_beside_a_broken_notebook_is_said(tmp_path: Path) -> None:
    found = beside(tmp_path, {NAME: b'{"cells": [', f"{LESSON}-Copy1.ipynb": reference_notebook()})
    assert isinstance(found, NoSubmission)
    assert "holds work" in found.look[0]
    assert "is not a notebook" in found.notes[-1]


def test_names_that_begin_with_a_dot_never_count(tmp_path: Path) -> None:
    found = beside(tmp_path / "mac", {"mine.ipynb": reference_notebook(), "._mine.ipynb": b"\x00\x05\x16\x07"})
    assert isinstance(found, Submission)
    assert not found.untouched
    assert found.notes == (f"the notebook is named mine.ipynb; {NAME} was expected",)
    hidden = beside(tmp_path / "alone", {f"._{NAME}": reference_notebook(), ".x.ipynb": reference_notebook()})
    assert isinstance(hidden, NoSubmission)
    assert "no notebook" in hidden.notes[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{NAME}.txt", f"rename it to {NAME}"),
        (f"{NAME}.json", f"rename it to {NAME}"),
        ("mine.ipynb.json", f"rename it to {NAME}"),
        ("homework.zip", "is an archive: unpack it"),
        (f"{LESSON}.html", "is no notebook: hand in"),
        (f"{LESSON}.py", "is no notebook: hand in"),
    ],
)
def test_what_came_in_place_of_a_notebook_is_named(tmp_path: Path, name: str, said: str) -> None:
    found = beside(tmp_path, {name: reference_notebook()})
    assert isinstance(found, NoSubmission)
    (note,) = found.notes
    assert name in note
    assert said in note
    assert "\n" not in note


def test_a_notebook_in_another_folder_is_named(tmp_path: Path) -> None:
    save(reference_notebook(), tmp_path / LESSON)
    (note,) = find_submission(tmp_path, lesson).notes
    assert f"{LESSON}/{NAME} lies a folder too deep: move it up" in note
    (tmp_path / "top").mkdir()
    (tmp_path / LESSON / LESSON / NAME).rename(tmp_path / "top" / NAME)
    (note,) = find_submission(tmp_path / "top", lesson).notes
    assert note.endswith(f"put the {NAME} that lies there into a folder {LESSON}")


MERGED = json.dumps(reference_notebook(), indent=1).encode().replace(b' "cells"', b'<<<<<<< HEAD\n "cells"', 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "ZIP archive; unpack it"),
        (b"\x1f\x8b\x08", "compressed archive"),
        (b"<!DOCTYPE html>\n<html></html>", "HTML page; download the notebook"),
        (b'<html lang="en">', "HTML page"),
        (b"%PDF-1.7", "PDF document"),
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"# %%\nx = 1\n", "Python script"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (MERGED, "unfinished merge of two versions (line 2 begins with <<<<<<<)"),
        (MERGED.replace(b"\n", b"\r\n"), "unfinished merge"),
    ],
)
def test_what_has_a_notebooks_name_and_is_none_is_named(content: bytes, said: str) -> None:
    found = read_notebook(NAME, content, lesson)
    assert isinstance(found, NoSubmission)
    assert said in found.notes[-1]
    assert "\n" not in found.notes[-1]
    assert "hand it in anew" in found.notes[-1]


def test_another_lessons_notebook_is_named() -> None:
    for notebook in (reference_notebook("02_nan_masking"), released_notebook("02_nan_masking")):
        found = read_notebook(NAME, json.dumps(notebook).encode(), lesson)
        assert f"{NAME} holds exercises of lesson 02_nan_masking (count_labels, " in found.notes[-1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_are_read(encoding: str) -> None:
    found = read_notebook(NAME, json.dumps(reference_notebook()).encode(encoding), lesson)
    assert isinstance(found, Submission)
    assert len(found.written) == len(lesson.exercises)


@pytest.mark.parametrize(
    "content",
    [
        b'{"cells": [' + b"{}," * 3_000_000 + b"{}]}",
        b'{"cells": ' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        b'{"metadata": ' + b'{"a":' * 90_000 + b"1" + b"}" * 90_000 + b', "cells": []}',
        b'{"cells": [{"cell_type": "code", "source": [' + b'"x",' * 3_000_000 + b'"y"]}]}',
        b'{"cells": [' + b"{}," * 500_000 + b"{}]}",
        b'{"cells": ["' + b'\\",' * 3_000_000,
        b'{"cells": ["' + b'\\",' * 3_000_000 + b"\\",
        b'{"worksheets": [{"cells": 5}]}',
        b'{"worksheets": 5}',
        b'{"worksheets": [[5], {"cells": [[], {"cell_type": [], "input": {}}]}]}',
        b'{"cells": [{"cell_type": {"a": [1]}, "source": 5, "metadata": [], "id": "\\ud800"}]}',
        b'{"cells": [{"cell_type": "code", "source": "x = \'\\ud800\'"}], "metadata": {"kernelspec": 5}}',
    ],
    ids=[
        "items",
        "nested",
        "nested metadata",
        "strings",
        "cells",
        "cut",
        "cut sign",
        "sheet",
        "sheets",
        "odd",
        "odd cell",
        "surrogate",
    ],
)
def test_notebooks_made_to_do_harm_are_read_or_refused_in_a_line(content: bytes) -> None:
    found = read_notebook(NAME, content, lesson)
    assert len(found.handed_in) <= 2000
    assert all("\n" not in note for note in found.notes)
    if isinstance(found, Submission):
        assert not found.written


def test_many_values_within_texts_are_no_many_values() -> None:
    notebook = reference_notebook()
    notebook["cells"][0]["source"] = 'one, two, [three], {four} " ' * 500_000
    assert isinstance(read_notebook(NAME, json.dumps(notebook).encode(), lesson), Submission)


@pytest.mark.parametrize("terms", [400, 100_000])
def test_deep_expressions_beside_a_stale_stub_harm_nothing(terms: int) -> None:
    notebook = reference_notebook()
    stub = "".join(cell_of(released_notebook(), "scale_pixels")["source"])
    deep = "x = " + "1+" * terms + "1"
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": f"{stub}\n{deep}\nlast = 5\n"})
    found = read_notebook(NAME, json.dumps(notebook).encode(), lesson)
    assert isinstance(found, Submission)
    assert found.written == {exercise.name for exercise in lesson.exercises}
    assert not any("NotImplementedError" in cell.source for cell in found.cells)


def test_an_odd_reader_costs_one_notebook_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> Submission:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr("autograder.grading.notebook_choice.read_submission", fail)
    found = find_submission(save(reference_notebook(), tmp_path), lesson)
    assert isinstance(found, NoSubmission)
    assert "can't be read (RecursionError" in found.notes[0]
    assert found.look == found.notes
