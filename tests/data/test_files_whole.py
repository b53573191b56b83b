"""Files and folders are whole or not there, however writing them ends."""

import stat
import sys
from pathlib import Path

import pytest

from data_scripts.files.whole import whole_file, whole_folder, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_half_of_a_file(path: Path, ends: BaseException) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_bytes(b"half")
        raise ends


def write_half_of_a_folder(path: Path, ends: BaseException) -> None:
    with whole_folder(path) as unfinished:
        (unfinished / "a.txt").write_text("half")
        raise ends


def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.json"
    write_whole(path, "first\n")
    with whole_file(path) as unfinished:
        unfinished.write_bytes(b"second")
        assert path.read_bytes() == b"first\n"
    assert path.read_bytes() == b"second"
    write_whole(path, "größer\n")
    assert path.read_bytes() == "größer\n".encode()
    assert names(path.parent) == ["result.json"]


@pytest.mark.parametrize("ends", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, b"former"])
def test_a_failed_write_leaves_the_former_file(ends: BaseException, before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(type(ends)):
        write_half_of_a_file(path, ends)
    assert names(tmp_path) == ([] if before is None else ["result.json"])
    assert before is None or path.read_bytes() == before


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as one, whole_file(tmp_path / "a") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "a").read_text() == "one"


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "faces"
    with whole_folder(path) as unfinished:
        (unfinished / "a.txt").write_text("a")
        assert not path.exists()
    assert names(path) == ["a.txt"]
    assert names(path.parent) == ["faces"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_an_empty_folder_is_filled_and_another_left_alone(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with whole_folder(tmp_path / "empty") as unfinished:
        (unfinished / "a.txt").write_text("a")
    for path in (tmp_path / "empty", tmp_path / "empty" / "a.txt"):
        with pytest.raises(FileExistsError, match="not empty; remove it, or name another"), whole_folder(path):
            pytest.fail("written into")
    assert names(tmp_path / "empty") == ["a.txt"]


@pytest.mark.parametrize("ends", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_folder_leaves_nothing(ends: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(ends)):
        write_half_of_a_folder(tmp_path / "faces", ends)
    assert names(tmp_path) == []
