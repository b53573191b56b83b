"""Damaged notebooks: the code that counts is found, and the repair is said."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import find_lesson
from autograder.grading.notebook_choice import MAX_BYTES, find_notebook, find_submission, read_inside
from autograder.grading.submission import Submission, Unreadable, read_submission
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save, with_code

lesson = find_lesson(LESSON)


def read(notebook: dict[str, Any]) -> Submission:
    return read_submission(json.dumps(notebook).encode(), lesson)


def code(submission: Submission) -> str:
    return "\n".join(cell.source for cell in submission.cells)


def test_release_is_untouched() -> None:
    found = read(released_notebook())
    assert found.untouched == set(lesson.names)
    assert not found.notes


def test_reference_keeps_only_the_students_cells() -> None:
    found = read(reference_notebook())
    assert not found.untouched
    assert not found.notes
    assert not found.broken
    assert len(found.cells) == len(lesson.exercises)
    assert "autograder.check" not in code(found)


def test_stripped_metadata_and_ids_change_nothing() -> None:
    notebook = reference_notebook()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    assert len(read(notebook).cells) == len(lesson.exercises)


@pytest.mark.parametrize("fence", [False, True])
def test_code_in_a_text_cell_is_found_and_said(fence: bool) -> None:
    notebook = reference_notebook()
    cell = cell_of(notebook, "parse_pixels")
    cell["cell_type"] = "markdown"
    if fence:
        cell["source"] = "```python\n" + "".join(cell["source"]) + "\n```"
    found = read(notebook)
    assert "def parse_pixels" in code(found)
    assert any("parse_pixels" in note and "no code cell" in note for note in found.notes)


def test_leftover_stub_does_not_undo_the_work() -> None:
    notebook = reference_notebook()
    notebook["cells"].append(copy.deepcopy(cell_of(released_notebook(), "scale_pixels")))
    found = read(notebook)
    assert "scale_pixels" not in found.untouched
    assert "NotImplementedError" not in code(found)
    assert any("scale_pixels" in note for note in found.notes)


def test_syntax_error_breaks_its_own_exercise_only() -> None:
    found = read(with_code("scale_pixels", "def scale_pixels(images):\n    return images /\n"))
    assert set(found.broken) == {"scale_pixels"}
    assert "line 2" in found.broken["scale_pixels"]
    assert "def parse_pixels" in code(found)


def test_magics_are_no_error() -> None:
    notebook = reference_notebook()
    cell = cell_of(notebook, "parse_pixels")
    cell["source"] = "%matplotlib inline\n!pip install numpy\n" + "".join(cell["source"])
    timed = cell_of(notebook, "scale_pixels")
    timed["source"] = "%%time\n" + "".join(timed["source"])
    found = read(notebook)
    assert not found.broken
    assert "def parse_pixels" in code(found)
    assert "def scale_pixels" in code(found)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"cells": 3}', b"\xff\xfe\x00", b"[" * 100_000, b"PK\x03\x04", b'{"nbformat": 4}'],
    ids=["empty", "cut", "list", "null", "number", "binary", "nested", "zip", "no cells"],
)
def test_what_is_no_notebook_is_said_in_a_line(content: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read_submission(content, lesson)
    assert "\n" not in str(caught.value)
    assert "hand it in anew" in str(caught.value)


def test_bom_and_windows_line_ends() -> None:
    notebook = reference_notebook()
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    content = b"\xef\xbb\xbf" + json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()
    assert len(read_submission(content, lesson).cells) == len(lesson.exercises)


def test_cells_of_odd_kinds_are_passed_over() -> None:
    notebook = reference_notebook()
    notebook["cells"] += [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": [1, 2]}, {"source": {}}]
    assert len(read(notebook).cells) == len(lesson.exercises)


def test_renamed_notebook_is_found_and_said(tmp_path: Path) -> None:
    save(reference_notebook(), tmp_path)
    (tmp_path / LESSON / f"{LESSON}.ipynb").rename(tmp_path / LESSON / "my work (1).ipynb")
    path = find_notebook(tmp_path / LESSON, lesson)
    assert path is not None
    assert path.name == "my work (1).ipynb"
    assert "my work (1).ipynb" in find_submission(tmp_path, lesson).notes[0]
    assert find_notebook(tmp_path / "nowhere", lesson) is None


def test_a_link_out_of_the_submission_is_refused(tmp_path: Path) -> None:
    elsewhere = save(reference_notebook(), tmp_path / "solutions") / LESSON / f"{LESSON}.ipynb"
    folder = tmp_path / "work" / LESSON
    folder.mkdir(parents=True)
    for link, target in ((folder / f"{LESSON}.ipynb", elsewhere), (folder / "other.ipynb", Path("/etc/passwd"))):
        link.symlink_to(target)
        with pytest.raises(Unreadable, match="outside of the submission"):
            read_inside(find_notebook(folder, lesson), tmp_path / "work")
        assert "outside of the submission" in find_submission(tmp_path / "work", lesson).notes[0]
        link.unlink()
    folder.rmdir()
    folder.symlink_to(elsewhere.parent, target_is_directory=True)
    with pytest.raises(Unreadable, match="outside of the submission"):
        read_inside(find_notebook(folder, lesson), tmp_path / "work")
    assert "outside of the submission" in find_submission(tmp_path / "work", lesson).notes[0]
    assert find_notebook(elsewhere.parent, lesson) == elsewhere


def test_a_link_within_the_submission_is_followed(tmp_path: Path) -> None:
    notebook = save(reference_notebook(), tmp_path) / LESSON / f"{LESSON}.ipynb"
    notebook.rename(tmp_path / "kept.ipynb")
    notebook.symlink_to(tmp_path / "kept.ipynb")
    assert find_notebook(tmp_path / LESSON, lesson) == notebook
    found = find_submission(tmp_path, lesson)
    assert isinstance(found, Submission)
    assert not found.notes


def test_of_two_notebooks_with_other_names_none_is_guessed(tmp_path: Path) -> None:
    notebook = save(reference_notebook(), tmp_path) / LESSON / f"{LESSON}.ipynb"
    notebook.rename(notebook.with_name("a.ipynb"))
    notebook.with_name("b.ipynb").write_text("{}")
    with pytest.raises(Unreadable, match="a.ipynb, b.ipynb"):
        find_notebook(tmp_path / LESSON, lesson)


def _add_code(*sources: str) -> dict[str, Any]:
    notebook = reference_notebook()
    notebook["cells"] += [{"cell_type": "code", "metadata": {}, "source": source} for source in sources]
    return notebook


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (_add_code(*["x = 1"] * 2000), "cells; at most"),
        (_add_code("x = 1\n" * 200_000), "characters of code; at most"),
    ],
    ids=["cells", "code"],
)
def test_far_too_much_is_refused(notebook: dict[str, Any], said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(notebook)


def test_a_file_of_many_megabytes_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(Unreadable, match="clear its outputs"):
        read_inside(path, tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 5000 + ")" * 5000,
        "x = " + "+".join(["1"] * 20_000),
        "x = " + "-" * 50_000 + "1",
        "x = '\ud800'",
        "x = 1\x00",
        "\n" * 200_000,
        "```\n" * 50_000,
        " " * 200_000 + "def",
        "%" * 200_000,
        "def " * 50_000,
    ],
    ids=["parentheses", "sum", "signs", "surrogate", "zero", "lines", "fences", "spaces", "magic", "defs"],
)
@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_odd_text_stops_nobody(source: str, kind: str) -> None:
    notebook = _add_code(source)
    notebook["cells"][-1]["cell_type"] = kind
    started = time.monotonic()
    found = read(notebook)
    assert time.monotonic() - started < 20
    assert len(found.cells) >= len(lesson.exercises)


def test_another_kernel_and_another_format_change_nothing() -> None:
    notebook = reference_notebook()
    notebook["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    found = read(notebook)
    assert len(found.cells) == len(lesson.exercises)
    assert "kernel for R" in found.notes[0]
    old = {
        "nbformat": 3,
        "worksheets": [
            {
                "cells": [
                    {**cell, "input": cell.pop("source")} if cell["cell_type"] == "code" else cell
                    for cell in notebook["cells"]
                ]
            }
        ],
    }
    assert len(read(old).cells) == len(lesson.exercises)


@pytest.mark.parametrize("line", ["deff split_rows(n_rows):", "Def split_rows(n_rows):", "split_rows(n_rows) = 3"])
def test_a_definition_that_is_none_is_unread_where_no_other_cell_names_it(line: str) -> None:
    found = read(with_code("split_rows", f"{line}\n    return [], []\n"))
    assert set(found.broken) == {"split_rows"}
    assert line in found.broken["split_rows"]
    beside = with_code("split_rows", "split_rows = lambda n_rows: ([], [])\n")
    beside["cells"].append({**cell_of(beside, "split_rows"), "id": "more", "metadata": {}, "source": f"{line}\n"})
    assert "split_rows" not in read(beside).broken
