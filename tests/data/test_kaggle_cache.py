"""The cache of the fast reader: when it is trusted, what a failed write leaves, and how fast it is."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_scripts.files.errors import DataError
from data_scripts.kaggle import cache, tables
from data_scripts.kaggle.cache import cache_path, load_cache
from data_scripts.kaggle.speed import CACHE_PROMISE, PARSE_PROMISE, measure, write_random_faces
from data_scripts.kaggle.tables import read_training, verify_folder
from tests.data.face_files import HEADER, IMAGE, left_behind, write, write_folder

ROOT = Path(__file__).resolve().parents[2]


def test_the_cache_is_compact_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_folder(tmp_path, training_rows=50) / "training.csv"
    first = read_training(path)
    assert left_behind(tmp_path) == ["training.cache.npz"]
    assert cache_path(path).stat().st_size < 50 * (9216 + 4 * 8) + 3000

    def must_not_run(*arguments: object) -> None:
        raise AssertionError("the file was parsed again")

    monkeypatch.setattr(tables, "parse_faces", must_not_run)
    np.testing.assert_array_equal(read_training(path).images, first.images)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = write_folder(tmp_path) / "training.csv"
    read_training(path)
    before = path.stat()
    # The same size and the same time: only the content tells.
    path.write_bytes(path.read_bytes().replace(b"66.0", b"67.0", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_training(path).keypoints[0, 0, 0] == 67
    write(path, HEADER, f"1,2,3,4,{IMAGE}")
    assert len(read_training(path).images) == 1


def test_a_change_between_the_samples_is_told_by_its_time(tmp_path: Path) -> None:
    path = write_folder(tmp_path, training_rows=150) / "training.csv"
    read_training(path)
    before = path.stat()
    content = path.read_bytes()
    # Right behind the first sample of 64 kB; the second begins after a fifteenth of the file.
    assert len(content) // 15 > 150_000
    at = content.index(b"\n66.0", 70_000) + 1
    path.write_bytes(content[:at] + b"67.0" + content[at + 4 :])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    assert 67 in read_training(path).keypoints[:, 0, 0]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "pickle", "other format"])
def test_a_damaged_cache_is_written_anew(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_folder(tmp_path) / "training.csv"
    first = read_training(path)
    kept = cache_path(path)
    whole = kept.read_bytes()
    if damage == "other format":
        monkeypatch.setattr(cache, "_FORMAT", cache._FORMAT + 1)
    elif damage == "pickle":
        np.savez(kept, fingerprint=np.array([{"a": 1}], dtype=object))
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
        kept.write_bytes({"empty": b"", "cut": whole[:middle], "flipped": flipped}[damage])
    assert load_cache(path) is None
    np.testing.assert_array_equal(read_training(path).images, first.images)
    assert load_cache(path) is not None
    assert left_behind(tmp_path) == ["training.cache.npz"]


@pytest.mark.parametrize(("number", "reason"), [(errno.ENOSPC, "no space left"), (errno.EACCES, "no permission")])
def test_without_room_for_the_cache_faces_come_all_the_same(
    number: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_folder(tmp_path) / "training.csv"

    def write_a_little_then_fail(file: object, **arrays: np.ndarray) -> None:
        file.write(b"half of a cache")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(np, "savez", write_a_little_then_fail)
    assert len(read_training(path).images) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert reason in said
    assert left_behind(tmp_path) == []
    with pytest.raises(DataError, match=reason):
        verify_folder(tmp_path)
    assert left_behind(tmp_path) == []


def test_an_older_cache_survives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_folder(tmp_path) / "training.csv"
    read_training(path)
    before = cache_path(path).read_bytes()
    path.write_bytes(path.read_bytes().replace(b"66.0", b"67.0"))

    def fail(*arguments: object, **arrays: np.ndarray) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    assert read_training(path).keypoints[0, 0, 0] == 67
    assert cache_path(path).read_bytes() == before
    assert read_training(path).keypoints[0, 0, 0] == 67


def test_an_interruption_leaves_no_half_of_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_folder(tmp_path) / "training.csv"

    def interrupt(file: object, **arrays: np.ndarray) -> None:
        file.write(b"half of a cache")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_training(path)
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_write_that_the_system_itself_refuses(tmp_path: Path) -> None:
    write_folder(tmp_path, training_rows=30)
    program = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from data_scripts.kaggle_csv import main
sys.exit(main(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "training.cache.npz: the cache cannot be written" in done.stderr
    assert left_behind(tmp_path) == []


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.alone
def test_the_promised_speed_at_kaggles_size(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    images, keypoints = write_random_faces(path, 7049, np.random.default_rng(1))
    times = measure(path, repeats=3)
    got = read_training(path)
    np.testing.assert_array_equal(got.images, images / np.float32(255))
    np.testing.assert_array_equal(got.keypoints, keypoints)
    assert times.parse <= times.pandas_split / PARSE_PROMISE, times
    assert times.cached <= times.pandas_split / CACHE_PROMISE, times
