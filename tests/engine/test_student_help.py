"""What a student asks for: the next thing to do, a hint, the reference once passed, one exercise alone."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import autograder
from autograder.__main__ import main
from autograder.checks.hints import guidance_of
from autograder.course.chosen import choose, narrowed
from autograder.course.manifest import ROOT, CourseError, find_exercise, find_lesson
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.verdict import without_running
from autograder.notebook_api import check, hint, progress
from autograder.notebook_api.solution import reference_of
from autograder.notebook_api.watch import Watch
from autograder.report.words import explain
from tests.notebooks import LESSON, cell_of, reference_notebook, released_notebook, save, with_code

RIGHT = (
    "import numpy as np\ndef split_rows(n_rows, val_fraction=0.2, seed=0):\n"
    "    rows = np.random.default_rng(seed).permutation(n_rows)\n    cut = round(n_rows * val_fraction)\n"
    "    return rows[cut:], rows[:cut]\n"
)
WRONG = RIGHT.replace("rows[cut:], rows[:cut]", "rows[:cut], rows[cut:]")


def split_rows(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).permutation(n_rows)
    cut = round(n_rows * val_fraction)
    return rows[cut:], rows[:cut]


@pytest.fixture(autouse=True)
def a_session_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hint, "_shown", {})
    monkeypatch.setattr(progress, "CACHE", tmp_path / "kept")


def test_hints_come_one_after_the_other_and_stay_at_the_last() -> None:
    hints = guidance_of(find_exercise("split_rows")).hints
    assert [autograder.hint("split_rows").text for _ in range(4)] == [*hints, hints[-1]]
    assert autograder.hint("01.4", level=1).text == hints[0]
    assert autograder.hint("01.4").text == hints[1]
    assert autograder.hint("01.1").level == 1


@pytest.mark.parametrize("level", [0, 4, "2", True, 1.5])
def test_a_level_that_is_none_is_refused(level: object) -> None:
    with pytest.raises(CourseError, match="expected 1"):
        autograder.hint("split_rows", level=level)  # type: ignore[arg-type]


def test_hint_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hints = guidance_of(find_exercise("ResidualBlock")).hints
    assert main(["hint", "03.1"]) == 0
    said = capsys.readouterr().out
    assert hints[0] in said
    assert hints[1] not in said
    assert "hint 03.1 --level 2" in said
    assert main(["hint", "ResidualBlock", "--level", "3"]) == 0
    said = capsys.readouterr().out
    assert hints[2] in said
    assert "more:" not in said
    assert main(["hint", "nothing"]) == 2
    assert main(["hint", "03.1", "--level", "9"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_the_solution_is_shown_after_a_pass() -> None:
    found = autograder.solution("split_rows")
    assert "default_rng(seed).permutation(n_rows)" in (found.code or "")
    assert "SOLUTION" not in (found.code or "")
    for shown in (repr(found), found._repr_html_()):
        assert "order[n_val:], order[:n_val]" in shown
        assert "One shuffle and one cut" in shown


def test_the_solution_stays_away_until_everything_passes() -> None:
    half = {
        "split_rows": lambda n_rows, val_fraction=0.2, seed=0: tuple(reversed(split_rows(n_rows, val_fraction, seed)))
    }
    for namespace in (half, {}):
        found = autograder.solution("split_rows", namespace)
        assert found.code is None
        for shown in (repr(found), found._repr_html_()):
            assert "order[n_val:]" not in shown
            assert "once your own code passes in full" in shown
    assert "run the cell above first" in repr(found)


def test_two_names_have_both_their_definitions_in_the_solution() -> None:
    code = reference_of(find_exercise("TrainConfig"))
    assert code.startswith("@dataclass(frozen=True)\nclass TrainConfig:")
    assert "def load_config" in code
    compile(code, "both", "exec")


def test_an_endless_loop_in_a_check_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise = dataclasses.replace(find_exercise("split_rows"), seconds=0.5)
    monkeypatch.setattr(check, "find_exercise", lambda name: exercise)

    def split_rows(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> None:
        while True:
            pass

    started = time.monotonic()
    report = autograder.check("split_rows", {"split_rows": split_rows})
    assert report.result.outcome == "timeout"
    assert time.monotonic() - started < 15


def test_a_stub_is_not_explained() -> None:
    stub = without_running(find_exercise("split_rows"), "not_attempted", "your code in place of the stub", "the stub")
    assert explain(stub) == []
    namespace: dict = {}
    exec("".join(cell_of(released_notebook(), "split_rows")["source"]).replace("np.ndarray", "object"), namespace)
    shown = autograder.check("split_rows", namespace)
    assert "not attempted" in repr(shown)
    assert find_exercise("split_rows").hint not in repr(shown)
    assert "hint" not in shown._repr_html_().partition("</style>")[2]


def test_choosing_exercises() -> None:
    lessons, exercises = choose([], ["01.4", "parse_pixels", "03.2"])
    assert [lesson.number for lesson in lessons] == ["01", "03"]
    assert [exercise.id for exercise in exercises] == ["01.1", "01.4", "03.2"]
    assert [each.id for each in narrowed(lessons[0], exercises).exercises] == ["01.1", "01.4"]
    assert len(choose([], [])[0]) > 9
    assert [each.lesson for each in choose(["1"], [])[1]] == [LESSON] * 4
    with pytest.raises(CourseError, match="leave --lesson out"):
        choose(["02"], ["01.4"])
    with pytest.raises(CourseError, match="no exercise is named"):
        choose([], ["1.9"])


def graded(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "autograder", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_one_exercise_alone_is_graded_without_a_word_about_the_others(tmp_path: Path) -> None:
    work = tmp_path / "work"
    save(with_code("split_rows", RIGHT), work)
    done = graded("--work", str(work), "--exercise", "01.4", "--report", str(tmp_path / "results.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 of 10 points" in done.stdout
    assert "missing" not in done.stdout
    assert "parse_pixels" not in done.stdout
    tests = json.loads((tmp_path / "results.json").read_text())["tests"]
    assert [test["max_score"] for test in tests] == [10]
    assert "parse_pixels" not in (tmp_path / "results.html").read_text()


def test_watch_grades_one_exercise_alone(tmp_path: Path) -> None:
    save(with_code("split_rows", RIGHT), tmp_path)
    console = Console(file=io.StringIO(), width=100)
    lesson, chosen = find_lesson("01"), [find_exercise("01.4")]
    with Watch([lesson], tmp_path, make_sandbox(), 1, console, prepare=False, exercises=chosen) as watch:
        watch.step()
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "10 / 10" in said
    assert "parse_pixels" not in said


def begun(name: str, code: str) -> dict[str, Any]:
    """Return the released notebook with ``code`` in the cell of exercise ``name`` alone."""
    notebook = released_notebook()
    cell_of(notebook, name)["source"] = code
    return notebook


def next_of(work: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["next", "--work", str(work)]) == 0
    return capsys.readouterr().out.splitlines()


def test_next_names_what_was_tried_before_what_was_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work"
    save(released_notebook(), work)
    said = next_of(work, capsys)
    assert said[0].startswith("Do this next: 01.1 parse_pixels (10 points, about 11 minutes)")
    assert "hint 01.1" in said[1]
    assert said[2].endswith("0 of 40 points, about 45 minutes left")
    save(begun("split_rows", WRONG), work)
    said = next_of(work, capsys)
    assert said[0].startswith("Do this next: 01.4 split_rows")
    assert "pytest autograder --exercise 01.4" in said[1]
    save(begun("split_rows", RIGHT), work)
    said = next_of(work, capsys)
    assert said[0].startswith("Do this next: 01.1 parse_pixels")
    assert "10 of 40 points, about 34 minutes left" in said[2]
    assert said[-1].startswith("10 of ")
    assert "01 10/40  02 -" in said[-1]


def test_next_keeps_what_it_found_until_the_notebook_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    save(begun("split_rows", RIGHT), work)
    before = next_of(work, capsys)
    with monkeypatch.context() as patch:
        patch.setattr(progress, "LessonGrader", None)
        assert next_of(work, capsys) == before
    (kept,) = (tmp_path / "kept").iterdir()
    for broken in ("", "{", "[]", '{"a": 1}', '{"split_rows": ["passed", 10]}'):
        kept.write_text(broken)
        assert next_of(work, capsys) == before
    save(begun("split_rows", WRONG), work)
    assert next_of(work, capsys) != before
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_next_after_the_last_exercise_of_a_lesson_and_with_a_broken_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    save(reference_notebook(), work)
    said = next_of(work, capsys)
    assert said[0] == "Do this next: get lesson 02, Learning from labels that are not there"
    assert "01 40/40" in said[-1]
    (work / LESSON / f"{LESSON}.ipynb").write_text("{")
    said = next_of(work, capsys)
    assert "readable" in said[0]
    assert "is not a notebook" in said[1]
    assert main(["next", "--work", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
