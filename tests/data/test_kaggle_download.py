"""The download from Kaggle, against a stand-in for the official client that "sends" a local archive.

Kaggle's servers are never asked: what these tests hold is everything before and after the client's own exchange
with them. test_kaggle_client.py holds the stand-in against the official client.
"""

import errno
import io
import os
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import requests

from data_scripts.files.errors import DataError
from data_scripts.kaggle import archive, tables
from data_scripts.kaggle.archive import TABLES
from data_scripts.kaggle.cache import load_cache
from data_scripts.kaggle.download import COMPETITION, PARTIAL_FOLDER, RULES_PAGE, download
from data_scripts.kaggle.speed import write_random_faces
from data_scripts.kaggle_download import main
from tests.data.face_files import write_folder

FILES = sorted([*TABLES, "test.cache.npz", "training.cache.npz"])


class FakeClient:
    """Imitates ``KaggleApi.competition_download_files``; ``fails`` is raised after ``sends`` bytes were written."""

    def __init__(self, archive: bytes, fails: BaseException | None = None, sends: int | None = None) -> None:
        self.archive, self.fails, self.sends, self.calls, self.resumed_at = archive, fails, sends, 0, 0

    def competition_download_files(
        self, competition: str, path: str | None = None, force: bool = False, quiet: bool = True
    ) -> None:
        self.calls += 1
        target = Path(path) / f"{competition}.zip"
        self.resumed_at = target.stat().st_size if target.exists() and not force else 0
        with open(target, "ab" if self.resumed_at else "wb") as file:
            file.write(self.archive[self.resumed_at : self.sends])
        if self.fails is not None:
            raise self.fails


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def archive_of(folder: Path, nested: bool = True, **replaced: bytes) -> bytes:
    """Kaggle's archive: two tables in ZIP files of their own, two as they are."""
    members = {}
    for name in TABLES:
        content = (folder / name).read_bytes()
        if nested and name in ("training.csv", "test.csv"):
            members[name.replace(".csv", ".zip")] = zipped({name: content})
        else:
            members[name] = content
    return zipped({**members, **{name.replace("_", "."): content for name, content in replaced.items()}})


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small folder whose counts are taken for Kaggle's."""
    for name, count in (("TRAINING_ROWS", 3), ("KEYPOINTS", 2), ("TEST_ROWS", 2), ("LOOKUP_ROWS", 2)):
        monkeypatch.setattr(tables, f"KAGGLE_{name}", count)
    return write_folder(tmp_path / "source", training_rows=3, test_rows=2)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def refusal(out: Path, client: object) -> str:
    """What download says, in one line."""
    with pytest.raises(DataError) as caught:
        download(out, lambda: client)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def never() -> FakeClient:
    raise AssertionError("the client was asked for")


def http_error(status: int) -> requests.exceptions.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.exceptions.HTTPError(f"{status} Client Error", response=response)


@pytest.mark.parametrize("nested", [True, False])
def test_the_files_arrive_checked_and_cached(nested: bool, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "kaggle"
    summary = download(out, lambda: FakeClient(archive_of(source, nested)))
    assert (summary.training_rows, summary.test_rows, summary.lookup_rows) == (3, 2, 2)
    assert listing(out) == FILES
    for name in TABLES:
        assert (out / name).read_bytes() == (source / name).read_bytes()
    for name in ("training.csv", "test.csv"):
        assert load_cache(out / name) is not None, "moving the files must not make their caches stale"


def test_a_second_run_asks_nobody(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "kaggle"
    first = download(out, lambda: FakeClient(archive_of(source)))
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert download(out, never) == first
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_other_files_in_the_folder_stay(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "kaggle"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    download(out, lambda: FakeClient(archive_of(source)))
    assert listing(out) == sorted([*FILES, "notes.txt"])


def test_other_tables_in_the_folder_are_never_overwritten(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "kaggle"
    out.mkdir()
    (out / "training.csv").write_text("mine")
    with pytest.raises(DataError, match=r"or none, got training.csv; move them away"):
        download(out, never)
    write_folder(out, training_rows=4)
    with pytest.raises(DataError, match=r"training.csv: expected Kaggle's 3 rows, got 4.*after moving the files"):
        download(out, never)


def test_wrong_counts_are_refused(source: Path, tmp_path: Path) -> None:
    write_folder(source, training_rows=2)
    message = refusal(tmp_path / "kaggle", FakeClient(archive_of(source)))
    assert f"{COMPETITION}.zip/training.csv: expected Kaggle's 3 rows, got 2" in message.replace(os.sep, "/")
    assert listing(tmp_path / "kaggle") == []


def test_a_broken_table_is_named(source: Path, tmp_path: Path) -> None:
    text = (source / "test.csv").read_text()
    (source / "test.csv").write_text(text[:-50])
    message = refusal(tmp_path / "kaggle", FakeClient(archive_of(source)))
    assert "test.csv, row 2 (line 3): expected 9216 pixels" in message
    assert "interrupted download" in message
    assert listing(tmp_path / "kaggle") == []


def damaged_inside(whole: bytes) -> bytes:
    middle = len(whole) // 3
    return whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 200]) + whole[middle + 200 :]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], id="cut"),
        pytest.param(damaged_inside, id="flipped bits"),
        pytest.param(lambda whole: b"<html>Sign in</html>", id="a web page"),
        pytest.param(lambda whole: b"", id="empty"),
    ],
)
def test_a_damaged_archive_is_refused_and_fetched_anew(
    damage: Callable[[bytes], bytes], source: Path, tmp_path: Path
) -> None:
    whole = archive_of(source, nested=False)
    message = refusal(tmp_path / "kaggle", FakeClient(damage(whole)))
    assert "expected a whole ZIP archive, got a damaged one" in message
    assert listing(tmp_path / "kaggle") == []
    again = FakeClient(whole)
    download(tmp_path / "kaggle", lambda: again)
    assert again.resumed_at == 0


def test_a_damaged_archive_inside_is_refused(source: Path, tmp_path: Path) -> None:
    message = refusal(tmp_path / "kaggle", FakeClient(archive_of(source, training_zip=b"PK\x03\x04 cut")))
    assert "expected a whole ZIP archive" in message
    assert listing(tmp_path / "kaggle") == []


def test_a_missing_table_is_named(source: Path, tmp_path: Path) -> None:
    message = refusal(tmp_path / "kaggle", FakeClient(zipped({"training.csv": b"x", "test.csv": b"x"})))
    assert "got no IdLookupTable.csv, SampleSubmission.csv" in message
    assert listing(tmp_path / "kaggle") == []


@pytest.mark.parametrize("name", ["../training.csv", "/etc/training.csv", "a/../../test.csv", "..\\x.csv", "C:x.csv"])
@pytest.mark.parametrize("inside", [True, False])
def test_names_that_lead_out_of_the_folder_are_refused(name: str, inside: bool, source: Path, tmp_path: Path) -> None:
    evil = zipped({name: b"evil"})
    whole = archive_of(source, training_zip=evil) if inside else evil
    assert "expected names inside the archive's own folder" in refusal(tmp_path / "kaggle", FakeClient(whole))
    assert sorted(path.name for path in tmp_path.rglob("*.csv")) == sorted(TABLES)
    assert listing(tmp_path / "kaggle") == []


def test_an_archive_that_grows_without_end_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_LARGEST_FILE", 10_000)
    assert "expected at most 10000 bytes" in refusal(tmp_path / "kaggle", FakeClient(archive_of(source)))
    assert listing(tmp_path / "kaggle") == []


@pytest.mark.parametrize(
    "interruption",
    [
        requests.exceptions.ConnectionError("the line is dead\nand more"),
        requests.exceptions.Timeout("too slow"),
        ValueError("Downloaded file size (5) does not match expected size (9)"),
    ],
)
def test_an_interrupted_download_goes_on(interruption: Exception, source: Path, tmp_path: Path) -> None:
    whole = archive_of(source)
    message = refusal(tmp_path / "kaggle", FakeClient(whole, interruption, sends=500))
    assert "check the network and run it again" in message
    assert listing(tmp_path / "kaggle") == [PARTIAL_FOLDER]
    again = FakeClient(whole)
    download(tmp_path / "kaggle", lambda: again)
    assert again.resumed_at == 500
    assert listing(tmp_path / "kaggle") == FILES


def test_stopping_it_by_hand_is_no_traceback(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(archive_of(source), KeyboardInterrupt(), sends=500)
    assert main(["--out", str(tmp_path / "kaggle")], lambda: client) == 1
    assert capsys.readouterr().err == "stopped; run it again to go on where it stopped\n"
    assert listing(tmp_path / "kaggle") == [PARTIAL_FOLDER]


def test_stopping_it_while_unpacking_keeps_the_archive_only(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(archive, "_copy", interrupt)
        with pytest.raises(KeyboardInterrupt):
            download(tmp_path / "kaggle", lambda: FakeClient(archive_of(source)))
    assert listing(tmp_path / "kaggle") == [PARTIAL_FOLDER]
    again = FakeClient(archive_of(source))
    download(tmp_path / "kaggle", lambda: again)
    assert again.resumed_at == len(again.archive)


@pytest.mark.parametrize("where", ["download", "unpack", "cache"])
def test_a_full_disk_leaves_nothing(where: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*arguments: object, **options: object) -> None:
        raise full

    if where == "unpack":
        monkeypatch.setattr(archive, "_copy", fail)
    if where == "cache":
        monkeypatch.setattr("numpy.savez", fail)
    fails, sends = (full, 500) if where == "download" else (None, None)
    client = FakeClient(archive_of(source), fails, sends)
    assert "no space left on the disk; free some and run it again" in refusal(tmp_path / "kaggle", client)
    assert listing(tmp_path / "kaggle") == []


def test_a_file_in_place_of_the_folder_is_explained(source: Path, tmp_path: Path) -> None:
    (tmp_path / "kaggle").write_text("in the way")
    assert "cannot be written" in refusal(tmp_path / "kaggle", FakeClient(archive_of(source)))


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            http_error(403),
            f"rules of the contest are not accepted yet; log in, choose 'Join' or 'Late Submission' at {RULES_PAGE}",
        ),
        (http_error(401), "status 401 (not authorized); log in at https://www.kaggle.com/settings/api"),
        (http_error(500), "got status 500; wait a little"),
        (SystemExit(1), "its client gave up"),
    ],
)
def test_what_kaggle_refuses_is_explained(failure: BaseException, expected: str, source: Path, tmp_path: Path) -> None:
    assert expected in refusal(tmp_path / "kaggle", FakeClient(b"", failure))


def test_a_client_that_brings_nothing_is_explained(tmp_path: Path) -> None:
    nothing = types.SimpleNamespace(competition_download_files=lambda *arguments, **options: None)
    assert f"expected {COMPETITION}.zip from Kaggle's client, got nothing" in refusal(tmp_path / "kaggle", nothing)
    assert listing(tmp_path) == []


def test_the_command_prints_one_line_either_way(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kaggle"
    assert main(["--out", str(out)], lambda: FakeClient(b"", http_error(403))) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert main(["--out", str(out)], lambda: FakeClient(archive_of(source))) == 0
    said = capsys.readouterr()
    assert f"COURSE_DATA={out}" in said.out
    assert said.err == ""


@pytest.mark.long
@pytest.mark.slow
def test_kaggles_own_size(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "source")
    rng = np.random.default_rng(2)
    write_random_faces(source / "training.csv", 7049, rng)
    write_random_faces(source / "faces.csv", 1783, rng)
    with open(source / "faces.csv", encoding="utf-8") as faces, open(source / "test.csv", "w", newline="\n") as test:
        next(faces)
        test.write("ImageId,Image\n")
        test.writelines(f"{row},{line.rsplit(',', 1)[1]}" for row, line in enumerate(faces, start=1))
    asked = [f"{row},{row % 1783 + 1},point{row % 15}_x," for row in range(1, 27125)]
    (source / "IdLookupTable.csv").write_text("\n".join(["RowId,ImageId,FeatureName,Location", *asked]) + "\n")
    members = {name: (source / name).read_bytes() for name in TABLES}
    client = FakeClient(zipped(members, zipfile.ZIP_STORED))
    summary = download(tmp_path / "kaggle", lambda: client)
    assert (summary.training_rows, summary.test_rows, summary.lookup_rows) == (7049, 1783, 27124)
    (source / "IdLookupTable.csv").write_text("\n".join(["RowId,ImageId,FeatureName,Location", *asked[:-1]]) + "\n")
    with pytest.raises(DataError, match="expected Kaggle's 27124 rows, got 27123"):
        tables.verify_folder(source, expect_kaggle=True)
