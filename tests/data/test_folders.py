"""Where the faces and the results lie, and that the embedded faces appear whole, once, and anew when they should."""

import errno
import json
import multiprocessing
import os
import sys
import types
from pathlib import Path

import pytest

from data_scripts import folders
from data_scripts.errors import DataError
from tests.data.face_files import unfinished


class FakeGenerator(types.ModuleType):
    """Stands in for data_scripts.synthetic_faces: writes the file names, not the faces, and keeps count."""

    def __init__(self, log: Path, version: int = 1, pause_s: float = 0.0, fails_with: Exception | None = None) -> None:
        super().__init__("data_scripts.synthetic_faces")
        self.GENERATOR_VERSION = version
        self.log, self.pause_s, self.fails_with = log, pause_s, fails_with

    def write_kaggle_folder(self, out: Path, n_train: int = 0, n_test: int = 0, seed: int = 0) -> None:
        import time

        with open(self.log, "a", encoding="utf-8") as file:
            file.write(f"{n_train} {n_test} {seed}\n")
        out.mkdir(exist_ok=True)
        for name in folders.FACE_FILES:
            (out / name).write_text(f"{name} of version {self.GENERATOR_VERSION}\n", encoding="utf-8")
            time.sleep(self.pause_s / len(folders.FACE_FILES))
            if self.fails_with is not None:
                raise self.fails_with


def install(generator: FakeGenerator) -> None:
    import data_scripts

    sys.modules[generator.__name__] = generator
    data_scripts.synthetic_faces = generator


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """`use(**options)` installs a generator; `folder` is where faces go; `runs()` says how often it ran."""
    import data_scripts

    log = tmp_path / "runs.txt"

    def use(**options: object) -> None:
        generator = FakeGenerator(log, **options)
        monkeypatch.setitem(sys.modules, generator.__name__, generator)
        monkeypatch.setattr(data_scripts, "synthetic_faces", generator, raising=False)

    def runs() -> int:
        return len(log.read_text().splitlines()) if log.exists() else 0

    use()
    return types.SimpleNamespace(use=use, runs=runs, folder=tmp_path / "data" / "synthetic", log=log)


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


def test_course_data_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generate: types.SimpleNamespace
) -> None:
    (tmp_path / "training.csv").write_text("")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert folders.data_folder() == tmp_path
    assert generate.runs() == 0


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_course_data_without_faces_is_explained(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / name))
    with pytest.raises(DataError, match="COURSE_DATA=.* expected a folder that holds training.csv, found none"):
        folders.data_folder()


def test_the_default_is_generated_once_in_kaggles_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generate: types.SimpleNamespace
) -> None:
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(folders, "REPOSITORY", tmp_path)
    assert folders.data_folder() == folders.data_folder() == generate.folder
    assert generate.log.read_text() == "7049 1783 0\n"
    assert {*folders.FACE_FILES, folders.MARKER} == {path.name for path in generate.folder.iterdir()}
    assert json.loads((generate.folder / folders.MARKER).read_text())["generator_version"] == 1
    assert unfinished(generate.folder) == []


def test_a_new_generator_replaces_the_faces(generate: types.SimpleNamespace) -> None:
    folders.generated_folder(generate.folder)
    (generate.folder / "training.cache.npz").write_text("a cache of the old faces")
    generate.use(version=2)
    folders.generated_folder(generate.folder)
    assert generate.runs() == 2
    assert (generate.folder / "training.csv").read_text() == "training.csv of version 2\n"
    assert not (generate.folder / "training.cache.npz").exists()
    assert unfinished(generate.folder) == []


@pytest.mark.parametrize("damage", ["missing file", "broken marker"])
def test_a_damaged_folder_is_generated_anew(damage: str, generate: types.SimpleNamespace) -> None:
    folders.generated_folder(generate.folder)
    if damage == "missing file":
        (generate.folder / "truth.csv").unlink()
    else:
        (generate.folder / folders.MARKER).write_text("{")
    folders.generated_folder(generate.folder)
    assert generate.runs() == 2


def test_somebodys_own_files_are_never_overwritten(generate: types.SimpleNamespace) -> None:
    generate.folder.mkdir(parents=True)
    (generate.folder / "training.csv").write_text("mine")
    with pytest.raises(DataError, match="move the folder away"):
        folders.generated_folder(generate.folder)
    for name in folders.FACE_FILES:
        (generate.folder / name).write_text("mine")
    assert folders.generated_folder(generate.folder) == generate.folder
    assert (generate.folder / "training.csv").read_text() == "mine"
    assert generate.runs() == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_refused_write_leaves_nothing(number: int, generate: types.SimpleNamespace) -> None:
    generate.use(fails_with=OSError(number, os.strerror(number)))
    expected = "no space left on the disk" if number == errno.ENOSPC else "no permission"
    with pytest.raises(DataError, match=expected) as caught:
        folders.generated_folder(generate.folder)
    assert "\n" not in str(caught.value)
    assert not generate.folder.exists()
    assert unfinished(generate.folder) == []


def test_an_interruption_leaves_nothing_and_the_old_faces(generate: types.SimpleNamespace) -> None:
    folders.generated_folder(generate.folder)
    generate.use(version=2, fails_with=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        folders.generated_folder(generate.folder)
    assert (generate.folder / "training.csv").read_text() == "training.csv of version 1\n"
    assert unfinished(generate.folder) == []


def ask_for_folder(folder: Path, log: Path) -> None:
    install(FakeGenerator(log, pause_s=0.5))
    folders.generated_folder(folder)
    missing = [name for name in folders.FACE_FILES if not (folder / name).is_file()]
    sys.exit(1 if missing else 0)


def test_processes_that_ask_at_once_generate_once(generate: types.SimpleNamespace) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=ask_for_folder, args=(generate.folder, generate.log)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert generate.runs() == 1
    assert unfinished(generate.folder) == []
