"""One notebook from file to verdict: outcomes, partial credit, isolation, and work that ends its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.classroom.run import pool
from autograder.course.manifest import ROOT, CourseError, Exercise, find_exercise, find_lesson
from autograder.course.released import earlier_references, load_released
from autograder.grading import grader as grading
from autograder.grading.grader import LessonGrader, Result
from autograder.grading.notebook_choice import find_submission
from autograder.isolation.process import ServerEnded, Worker
from autograder.isolation.sandbox import Sandbox, make_sandbox
from autograder.ladder.expect import Mismatch
from autograder.ladder.ladder import Ladder, climb
from autograder.ladder.student import Student, read_error
from autograder.ladder.verdict import judge
from tests.notebooks import LESSON, cell_of, reference_notebook, save, with_code

lesson = find_lesson(LESSON)
DEF = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    "
ENDLESS = """
def split_rows(n_rows, val_fraction=0.2, seed=0):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
isolated = pytest.mark.skipif(not make_sandbox().isolated, reason="bubblewrap does not work here")


def grade(
    notebook: dict[str, Any], tmp_path: Path, sandbox: Sandbox | None = None
) -> tuple[dict[str, Result], list[str]]:
    work = save(notebook, tmp_path)
    with LessonGrader(find_submission(work, lesson), sandbox or make_sandbox(), seed=1) as grader:
        results = {result.exercise.name: result for result in grader.grade_all()}
    return results, grader.notes


def outcomes(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items()}


def test_reference_passes_with_and_without_isolation(tmp_path: Path) -> None:
    for isolation in ("auto", "none"):
        results, notes = grade(reference_notebook(), tmp_path, make_sandbox(isolation))
        assert set(outcomes(results).values()) == {"passed"}
        assert not notes
        assert sum(result.score for result in results.values()) == lesson.points


def test_wrong_answer_loses_points_and_is_explained(tmp_path: Path) -> None:
    code = f"import numpy as np\n{DEF}return np.split(np.random.default_rng(seed).permutation(n_rows), [n_rows // 2])\n"
    results, _ = grade(with_code("split_rows", code), tmp_path)
    wrong = results.pop("split_rows")
    assert wrong.outcome == "failed"
    assert 0 < wrong.score < wrong.exercise.points
    assert wrong.problem.expected
    assert wrong.problem.got
    assert set(outcomes(results).values()) == {"passed"}


def test_error_shows_the_students_own_line(tmp_path: Path) -> None:
    code = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    rows = list(range(n_rows))\n    return rwos\n"
    results, _ = grade(with_code("split_rows", code), tmp_path)
    problem = results["split_rows"].problem
    assert problem.outcome == "error"
    assert "rwos" in problem.got
    assert problem.where.endswith("line 3: return rwos")


def test_missing_definition_and_missing_notebook(tmp_path: Path) -> None:
    results, _ = grade(with_code("split_rows", "scale = 255\n"), tmp_path)
    assert results["split_rows"].outcome == "missing"
    assert results["split_rows"].score == 0
    with LessonGrader(find_submission(tmp_path / "nowhere", lesson), make_sandbox(), seed=1) as grader:
        assert {result.outcome for result in grader.grade_all()} == {"missing"}


@pytest.mark.parametrize("message", ["", "'Exercise 01.4: write split_rows'", "'Exercise 01.4'"])
def test_a_stub_in_other_words_is_not_attempted(tmp_path: Path, message: str) -> None:
    results, _ = grade(with_code("split_rows", f"{DEF}raise NotImplementedError({message})\n"), tmp_path)
    assert results["split_rows"].outcome == "not_attempted"
    assert results["split_rows"].score == 0


def test_failing_extra_cells_are_said_not_punished(tmp_path: Path) -> None:
    notebook = reference_notebook()
    broken = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    notebook["cells"].insert(0, broken | {"source": "plot(undefined_name)"})
    notebook["cells"].append(
        broken | {"source": "import sys\nprint('x' * 300_000, file=sys.stderr)\nraise SystemExit(3)"}
    )
    results, notes = grade(notebook, tmp_path)
    assert set(outcomes(results).values()) == {"passed"}
    assert any("undefined" in note or "plot" in note for note in notes)
    assert any("SystemExit" in note for note in notes)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (f"import os\n{DEF}os._exit(0)\n", "crashed"),
        (f"import os, signal\n{DEF}os.kill(os.getpid(), signal.SIGKILL)\n", "crashed"),
        (f"import sys\n{DEF}sys.exit(0)\n", "error"),
        (ENDLESS, "timeout"),
        (f"{DEF}print('PASSED ' * 40_000_000)\n    raise ValueError('loud')\n", "error"),
    ],
    ids=["os._exit", "SIGKILL", "sys.exit", "endless", "loud"],
)
def test_the_other_exercises_keep_their_points(tmp_path: Path, code: str, outcome: str) -> None:
    seconds = {"split_rows": 2.0 if outcome == "timeout" else 60.0}
    work = save(with_code("split_rows", code), tmp_path)
    with LessonGrader(find_submission(work, lesson), make_sandbox(), seed=1) as grader:
        limited = [replace(exercise, seconds=seconds.get(exercise.name, 60.0)) for exercise in lesson.exercises]
        results = {exercise.name: grader.grade(exercise) for exercise in limited}
    assert results.pop("split_rows").outcome == outcome
    assert set(outcomes(results).values()) == {"passed"}


def test_a_cell_that_ends_the_process_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "CELL_SECONDS", 20.0)
    results, notes = grade(
        with_code("split_rows", "import os\nos._exit(0)\ndef split_rows(n_rows, val_fraction=0.2, seed=0): ...\n"),
        tmp_path,
    )
    assert results.pop("split_rows").outcome == "crashed"
    assert set(outcomes(results).values()) == {"passed"}
    assert any("left out" in note for note in notes)


def test_reordered_cells_still_count(tmp_path: Path) -> None:
    notebook = with_code("parse_pixels", "".join(cell_of(reference_notebook(), "parse_pixels")["source"]))
    cell_of(notebook, "load_faces")["source"] = "parse_them = parse_pixels\n" + "".join(
        cell_of(notebook, "load_faces")["source"]
    )
    notebook["cells"].reverse()
    results, _ = grade(notebook, tmp_path)
    assert set(outcomes(results).values()) == {"passed"}


def test_ladder_refuses_rungs_that_cannot_count() -> None:
    def documented(student: Student, rng: np.random.Generator) -> None:
        """What it looks at."""

    def silent(student: Student, rng: np.random.Generator) -> None: ...

    ladder = Ladder("parse_pixels")
    with pytest.raises(ValueError, match="worth something"):
        ladder.rung("values", points=0)(documented)
    with pytest.raises(ValueError, match="expected one of"):
        ladder.rung("magic", points=1)(documented)
    with pytest.raises(ValueError, match="says what it looks at"):
        ladder.rung("values", points=1)(silent)
    assert not ladder.rungs


def test_required_isolation_refuses_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.isolation.sandbox._why_not_isolated", lambda: "bubblewrap is missing")
    with pytest.raises(CourseError, match="Nothing was graded"):
        make_sandbox("required")
    assert "bubblewrap is missing" in make_sandbox("auto").notice


def run_pytest(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "autograder", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=dict(os.environ))


def test_submission_cannot_bring_its_own_pytest_plugins(tmp_path: Path) -> None:
    save(with_code("split_rows", "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return []\n"), tmp_path)
    trap = "from pathlib import Path\nPath(__file__).with_name('sprung').touch()\n"
    (tmp_path / "tests").mkdir()
    for folder in (tmp_path, tmp_path / LESSON, tmp_path / "tests"):
        (folder / "conftest.py").write_text(trap)
        (folder / "pytest.ini").write_text("[pytest]\naddopts = -p trap\n")
        (folder / "sitecustomize.py").write_text(trap)
        (folder / "numpy.py").write_text(trap)
    done = run_pytest("--work", str(tmp_path), "--lesson", "01", "--report", str(tmp_path / "r.json"))
    assert not list(tmp_path.rglob("sprung"))
    results = json.loads((tmp_path / "r.json").read_text())
    assert done.returncode == 1
    assert 0 < results["score"] < results["max_score"]


def test_report_is_complete_and_reproducible(tmp_path: Path) -> None:
    save(with_code("split_rows", "def split_rows(n_rows, val_fraction=0.2, seed=0):\n    return [], []\n"), tmp_path)
    found = []
    for name in ("a.json", "b.json"):
        run_pytest("--work", str(tmp_path), "--lesson", "1", "--seed", "5", "--report", str(tmp_path / name))
        found.append(json.loads((tmp_path / name).read_text()))
    for results in found:
        assert [test["name"] for test in results["tests"]] == [exercise.key for exercise in lesson.exercises]
        assert results["extra_data"]["seed"] == 5
        for test in results["tests"]:
            assert set(test) == {"name", "score", "max_score", "output", "extra_data"}
            del test["extra_data"]["seconds"]
        assert results["score"] == pytest.approx(sum(test["score"] for test in results["tests"]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lesson", "77"), "no lesson '77'"),
        (("--work", "/nowhere"), "is no folder"),
        (("--seed", "-5"), "expected a whole number"),
        (("--report", "/"), "can't be written"),
        (("--report", "/proc/none/results.json"), "can't be written"),
    ],
)
def test_bad_requests_end_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = run_pytest(*arguments)
    assert done.returncode == 4
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_systems_that_cannot_fork_grade_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.isolation.process.CAN_FORK", False)
    code = f"import os\n{DEF}os._exit(0)\n"
    results, _ = grade(with_code("split_rows", code), tmp_path, make_sandbox("none"))
    assert results.pop("split_rows").outcome == "crashed"
    assert set(outcomes(results).values()) == {"passed"}


@pytest.mark.parametrize("forks", [True, False])
def test_grading_without_isolation_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: bool
) -> None:
    folders = tmp_path / "temporary"
    folders.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders))
    if not forks:
        monkeypatch.setattr("autograder.isolation.process.CAN_FORK", False)
    with Worker(make_sandbox("none"), ("numpy",)) as worker:
        for _ in range(2):
            worker.open({})
            assert worker.ask({"cell": ["1", "x = 1"]}, 30)["error"] is None
            assert len(list(folders.iterdir())) == 1
    assert not list(folders.iterdir())


def test_a_fault_of_the_course_grades_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(load_released(lesson), setup=("import autograder\nautograder.earlier('00_nothing')",))
    monkeypatch.setattr(grading, "load_released", lambda _: broken)
    with pytest.raises(CourseError, match="the course's own code of lesson 01_pixel_parsing does not run"):
        grade(reference_notebook(), tmp_path)


def test_a_worker_that_cannot_import_is_the_courses_fault() -> None:
    said = "ModuleNotFoundError: No module named 'no_such_module'.*course.yaml"
    with Worker(make_sandbox("none"), ("numpy", "no_such_module")) as worker, pytest.raises(CourseError, match=said):
        worker.open({})


@isolated
def test_a_server_that_is_killed_is_started_once_more() -> None:
    with Worker(make_sandbox(), ("numpy",)) as worker:
        worker.open({})
        worker._server.kill()
        with pytest.raises(ServerEnded):
            worker.ask({"cell": ["1", "import time; time.sleep(60)"]}, 30)
        worker.open({})
        assert worker.ask({"cell": ["1", "x = 1"]}, 30)["error"] is None


@pytest.mark.parametrize(("ends", "tries"), [(1, 2), (2, 2)])
def test_what_runs_notebooks_is_tried_twice(
    ends: int, tries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended once by the system, it costs nothing; ended twice, there is no verdict, and a class keeps none."""
    exercise, tried = find_exercise("split_rows"), []

    def grade_once(self: LessonGrader, exercise: Exercise) -> Result:
        tried.append(exercise)
        if len(tried) <= ends:
            raise ServerEnded("no memory")
        return Result(exercise, "passed", exercise.points)

    monkeypatch.setattr(LessonGrader, "_grade", grade_once)
    grader = LessonGrader(find_submission(tmp_path, lesson), make_sandbox("none"), seed=1)
    monkeypatch.setattr(pool, "grade_submission", lambda job: grader.grade(job))
    outcome = pool.attempt(exercise)
    assert len(tried) == tries
    assert isinstance(outcome, pool.Failed if ends == 2 else Result)


def test_an_endless_check_ends_in_the_exercises_time() -> None:
    ladder = Ladder("rmse")

    @ladder.rung("values", 1)
    def endless(student: Student, rng: np.random.Generator) -> None:
        """it ends"""
        while True:
            pass

    (result,) = climb(ladder, None, 0, seconds=0.2)
    assert result.problem.outcome == "timeout"


def test_a_check_that_raises_does_not_blame_the_answer_alone() -> None:
    ladder = Ladder("rmse")

    @ladder.rung("values", 1)
    def broken(student: Student, rng: np.random.Generator) -> None:
        """it compares"""
        np.zeros(2) + np.zeros(3)

    results = climb(ladder, None, 0)
    assert "broken" in results[0].problem.got
    assert "engine/test_engine.py, line" in results[0].problem.got
    assert judge(find_exercise("rmse"), results).doubt


def test_form_pays_only_with_values() -> None:
    ladder = Ladder("rmse")

    @ladder.rung("type", 3)
    def form(student: Student, rng: np.random.Generator) -> None:
        """the type"""

    @ladder.rung("values", 1)
    def values(student: Student, rng: np.random.Generator) -> None:
        """the values"""
        raise Mismatch("1", "2")

    assert judge(find_exercise("rmse"), climb(ladder, None, 0)).score == 0


LOOK_AROUND = """
import sys
import time
import autograder
found = sorted(name for name in sys.modules if name.partition(".")[0] == "worker")
def parse_pixels(pixels):
    raise RuntimeError(repr((found, autograder.earlier.__closure__[0].cell_contents)))
"""


def test_a_notebook_finds_no_probes_and_no_text_of_references() -> None:
    with Worker(make_sandbox(), ("numpy", "torch")) as worker:
        worker.open(earlier_references(find_lesson("04")))
        assert set(earlier_references(find_lesson("04"))) == {"01_pixel_parsing", "02_nan_masking"}
        assert worker.ask({"cell": ["1", LOOK_AROUND]}, 60)["error"] is None
        told = worker.ask({"cell": ["2", "parse_pixels('')"]}, 60)["error"]["message"]
        assert told.startswith("([], ")
        source = "import inspect; inspect.getsource(autograder.earlier('02_nan_masking').forward_fill)"
        assert worker.ask({"cell": ["3", source]}, 60)["error"]["type"] == "OSError"


def test_endless_cells_are_tried_once_not_for_every_exercise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "CELL_SECONDS", 1.0)
    monkeypatch.setattr(grading, "NOTEBOOK_SECONDS", 3.0)
    notebook = reference_notebook()
    endless = [{"cell_type": "code", "metadata": {}, "source": f"x = {n}\nwhile True: pass"} for n in range(40)]
    notebook["cells"] = [*endless, *notebook["cells"]]
    started = time.monotonic()
    results, _ = grade(notebook, tmp_path)
    assert set(outcomes(results).values()) == {"timeout"}
    assert time.monotonic() - started < 30


def test_an_error_as_long_as_a_student_likes_is_cut() -> None:
    told = {"type": "E" * 10**6, "bases": ["B" * 10**6] * 10**4, "message": "m" * 10**7, "cell": "c" * 10**6}
    error = read_error({"error": told | {"line_number": "9" * 10**6, "line": "l" * 10**6}})
    assert error is not None
    assert len(error.type) + len(error.message) + len(error.where or "") + sum(map(len, error.bases)) < 20_000


def test_a_diagnosis_that_takes_too_long_leaves_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*args: object) -> Result:
        while True:
            pass

    monkeypatch.setattr(grading, "DIAGNOSIS_SECONDS", 0.5)
    monkeypatch.setattr(grading, "name_mistake", endless)
    work = save(with_code("scale_pixels", "def scale_pixels(images):\n    return images\n"), tmp_path)
    with LessonGrader(find_submission(work, lesson), make_sandbox(), seed=1) as grader:
        found = [grader.diagnose(grader.grade(exercise)) for exercise in lesson.exercises]
    assert [result.outcome for result in found[:2]] == ["passed", "failed"]
    assert found[1].misconception is None


def test_cells_that_sleep_have_a_time_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "NOTEBOOK_SECONDS", 1.0)
    notebook = reference_notebook()
    sleeping = [
        {"cell_type": "code", "metadata": {}, "source": f"import time; time.sleep({2 + n / 10})"} for n in range(9)
    ]
    notebook["cells"] = [*sleeping, *notebook["cells"]]
    started = time.monotonic()
    results, _ = grade(notebook, tmp_path)
    assert set(outcomes(results).values()) == {"timeout"}
    assert time.monotonic() - started < 15


def test_a_cell_with_much_data_in_it_is_read_whole(tmp_path: Path) -> None:
    answer = "".join(cell_of(reference_notebook(), "parse_pixels")["source"])
    results, _ = grade(with_code("parse_pixels", f"DATA = '''{'7 ' * 130_000}'''\n{answer}"), tmp_path)
    assert set(outcomes(results).values()) == {"passed"}


def test_a_fault_in_naming_a_mistake_is_noted_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*args: object) -> Result:
        raise KeyError("ours")

    monkeypatch.setattr(grading, "name_mistake", faulty)
    work = save(with_code("scale_pixels", "def scale_pixels(images):\n    return images\n"), tmp_path)
    with LessonGrader(find_submission(work, lesson), make_sandbox(), seed=1) as grader:
        result = grader.diagnose(grader.grade(find_exercise("scale_pixels")))
        assert result.outcome == "failed"
        assert "scale_pixels: no mistake could be named (KeyError: 'ours')" in grader.notes
