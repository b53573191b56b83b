"""The fast reader against pandas and str.split, on good files of every spelling and on broken ones."""

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_scripts.files.errors import DataError
from data_scripts.kaggle.speed import write_random_faces
from data_scripts.kaggle.tables import read_test, read_training
from tests.data.face_files import HEADER, IMAGE, NAMES, left_behind, write, write_folder

NOISE = np.random.default_rng(5).integers(33, 256, 50_000, dtype=np.uint8).tobytes()


def write_with_pandas(path: Path, images: np.ndarray, keypoints: np.ndarray, names: tuple[str, ...]) -> Path:
    columns = [f"{name}_{axis}" for name in names for axis in "xy"]
    table = pd.DataFrame(keypoints.reshape(len(images), -1), columns=columns)
    table["Image"] = [" ".join(map(str, image.ravel())) for image in images]
    table.to_csv(path, index=False)
    return path


def refusal(path: Path) -> str:
    """What read_training says about a broken file: one line that names it, with no cache or temporary file left."""
    with pytest.raises(DataError) as caught:
        read_training(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert str(path) in message
    assert left_behind(path.parent) == []
    return message


faces = st.integers(1, 4).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.uint8, (n, 96, 96), elements=st.integers(0, 255), fill=st.integers(0, 255)),
        hnp.arrays(np.float32, (n, 2, 2), elements=st.floats(0, 96, width=32) | st.just(float("nan"))),
    )
)


@settings(max_examples=25, deadline=None)
@given(faces)
def test_faces_survive_the_way_through_a_file(tmp_path_factory: pytest.TempPathFactory, face: tuple) -> None:
    images, keypoints = face
    path = write_with_pandas(tmp_path_factory.mktemp("faces") / "training.csv", images, keypoints, NAMES)
    for reading in ("from the file", "from the cache"):
        got = read_training(path)
        assert got.names == NAMES, reading
        assert got.images.dtype == got.keypoints.dtype == np.float32
        np.testing.assert_array_equal(got.images, images / np.float32(255))
        np.testing.assert_array_equal(got.keypoints, keypoints)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 9, 10, 55, 99, 100, 199, 200, 249, 255]), min_size=9, max_size=9),
    st.sampled_from([" ", "  ", "\t"]),
    st.sampled_from(["", " "]),
    st.sampled_from(["", '"']),
)
def test_pixels_of_every_width_and_spacing(
    tmp_path_factory: pytest.TempPathFactory, corner: list[int], space: str, around: str, quote: str
) -> None:
    levels = [*corner, *([7] * (9216 - 18)), *reversed(corner)]
    text = quote + around + space.join(map(str, levels)) + around + quote
    path = write(tmp_path_factory.mktemp("faces") / "training.csv", HEADER, f"1,2,3,4,{text}")
    want = np.array(text.strip('"').split(), dtype=np.float32).reshape(1, 96, 96) / np.float32(255)
    np.testing.assert_array_equal(read_training(path).images, want)


pixel_words = st.text("0123456789- .+xe", min_size=0, max_size=12)


@settings(max_examples=200, deadline=None)
@given(pixel_words, st.sampled_from([0, 1, 4000, 9215]))
def test_whatever_stands_for_a_pixel_is_read_right_or_refused(
    tmp_path_factory: pytest.TempPathFactory, word: str, at: int
) -> None:
    words = ["12"] * 9216
    words[at] = word
    text = " ".join(words)
    path = write(tmp_path_factory.mktemp("faces") / "training.csv", HEADER, f"1,2,3,4,{text}")
    pieces = text.split()
    if len(pieces) == 9216 and all(piece.isdigit() and int(piece) <= 255 for piece in pieces):
        want = np.array(pieces, dtype=np.float32).reshape(1, 96, 96) / np.float32(255)
        np.testing.assert_array_equal(read_training(path).images, want)
    else:
        refusal(path)


def test_agrees_with_pandas_and_split_on_noise(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    write_random_faces(path, 20, np.random.default_rng(3))
    table = pd.read_csv(path)
    pixels = np.stack([np.array(text.split(), np.float32) for text in table["Image"]]).reshape(-1, 96, 96)
    points = table.drop(columns="Image").to_numpy(np.float32).reshape(20, 15, 2)
    for _ in range(2):
        got = read_training(path)
        np.testing.assert_array_equal(got.images, pixels / np.float32(255))
        np.testing.assert_array_equal(got.keypoints, points)
        assert np.isnan(got.keypoints).any()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{HEADER}\r\n1,2,,,{IMAGE}\r\n".encode(), id="Windows line ends"),
        pytest.param(f"\ufeff{HEADER}\n1,2,,,{IMAGE}\n".encode(), id="byte order mark"),
        pytest.param(f"{HEADER}\n1,2,,,{IMAGE}".encode(), id="no last line end"),
        pytest.param(f"{HEADER}\n1,2,,,{IMAGE}\n\n\r\n".encode(), id="empty lines at the end"),
        pytest.param(('"' + HEADER.replace(",", '","') + f'"\n"1","2","","","{IMAGE}"\n').encode(), id="quotes"),
        pytest.param(f"{HEADER}\n 1 , 2 ,nan,NA,{IMAGE} \n".encode(), id="spaces and words for missing labels"),
        pytest.param(f"Image,{HEADER[:-6]}\n{IMAGE},1,2,,\n".encode(), id="image first"),
    ],
)
def test_every_spelling_of_one_face(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    path.write_bytes(content)
    got = read_training(path)
    np.testing.assert_array_equal(got.keypoints, [[[1, 2], [np.nan, np.nan]]])
    np.testing.assert_array_equal(got.images.ravel() * 255, np.arange(9216) % 256)
    assert got.names == NAMES


def test_read_test_gives_images_and_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", "ImageId,Image", f"1,{IMAGE}", f"2,{IMAGE}")
    for _ in range(2):
        got = read_test(path)
        assert got.images.shape == (2, 96, 96)
        assert got.images.dtype == np.float32
        np.testing.assert_array_equal(got.image_ids, [1, 2])
        assert np.issubdtype(got.image_ids.dtype, np.integer)


def test_test_faces_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    gray = [" ".join([str(level)] * 9216) for level in (30, 10, 20)]
    rows = (f"{image_id},{image}" for image_id, image in zip((3, 1, 2), gray, strict=True))
    path = write(tmp_path / "test.csv", "ImageId,Image", *rows)
    for _ in ("before it is cached", "from the cache"):
        got = read_test(path)
        np.testing.assert_array_equal(got.image_ids, [1, 2, 3])
        np.testing.assert_allclose(got.images[:, 0, 0] * 255, [10, 20, 30])


def test_test_faces_with_a_gap_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", "ImageId,Image", f"1,{IMAGE}", f"3,{IMAGE}")
    with pytest.raises(DataError, match="from 1 to 2, the number of rows, got none with 2"):
        read_test(path)


def test_the_caller_may_change_what_it_gets(tmp_path: Path) -> None:
    path = write_folder(tmp_path) / "training.csv"
    for _ in range(2):
        first = read_training(path)
        first.images[:] = 5
        first.keypoints[:] = 5
    again = read_training(path)
    assert again.images.max() == 1
    assert again.keypoints[0, 0, 0] == 66


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(f"1,2,3,{IMAGE}", "row 2 (line 3): expected 5 fields, got 4", id="short of a field"),
        pytest.param(f"1,2,3,4,5,{IMAGE}", "expected 5 fields, got 6", id="a field too many"),
        pytest.param(f"1,2,3,4,{IMAGE[:-4]}", "expected 9216 pixels (96×96), got 9215", id="short of a pixel"),
        pytest.param(f"1,2,3,4,{IMAGE} 7", "expected 9216 pixels (96×96), got 9217", id="a pixel too many"),
        pytest.param("1,2,3,4,", "expected 9216 pixels (96×96), got 0", id="no pixels"),
        pytest.param(f"1,2,3,4,256{IMAGE[1:]}", "0 to 255 as pixel 0 of column 'Image', got '256'", id="256"),
        pytest.param(f"1,2,3,4,300{IMAGE[1:]}", "as pixel 0 of column 'Image', got '300'", id="300"),
        pytest.param(f"1,2,3,4,{2**64 + 1}{IMAGE[1:]}", "got '18446744073709551617'", id="huge"),
        pytest.param(f"1,2,3,4,-1{IMAGE[1:]}", "as pixel 0 of column 'Image', got '-1'", id="negative"),
        pytest.param(f"1,2,3,4,{IMAGE[:-3]}abc", "as pixel 9215 of column 'Image', got 'abc'", id="letters"),
        pytest.param(f"1,2,3,4,1.5{IMAGE[1:]}", "as pixel 0 of column 'Image', got '1.5'", id="fraction"),
        pytest.param(f"1,2,3,4,²{IMAGE[1:]}", "as pixel 0 of column 'Image', got '²'", id="another digit"),
        pytest.param(f"1,2,x,4,{IMAGE}", "expected a number or nothing in column 'nose_tip_x', got 'x'", id="label"),
        pytest.param(f"1,2,inf,4,{IMAGE}", "in column 'nose_tip_x', got 'inf'", id="infinite label"),
        pytest.param(f"1,2,3,1e999,{IMAGE}", "in column 'nose_tip_y', got '1e999'", id="overflowing label"),
        pytest.param(f"1,2,3,1_0,{IMAGE}", "in column 'nose_tip_y', got '1_0'", id="Python's own digits"),
        pytest.param(f"1,2,3,4,{IMAGE[:99]}\0{IMAGE[100:]}", "got a zero byte", id="zero byte"),
        pytest.param("", "row 2 (line 3): expected a face, got an empty line", id="empty line inside"),
    ],
)
def test_a_broken_row_is_named(row: str, expected: str, tmp_path: Path) -> None:
    path = write(tmp_path / "training.csv", HEADER, f"1,2,3,4,{IMAGE}", row, f"1,2,3,4,{IMAGE}")
    message = refusal(path)
    assert expected in message
    assert "row 2 (line 3)" in message
    assert "write the file again" in message


@pytest.mark.parametrize("kept", [4, 9, 200, len(IMAGE) - 10])
def test_a_truncated_download_is_recognized(kept: int, tmp_path: Path) -> None:
    path = write(tmp_path / "training.csv", HEADER, f"1,2,3,4,{IMAGE}", f"1,2,3,4,{IMAGE}"[:kept], last="")
    message = refusal(path)
    assert "row 2 (line 3)" in message
    assert "the file ends in the middle of this row: probably an interrupted download" in message


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(HEADER) + len(IMAGE) + 8))
def test_cut_anywhere_before_the_last_pixel_is_refused(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    whole = f"{HEADER}\n1,2,3,4,{IMAGE}"
    path = tmp_path_factory.mktemp("faces") / "training.csv"
    # The last number, "255", is still a number when its end is cut: nothing in the file betrays that.
    path.write_bytes(whole[: min(kept, whole.rindex(" "))].encode())
    refusal(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "got an empty file", id="empty"),
        pytest.param(b"\n\n", "got an empty file or line", id="blank"),
        pytest.param(f"{HEADER}\n".encode(), "got a header and no rows", id="header only"),
        pytest.param(b"PK\x03\x04" + bytes(range(256)), "got a compressed archive; unpack it", id="zip"),
        pytest.param(b"\x1f\x8b\x08" + bytes(99), "got a compressed archive; unpack it", id="gzip"),
        pytest.param(f"{HEADER}\n".encode("utf-16"), "got binary data or UTF-16", id="UTF-16"),
        pytest.param(b"<!doctype html><title>Sign in</title>", "expected one column 'Image' in the header", id="page"),
        pytest.param(NOISE, "expected one column 'Image'", id="noise"),
        pytest.param(f"{HEADER[:-6]}\n1,2,3,4\n".encode(), "column 'Image' in the header, got 0", id="no image"),
        pytest.param(f"{HEADER},Image\n".encode(), "expected one column 'Image' in the header, got 2", id="two images"),
        pytest.param(f"a_x,a_y,a_x,a_y,Image\n1,2,3,4,{IMAGE}\n".encode(), "got 'a_x' more than once", id="repeated"),
        pytest.param(f"a_x,a_y,b_x,Image\n1,2,3,{IMAGE}\n".encode(), "beside 'Image', got 'b_x' alone", id="no y"),
        pytest.param(f"a_x,b_y,Image\n1,2,{IMAGE}\n".encode(), "got 'a_x' before 'b_y'", id="unpaired"),
        pytest.param(f"a_y,a_x,Image\n1,2,{IMAGE}\n".encode(), "got 'a_y' before 'a_x'", id="y before x"),
        pytest.param(f"Image\n{IMAGE}\n".encode(), "expected columns NAME_x and NAME_y", id="no labels at all"),
    ],
)
def test_what_is_no_training_table_is_explained(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    path.write_bytes(content)
    assert expected in refusal(path)


def test_a_file_without_line_ends_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    with open(path, "wb") as file:
        file.truncate(3_000_000_000)  # sparse: takes no room on the disk
    assert "got binary data" in refusal(path)


def test_no_file_and_no_permission_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no such file" in refusal(tmp_path / "training.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder.csv")
    path = write_folder(tmp_path) / "training.csv"

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Permissions do not bind the superuser, whom containers often run as: the refusal is played.
    monkeypatch.setattr("builtins.open", refuse)
    assert "no permission" in refusal(path)


@pytest.mark.parametrize(
    ("row", "expected"),
    [(f"0,{IMAGE}", "got 0;"), (f"1.5,{IMAGE}", "got 1.5;"), (f",{IMAGE}", "got nan;"), (f"7,{IMAGE}", "got 7;")],
)
def test_image_ids_are_whole_and_unique(row: str, expected: str, tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", "ImageId,Image", f"7,{IMAGE}", row)
    with pytest.raises(DataError) as caught:
        read_test(path)
    assert "row 2 (line 3)" in str(caught.value)
    assert expected in str(caught.value)
    assert left_behind(tmp_path) == []


def test_training_and_test_tables_are_told_apart(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    for _ in ("before it is cached", "from the cache"):
        with pytest.raises(DataError, match="'ImageId' alone; .*missing or misplaced"):
            read_training(folder / "test.csv")
        with pytest.raises(DataError, match="give a test.csv"):
            read_test(folder / "training.csv")
        read_training(folder / "training.csv")
        read_test(folder / "test.csv")
