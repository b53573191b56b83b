"""The face demo in Chromium: a film of a drawn face for its camera, pictures, networks of others, and no request."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from data_scripts.browser.film import film, write_film
from data_scripts.browser.onnx_file import export
from data_scripts.drawing.shape import KEYPOINT_NAMES
from tests.reference import reference_names
from tests.site.browser import served
from tests.site.demo_page import DEMO, Watched, browser, build_page, playwright_running
from tests.site.packages import needs_onnx

FRAMES = 300  # ten seconds
AWAY = range(200, 230)  # one of them with nobody there
CLOSE = 3.0  # pixels of the 96 x 96 crop
pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page as it is served."""
    folder = tmp_path_factory.mktemp("page")
    build_page(folder)
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def truth_and_film(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Path]:
    path = tmp_path_factory.mktemp("film") / "face.y4m"
    return write_film(path, FRAMES, away=AWAY), path


@pytest.fixture(scope="module")
def playwright() -> Iterator[object]:
    with playwright_running() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: object, truth_and_film: tuple[np.ndarray, Path]) -> Iterator[object]:
    with browser(playwright, truth_and_film[1]) as chromium:
        yield chromium


def errors(seen: list[dict], truth: np.ndarray) -> np.ndarray:
    """How far each keypoint of each frame is off, in pixels of the 96 x 96 crop: (frames, 15); infinite where lost."""
    found = np.array([frame["points"] for frame in seen]) - 0.5  # the page counts from pixels' edges
    sides = np.array([frame["side"] for frame in seen])
    wanted = truth[[frame["number"] % len(truth) for frame in seen]]
    distances = np.linalg.norm(found - wanted, axis=2) * (96 / sides)[:, None]
    return np.where(np.array([frame["found"] for frame in seen])[:, None], distances, np.inf)


def test_the_points_follow_the_face(chromium: object, address: str, truth_and_film: tuple[np.ndarray, Path]) -> None:
    watched = Watched(chromium, address, numbered=True)
    before = len(watched.seen())
    watched.page.click("#camera")
    watched.wait_for_status("^Found: 15 keypoints")
    watched.page.wait_for_timeout(15_000)
    seen = watched.seen()[before:]
    watched.page.click("#camera")
    away = [frame["found"] for frame in seen if frame["number"] in AWAY]
    there = [frame for frame in seen if frame["number"] not in AWAY]
    distances = errors(there, truth_and_film[0])
    close = distances.mean(1) <= CLOSE
    print(
        f"{len(there)} frames, {close.mean():.1%} within {CLOSE} px; median {np.median(distances):.2f} px of the crop; "
        f"{len(away)} frames with nobody there, found in {sum(away)}"
    )
    assert len({frame["number"] for frame in seen}) > 30, "the film should have moved on"
    assert close.mean() >= 0.9
    assert len(away) > 3
    assert np.mean(away) <= 0.1, "nothing should be found where nobody is"
    assert watched.requests == []
    assert watched.trouble == []
    watched.page.close()


def test_at_least_15_frames_a_second(chromium: object, address: str) -> None:
    watched = Watched(chromium, address)
    before = len(watched.seen())
    watched.page.click("#camera")
    watched.wait_for_status("^Found: 15 keypoints")
    watched.page.wait_for_timeout(10_000)
    seen = watched.seen()[before:]
    watched.page.close()
    late = seen[len(seen) // 4 :]
    rate = (len(late) - 1) / (late[-1]["at"] - late[0]["at"]) * 1000
    milliseconds = np.median([frame["milliseconds"] for frame in late])
    print(f"{rate:.1f} frames a second, {milliseconds:.1f} ms each")
    assert rate >= 15


@pytest.fixture(scope="module")
def page(chromium: object, address: str) -> Iterator[Watched]:
    """One page for what does no harm to the next."""
    watched = Watched(chromium, address)
    yield watched
    watched.page.close()


def test_a_drawn_face_is_there_from_the_start(page: Watched) -> None:
    assert page.status() == "Found: 15 keypoints."
    assert page.page.get_attribute("#view", "aria-label") == "A picture with 15 keypoints drawn on it"
    assert page.page.is_enabled("#maps")


def test_a_picture_s_file_is_looked_at_wherever_the_face_is(page: Watched, tmp_path: Path) -> None:
    picture, points = next(iter(film(4)))
    wide = np.full((900, 1200), 90, np.uint8)
    wide[390:870, 540:1180] = picture
    cv2.imwrite(str(tmp_path / "wide.png"), wide)
    before = len(page.seen())
    page.page.set_input_files("#picture", tmp_path / "wide.png")
    page.wait_for_more(before)
    (frame,) = page.seen()[before:]
    distances = errors([{**frame, "number": 0}], points[None] + np.float32([540, 390]))
    assert distances.mean() <= CLOSE
    assert page.status() == "Found: 15 keypoints."


DROP = """async ([kind, name, type, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const event = kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true });
  document.body.dispatchEvent(event);
}"""


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_may_be_dropped_or_pasted(page: Watched, kind: str) -> None:
    _, encoded = cv2.imencode(".jpg", next(iter(film(3)))[0])
    before = len(page.seen())
    page.page.evaluate(DROP, [kind, "face.jpg", "image/jpeg", list(encoded.tobytes())])
    page.wait_for_more(before)
    assert page.seen()[-1]["found"]


@pytest.mark.parametrize("place", ["flat", "noise"])
def test_where_there_is_no_face_nothing_is_drawn(page: Watched, tmp_path: Path, place: str) -> None:
    rng = np.random.default_rng(0)
    picture = np.full((240, 320), 130, np.uint8) if place == "flat" else rng.integers(0, 256, (240, 320), np.uint8)
    cv2.imwrite(str(tmp_path / "none.png"), picture)
    page.page.set_input_files("#picture", tmp_path / "none.png")
    assert page.wait_for_status("^Lost it").startswith("Lost it: the maps are flat")
    drawn = page.page.evaluate("[...window.pixels(document.getElementById('view'))]")
    np.testing.assert_array_equal(np.reshape(drawn, (240, 320, 4))[..., 0], picture)


BAD_FILES = {
    "text.png": (b"no picture", "#picture", r"text\.png: expected a picture such as JPEG"),
    "empty.jpg": (b"", "#picture", r"empty\.jpg: expected a picture"),
    "random.onnx": (bytes(range(256)) * 40, "#model", r"random\.onnx: expected an ONNX file"),
    "empty.onnx": (b"", "#model", r"empty\.onnx: expected an ONNX file"),
    "cut.onnx": (None, "#model", r"cut\.onnx: expected an ONNX file, got something else or a part of one"),
    # A graph (field 7) and nothing else: an ONNX file by its form, of somebody else.
    "other.onnx": (b"\x3a\x02\x12\x00", "#model", r"other\.onnx: an ONNX file that this course did not export"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused_in_a_line(page: Watched, tmp_path: Path, name: str) -> None:
    content, where, line = BAD_FILES[name]
    if content is None:
        whole = (DEMO / "model.onnx").read_bytes()
        content = whole[: len(whole) // 2]
    (tmp_path / name).write_bytes(content)
    network = page.page.text_content("#network")
    page.page.set_input_files(where, tmp_path / name)
    said = page.wait_for_status(line)
    assert re.match(line, said)
    assert len(said) < 200
    assert "\n" not in said
    assert page.page.text_content("#network") == network, "the former network stays"


def test_a_network_of_one_s_own_takes_the_course_s_place(page: Watched, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes((DEMO / "model.onnx").read_bytes())
    page.page.set_input_files("#model", tmp_path / "mine.onnx")
    page.wait_for_network("Your network (mine.onnx)")
    page.wait_for_status("^(Found|Lost it)")
    page.page.click("#back")
    page.wait_for_network("The course's network")


@needs_onnx
def test_a_network_without_maps_says_what_it_cannot_tell(page: Watched, tmp_path: Path) -> None:
    torch.manual_seed(0)
    export(reference_names("03_residual_block")["KeypointResNet"]((8, 16), 1), KEYPOINT_NAMES, tmp_path / "resnet.onnx")
    page.page.set_input_files("#model", tmp_path / "resnet.onnx")
    page.wait_for_network("Your network (resnet.onnx): 15 keypoints, points alone")
    page.wait_for_status("^Lost it: these points do not look like a face")  # its weights are chance
    assert page.page.is_disabled("#maps")
    page.page.click("#back")
    page.wait_for_status("^(Found|Lost it: the maps)")
    assert page.page.is_enabled("#maps")


def test_heat_maps_are_shown_on_a_switch(page: Watched) -> None:
    page.page.click("#drawn")
    page.wait_for_status("^Found")
    assert not page.page.is_visible("#panel")
    page.page.focus("#maps")
    page.page.keyboard.press("Space")
    assert page.page.is_visible("#panel")
    assert page.page.locator("#panel figure").count() == 16
    page.page.keyboard.press("Space")
    assert not page.page.is_visible("#panel")


def test_the_keyboard_reaches_every_control(chromium: object, address: str) -> None:
    watched = Watched(chromium, address)
    reached = []
    for _ in range(5):
        watched.page.keyboard.press("Tab")
        reached.append(watched.page.evaluate("document.activeElement.id"))
    watched.page.close()
    assert reached == ["camera", "picture", "drawn", "maps", "model"]


def test_no_request_has_left_and_nothing_was_complained_of(page: Watched) -> None:
    assert page.requests == []
    assert page.trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [1280, 400])
def test_axe_finds_nothing_and_a_phone_need_not_scroll_sideways(
    chromium: object, address: str, scheme: str, wide: int
) -> None:
    watched = Watched(chromium, address, color_scheme=scheme, viewport={"width": wide, "height": 800})
    watched.page.click("#maps")
    # The copy that the website's own tests take, so that nothing of npm has to be there.
    axe = Path(str(importlib.import_module("axe_playwright_python").__file__)).with_name("axe.min.js")
    watched.page.evaluate(axe.read_text(encoding="utf-8"))
    found = watched.page.evaluate("axe.run().then(({ violations }) => violations)")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= wide
    watched.page.close()


def test_without_a_camera_the_page_says_so_and_works(playwright: object, address: str) -> None:
    with browser(playwright) as chromium:
        watched = Watched(chromium, address)
        watched.page.click("#camera")
        assert "choose a picture instead" in watched.wait_for_status("camera.*instead")
        watched.page.click("#drawn")
        watched.wait_for_status("^Found: 15 keypoints")
        assert watched.trouble == []


def test_without_its_network_the_page_asks_for_one(chromium: object, tmp_path: Path) -> None:
    build_page(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with served(tmp_path) as address:
        watched = Watched(chromium, address)
        assert "model.onnx is not beside this page (404); load your own" in watched.status()
        for button in ("#camera", "#drawn"):
            watched.page.click(button)
            watched.wait_for_status("^There is no network yet: load a model.onnx first")
        watched.page.set_input_files("#model", DEMO / "model.onnx")
        watched.wait_for_network("Your network (model.onnx)")
        watched.page.click("#drawn")
        watched.wait_for_status("^Found: 15 keypoints")
        watched.page.close()
