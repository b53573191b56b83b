"""Where the faces and the results lie, and how much a lesson trains."""

import json
from pathlib import Path

import pytest

from data_scripts import folders
from data_scripts.files.errors import DataError
from data_scripts.files.generated import MARKER
from data_scripts.kaggle import folder as kaggle_folder
from tests.data.face_files import unfinished


def test_scale_is_quick_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_SCALE", raising=False)
    assert folders.scale() == "quick"
    monkeypatch.setenv("COURSE_SCALE", "full")
    assert folders.scale() == "full"
    monkeypatch.setenv("COURSE_SCALE", "huge")
    with pytest.raises(ValueError, match="expected one of trial, quick, full, got 'huge'"):
        folders.scale()


def test_output_folder_is_made_where_course_output_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_OUTPUT", str(tmp_path / "results"))
    made = folders.output_folder("05_resnet_training")
    assert made == tmp_path / "results" / "05_resnet_training"
    assert made.is_dir()
    assert folders.output_folder("05_resnet_training") == made


def test_output_folder_defaults_to_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_OUTPUT", raising=False)
    monkeypatch.setattr(folders, "REPOSITORY", tmp_path)
    assert folders.output_folder("01_pixel_parsing") == tmp_path / "output" / "01_pixel_parsing"


@pytest.mark.parametrize("lesson", ["", "..", "a/b", "a\\b", "/etc", "x\n"])
def test_output_folder_stays_inside(lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_OUTPUT", str(tmp_path))
    with pytest.raises(ValueError, match="expected a lesson such as"):
        folders.output_folder(lesson)
    assert not list(tmp_path.iterdir())


def test_output_folder_explains_a_file_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_OUTPUT", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be made"):
        folders.output_folder("01_pixel_parsing")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Let empty files be written in place of faces; the sizes and the seed of each set that was asked for."""
    sets: list[tuple[int, int, int]] = []

    def write_empty(out: Path, n_train: int, n_test: int, seed: int) -> None:
        sets.append((n_train, n_test, seed))
        out.mkdir()
        for name in kaggle_folder.FILE_NAMES:
            (out / name).write_text("")

    monkeypatch.setattr(kaggle_folder, "write_kaggle_folder", write_empty)
    return sets


def test_course_data_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list) -> None:
    (tmp_path / "training.csv").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert folders.data_folder() == tmp_path
    assert drawn == []


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_course_data_without_faces_is_explained(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / name))
    with pytest.raises(DataError, match="COURSE_DATA=.* expected a folder that holds training.csv, found none"):
        folders.data_folder()


def test_the_default_is_drawn_once_in_kaggles_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list
) -> None:
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(folders, "REPOSITORY", tmp_path)
    folder = tmp_path / "data" / "synthetic"
    assert folders.data_folder() == folders.data_folder() == folder
    assert drawn == [(7049, 1783, 0)]
    assert {*kaggle_folder.FILE_NAMES, MARKER} == {path.name for path in folder.iterdir()}
    assert json.loads((folder / MARKER).read_text())["generator_version"] == kaggle_folder.GENERATOR_VERSION
    assert unfinished(folder) == []


def test_another_generator_draws_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list) -> None:
    kaggle_folder.drawn_folder(tmp_path / "faces")
    monkeypatch.setattr(kaggle_folder, "GENERATOR_VERSION", 99)
    kaggle_folder.drawn_folder(tmp_path / "faces")
    assert len(drawn) == 2


def test_comparisons_are_whole_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COURSE_SCALE", "COURSE_COMPARISONS"):
        monkeypatch.delenv(name, raising=False)
    assert (folders.compared_seeds(), folders.compared_passes(100)) == (range(3), 100)
    monkeypatch.setenv("COURSE_SCALE", "trial")
    assert folders.compared_seeds() == range(1)
    monkeypatch.setenv("COURSE_COMPARISONS", "whole")
    assert folders.compared_seeds() == range(3)
    monkeypatch.setenv("COURSE_COMPARISONS", "brief")
    assert (folders.compared_passes(100), folders.compared_passes(2)) == (25, 1)
    monkeypatch.setenv("COURSE_COMPARISONS", "short")
    with pytest.raises(ValueError, match="expected one of brief, whole, got 'short'; correct or unset it"):
        folders.compared_seeds()
