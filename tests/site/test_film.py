"""The film of a drawn face: its pictures, its truth, and the file that a browser takes in a camera's place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_scripts.browser.film import HIGH, NUMBER_BITS, NUMBER_CELL, WIDE, film, write_film
from data_scripts.browser.sharpness import sharpness


def read_number(picture: np.ndarray) -> int:
    """Return the number in the corner of a picture, as the test in the browser reads it."""
    middles = picture[NUMBER_CELL // 2, NUMBER_CELL // 2 :: NUMBER_CELL][:NUMBER_BITS]
    return int(sum(1 << bit for bit, shade in enumerate(middles) if shade > 128))


def test_pictures_are_numbered_and_hold_their_points() -> None:
    pictures, points = zip(*film(6), strict=True)
    assert [read_number(picture) for picture in pictures] == list(range(6))
    for picture, places in zip(pictures, points, strict=True):
        assert picture.shape == (HIGH, WIDE)
        assert places.shape == (15, 2)
        assert places.min() > 20
        assert (places < (WIDE - 20, HIGH - 20)).all()


def test_the_face_moves_and_turns_and_its_points_move_along() -> None:
    points = np.stack([places for _, places in film(12)])
    middles = points.mean(1)
    assert np.ptp(middles[:, 0]) > 60
    eyes = points[:, 0] - points[:, 1]
    angles = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    assert np.ptp(angles) > 8
    # Where an eye is said to be it is darker than on the cheek below it.
    picture, places = next(iter(film(12)))
    for x, y in places[:2].round().astype(int):
        assert picture[y - 5 : y + 6, x - 5 : x + 6].min() < picture[y + 24 : y + 34, x - 5 : x + 6].min()


def test_a_film_is_a_y4m_file_with_its_truth(tmp_path: Path) -> None:
    truth = write_film(tmp_path / "film.y4m", 3)
    content = (tmp_path / "film.y4m").read_bytes()
    header, _, rest = content.partition(b"\n")
    assert header == b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg"
    frame = len(b"FRAME\n") + WIDE * HIGH * 3 // 2
    assert len(rest) == 3 * frame
    assert all(rest[n * frame :].startswith(b"FRAME\n") for n in range(3))
    assert truth.shape == (3, 15, 2)
    np.testing.assert_array_equal(truth, np.stack([points for _, points in film(3)]))


@pytest.mark.parametrize("count", [0, 1024])
def test_a_film_has_as_many_pictures_as_can_be_numbered(count: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 1023 pictures"):
        next(iter(film(count)))


def test_sharpness_is_the_share_of_the_brightest_neighborhood() -> None:
    flat = np.full((1, 2, 24, 24), 1 / 576)
    assert sharpness(flat) == pytest.approx([4 / 576])  # the brightest is the first cell, in a corner
    peak = np.zeros((1, 2, 24, 24))
    peak[0, 0, 10, 7] = 1
    peak[0, 1, 23, 23] = 0.75
    peak[0, 1, 0, 0] = 0.25
    assert sharpness(peak) == pytest.approx([0.875])
