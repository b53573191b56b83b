"""What a notebook sees: ``autograder.check`` on live names, ``autograder.earlier`` from the work before."""

from __future__ import annotations

import inspect
import json
import linecache
import sys
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

import autograder
from autograder.course.manifest import CourseError
from autograder.notebook_api import earlier as earlier_work
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save, with_code


def split_rows(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).permutation(n_rows)
    cut = round(n_rows * val_fraction)
    return rows[cut:], rows[:cut]


def test_check_uses_the_callers_names_and_passes_right_work() -> None:
    report = autograder.check("split_rows")
    assert report.passed
    assert report.score == report.result.exercise.points
    assert ": passed, 10 of 10 points" in repr(report)


def test_check_names_the_first_thing_to_fix() -> None:
    report = autograder.check("split_rows", {"split_rows": lambda n_rows, val_fraction=0.2, seed=0: 1 / 0})
    assert not report.passed
    for text in (repr(report), report._repr_html_()):
        assert "ZeroDivisionError" in text
        assert "hint" in text


def test_check_shows_the_line_of_the_notebooks_cell() -> None:
    code = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return n_rows / 0\n"
    # As Jupyter's kernel runs a cell: under a file name of its own, whose lines linecache knows.
    name, namespace = "/tmp/ipykernel_123/456.py", {}
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    exec(compile(code, name, "exec"), namespace)
    assert "your cell, line 2: return n_rows / 0" in repr(autograder.check("split_rows", namespace))


def test_check_of_a_stub_says_not_attempted() -> None:
    namespace: dict = {}
    exec("".join(cell_of(released_notebook(), "split_rows")["source"]).replace("np.ndarray", "object"), namespace)
    report = autograder.check("split_rows", namespace)
    assert report.result.outcome == "not_attempted"
    assert report.score == 0


def test_check_of_an_undefined_name_and_of_no_exercise() -> None:
    assert "run the cell above first" in repr(autograder.check("parse_pixels", {}))
    with pytest.raises(CourseError, match="the exercises are: parse_pixels"):
        autograder.check("parse_pixel")


def test_html_shows_a_students_text_as_text() -> None:
    def parse_pixels(pixels: str) -> None:
        raise ValueError("<script>alert(1)</script>")

    page = autograder.check("parse_pixels", {"parse_pixels": parse_pixels})._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_check_leaves_the_global_random_state_alone() -> None:
    np.random.seed(3)  # noqa: NPY002 (the state that a check must not touch)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    autograder.check("split_rows")
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of lessons in which lesson 02 is open."""
    (tmp_path / "02_nan_masking").mkdir()
    monkeypatch.chdir(tmp_path / "02_nan_masking")
    monkeypatch.setattr(earlier_work, "CACHE", tmp_path / "cache")
    return tmp_path


def test_earlier_takes_the_students_own_work_where_it_passes(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = reference_notebook()
    cell_of(notebook, "split_rows")["source"].append("\n\nMINE = 7\nsplit_rows.mine = MINE\nprint(1 / 0)\n")
    cell_of(notebook, "parse_pixels")["source"].append("\n\nparse_pixels_of = {'me': True}\n")
    save(notebook, workplace)
    own = autograder.earlier(LESSON)
    assert own.split_rows(10)[1].shape == (2,)
    assert "your lesson 01" in own.split_rows.__code__.co_filename
    assert capsys.readouterr().out == ""
    kept = list((workplace / "cache").glob("*.json"))
    assert [json.loads(path.read_text()) for path in kept] == [None]
    monkeypatch.setattr(earlier_work, "LessonGrader", None)
    assert autograder.earlier("01").parse_pixels


def test_earlier_falls_back_to_the_reference_and_says_so(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(with_code("split_rows", "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return None\n"), workplace)
    found = autograder.earlier("01")
    assert found.split_rows(10)[1].shape == (2,)
    said = capsys.readouterr().out
    assert "your split_rows does not pass yet" in said
    assert "reference" in said


def test_earlier_without_reference_says_what_to_finish_first(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier_work, "reference_file", lambda lesson: workplace / "none")
    with pytest.raises(CourseError, match="finish lesson 01_pixel_parsing first"):
        autograder.earlier("01")


def test_earlier_lends_no_text_and_no_lesson_that_is_to_come(workplace: Path) -> None:
    lent = autograder.earlier("01")
    with pytest.raises(OSError, match="source"):
        inspect.getsource(lent.split_rows)
    for lesson in ("02", "03"):
        with pytest.raises(CourseError, match="not earlier than 02_nan_masking"):
            autograder.earlier(lesson)
    with pytest.raises(CourseError, match="your own code"):
        autograder.solution("split_rows", vars(lent))


@pytest.mark.parametrize("made", ["LIMIT = int(9216)", "LIMIT, REST = divmod(9216, 10**6)[::-1]"])
def test_earlier_says_where_own_work_needs_what_is_not_run_again(
    made: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = reference_notebook()
    cell = cell_of(notebook, "split_rows")
    cell["source"] = [made, "\n\n\n", *"".join(cell["source"]).replace("### BEGIN SOLUTION", "LIMIT").splitlines(True)]
    save(notebook, workplace)
    assert autograder.earlier("01").split_rows(10)[1].shape == (2,)
    assert "your work needs LIMIT, which a statement makes" in capsys.readouterr().out


def test_earlier_grades_again_where_what_was_kept_is_damaged(workplace: Path) -> None:
    save(reference_notebook(), workplace)
    autograder.earlier("01")
    for path in (workplace / "cache").glob("*.json"):
        path.write_text("", encoding="utf-8")
    assert "your lesson 01" in autograder.earlier("01").split_rows.__code__.co_filename


@pytest.mark.parametrize("level", [1.0, True, 4, "1", np.ones(2)])
def test_a_level_that_is_none_is_refused_in_a_line(level: object) -> None:
    with pytest.raises(CourseError, match="level: expected 1"):
        autograder.hint("03.1", level)


def test_a_check_that_failed_leaves_no_mistake_behind() -> None:
    autograder.check("split_rows", {"split_rows": lambda n_rows, val_fraction=0.2, seed=0: ([], [])})
    assert "mistake" not in sys.modules


def test_check_takes_the_exercises_number() -> None:
    assert autograder.check("01.4", {"split_rows": split_rows}).passed
    assert autograder.check("1.4", {"split_rows": split_rows}).passed


def test_check_passes_on_what_the_students_code_prints() -> None:
    def scale_pixels(images: np.ndarray) -> np.ndarray:
        print("<b>largest:", images.max())
        print("x" * 10_000)
        return images

    report = autograder.check("scale_pixels", {"scale_pixels": scale_pixels})
    assert "<b>largest:" in repr(report)
    assert "&lt;b&gt;largest" in report._repr_html_()
    assert len(repr(report)) < 6000


def test_check_shows_what_a_screen_shows_of_progress_bars() -> None:
    def scale_pixels(images: np.ndarray) -> np.ndarray:
        for _ in tqdm(range(500), desc="gone", file=sys.stdout, leave=False, mininterval=0):
            pass
        for _ in tqdm(range(500), desc="left", file=sys.stdout, mininterval=0):
            pass
        print("twelve", end="\r")
        print("one")
        return images

    shown = autograder.check("scale_pixels", {"scale_pixels": scale_pixels}).printed
    assert "gone" not in shown
    assert {line.partition(":")[0] for line in shown.splitlines()} == {"left", "onelve"}
    assert "500/500" in shown


def test_check_stops_after_the_exercises_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def scale_pixels(images: np.ndarray) -> np.ndarray:
        while True:
            pass

    monkeypatch.setattr("autograder.notebook_api.check.CLOCK", 0.01)
    report = autograder.check("scale_pixels", {"scale_pixels": scale_pixels})
    assert report.result.outcome == "timeout"


def test_check_names_a_known_mistake_in_text_and_page() -> None:
    # Without the lesson's imports: what they are for is another exercise.
    def rmse(pred: np.ndarray, target: np.ndarray) -> float:
        error = (pred - target)[np.isfinite(target)]
        return float(np.mean(error**2)) if error.size else float("nan")

    report = autograder.check("rmse", {"rmse": rmse, "np": np})
    assert report.result.misconception == "rmse/root-forgotten"
    assert "a known mistake: root forgotten" in repr(report)
    assert "<strong>a known mistake</strong><div>root forgotten</div>" in report._repr_html_()
