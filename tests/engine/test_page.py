"""The report as a page: whole, readable by everybody, with both sides of an answer where they differ."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.course.manifest import ROOT, find_exercise, find_lesson
from autograder.grading.graded_run import GradedRun
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder import expect
from autograder.ladder.array_difference import MAX_AXIS, ArrayDifference
from autograder.ladder.ladder import Problem
from autograder.ladder.verdict import Result
from autograder.report.fragments import first_fix, part, rung_table
from autograder.report.page import PAGE_STYLE, make_page
from autograder.report.pictures import draw
from autograder.report.result_report import ResultReport
from autograder.report.words import shown_notes
from tests.engine.test_safe_text import Tags
from tests.lessons.battery import grade
from tests.notebooks import LESSON, released_notebook, save
from tests.reference import reference_names

lesson = find_lesson(LESSON)
SEED = 7


def answers(*changes: tuple[str, str]) -> dict[str, Any]:
    return reference_names(LESSON, *changes)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """A lesson with a transposed image, swapped keypoints, full marks, and an exercise that never ran."""
    image = answers((".reshape(IMAGE_SIZE, IMAGE_SIZE)", ".reshape(IMAGE_SIZE, IMAGE_SIZE, order='F')"))
    points = answers(("len(names), 2)", "len(names), 2)[..., ::-1]"))
    found = [
        grade("parse_pixels", image, SEED),
        grade("scale_pixels", image, SEED),
        replace(grade("load_faces", points, SEED), misconception="load_faces/swapped"),
        Result(find_exercise("split_rows"), "not_attempted", 0.0, problem=Problem("not_attempted", "code", "the stub")),
    ]
    return {result.exercise.key: result for result in found}


@pytest.fixture(scope="module")
def page(results: dict[str, Result]) -> str:
    return make_page(GradedRun((lesson,), results, {LESSON: ["cell 3 was left out"]}, SEED, make_sandbox("none")))


def difference_of(got: Any, want: Any, **tolerance: float) -> ArrayDifference:
    with pytest.raises(expect.Mismatch) as found:
        expect.close(got, want, **tolerance)
    return found.value.difference


def test_page_needs_nothing_from_elsewhere(page: str) -> None:
    tags = Tags(page)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(tags.seen)
    for name, value in tags.attributes:
        assert name not in ("srcset", "style", "action")
        assert name != "src" or value.startswith("data:image/png;base64,")
        assert name != "href" or value.startswith("#")
    assert "@import" not in page
    assert "url(" not in page


def test_page_has_names_points_seed_and_version(page: str, results: dict[str, Result]) -> None:
    for result in results.values():
        assert f'id="exercise-{result.exercise.id}"' in page
        assert f'href="#exercise-{result.exercise.id}"' in page
    assert f"seed {SEED}" in page
    assert "not isolated" in page
    assert "cell 3 was left out" in page
    assert "<strong>a known mistake</strong><div>swapped</div>" in page
    assert "of 40 points</p>" in page


def test_page_can_be_read_without_seeing_colors(page: str) -> None:
    tags = Tags(page)
    assert ("lang", "en") in tags.attributes
    assert tags.seen.count("img") == len([value for name, value in tags.attributes if name == "alt" and value])
    states = re.findall(r'<span class="sign (\w+)"><span aria-hidden="true">(.)</span> ([a-z ]+)</span>', page)
    assert len(states) == page.count('class="sign ')
    assert {(state, sign) for state, sign, _ in states} >= {("passed", "✓"), ("failed", "✗"), ("not_reached", "·")}
    assert all(word == state.replace("_", " ") for state, _, word in states)
    levels = [int(tag[1]) for tag in tags.seen if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in zip(levels, levels[1:], strict=False))


def luminance(color: str) -> float:
    color = color if len(color) == 6 else "".join(2 * digit for digit in color)
    parts = np.array([int(color[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_colors_are_readable_on_light_dark_and_paper() -> None:
    themes = re.findall(r":root \{([^}]*)\}", PAGE_STYLE)
    assert len(themes) == 3
    for theme in themes:
        colors = {name: luminance(value) for name, value in re.findall(r"--(\w+): #(\w+)", theme)}
        for ink in ("ink", "link", "good", "bad", "quiet"):
            for paper in ("paper", "card"):
                light, dark = sorted((colors[ink], colors[paper]), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_every_exercise_has_its_whole_ladder(page: str, results: dict[str, Result]) -> None:
    for article in re.findall(r"<article.*?</article>", page, re.DOTALL):
        assert article.count("<tbody>") == 1
    untouched = page[page.index('id="exercise-01.4"') :]
    assert untouched.count("not reached") >= 5
    assert "passed" not in untouched


def test_shares_of_the_points_add_up_to_the_score(results: dict[str, Result]) -> None:
    result = results[f"{LESSON}/load_faces"]
    table = rung_table(result)
    earned = [float(points) for points in re.findall(r"<td>([\d.]+) of [\d.]+</td>", table)]
    assert sum(earned) == pytest.approx(result.score, abs=0.05)
    # The first failed rung is explained above its ladder; the others say in the ladder what came.
    others = [rung for rung in result.rungs if rung.problem is not None][1:]
    assert table.count("expected: ") == len(others) > 0
    assert "expected: " not in rung_table(result, compact=True)


def test_what_to_fix_comes_before_the_ladder(page: str, results: dict[str, Result]) -> None:
    fix = first_fix(results[f"{LESSON}/load_faces"], "h4")
    assert fix in page
    order = ["expected</th>", "keypoints: [", "✗", "<img", "example", "a known mistake", "swapped", "hint"]
    places = [fix.index(text) for text in order]
    assert places == sorted(places)
    article = page[page.index('id="exercise-01.3"') :]
    assert article.index("Fix this first") < article.index('class="ladder"')


def test_words_of_the_engine_do_not_reach_students(page: str, results: dict[str, Result]) -> None:
    result = results[f"{LESSON}/load_faces"]
    assert result.misconception
    report = ResultReport(result)
    for shown in (page, report._repr_html_(), repr(report)):
        words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", shown, flags=re.DOTALL)
        assert not re.search(r"\b(rungs?|ladders?|misconceptions?)\b|load_faces/", words, re.IGNORECASE)


def test_part_marks_what_differs_and_nothing_else() -> None:
    want = np.arange(40 * 50, dtype=float).reshape(40, 50)
    got = want.copy()
    got[20, 30] = -5
    got[21, 31] = np.nan
    difference = difference_of(got, want)
    table = part(difference)
    assert re.findall(r"<mark>(.*?)</mark>", table) == ["1030", "1081", "✗ -5", "✗ nan"]
    assert 'scope="row">20<' in table
    assert 'scope="col">30<' in table
    assert table.count("<td>") < 60
    vector = part(difference_of([1.0, 2.0, 3.0], np.array([1.0, 2.5, 3.0])))
    assert "<td><mark>2.5</mark></td><td><mark>✗ 2</mark></td>" in vector


def test_part_shows_numbers_that_differ_late_with_enough_digits() -> None:
    table = part(difference_of(np.array([0.1 + 1e-9, 1]), np.array([0.1, 1]), rtol=0, atol=0))
    want, got = re.findall(r"<mark>(.*?)</mark>", table)
    assert got.removeprefix("✗ ") != want


@pytest.mark.parametrize("shape", [(5_000_000,), (3, 2000, 1000), (1, 1, 3_000_000), (2, 700_000, 2)])
def test_long_arrays_flood_nothing(shape: tuple[int, ...]) -> None:
    want = np.zeros(shape, np.float32)
    difference = difference_of(want + 1, want)
    assert difference.want.size <= MAX_AXIS**2
    assert all(array.base is None for array in (difference.want, difference.got, difference.differs))
    problem = Problem("failed", expect.show(want), expect.show(want + 1), difference=difference)
    result = Result(find_exercise("parse_pixels"), "failed", 0.0, problem=problem)
    assert len(first_fix(result, "h4")) < 60_000


def test_many_notes_flood_nothing() -> None:
    shown = shown_notes([f"note {n}" for n in range(5000)])
    assert len(shown) < 30
    assert "4,980 more" in shown[-1]


def test_part_is_the_one_with_the_first_difference() -> None:
    want = np.zeros((4, 300, 300))
    got = want.copy()
    got[2, 290, 7] = 1
    difference = difference_of(got, want)
    assert difference.place == (2,)
    assert difference.want.shape == (MAX_AXIS, MAX_AXIS)
    row, column = (start + index for start, index in zip(difference.origin[1:], difference.first, strict=True))
    assert (row, column) == (290, 7)


def png_size(uri: str) -> tuple[int, int]:
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        ((96, 96), "image"),
        ((8, 8), "image"),
        ((2, 3, 96, 96), "image"),
        ((4, 15, 2), "keypoints"),
        ((58, 2), "keypoints"),
        ((7, 8), None),
        ((300,), None),
        ((4, 2), None),
        ((4, 8, 2, 2), None),
    ],
)
def test_images_and_keypoints_get_a_picture(shape: tuple[int, ...], word: str | None) -> None:
    want = np.random.default_rng(0).uniform(0, 90, shape)
    drawn = draw(difference_of(want + 1, want))
    assert (drawn is None) == (word is None)
    if drawn is not None:
        width, height = png_size(drawn.uri)
        assert max(width, height) < 1000
        assert word in drawn.alternative


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, -1e308])
@pytest.mark.parametrize("shape", [(20, 20), (15, 2)])
@pytest.mark.filterwarnings("error")
def test_pictures_of_odd_numbers(shape: tuple[int, ...], value: float) -> None:
    want = np.random.default_rng(0).uniform(0, 90, shape)
    for got in (np.full(shape, value), np.where(want > 45, value, want)):
        assert png_size(draw(difference_of(got, want)).uri)
    assert png_size(draw(difference_of(want, np.where(want > 45, np.nan, want))).uri)
    assert draw(difference_of(want, np.full(shape, 1e308))) is None


def test_signs_on_keypoint_pictures_do_not_need_colors() -> None:
    want = np.random.default_rng(0).uniform(0, 90, (15, 2))
    got = want.copy()
    got[3] = 1000
    caption = draw(difference_of(got, want)).caption
    assert "circles: expected, crosses: got; 1 of 15 keypoints differ" in caption
    assert "1 lie outside" in caption


def run_pytest(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "autograder", "--lesson", "01", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_options_write_the_page_alone_or_beside_the_results(tmp_path: Path) -> None:
    work = save(released_notebook(), tmp_path / "work")
    done = run_pytest("--work", str(work), "--report", str(tmp_path / "a" / "results.json"))
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"results.json", "results.html"}
    assert "page written to" in done.stdout
    run_pytest("--work", str(work), "--html", str(tmp_path / "b" / "mine.html"))
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"mine.html"}
    assert "01.4 split_rows" in (tmp_path / "b" / "mine.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--html", "/proc/none/page.html"), "--html /proc/none/page.html can't be written"),
        (("--html", "/"), "can't be written"),
        (("--report", "{tmp}/results.html"), "is where the HTML page goes"),
    ],
)
def test_a_page_that_can_not_be_written_is_refused_before_any_work(
    arguments: tuple[str, str], said: str, tmp_path: Path
) -> None:
    done = run_pytest(arguments[0], arguments[1].format(tmp=tmp_path))
    assert done.returncode == 4
    assert said in done.stderr
