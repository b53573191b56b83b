"""The IMM faces: the drawn folder is in the very format of the real one, and what is broken is said in one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_scripts.files.errors import DataError
from data_scripts.imm import folder as imm_folder
from data_scripts.imm import reading
from data_scripts.imm.folder import asf_text, stems, write_imm_folder
from data_scripts.imm.pictures import HEIGHT, WIDTH, draw_person, draw_picture
from data_scripts.imm.reading import load_imm, read_points
from data_scripts.imm_faces import main
from tests.data.face_files import write_turned

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "imm_face_db"
real_only = pytest.mark.skipif(not REAL.is_dir(), reason="the real IMM faces are not on this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn persons."""
    out = tmp_path_factory.mktemp("imm") / "faces"
    write_imm_folder(out, seed=0, persons=4)
    return out


def points_text(points: np.ndarray | None = None) -> str:
    """An .asf file's text with points inside of the picture."""
    if points is None:
        points = np.random.default_rng(0).uniform(0.1, 0.9, (58, 2))
    return asf_text(points, "01-1m.jpg")


def fields(text: str) -> list[list[str]]:
    """The words of each line that is no comment."""
    return [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_names_are_those_of_the_set() -> None:
    names = stems()
    assert len(names) == 240
    assert list(names) == sorted(names)
    assert names[0] == "01-1m"
    assert "08-3f" in names
    assert names[-1] == "40-6m"


def test_text_and_points_agree(tmp_path: Path) -> None:
    points = np.random.default_rng(1).uniform(0, 1, (58, 2))
    path = tmp_path / "01-1m.asf"
    path.write_text(points_text(points))
    read = read_points(path)
    assert read.shape == (58, 2)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, points, atol=1e-7)


def test_rows_of_ten_fields_are_read(tmp_path: Path) -> None:
    """41 of the 240 real files have three fields more in every row."""
    plain, longer = tmp_path / "01-1m.asf", tmp_path / "01-5m.asf"
    plain.write_text(points_text())
    lines = points_text().splitlines()
    longer.write_text("\r\n".join(f"{line}\t0.00\t0.00\t0.00" if "\t" in line else line for line in lines) + "\r\n")
    np.testing.assert_array_equal(read_points(plain), read_points(longer))


def cut(text: str) -> str:
    return "\n".join(text.splitlines()[:40])


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        cut,
        lambda text: text.replace("\n58\n", "\n57\n"),
        lambda text: text.replace("\n58\n", "\n"),
        lambda text: text.replace("0 \t4 \t0.", "0 \t4 \tx.", 1),
        lambda text: text.replace("0 \t4 \t0.", "0 \t4 \tnan 0.", 1),
        lambda text: text.replace(" \t30 \t", " \t31 \t", 1),
        lambda text: text.replace("\n01-1m.jpg", "\n0 4 0.5 0.5 58 57 58\n01-1m.jpg"),
        lambda text: "\xff\xd8\xff\xe0" + text[::-1],
    ],
    ids=["empty", "cut off", "count", "no count", "no number", "nan", "order", "one more", "no text"],
)
def test_broken_files_are_named(damage: Callable[[str], str], tmp_path: Path) -> None:
    path = tmp_path / "01-1m.asf"
    text = points_text()
    assert damage(text) != text
    path.write_text(damage(text), encoding="latin-1")
    with pytest.raises(DataError, match="01-1m.asf") as caught:
        read_points(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n01-1m.jpg", "\nmy face.jpg"),
        lambda text: text.replace("\n01-1m.jpg", "\nface 4 of person 11, in the sun.jpg"),
        lambda text: text.replace("\n01-1m.jpg\n", "\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n01-1m.jpg", "\nGro\u00df.jpg"),
        lambda text: text.replace("\n", "\r\n"),
    ],
    ids=["two words", "many words", "no name", "byte order mark", "other letters", "CRLF"],
)
def test_what_else_real_files_hold_is_read(change: Callable[[str], str], tmp_path: Path) -> None:
    path, text = tmp_path / "01-1m.asf", points_text()
    path.write_text(text)
    want = read_points(path)
    assert change(text) != text
    path.write_bytes(change(text).encode())
    np.testing.assert_array_equal(read_points(path), want)


def test_coordinates_in_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "01-1m.asf"
    path.write_text(points_text(np.random.default_rng(0).uniform(20, 400, (58, 2))))
    with pytest.raises(DataError, match="relative to the picture's width and height") as caught:
        read_points(path)
    assert "\n" not in str(caught.value)


def test_endings_in_capitals_are_read_and_what_macos_adds_is_not(folder: Path, tmp_path: Path) -> None:
    for ending in (".asf", ".jpg"):
        (tmp_path / f"01-1m{ending.upper()}").write_bytes((folder / f"01-1m{ending}").read_bytes())
    (tmp_path / "._01-1m.ASF").write_bytes(b"\x00\x05\x16\x07")
    faces = load_imm(tmp_path)
    assert [path.name for path in faces.files] == ["01-1m.ASF"]
    np.testing.assert_array_equal(faces.keypoints[0], read_points(folder / "01-1m.asf"))


def test_a_cameras_orientation_turns_no_picture(tmp_path: Path) -> None:
    """Labels count in the pixels as they are stored; tag 0x0112 = 6 asks a viewer to turn them."""
    path = write_turned(tmp_path / "turned.jpg")
    assert cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).shape == (60, 40)
    assert reading.read_gray(path).shape == (40, 60)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_points(tmp_path / "01-1m.asf")


def test_drawn_folder_is_read(folder: Path) -> None:
    faces = load_imm(folder, (60, 80))
    assert faces.images.shape == (24, 60, 80)
    assert faces.images.dtype == np.float32
    assert 0 <= faces.images.min() < 0.2
    assert 0.6 < faces.images.max() <= 1
    assert faces.keypoints.shape == (24, 58, 2)
    assert faces.keypoints.dtype == np.float32
    assert faces.keypoints.min() > 0
    assert faces.keypoints.max() < 1
    assert faces.persons.tolist() == [person for person in (1, 2, 3, 4) for _ in range(6)]
    assert [path.name for path in faces.files] == [f"{stem}.asf" for stem in stems(4)]
    picture = cv2.imread(str(folder / "01-1m.jpg"), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (HEIGHT, WIDTH, 3)


def test_drawn_files_name_their_picture_and_their_neighbors(folder: Path) -> None:
    rows = fields((folder / "02-4m.asf").read_text())
    assert rows[0] == ["58"]
    assert rows[-1] == ["02-4m.jpg"]
    # A closed part's first point follows its last one; an open part's ends are their own neighbors.
    assert rows[1 + 13][4:] == ["13", "20", "14"]
    assert rows[1 + 20][4:] == ["20", "19", "13"]
    assert rows[1 + 0][4:] == ["0", "0", "1"]
    assert rows[1 + 12][4:] == ["12", "11", "12"]


@real_only
def test_format_is_that_of_the_real_files(folder: Path) -> None:
    real, drawn = ((root / "01-1m.asf").read_text() for root in (REAL, folder))
    # All but the coordinates and the first comment, which says who wrote the file and when.
    strip = [[row[:2] + row[4:] for row in fields(text)] for text in (real, drawn)]
    assert strip[0] == strip[1]
    notes = [[line for line in text.splitlines()[5:] if line.startswith("#")] for text in (real, drawn)]
    assert notes[0] == notes[1]


@real_only
def test_real_folder_is_read() -> None:
    faces = load_imm(REAL, (60, 80))
    assert faces.images.shape == (240, 60, 80)
    assert faces.keypoints.shape == (240, 58, 2)
    assert [path.stem for path in faces.files] == list(stems())
    assert np.unique(faces.persons).tolist() == list(range(1, 41))


@real_only
def test_drawn_faces_lie_where_the_real_ones_do(tmp_path: Path) -> None:
    """The mean shape over all pictures: within 2 % of the picture's width, point by point."""
    write_imm_folder(tmp_path / "faces", persons=12)
    real, drawn = load_imm(REAL, (60, 80)).keypoints, load_imm(tmp_path / "faces", (60, 80)).keypoints
    apart = np.linalg.norm((real.mean(axis=0) - drawn.mean(axis=0)) * (WIDTH, HEIGHT), axis=1)
    assert apart.max() < 0.02 * WIDTH, apart.round(1)


def test_points_lie_on_what_is_drawn() -> None:
    """The eyes, by their eight points, are darker than the cheeks below them, and the nostrils than the nose."""
    for number in range(6):
        rng = np.random.default_rng([3, number])
        person = replace(draw_person(rng, female=number % 2 == 1), glasses=False)
        image, points = draw_picture(person, 1, rng)
        pixels = points * (WIDTH, HEIGHT) - 0.5

        def gray(outline: np.ndarray, picture: np.ndarray = image) -> float:
            mask = np.zeros(picture.shape, np.uint8)
            cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
            return float(np.percentile(picture[mask > 0], 25))

        for eye in (slice(13, 21), slice(21, 29)):
            assert gray(pixels[eye]) < 0.9 * gray(pixels[eye] + (0, 40)), (number, eye)
        nostrils = pixels[[50, 51, 52, 53, 54, 52, 51]] - (0, 3)
        assert gray(nostrils) < 0.9 * gray(nostrils - (0, 30)), number


def test_a_turned_head_turns_its_nose() -> None:
    rng = np.random.default_rng(5)
    person = draw_person(rng, female=False)
    tips = {}
    for kind in (1, 3, 4):
        points = draw_picture(person, kind, rng)[1]
        tips[kind] = points[52, 0] - points[[17, 25], 0].mean()
    assert tips[3] < tips[1] - 0.01
    assert tips[4] > tips[1] + 0.01


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for out, seed in zip(folders, (1, 1, 2), strict=True):
        write_imm_folder(out, seed, persons=1)
    content = [[path.read_bytes() for path in sorted(out.iterdir())] for out in folders]
    assert content[0] == content[1]
    assert content[0] != content[2]


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fails(*args: object) -> None:
        calls.append(args)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(imm_folder, "_write_picture", fails)
    with pytest.raises(OSError, match="No space"):
        write_imm_folder(tmp_path / "faces", persons=1)
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_left_alone(folder: Path) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(FileExistsError, match="not empty"):
        write_imm_folder(folder)
    assert sorted(folder.iterdir()) == before


def break_picture(folder: Path) -> str:
    (folder / "01-2m.jpg").write_bytes(b"no picture")
    return "01-2m.jpg"


def lose_picture(folder: Path) -> str:
    (folder / "01-2m.jpg").unlink()
    return "01-2m.jpg"


def empty_picture(folder: Path) -> str:
    (folder / "01-3m.jpg").write_bytes(b"")
    return "01-3m.jpg"


def misname(folder: Path) -> str:
    (folder / "01-2m.asf").rename(folder / "anna.asf")
    return "anna.asf"


def lose_all(folder: Path) -> str:
    for path in folder.iterdir():
        path.unlink()
    return str(folder)


@pytest.mark.parametrize("damage", [break_picture, lose_picture, empty_picture, misname, lose_all])
def test_command_explains_in_one_line(
    damage: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "faces"
    write_imm_folder(out, persons=1)
    named = damage(out)
    assert main(["--root", str(out), "--sheet", str(tmp_path / "sheet.png")]) == 1
    printed = capsys.readouterr()
    said = [line for line in printed.err.splitlines() if "Drawing" not in line]
    assert len(said) == 1
    assert named in said[0]
    assert printed.out == ""
    assert not (tmp_path / "sheet.png").exists()


def test_command_makes_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, sheet = tmp_path / "faces", tmp_path / "sheet.png"
    assert main(["--make", str(out), "--persons", "1", "--sheet", str(sheet)]) == 0
    assert "6 pictures of 1 person with" in capsys.readouterr().out
    assert cv2.imread(str(sheet)).shape == (240, 6 * 320, 3)


def test_the_variable_names_the_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_IMM", str(folder))
    assert reading.imm_folder() == folder
    monkeypatch.setenv("COURSE_IMM", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere"):
        reading.imm_folder()


def test_a_size_below_one_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="size"):
        load_imm(folder, (0, 80))
