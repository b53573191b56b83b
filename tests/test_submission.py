"""Damaged notebooks: the code that counts is found, and the repair is said."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from autograder.course import find_lesson
from autograder.submission import Unreadable, find_notebook, read_submission
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save, with_code

lesson = find_lesson(LESSON)


def read(notebook: dict[str, Any], tmp_path: Path) -> Any:
    save(notebook, tmp_path)
    return read_submission(tmp_path / LESSON / f"{LESSON}.ipynb", lesson)


def code(submission: Any) -> str:
    return "\n".join(cell.source for cell in submission.cells)


def test_release_is_untouched(tmp_path: Path) -> None:
    found = read(released_notebook(), tmp_path)
    assert found.untouched == set(lesson.names)
    assert not found.notes


def test_reference_keeps_only_the_students_cells(tmp_path: Path) -> None:
    found = read(reference_notebook(), tmp_path)
    assert not found.untouched
    assert not found.notes
    assert not found.broken
    assert len(found.cells) == len(lesson.exercises)
    assert "autograder.check" not in code(found)


def test_stripped_metadata_and_ids_change_nothing(tmp_path: Path) -> None:
    notebook = reference_notebook()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    assert len(read(notebook, tmp_path).cells) == len(lesson.exercises)


@pytest.mark.parametrize("fence", [False, True])
def test_code_in_a_text_cell_is_found_and_said(tmp_path: Path, fence: bool) -> None:
    notebook = reference_notebook()
    cell = cell_of(notebook, "parse_pixels")
    cell["cell_type"] = "markdown"
    if fence:
        cell["source"] = "```python\n" + "".join(cell["source"]) + "\n```"
    found = read(notebook, tmp_path)
    assert "def parse_pixels" in code(found)
    assert any("parse_pixels" in note and "no code cell" in note for note in found.notes)


def test_leftover_stub_does_not_undo_the_work(tmp_path: Path) -> None:
    notebook = reference_notebook()
    notebook["cells"].append(copy.deepcopy(cell_of(released_notebook(), "scale_pixels")))
    found = read(notebook, tmp_path)
    assert "scale_pixels" not in found.untouched
    assert "NotImplementedError" not in code(found)
    assert any("scale_pixels" in note for note in found.notes)


def test_syntax_error_breaks_its_own_exercise_only(tmp_path: Path) -> None:
    found = read(with_code("scale_pixels", "def scale_pixels(images):\n    return images /\n"), tmp_path)
    assert set(found.broken) == {"scale_pixels"}
    assert "line 2" in found.broken["scale_pixels"]
    assert "def parse_pixels" in code(found)


def test_magics_are_no_error(tmp_path: Path) -> None:
    notebook = reference_notebook()
    cell = cell_of(notebook, "parse_pixels")
    cell["source"] = "%matplotlib inline\n!pip install numpy\n" + "".join(cell["source"])
    timed = cell_of(notebook, "scale_pixels")
    timed["source"] = "%%time\n" + "".join(timed["source"])
    found = read(notebook, tmp_path)
    assert not found.broken
    assert "def parse_pixels" in code(found)
    assert "def scale_pixels" in code(found)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"cells": 3}', b"\xff\xfe\x00", b"[" * 100_000, b"PK\x03\x04", b'{"nbformat": 4}'],
    ids=["empty", "cut", "list", "null", "number", "binary", "nested", "zip", "no cells"],
)
def test_what_is_no_notebook_is_said_in_a_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        read_submission(path, lesson)
    assert "\n" not in str(caught.value)
    assert "hand it in anew" in str(caught.value)


def test_bom_and_windows_line_ends(tmp_path: Path) -> None:
    notebook = reference_notebook()
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    path = tmp_path / "x.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook, indent=1).replace("\n", "\r\n").encode())
    assert len(read_submission(path, lesson).cells) == len(lesson.exercises)


def test_cells_of_odd_kinds_are_passed_over(tmp_path: Path) -> None:
    notebook = reference_notebook()
    notebook["cells"] += [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": [1, 2]}, {"source": {}}]
    assert len(read(notebook, tmp_path).cells) == len(lesson.exercises)


def test_renamed_notebook_is_found_and_said(tmp_path: Path) -> None:
    save(reference_notebook(), tmp_path)
    (tmp_path / LESSON / f"{LESSON}.ipynb").rename(tmp_path / LESSON / "my work (1).ipynb")
    path, note = find_notebook(tmp_path, lesson)
    assert path.name == "my work (1).ipynb"
    assert "my work (1).ipynb" in note
    assert find_notebook(tmp_path / "nowhere", lesson) == (None, None)
