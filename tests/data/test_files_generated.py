"""Folders that a generator writes: whole, once, and anew when they should be."""

import errno
import json
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from data_scripts.files.errors import DataError
from data_scripts.files.generated import MARKER, keep_generated
from tests.data.face_files import unfinished

NAMES = ("training.csv", "test.csv", "truth.csv")


@dataclass(frozen=True)
class Generator:
    """Writes NAMES, not faces, into `folder`, and a line for each run into a file beside it."""

    folder: Path
    version: int = 1
    pause_s: float = 0.0
    fails_with: BaseException | None = None

    @property
    def log(self) -> Path:
        return self.folder.parents[1] / "runs.txt"

    def runs(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def write(self, out: Path) -> None:
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(f"{self.version}\n")
        out.mkdir()
        for name in NAMES:
            (out / name).write_text(f"{name} of version {self.version}\n", encoding="utf-8")
            time.sleep(self.pause_s)
            if self.fails_with is not None:
                raise self.fails_with

    def keep(self) -> Path:
        return keep_generated(self.folder, {"generator_version": self.version}, NAMES, self.write)


@pytest.fixture
def first(tmp_path: Path) -> Generator:
    return Generator(tmp_path / "data" / "synthetic")


def test_a_folder_is_written_once_with_its_recipe(first: Generator) -> None:
    assert first.keep() == first.keep() == first.folder
    assert first.runs() == 1
    assert {*NAMES, MARKER} == {path.name for path in first.folder.iterdir()}
    assert json.loads((first.folder / MARKER).read_text()) == {"generator_version": 1}
    assert unfinished(first.folder) == []


def test_another_recipe_replaces_the_folder(first: Generator) -> None:
    first.keep()
    (first.folder / "training.cache.npz").write_text("a cache of the old faces")
    replace(first, version=2).keep()
    assert first.runs() == 2
    assert (first.folder / "training.csv").read_text() == "training.csv of version 2\n"
    assert not (first.folder / "training.cache.npz").exists()
    assert unfinished(first.folder) == []


@pytest.mark.parametrize("damage", ["missing file", "broken marker"])
def test_a_damaged_folder_is_written_anew(damage: str, first: Generator) -> None:
    first.keep()
    if damage == "missing file":
        (first.folder / "truth.csv").unlink()
    else:
        (first.folder / MARKER).write_text("{")
    first.keep()
    assert first.runs() == 2


def test_somebodys_own_files_are_never_overwritten(first: Generator) -> None:
    first.folder.mkdir(parents=True)
    (first.folder / "training.csv").write_text("mine")
    with pytest.raises(DataError, match="move the folder away"):
        first.keep()
    for name in NAMES:
        (first.folder / name).write_text("mine")
    assert first.keep() == first.folder
    assert (first.folder / "training.csv").read_text() == "mine"
    assert first.runs() == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_refused_write_leaves_nothing(number: int, first: Generator) -> None:
    expected = "no space left on the disk" if number == errno.ENOSPC else "no permission"
    with pytest.raises(DataError, match=expected) as caught:
        replace(first, fails_with=OSError(number, os.strerror(number))).keep()
    assert "\n" not in str(caught.value)
    assert not first.folder.exists()
    assert unfinished(first.folder) == []


def test_an_interruption_leaves_nothing_but_the_old_faces(first: Generator) -> None:
    first.keep()
    with pytest.raises(KeyboardInterrupt):
        replace(first, version=2, fails_with=KeyboardInterrupt()).keep()
    assert (first.folder / "training.csv").read_text() == "training.csv of version 1\n"
    assert unfinished(first.folder) == []


def keep_in_a_process(generator: Generator) -> None:
    generator.keep()
    sys.exit(0 if all((generator.folder / name).is_file() for name in NAMES) else 1)


def test_processes_that_ask_at_once_write_once(first: Generator) -> None:
    spawn = multiprocessing.get_context("spawn")
    slow = replace(first, pause_s=0.2)
    processes = [spawn.Process(target=keep_in_a_process, args=(slow,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert first.runs() == 1
    assert unfinished(first.folder) == []
