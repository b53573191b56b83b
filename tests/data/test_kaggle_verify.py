"""A whole folder in Kaggle's format: what is checked in it, and the command that does so."""

import subprocess
import sys
from pathlib import Path

import pytest

from data_scripts.files.errors import DataError
from data_scripts.kaggle import tables
from data_scripts.kaggle.tables import verify_folder
from tests.data.face_files import HEADER, IMAGE, left_behind, write, write_folder

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data_scripts.kaggle_csv", *arguments],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )


def test_the_command_prints_what_a_folder_holds(tmp_path: Path) -> None:
    done = run(str(write_folder(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert done.stdout == (f"{tmp_path}: 3 training rows (0 with all 2 keypoints), 2 test images, 2 look-up rows\n")
    assert left_behind(tmp_path) == ["test.cache.npz", "training.cache.npz"]


def test_the_command_says_one_line_without_a_traceback(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    write(folder / "training.csv", HEADER, f"1,2,3,4,{IMAGE[:-1]}999")
    done = run(str(folder))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "training.csv, row 1 (line 2): expected an integer from 0 to 255" in done.stderr
    assert left_behind(tmp_path) == []


def test_kaggles_counts_are_demanded_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path, training_rows=3, test_rows=2)
    with pytest.raises(DataError, match=r"training.csv: expected Kaggle's 7049 rows, got 3"):
        verify_folder(folder, expect_kaggle=True)
    counts = {"KAGGLE_TRAINING_ROWS": 3, "KAGGLE_KEYPOINTS": 2, "KAGGLE_TEST_ROWS": 2, "KAGGLE_LOOKUP_ROWS": 2}
    for name, count in counts.items():
        monkeypatch.setattr(tables, name, count)
    assert verify_folder(folder, expect_kaggle=True).test_rows == 2
    for name, count in counts.items():
        monkeypatch.setattr(tables, name, count + 1)
        with pytest.raises(DataError, match=f"expected Kaggle's {count + 1} "):
            verify_folder(folder, expect_kaggle=True)
        monkeypatch.setattr(tables, name, count)


def test_kaggles_counts_are_kaggles() -> None:
    assert (tables.KAGGLE_TRAINING_ROWS, tables.KAGGLE_TEST_ROWS) == (7049, 1783)
    assert (tables.KAGGLE_LOOKUP_ROWS, tables.KAGGLE_KEYPOINTS) == (27124, 15)


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [("1,3,nose_tip_x,", "a ImageId that test.csv has, got '3'"), ("1,1,ear_x,", "FeatureName that training.csv has")],
)
def test_the_lookup_must_fit_the_faces(lookup: str, expected: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    write(folder / "IdLookupTable.csv", "RowId,ImageId,FeatureName,Location", lookup)
    with pytest.raises(DataError) as caught:
        verify_folder(folder)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["training.csv", "test.csv", "IdLookupTable.csv"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / name).unlink()
    with pytest.raises(DataError, match=name):
        verify_folder(folder)


def test_no_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got nothing there"):
        verify_folder(tmp_path / "nowhere")
