"""Archives of submissions as Canvas and Moodle make them, collected by nbgrader's own command."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook import uploads
from autograder.classroom.gradebook.gradebook import open_gradebook
from tests.classroom.course_folder import nbgrader_here
from tests.notebooks import LESSON, released_notebook

NOTEBOOK = json.dumps(released_notebook())


@pytest.fixture
def course(entered: Path, tmp_path: Path) -> Path:
    """A course folder whose gradebook knows Ada, by her login, with Canvas's number."""
    folder = shutil.copytree(entered, tmp_path / "course")
    with open_gradebook(load_settings(folder)) as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="Lovelace", lms_user_id="101")
    return folder


def collect(course: Path, files: dict[str, str | bytes], *arguments: str) -> tuple[list[str], str]:
    """Collect an archive of these files; return where the notebooks went, and the log."""
    archive = course / "downloaded" / LESSON / "archive" / "submissions.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    log = nbgrader_here(course, "zip_collect", LESSON, *arguments)
    found = sorted((course / "submitted").rglob("*.ipynb"))
    return [path.relative_to(course / "submitted").as_posix() for path in found], log


def zipped(name: str) -> bytes:
    """Return a student's own archive, as a Mac packs it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr(f"work/{name}", NOTEBOOK)
        made.writestr(f"__MACOSX/work/._{name}", b"\0")
    return content.getvalue()


def test_canvas(course: Path) -> None:
    found, _ = collect(
        course,
        {
            f"lovelaceada_101_67890_{LESSON}.ipynb": NOTEBOOK,
            f"doejane_LATE_12345_67891_{LESSON}-2.ipynb": NOTEBOOK,
            "roebob_777_67892_mine.ipynb": NOTEBOOK,
            "kimzoe_778_67893_work.zip": zipped(f"{LESSON}.ipynb"),
            "poeedgar_779_67894_essay.pdf": b"%PDF",
        },
    )
    assert found == [
        f"12345/{LESSON}/{LESSON}.ipynb",
        f"777/{LESSON}/mine.ipynb",
        f"778/{LESSON}/{LESSON}.ipynb",
        f"ada/{LESSON}/{LESSON}.ipynb",
    ]


def test_moodle(course: Path) -> None:
    found, _ = collect(
        course,
        {
            f"Ada Lovelace_4711_assignsubmission_file_/{LESSON}.ipynb": NOTEBOOK,
            f"Zoë Müller_4712_assignsubmission_file/{LESSON}.ipynb": NOTEBOOK,
            f"Bob Roe_4713_assignsubmission_file_{LESSON}.ipynb": NOTEBOOK,
        },
    )
    assert found == [
        f"Bob Roe/{LESSON}/{LESSON}.ipynb",
        f"Zoë Müller/{LESSON}/{LESSON}.ipynb",
        f"ada/{LESSON}/{LESSON}.ipynb",
    ]


def test_two_of_one_name_stay_apart(course: Path) -> None:
    with open_gradebook(load_settings(course)) as gradebook:
        gradebook.update_or_create_student("ada2", first_name="Ada", last_name="Lovelace")
    files = {f"Ada Lovelace_{number}_assignsubmission_file_/{LESSON}.ipynb": NOTEBOOK for number in (1, 2)}
    assert collect(course, files)[0] == [
        f"Ada Lovelace_1/{LESSON}/{LESSON}.ipynb",
        f"Ada Lovelace_2/{LESSON}/{LESSON}.ipynb",
    ]


def test_a_broken_archive_and_a_strange_name_stop_nobody(course: Path) -> None:
    found, log = collect(
        course,
        {
            f"lovelaceada_101_67890_{LESSON}.ipynb": NOTEBOOK,
            "kimzoe_778_67893_work.zip": b"PK no archive",
            "stray.ipynb": NOTEBOOK,
        },
    )
    assert found == [f"ada/{LESSON}/{LESSON}.ipynb"]
    assert "kimzoe_778_67893_work.zip can't be unpacked" in log
    assert "stray.ipynb is called neither as Canvas nor as Moodle" in log


def test_collected_again_with_force(course: Path) -> None:
    files: dict[str, str | bytes] = {f"lovelaceada_101_67890_{LESSON}.ipynb": NOTEBOOK}
    collect(course, files)
    files = {f"lovelaceada_101_67999_{LESSON}-1.ipynb": NOTEBOOK.replace("parse_pixels", "parse_pixel")}
    found, _ = collect(course, files, "--force")
    assert found == [f"ada/{LESSON}/{LESSON}.ipynb"]
    assert "parse_pixels" not in (course / "submitted" / found[0]).read_text(encoding="utf-8")


def test_nobody_hands_in_for_somebody_else(course: Path) -> None:
    """What lies in a student's own archive may be called as another's upload: it stays its student's."""
    inner = zipped(f"lovelaceada_101_67890_{LESSON}.ipynb")
    found, _ = collect(course, {"kimzoe_778_67893_work.zip": inner})
    assert [place.split("/")[0] for place in found] == ["778"]
    folder = f"Ada Lovelace_4711_assignsubmission_file_/{LESSON}.ipynb"
    found, _ = collect(course, {"Bob Roe_4712_assignsubmission_file_/work.zip": zipped(folder)}, "--force")
    assert "ada" not in [place.split("/")[0] for place in found]


def test_archives_without_an_end_and_without_a_size_stop_nobody(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(uploads, "MOST_FILES", 50)
    deep = zipped(f"{LESSON}.ipynb")
    for _ in range(6):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as made:
            made.writestr("again.zip", deep)
        deep = outer.getvalue()
    large, many = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", b"\0" * 2_000_000)
    with zipfile.ZipFile(many, "w") as made:
        for number in range(60):
            made.writestr(f"{number}.txt", "")
    found, log = collect(
        course,
        {
            "deep_1_2_work.zip": deep,
            "large_3_4_work.zip": large.getvalue(),
            "stream_5_6_work.gz": gzip.compress(b"\0" * 2_000_000),
            "many_7_8_work.zip": many.getvalue(),
            f"lovelaceada_101_67890_{LESSON}.ipynb": NOTEBOOK,
        },
    )
    assert found == [f"ada/{LESSON}/{LESSON}.ipynb"]
    assert log.count("it becomes more than 1 MB") == 2
    assert "it holds 60 files, more than 50" in log
