"""68-point faces: the reader refuses what is broken in one line, the drawn folder is whole, varied and repeatable."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_scripts import ibug_drawing, ibug_faces
from data_scripts.files.errors import DataError
from data_scripts.ibug import folder as ibug_folder
from data_scripts.ibug.labels import TEST, TEST_TRUTH, TRAIN, read_labels
from data_scripts.ibug.photos import photo_of, read_picture, split_by_photo
from data_scripts.training import crops
from tests.data.face_files import unfinished, write_turned

POINTS = "".join(f"<part name='{n:02d}' x='{n}.5' y='{2 * n}.5'/>" for n in range(68))
BOX = f"<box top='2' left='1' width='30' height='40'>{POINTS}</box>"


def write(folder: Path, boxes: str, file: str = "file='a_1.jpg'") -> Path:
    path = folder / TRAIN
    path.write_text(f"<dataset><images><image {file}>{boxes}</image></images></dataset>", encoding="ascii")
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "faces"
    ibug_folder.write_folder(out, train=12, test=4, seed=3)
    return out


def test_reads_box_and_points(tmp_path: Path) -> None:
    (face,) = read_labels(write(tmp_path, BOX))
    assert (face.file, face.box) == ("a_1.jpg", (1, 2, 30, 40))
    np.testing.assert_array_equal(face.keypoints[3], [3.5, 6.5])
    assert face.keypoints.dtype == np.float32


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        (BOX.replace(" top='2'", ""), "a number for top of a box, got none"),
        (BOX.replace("width='30'", "width='wide'"), "got 'wide'"),
        (BOX.replace("width='30'", "width='0'"), "at least 1 pixel"),
        (BOX.replace("x='5.5'", "x='nan'"), "got 'nan'"),
        (BOX.replace("name='05'", "name='06'"), "each once"),
        (BOX.replace("<part name='67' x='67.5' y='134.5'/>", ""), "got 67"),
        ("", "expected boxes"),
    ],
)
def test_broken_labels_are_refused_in_one_line(boxes: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(said)) as raised:
        read_labels(write(tmp_path, boxes))
    assert "\n" not in str(raised.value)
    assert TRAIN in str(raised.value)


@pytest.mark.parametrize("form", ["0", "00", "000"])
def test_points_are_called_by_their_numbers(form: str, tmp_path: Path) -> None:
    named = BOX
    for number in range(68):
        named = named.replace(f"name='{number:02d}'", f"name='{number:0{len(form)}d}'")
    (face,) = read_labels(write(tmp_path, named))
    np.testing.assert_array_equal(face.keypoints[3], [3.5, 6.5])


def test_drawn_labels_are_in_the_very_form_of_the_contests(drawn: Path) -> None:
    lines = (drawn / TRAIN).read_text(encoding="iso-8859-1").splitlines()
    assert lines[1].startswith("<?xml-stylesheet ")
    assert [line[:9] for line in lines[2:6]] == ["<dataset>", "<name>dra", "<comment>", "<images>"]


def test_boxes_without_points_are_left_out_and_counted(drawn: Path) -> None:
    records = [(face.file, face.box, face.keypoints) for face in read_labels(drawn / TRAIN)]
    mixed, said = [(records[0][0], records[0][1], None), *records[1:]], []
    assert crops.with_points(mixed, said.append) == records[1:]
    assert said == [f"1 of 12 boxes have no points and are left out, the first in {records[0][0]}"]
    with pytest.raises(DataError, match="2 boxes without any"):
        crops.with_points([(file, box, None) for file, box, _ in records[:2]])
    with pytest.raises(DataError, match=re.escape(f"{records[0][0]}: expected points as the other faces have them")):
        crops.cut_faces(mixed, drawn, lambda *given: given, 32)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<dataset><images>",
        b"left,top\n1,2\n",
        b"\xff\xfe\x00",
        b"<?xml version='1.0' encoding='ansi'?><dataset/>",
    ],
)
def test_what_is_no_xml_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / TRAIN).write_bytes(content)
    with pytest.raises(DataError, match="expected XML") as raised:
        read_labels(tmp_path / TRAIN)
    assert "\n" not in str(raised.value)


def test_an_image_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="without the name of its file"):
        read_labels(write(tmp_path, BOX, file=""))


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_broken_picture_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jpg"):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("file", "photo"),
    [
        ("afw__1130084326_3.jpg", "afw__1130084326"),
        ("afw__18489332_10.jpg", "afw__18489332"),
        ("helen__trainset__2908549_1.jpg", "helen__trainset__2908549"),
        ("ibug__image_003_1.jpg", "ibug__image_003"),
        ("lfpw__trainset__image_0476.jpg", "lfpw__trainset__image_0476"),
    ],
)
def test_photo_of(file: str, photo: str) -> None:
    assert photo_of(file) == photo


def test_faces_of_a_photo_stay_together() -> None:
    files = [f"afw__{photo}_{face}.jpg" for photo in range(1000, 1050) for face in range(1, 1 + photo % 4)]
    train, val = split_by_photo(files, 0.2, seed=5)
    assert sorted([*train, *val]) == list(range(len(files)))
    photos = [{photo_of(files[row]) for row in rows} for rows in (train, val)]
    assert not photos[0] & photos[1]
    assert len(photos[1]) == round(0.2 * len(photos[0] | photos[1]))
    again = split_by_photo(files, 0.2, seed=5)
    assert all(np.array_equal(a, b) for a, b in zip((train, val), again, strict=True))
    assert not np.array_equal(val, split_by_photo(files, 0.2, seed=6)[1])


def test_the_drawn_folder_is_whole(drawn: Path) -> None:
    train, test, truth = (read_labels(drawn / name) for name in (TRAIN, TEST, TEST_TRUTH))
    assert (len(train), len(test), len(truth)) == (12, 4, 4)
    assert all(face.keypoints is None for face in test)
    assert [face.box for face in test] == [face.box for face in truth]
    assert not {photo_of(face.file) for face in train} & {photo_of(face.file) for face in test}
    for face in [*train, *truth]:
        height, width = read_picture(drawn / face.file).shape
        left, top, wide, high = face.box
        assert min(left + wide, width) > max(left, 0)
        # The points lie in their box, but for a few of the jaw, and the nose between the eyes.
        shares = (face.keypoints - (left, top)) / (wide, high)
        assert ((shares > -0.05) & (shares < 1.05)).all()
        eyes, mouth = face.keypoints[36:48].mean(axis=0), face.keypoints[48:68].mean(axis=0)
        assert np.linalg.norm(mouth - eyes) > 0.2 * high
        assert height > 100


def test_right_and_left_are_where_the_real_files_have_them(drawn: Path) -> None:
    for face in read_labels(drawn / TRAIN):
        x, y = face.keypoints.T
        assert x[0] < x[8] < x[16]
        assert x[17] < x[21] < x[22] < x[26]
        assert x[36] < x[39] < x[42] < x[45]
        assert x[48] < x[54]
        assert y[51] < y[57]
        assert y[37] <= y[41] + 1e-3
        assert y[30] < y[8]


def test_the_same_seed_draws_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    ibug_folder.write_folder(tmp_path / "again", train=12, test=4, seed=3)
    names = sorted(path.name for path in drawn.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    assert all((drawn / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)
    ibug_folder.write_folder(tmp_path / "other", train=2, test=1, seed=4)
    assert (tmp_path / "other" / TRAIN).read_bytes()[:600] != (drawn / TRAIN).read_bytes()[:600]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ibug_folder.write_folder
    monkeypatch.setattr(ibug_folder, "write_folder", lambda out: whole(out, train=2, test=1))


@pytest.mark.usefixtures("small")
def test_the_drawn_folder_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "ibug_synthetic"
    assert ibug_folder.drawn_folder(folder) == folder
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    ibug_folder.drawn_folder(folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert unfinished(folder) == []


@pytest.mark.usefixtures("small")
def test_another_version_draws_anew_and_other_files_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ibug_folder.drawn_folder(tmp_path / "faces")
    (folder / TRAIN).write_text("damaged")
    monkeypatch.setattr(ibug_folder, "GENERATOR_VERSION", 99)
    assert len(read_labels(ibug_folder.drawn_folder(folder) / TRAIN)) == 2
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="move the folder away"):
        ibug_folder.drawn_folder(mine)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_an_interrupted_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(out: Path) -> None:
        out.mkdir()
        (out / TRAIN).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(ibug_folder, "write_folder", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ibug_folder.drawn_folder(tmp_path / "faces")
    assert not (tmp_path / "faces").exists()
    assert unfinished(tmp_path / "faces") == []


def test_the_command_checks_a_folder(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ibug_faces.main(["--root", str(drawn)]) == 0
    said = capsys.readouterr().out
    assert "12 faces" in said
    assert "4 faces" in said
    assert ibug_faces.main(["--root", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert TRAIN in error
    assert len(error.splitlines()) == 1


def test_the_environment_names_a_folder(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_IBUG", str(drawn))
    assert ibug_folder.ibug_folder() == drawn


def test_the_drawing_command_refuses_a_folder_with_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert ibug_drawing.main(["--out", str(tmp_path)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert ibug_drawing.main(["--out", str(tmp_path / "new"), "--train", "0"]) == 1
    assert "at least 1" in capsys.readouterr().err


def test_a_turned_photograph_is_read_as_its_points_lie(tmp_path: Path) -> None:
    # Pictures with "turn me by 90 degrees" beside the pixels: points are given in the pixels as they are stored.
    path = write_turned(tmp_path / "turned.jpg")
    assert cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).shape == (60, 40)
    read = read_picture(path)
    assert read.shape == (40, 60)
    assert read[:9].min() > 0.9
